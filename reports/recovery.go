package reports

import (
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// calmSegments is how many segments after the first good one must be good as well before we call it a recovery. Two
// are enough to tell it from luck, and few enough that a late publish twenty seconds on is not held against the fault.
const calmSegments = 2

// recovery says when a fault's marks were gone.
//
// It is the longest of these, counted from the fault's end (an instant fault ends when it begins):
//
//   - for each pipeline that the fault could stop: until the acknowledgement, in its slowest rendition, of the first
//     segment that was clean and on time in every rendition and was followed by calmSegments more of the kind. The
//     newest segment that was due at the fault's end is the first that counts; if it was fine, and so were the next
//     ones, the pipeline took no time to recover.
//   - for viewers: until the first whole second from which nobody was hurt (missed, stalled, wrong, defective) for
//     calmSegments segment durations, in which at least one segment was asked for. This is judged in seconds of intended
//     time, and the second in which the fault ends counts: a fault that ends on a whole second is measured exactly
//     to the second, any other up to one second too long.
//
// Looking stops where the next fault begins (for a pipeline, the next one that can stop it), since nobody could say
// which of the two was at work, and where the run ends. Who has not recovered by then, and was seen unwell, did not
// recover; but nobody can say if
//
//   - another fault was still at work when this one ended. Where both can stop the same pipeline, that one has no
//     recovery of this fault to show, even if it was seen well later: it came back when the other fault let it.
//   - fewer segments than it takes to see a recovery, 1 + calmSegments, came after the fault. What was lost while the
//     fault was at work says nothing about the time after it.
type recovery struct {
	state recoveryState
	after time.Duration
	why   string
	asked int64 // segments that viewers wanted after the fault's end
}

type recoveryState int

const (
	unknown recoveryState = iota
	recovered
	notRecovered
)

func (e *evidence) recovery(f *FaultPlan) recovery {
	all := recovery{state: recovered, why: "recovered"}
	for _, pipeline := range f.Pipelines {
		all.worsen(e.pipelineRecovery(f, pipeline))
	}
	viewers := e.viewerRecovery(f)
	all.worsen(viewers)
	all.asked = viewers.asked
	return all
}

// worsen keeps the worse of two: not recovered, then unknown, then the longer one.
func (r *recovery) worsen(o recovery) {
	rank := func(s recoveryState) int { return [...]int{unknown: 1, recovered: 0, notRecovered: 2}[s] }
	switch {
	case rank(o.state) > rank(r.state):
		r.state, r.why = o.state, o.why
	case o.state == recovered && r.state == recovered:
		r.after = max(r.after, o.after)
	}
}

func (e *evidence) pipelineRecovery(f *FaultPlan, pipeline string) recovery {
	ev := &e.plan.Event
	if o := e.overlapping(f, pipeline); o != nil {
		return atWorkAsWell(o)
	}
	horizon, next := e.horizon(f, e.history.until, pipeline)
	last := ev.LiveEdge(ev.AvailabilityStartTime.Add(horizon))
	first := max(ev.StartNumber, ev.LiveEdge(ev.AvailabilityStartTime.Add(f.Until)))
	good, bad := 0, false
	for n := first; n <= last; n++ {
		if !e.goodOn(pipeline, n) {
			good = 0
			bad = bad || n >= e.firstAfter(f)
			continue
		}
		if good++; good == 1+calmSegments {
			return recovery{state: recovered, after: max(0, e.slowest(pipeline, n-calmSegments)-f.Until)}
		}
	}
	bad = bad && e.enoughAfter(f, horizon)
	return e.unrecovered(f, next, bad, pipeline, fmt.Sprintf("pipeline %s did not publish clean and on time again", pipeline))
}

// goodOn says that a pipeline published a segment clean and on time in every rendition.
func (e *evidence) goodOn(pipeline string, n origin.SegmentNumber) bool {
	for _, r := range e.plan.Event.Renditions {
		c := e.history.candidates[publication{segment{r.ID, n}, pipeline}]
		if !c.onTime(&e.plan.Event) {
			return false
		}
	}
	return true
}

// slowest is when the last of a segment's renditions was acknowledged.
func (e *evidence) slowest(pipeline string, n origin.SegmentNumber) (at time.Duration) {
	for _, r := range e.plan.Event.Renditions {
		at = max(at, e.history.candidates[publication{segment{r.ID, n}, pipeline}].acknowledged)
	}
	return at
}

func (e *evidence) viewerRecovery(f *FaultPlan) recovery {
	measured := f.Until
	if len(e.cells) > 0 {
		measured = max(measured, time.Duration(e.cells[len(e.cells)-1].second+1)*time.Second)
	}
	horizon, next := e.horizon(f, min(measured, max(e.history.until, f.Until)), "")
	calm := calmSegments * e.plan.Event.SegmentDuration
	var asked, askedInCalm int64
	wellSince, hurt := f.Until, false
	for _, c := range e.cells {
		at := time.Duration(c.second) * time.Second
		if at+time.Second <= f.Until {
			continue
		}
		asked += c.asked()
		if at >= horizon || (at >= wellSince+calm && askedInCalm > 0) {
			continue
		}
		if c.hurt() {
			wellSince, askedInCalm, hurt = at+time.Second, 0, true
		} else if at >= wellSince {
			askedInCalm += c.asked()
		}
	}
	if askedInCalm > 0 && horizon-wellSince >= calm {
		return recovery{state: recovered, after: wellSince - f.Until, asked: asked}
	}
	if asked == 0 {
		return recovery{why: "unknown: no viewer asked for anything after it"}
	}
	hurt = hurt && e.enoughAfter(f, horizon)
	r := e.unrecovered(f, next, hurt, "", "viewers were still hurt")
	r.asked = asked
	return r
}

// horizon is how far one may look for a recovery, and the fault that begins there if it is not the run's end.
func (e *evidence) horizon(f *FaultPlan, end time.Duration, pipeline string) (time.Duration, *FaultPlan) {
	var next *FaultPlan
	for i := range e.plan.Faults {
		o := &e.plan.Faults[i]
		if o.follows(f) && o.From < end && o.stops(pipeline) {
			end, next = o.From, o
		}
	}
	return end, next
}

// overlapping finds a fault that was still at work when this one ended.
func (e *evidence) overlapping(f *FaultPlan, pipeline string) *FaultPlan {
	for i := range e.plan.Faults {
		o := &e.plan.Faults[i]
		if o.ID != f.ID && !o.follows(f) && o.Until > f.Until && o.stops(pipeline) {
			return o
		}
	}
	return nil
}

// follows says that a fault begins when another one has ended.
func (f *FaultPlan) follows(o *FaultPlan) bool { return f.From > o.From && f.From >= o.Until }

// firstAfter is the first segment that became available when the fault was over.
func (e *evidence) firstAfter(f *FaultPlan) origin.SegmentNumber {
	ev := &e.plan.Event
	return max(ev.StartNumber, ev.SegmentAt(ev.AvailabilityStartTime.Add(f.Until-1)))
}

// enoughAfter says that as many segments as it takes to see a recovery came after the fault.
func (e *evidence) enoughAfter(f *FaultPlan, horizon time.Duration) bool {
	ev := &e.plan.Event
	return ev.LiveEdge(ev.AvailabilityStartTime.Add(horizon)) >= e.firstAfter(f)+calmSegments
}

// stops says whether a fault can keep a pipeline from publishing; any fault can hurt viewers, which the empty name is for.
func (f *FaultPlan) stops(pipeline string) bool {
	if pipeline == "" {
		return true
	}
	for _, p := range f.Pipelines {
		if p == pipeline {
			return true
		}
	}
	return false
}

func atWorkAsWell(o *FaultPlan) recovery {
	return recovery{why: fmt.Sprintf("unknown: fault %s was at work as well", o.ID)}
}

// unrecovered finds the words for a recovery that was not seen.
func (e *evidence) unrecovered(f, next *FaultPlan, unwell bool, pipeline, what string) recovery {
	if next != nil {
		return recovery{why: fmt.Sprintf("unknown: fault %s began before it could be seen", next.ID)}
	}
	if o := e.overlapping(f, pipeline); o != nil {
		return atWorkAsWell(o)
	}
	if e.firstAfter(f)+calmSegments > e.plan.Event.LastNumber() {
		return recovery{why: "unknown: the event ended too soon after it"}
	}
	if !unwell {
		return recovery{why: "unknown: the run ended too soon after it"}
	}
	return recovery{state: notRecovered, why: "not recovered: " + what + " when the run ended"}
}
