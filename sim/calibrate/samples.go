package calibrate

import (
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Kind is what a call does.
type Kind string

// The kinds of calls.
const (
	Put Kind = "put"
	Get Kind = "get"
)

var kinds = []Kind{Put, Get}

// Cell is what was seen of one kind of call under one kind of load.
type Cell struct {
	Kind  Kind
	Bytes int
	// Callers are those of a closed loop; zero means the open loop, in which all kinds and sizes come mixed.
	Callers int
	// Stopped says that one zone was.
	Stopped bool

	For    time.Duration
	Failed int64 // of the calls; they count as long as they took
	// Took is how long calls took, in microseconds; in the open loop from the time at which each was due.
	Took *hdrhistogram.Histogram
	// Calls are those of the open loop, in the order in which they were due: whatever hits a table hits several.
	Calls []Call
}

// Call is one of the open loop: when it was due, counted from the loop's beginning, and how long it took.
type Call struct {
	Due, Took time.Duration
}

// Samples are what Measure saw.
type Samples struct {
	About About
	Plan  Plan // as it was carried out, with the rate that it came to
	At    time.Time
	Cells []*Cell
	// Held is how many calls of the open loop began late, because too many were under way.
	Held int64
}

// Calls is how many calls there were, and how many of them failed.
func (s *Samples) Calls() (calls, failed int64) {
	for _, c := range s.Cells {
		calls += c.Took.TotalCount()
		failed += c.Failed
	}
	return calls, failed
}

// cell finds a cell; nil when there is none.
func (s *Samples) cell(kind Kind, bytes, callers int, stopped bool) *Cell {
	i := slices.IndexFunc(s.Cells, func(c *Cell) bool {
		return c.Kind == kind && c.Bytes == bytes && c.Callers == callers && c.Stopped == stopped
	})
	if i < 0 {
		return nil
	}
	return s.Cells[i]
}

// all is an open loop's calls of a kind, of all sizes together, as a cell without a size; nil when there are none.
func (s *Samples) all(kind Kind, stopped bool) *Cell {
	all := newCell(kind, 0, 0, stopped)
	for _, c := range s.Cells {
		if c.Kind == kind && c.Callers == 0 && c.Stopped == stopped {
			all.For = c.For
			all.Took.Merge(c.Took)
			all.Calls = append(all.Calls, c.Calls...)
		}
	}
	if all.Took.TotalCount() == 0 {
		return nil
	}
	return all
}

// rate is how many calls a second there were.
func (c *Cell) rate() float64 { return float64(c.Took.TotalCount()) / c.For.Seconds() }

// at is a quantile of the latency, 0 to 1.
func (c *Cell) at(q float64) time.Duration {
	return time.Duration(c.Took.ValueAtQuantile(100*q)) * time.Microsecond
}

func newCell(kind Kind, bytes, callers int, stopped bool) *Cell {
	return &Cell{Kind: kind, Bytes: bytes, Callers: callers, Stopped: stopped, Took: newHistogram()}
}

// newHistogram is of times from a microsecond to a minute, with three significant digits, one more than the reports'.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }

func (c *Cell) add(took time.Duration, err error) {
	us := min(max(took.Microseconds(), 1), c.Took.HighestTrackableValue())
	if c.Took.RecordValue(us) != nil {
		panic(fmt.Sprintf("calibrate: %d us are beyond the histogram", us)) // they were bounded above
	}
	if err != nil {
		c.Failed++
	}
}
