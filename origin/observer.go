package origin

import "time"

// Observer is told what a node does, for metrics: everything, and at once. Its methods are called with no lock held, on
// the way of every request: they must not block, nor allocate if it can be helped.
type Observer interface {
	// Answered is a Get with its answer, in so long a time.
	Answered(a Ask, r Response, took time.Duration)
	// Taken is a Publish with its receipt.
	Taken(event, pipeline string, r Receipt, bytes int, took time.Duration)
	// LookedUp is a question about an event or a segment, and whether memory had the answer, which it always has of segments.
	LookedUp(of Level, hit bool)
}

// Level is of metadata: an event (with its renditions), or a segment of it.
type Level string

// The levels.
const (
	EventLevel   Level = "event"
	SegmentLevel Level = "segment"
)

// Unobserved is the Observer that looks away.
var Unobserved Observer = unobserved{}

type unobserved struct{}

func (unobserved) Answered(Ask, Response, time.Duration)             {}
func (unobserved) Taken(string, string, Receipt, int, time.Duration) {}
func (unobserved) LookedUp(Level, bool)                              {}
