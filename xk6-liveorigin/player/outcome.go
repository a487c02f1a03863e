package player

import "time"

// Class says how a viewer watches.
type Class int

// The classes of viewer.
const (
	Live Class = iota
	DVR
)

func (c Class) String() string {
	if c == DVR {
		return "dvr"
	}
	return "live"
}

// Outcome is what came of one segment that a viewer wanted, all tries together.
type Outcome struct {
	Number    Number
	Rendition int // place in Event.Renditions
	Edge      int // place in Options.Edges: the one that answered, or the viewer's home if none did
	Phase     int // place in Options.Phases, by the intended time; -1 for none
	Class     Class
	// Available is the instant at which the segment's last frame was captured.
	Available time.Duration
	// Intended is when the viewer should have asked: its offset after Available, for one that watches live.
	Intended time.Duration
	// Lag is how late the generator was to ask.
	Lag time.Duration

	Requests int
	Failed   int // tries without a usable answer
	Early    int // tries that were told that they came too early

	// Received says that the segment came in time to be of use. What follows is of that answer.
	Received bool
	Arrived  time.Duration // the instant of the last byte
	FirstAt  time.Duration // the instant of the first
	Bytes    int64
	Held     bool // the answer was held open until the segment was there
	// Pipeline and Region say which variant it is, and where that was published.
	Pipeline, Region string
	Switched         bool // another pipeline than the viewer's segment before
	Defects          []string
	Late             bool          // arrived when the next segment was available already
	Stall            time.Duration // arrived so long after it should have been on screen
	Checked          bool          // its bytes were compared with its digest
	NoDigest         bool          // they would have been, but it came without
	Wrong            string        // what the check of the bytes found; "" for nothing

	// Left says that it did not come because there is nothing more to come: the event has ended early, or was removed, and
	// the viewer has left. Nothing was missed.
	Left bool

	// Missed is the last status or error of a segment that did not come; "" for one that did.
	Missed string
}

// Latency is the live-edge latency: from the capture of the last frame to the last byte. The viewer's offset is in it,
// because a viewer that asks later sees the event later. For class Live only: behind live it says how far behind.
func (o *Outcome) Latency() time.Duration { return o.Arrived - o.Available }

// FirstByte is how long the viewer waited for the first byte, from the intended time: the offset is not in it.
func (o *Outcome) FirstByte() time.Duration { return o.FirstAt - o.Intended }

// Stalled says that the segment came after it should have been on screen.
func (o *Outcome) Stalled() bool { return o.Stall > 0 }

// Result is what one Play did.
type Result struct {
	At          time.Duration // when it was over
	PlannedPeak int
	Peak        int // viewers at once
	Requests    int64
	Segments    int64
	Missed      int64
	Interrupted bool
}

// Sink takes what happens. Segment is called by many goroutines at once; Tick once per whole second of the event, and
// End once, when nothing else is called any more.
type Sink interface {
	Segment(*Outcome)
	Tick(at time.Duration, viewers int)
	End(Result) error
}
