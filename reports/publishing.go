package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// slowPublish is how long a publication may take before it is counted and named. Of the packager's 2 s a quarter is what a
// live origin's operators look into (facts.md, PUB-4).
const slowPublish = 500 * time.Millisecond

// PublishTrouble is one publication that took too long, or that its packager gave up.
type PublishTrouble struct {
	AtMs      float64              `json:"at_ms"` // of the packager's last answer
	Region    string               `json:"region"`
	Pipeline  string               `json:"pipeline"`
	Rendition string               `json:"rendition"`
	Number    origin.SegmentNumber `json:"number"`
	WaitMs    float64              `json:"wait_ms"` // from its first try
	Attempts  int                  `json:"attempts"`
	// Why is the last answer, or what came instead of one; "slow" when it was acknowledged after all.
	Why string `json:"why"`
}

// slowWhy is the Why of what was acknowledged, but late.
const slowWhy = "slow"

// troublesMax is how many are named; all are counted.
const troublesMax = 200

// addTrouble takes down what took too long, or was given up.
func (h *history) addTrouble(rec *origin.Record, accepted bool) {
	why := slowWhy
	switch {
	case accepted && sinceStart(rec.WaitUs) <= slowPublish:
		return
	case accepted:
		h.slow++
	default:
		why = cmp.Or(strings.Join(compact(rec.Reason, withoutPlace(rec.Error)), ": "), "no answer")
	}
	if len(h.troubles) < troublesMax {
		h.troubles = append(h.troubles, PublishTrouble{AtMs: milliseconds(rec.AtUs), Region: rec.Region, Pipeline: rec.Pipeline,
			Rendition: rec.Rendition, Number: rec.Number, WaitMs: milliseconds(rec.WaitUs), Attempts: rec.Attempts, Why: why})
	}
}

// withoutPlace leaves out of an error where it happened, which is another place for each: "given up at the retry deadline: PUT
// http://...: connection refused: unreachable" is "given up at the retry deadline: unreachable".
func withoutPlace(s string) string {
	for _, method := range []string{"PUT ", "POST "} {
		if before, where, ok := strings.Cut(s, method); ok {
			return before + where[strings.LastIndex(where, ": ")+len(": "):]
		}
	}
	return s
}

// publishing says it in sentences; none when there was no trouble.
func (r *Report) publishing() (lines []string) {
	if n := r.Counts.SlowPublishes; n > 0 {
		slowest := PublishTrouble{}
		for _, t := range r.Publishing {
			if t.Why == slowWhy && t.WaitMs > slowest.WaitMs {
				slowest = t
			}
		}
		lines = append(lines, fmt.Sprintf("publications over %v: %d, the slowest %s ms (%s/%d of %s)", slowPublish, n,
			number(slowest.WaitMs), slowest.Rendition, slowest.Number, slowest.Pipeline))
	}
	if n := r.Counts.Refused; n > 0 {
		lines = append(lines, fmt.Sprintf("publications given up: %d: %s", n, strings.Join(r.givenUp(), "; ")))
	}
	return lines
}

// givenUp lists, for every pipeline, which segments and why.
func (r *Report) givenUp() (list []string) {
	type gone struct {
		numbers []origin.SegmentNumber
		why     []string
	}
	by := map[string]*gone{}
	var pipelines []string
	for _, t := range r.Publishing {
		if t.Why == slowWhy {
			continue
		}
		g := by[t.Pipeline]
		if g == nil {
			g = new(gone)
			by[t.Pipeline] = g
			pipelines = append(pipelines, t.Pipeline)
		}
		g.numbers = append(g.numbers, t.Number)
		if !slices.Contains(g.why, t.Why) {
			g.why = append(g.why, t.Why)
		}
	}
	slices.Sort(pipelines)
	for _, p := range pipelines {
		list = append(list, fmt.Sprintf("%s %s (%s)", p, ranges(by[p].numbers), strings.Join(by[p].why, ", ")))
	}
	return list
}

// ranges writes numbers as 4-8, 11.
func ranges(numbers []origin.SegmentNumber) string {
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	var parts []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		part := fmt.Sprint(numbers[i])
		if last > i {
			part += fmt.Sprintf("-%d", numbers[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ", ")
}
