package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Status is how far a run is.
type Status struct {
	At, Of                            time.Duration // since the event's start; of the event
	Phase                             string
	Faults                            []string // active now
	Published, Defective, Unpublished int      // candidates
	Viewers                           int
	Segments, Missed                  int64 // of viewers
	Pipelines                         []PipelineStatus
	// In virtual time: how much faster than the event it goes, and how long it will take on the wall clock.
	Compression float64
	Left        time.Duration
}

// PipelineStatus is a pipeline's newest segments, a character each: . published clean, d defective, - a declared hole,
// x not published.
type PipelineStatus struct{ Name, Segments string }

// Progress shows how far a run is, about once a second.
type Progress interface {
	// Say tells of something that happens before or after the event, in a line.
	Say(line string)
	Show(Status)
	Done()
}

// Lines is progress for a log: a plain line every five seconds, and whenever the phase or the faults change.
type Lines struct {
	W    io.Writer
	last string
	next time.Duration
}

// Say implements Progress.
func (l *Lines) Say(line string) { fmt.Fprintln(l.W, line) }

// Show implements Progress.
func (l *Lines) Show(s Status) {
	state := s.Phase + strings.Join(s.Faults, " ")
	if state == l.last && s.At < l.next {
		return
	}
	l.last, l.next = state, s.At.Truncate(time.Second)+5*time.Second
	fmt.Fprintln(l.W, s)
}

// Done implements Progress.
func (l *Lines) Done() {}

// Live is progress for a terminal: a few lines that keep themselves current.
type Live struct {
	W     io.Writer
	Width int // columns
	drawn int // lines on the screen
}

// Say implements Progress.
func (l *Live) Say(line string) {
	l.clear()
	fmt.Fprintln(l.W, line)
}

// Show implements Progress.
func (l *Live) Show(s Status) {
	const bar = 20
	full := 0
	if s.Of > 0 {
		full = int(max(0, min(bar, bar*s.At/s.Of)))
	}
	lines := []string{fmt.Sprintf("[%s%s] %s", strings.Repeat("=", full), strings.Repeat(" ", bar-full), s)}
	for _, p := range s.Pipelines {
		lines = append(lines, fmt.Sprintf("  %-8s %s", p.Name, p.Segments))
	}
	l.clear()
	for _, line := range lines {
		if l.Width > 1 && len(line) >= l.Width {
			line = line[:l.Width-1]
		}
		fmt.Fprintln(l.W, line)
	}
	l.drawn = len(lines)
}

// clear takes back what was drawn.
func (l *Live) clear() {
	if l.drawn > 0 {
		fmt.Fprintf(l.W, "\x1b[%dA\x1b[J", l.drawn)
	}
	l.drawn = 0
}

// Done implements Progress.
func (l *Live) Done() { l.clear() }

// Quiet is no progress at all.
type Quiet struct{}

// Say implements Progress.
func (Quiet) Say(string) {}

// Show implements Progress.
func (Quiet) Show(Status) {}

// Done implements Progress.
func (Quiet) Done() {}

// String is a status in a line.
func (s Status) String() string {
	at := fmt.Sprintf("%3.0fs/%.0fs", s.At.Seconds(), s.Of.Seconds())
	if s.At < 0 {
		return at + " starting"
	}
	phase := s.Phase
	if len(s.Faults) > 0 {
		phase += " FAULT " + strings.Join(s.Faults, ", ")
	}
	line := fmt.Sprintf("%s %s: %d viewers, %d segments, %d missed; published %d", at, phase, s.Viewers, s.Segments,
		s.Missed, s.Published)
	if s.Defective > 0 {
		line += fmt.Sprintf(", %d defective", s.Defective)
	}
	if s.Unpublished > 0 {
		line += fmt.Sprintf(", %d failed", s.Unpublished)
	}
	if s.Compression > 0 {
		line += fmt.Sprintf("; %.0fx, %v left", s.Compression, s.Left.Round(time.Second))
	}
	return line
}

// audienceTail follows audience.jsonl while k6 writes it, for progress only; the judge reads the whole file.
type audienceTail struct {
	path   string
	offset int64
	latest map[uint64]viewersLine // by VU
}

// audienceSum is the audience's latest word, over all its VUs.
type audienceSum struct {
	viewers          int
	segments, missed int64
}

// viewersLine is what progress wants of audience.jsonl: the totals so far of one VU.
type viewersLine struct {
	Kind     string `json:"kind"`
	VU       uint64 `json:"vu"`
	Viewers  int    `json:"viewers"`
	Segments int64  `json:"segments_total"`
	Missed   int64  `json:"missed_total"`
}

// read takes in the lines that have come since. What cannot be read is left to the judge to complain about.
func (t *audienceTail) read() (sum audienceSum) {
	t.follow()
	for _, l := range t.latest { // any order: a sum
		sum.viewers += l.Viewers
		sum.segments += l.Segments
		sum.missed += l.Missed
	}
	return sum
}

func (t *audienceTail) follow() {
	f, err := os.Open(t.path)
	if err != nil {
		return // not yet
	}
	defer f.Close()
	if _, err := f.Seek(t.offset, io.SeekStart); err != nil {
		return
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return // an unfinished line is read again next time
		}
		t.offset += int64(len(line))
		var l viewersLine
		if json.Unmarshal(line, &l) == nil && l.Kind == "viewers" {
			if t.latest == nil {
				t.latest = map[uint64]viewersLine{}
			}
			t.latest[l.VU] = l
		}
	}
}
