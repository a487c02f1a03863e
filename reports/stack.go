package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Stack is what a run stood on besides its own processes.
type Stack struct {
	Name string `json:"name"` // containers, external
	// StartMs is what it took to start, in milliseconds; zero when it was there before.
	StartMs int64       `json:"start_ms,omitempty"`
	Parts   []StackPart `json:"parts"`
}

// StackPart is one container.
type StackPart struct {
	Name    string `json:"name"`
	Image   string `json:"image"`
	Digest  string `json:"digest"`  // the image's
	Version string `json:"version"` // what the part says of itself
	// StartMs is from its creation until it answered, in milliseconds.
	StartMs int64 `json:"start_ms,omitempty"`
}

// String is the stack in a sentence: each image once, with how many of its parts there were and the slowest start.
func (s *Stack) String() string {
	var images []string
	for i, p := range s.Parts {
		if slices.ContainsFunc(s.Parts[:i], func(before StackPart) bool { return before.Digest == p.Digest }) {
			continue
		}
		count, slowest := 0, int64(0)
		for _, o := range s.Parts {
			if o.Digest == p.Digest {
				count, slowest = count+1, max(slowest, o.StartMs)
			}
		}
		image := fmt.Sprintf("%d x %s %s (%s)", count, p.Image, p.Version, shortDigest(p.Digest))
		if slowest > 0 {
			image += fmt.Sprintf(" in %s", inSeconds(slowest))
		}
		images = append(images, image)
	}
	line := "stack " + s.Name
	if len(images) > 0 {
		line += ": " + strings.Join(images, ", ")
	}
	if s.StartMs > 0 {
		line += "; up after " + inSeconds(s.StartMs)
	} else if len(images) > 0 {
		line += "; kept from before"
	}
	return line
}

// shortDigest is as much of a digest as people compare.
func shortDigest(d string) string {
	_, hex, _ := strings.Cut(d, ":")
	return hex[:min(12, len(hex))]
}

func inSeconds(ms int64) string {
	return fmt.Sprintf("%.1f s", (time.Duration(ms) * time.Millisecond).Seconds())
}
