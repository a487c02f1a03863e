package faults

import (
	"fmt"
	"math/rand/v2"

	"github.com/liveorigin/liveorigin/origin"
)

// Storm is a fault that asks: requests for what is not there, past the edges that would refuse them.
type Storm interface {
	Fault
	// Rate is how many requests a second are made while the fault is active; zero when it is not.
	Rate() int
	// Request is the i-th of them, and Answered what is to be called for each that has been answered.
	Request(ev *origin.Event, i uint64) origin.Request
	Answered()
}

// notFoundStorm asks a region's origins for what cannot be: numbers that nobody published and nobody will, renditions and
// events that do not exist.
type notFoundStorm struct{ base }

func newNotFoundStorm(b base) Fault { return notFoundStorm{b} }

func (f notFoundStorm) Rate() int {
	if !f.active() {
		return 0
	}
	return f.spec.Rate
}

func (f notFoundStorm) Answered() { f.touch() }

func (f notFoundStorm) Request(ev *origin.Event, i uint64) origin.Request {
	random := rand.New(rand.NewPCG(i, stormStream))
	req := origin.Request{Event: ev.ID, Rendition: ev.Renditions[random.IntN(len(ev.Renditions))].ID}
	newest := ev.SegmentAt(f.runtime.Now())
	switch i % 6 {
	case 0: // far ahead
		req.Number = ev.StartNumber + 1_000_000 + origin.SegmentNumber(random.IntN(1<<30))
	case 1: // a little ahead
		req.Number = newest + 3 + origin.SegmentNumber(random.IntN(5))
	case 2: // of a day that is over
		req.Number = origin.SegmentNumber(random.Int64N(int64(ev.StartNumber) + 1))
	case 3: // just out of the buffer
		req.Number = max(0, newest-origin.SegmentNumber(ev.TimeShiftBufferDepth/ev.SegmentDuration)-2-origin.SegmentNumber(random.IntN(5)))
	case 4:
		req.Rendition, req.Number = fmt.Sprintf("r%d", random.IntN(1<<20)), newest
	case 5:
		req.Event, req.Number = fmt.Sprintf("event-%d", random.IntN(1<<30)), newest
	}
	return req
}

// stormStream tells the stream of requests from others.
const stormStream = 0x73746f726d

// Felt asks for answers that were counted; what has a Reason counts something else.
func (f notFoundStorm) Felt(r origin.Record) bool {
	return r.Kind == origin.KindStorm && r.Region == f.spec.Region && r.Reason == "" && r.Count > 0
}
