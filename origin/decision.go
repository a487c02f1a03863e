package origin

import (
	"slices"
	"time"
)

// How long answers that do not depend on a segment may be kept.
const (
	// CreatedSoon is for what does not exist but may be created any moment: an event, a rendition, a CMAF header.
	CreatedSoon = 2 * time.Second
	// settled is for what cannot change any more.
	settled = time.Hour
	// maxAhead is how far in the future a number may be for its times to be reckoned: those of larger ones would not fit
	// into a time.
	maxAhead = 1 << 24
	// shortly is for trouble that may be over at once.
	shortly = 200 * time.Millisecond
)

// Decision is what to do with a request, as a function of the event, a clock reading and the candidates alone.
type Decision struct {
	Reason    Reason
	Candidate Candidate
	MaxAge    time.Duration
	// HoldUntil, when not zero, asks to hold the request until then or until a candidate comes, and to decide again.
	HoldUntil time.Time
}

// Refuse decides from the event and the clock alone (design.md section 5, rules 2 and 3): a segment outside of what can
// exist now is refused, however often it is asked for, without a look at any segment. Others can exist.
func (e *Event) Refuse(n SegmentNumber, now time.Time) (d Decision, refused bool) {
	elapsed := now.Sub(e.AvailabilityStartTime)
	switch {
	case n < e.StartNumber:
		return Decision{Reason: BeforeStart, MaxAge: settled}, true
	case n > e.LastNumber():
		return Decision{Reason: AfterEnd, MaxAge: settled}, true
	case n-e.StartNumber > SegmentNumber(floorDiv(elapsed, e.SegmentDuration))+maxAhead:
		return Decision{Reason: Early, MaxAge: settled}, true
	}
	// Asked for with every request, so reckoned in durations: AvailableAt, ExpiresAt and ExpectedPublish add up times.
	available := time.Duration(n-e.StartNumber+1) * e.SegmentDuration
	if elapsed >= available+e.TimeShiftBufferDepth {
		return Decision{Reason: Expired, MaxAge: settled}, true
	}
	if early := available + e.PublishDelay - elapsed; early > e.SegmentDuration {
		return Decision{Reason: Early, MaxAge: early.Truncate(time.Millisecond)}, true
	}
	return Decision{}, false
}

// Decide answers a request for segment n from the candidates that are known now, in the node's order of preference
// (rules 2 to 6). The immediately next segment is held open until it is published; a segment of which only defective
// candidates have come is held while another pipeline may still bring a clean one, at most for the event's Patience.
func (e *Event) Decide(n SegmentNumber, now time.Time, cs []Candidate, pipelines int) Decision {
	if d, refused := e.Refuse(n, now); refused {
		return d
	}
	return e.decide(n, now, cs, pipelines, "")
}

// decide is Decide for a segment that can exist now. preferred, if not empty, is the pipeline that operators redirect to:
// any other's candidate is waited over as a defective one is.
func (e *Event) decide(n SegmentNumber, now time.Time, cs []Candidate, pipelines int, preferred string) Decision {
	more := len(cs) < pipelines // somebody has not been heard of yet
	best, ok := Choose(cs)
	better := best.Defects != 0 || preferred != "" && !slices.ContainsFunc(cs, func(c Candidate) bool { return c.Pipeline == preferred })
	switch {
	case ok && more && better && now.Before(e.ExpectedPublish(n).Add(e.Patience)): // something better may come
		return Decision{HoldUntil: e.ExpectedPublish(n).Add(e.Patience)}
	case ok && best.Defects == 0:
		return Decision{Reason: Published, Candidate: best, MaxAge: e.ExpiresAt(n).Sub(now)}
	case ok:
		return Decision{Reason: Defective, Candidate: best, MaxAge: e.ExpiresAt(n).Sub(now)}
	case more && now.Before(e.RetryDeadline(n)):
		return Decision{HoldUntil: e.RetryDeadline(n)}
	}
	for _, c := range cs {
		if c.Masked {
			return Decision{Reason: Masked, MaxAge: CreatedSoon} // operators may think again
		}
	}
	return Decision{Reason: Gap, MaxAge: e.ExpiresAt(n).Sub(now)}
}

// Class is what a request is worth when not all can be served: the live edge before the rest of the time-shift buffer.
type Class string

// The classes of requests, from the most to the least important.
const (
	LiveEdge   Class = "live"
	DVR        Class = "dvr"
	Background Class = "background" // nobody waits for it: what says of itself that it fetches ahead
)

// Classes lists the classes, the most important first.
func Classes() []Class { return []Class{LiveEdge, DVR, Background} }

// ClassOf tells a request's class from what it says of itself and from the template.
func (e *Event) ClassOf(req Request, now time.Time) Class {
	if req.Background {
		return Background
	}
	if req.Number == Header {
		return LiveEdge // without it a player that starts shows nothing
	}
	return e.Classify(req.Number, now)
}

// Classify tells a request's class from the template alone.
func (e *Event) Classify(n SegmentNumber, now time.Time) Class {
	if n > e.LiveEdge(now)-SegmentNumber(e.LiveEdgeSegments) {
		return LiveEdge
	}
	return DVR
}
