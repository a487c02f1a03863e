package reports

import (
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// A harness that shares its machine is sometimes not run at all for a while. It takes that down (origin.KindStall), so
// that what missed an objective in such a moment is not blamed on the system under test: that part of the run has no
// verdict.

// stallMin is how long the harness must have stood still for the missed objectives around it to prove nothing.
const stallMin = 500 * time.Millisecond

// stall is a time in which the harness was not run.
type stall struct{ from, until time.Duration }

func (h *history) addStall(rec *origin.Record, at time.Duration) {
	if s := (stall{at - sinceStart(rec.WaitUs), at}); s.until-s.from >= stallMin {
		h.stalls = append(h.stalls, s)
	}
}

// excuse finds the stall in or soon after which an objective was first missed: what a stall broke lingers, as requests
// that waited and segments that came late. What is requested before a stall is answered after it, so a breach may also
// lie up to a segment before.
func (e *evidence) excuse(o *ObjectiveResult) (stall, bool) {
	for _, s := range e.history.stalls {
		if o.FirstBreach == nil { // not one that has a time; then any stall may be behind it
			return s, true
		}
		breach := time.Duration(o.FirstBreach.FromMs) * time.Millisecond
		if breach >= s.from-e.plan.Event.SegmentDuration-time.Second && breach <= s.until+e.plan.lingering() {
			return s, true
		}
	}
	return stall{}, false
}

// String says when, and for how long.
func (s stall) String() string {
	return fmt.Sprintf("the harness stood still for %v from %v on: this machine is too busy",
		(s.until - s.from).Round(10*time.Millisecond), s.from.Round(100*time.Millisecond))
}
