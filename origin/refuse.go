package origin

import "time"

// Refusal is as much of a Response as there is where memory alone refuses.
type Refusal struct {
	At       time.Time // when it was asked for
	Class    Class     // Background, where the event is not known
	Reason   Reason
	MaxAge   time.Duration
	Bulletin Bulletin
}

// Refused answers at once what memory alone can refuse: events and renditions that are not there, numbers that cannot be
// asked for now, and what a Refusing admission admits none of. ok is false for everything else, of which nothing was counted.
// An adapter that has a cheaper way to say no may ask here first; whatever is not refused goes on to Get.
func (n *Node) Refused(req Request) (r Refusal, ok bool) {
	if n.Ask != nil {
		return Refusal{}, false
	}
	var resp Response
	class, arrived := Background, n.Runtime.Now()
	if c := n.catalog(req.Event); c == nil {
		n.unknown(arrived, &resp)
	} else {
		st := c.state.Load()
		if class = n.refused(c, st, req, arrived, &resp); class == "" {
			class = n.overloaded(c, st, req, arrived, &resp)
		}
	}
	return Refusal{arrived, class, resp.Reason, resp.MaxAge, resp.Bulletin}, class != ""
}

// unknown answers for an event that is not there.
func (n *Node) unknown(arrived time.Time, resp *Response) {
	n.Observer.LookedUp(EventLevel, true) // that it is unknown is an answer, too: see Follow
	resp.Reason, resp.MaxAge = UnknownEvent, CreatedSoon
	n.observe(&Ask{Class: Background}, resp, arrived) // names that anybody makes up are nobody's label
}

// refused is Refused without a look at any segment. It returns the request's class, or none if it is not refused.
func (n *Node) refused(c *catalog, st *known, req Request, arrived time.Time, resp *Response) Class {
	d, ok := c.refuse(st, req, arrived)
	if !ok {
		return ""
	}
	n.Observer.LookedUp(EventLevel, true)
	resp.Reason, resp.MaxAge, resp.Bulletin = d.Reason, d.MaxAge, st.bulletin
	ask := Ask{Event: req.Event, Class: st.ClassOf(req, arrived)}
	if d.Reason != EventRemoved && d.Reason != UnknownRendition {
		n.recordDecision(c, req, ask.Class, resp, nil)
	}
	n.observe(&ask, resp, arrived)
	return ask.Class
}

// overloaded refuses what could be served, as Get would, where admission has nothing to weigh. It returns what refused does.
func (n *Node) overloaded(c *catalog, st *known, req Request, arrived time.Time, resp *Response) Class {
	refusing, ok := n.Admission.(Refusing)
	if !ok {
		return ""
	}
	ask := Ask{Event: req.Event, Class: st.ClassOf(req, arrived), LookedUp: true}
	if !refusing.Refuses(ask) {
		return ""
	}
	var buf [4]Candidate
	cs, kept := c.look(st, req.Rendition, req.Number, buf[:0])
	if !kept {
		return ""
	}
	d := c.choose(st, req, arrived, cs)
	if d.Reason != Published && d.Reason != Defective {
		return ""
	}
	n.weigh(variant{req.key(d.Candidate), d.Candidate.Digest}, d.Candidate, &ask)
	if ask.Free() && !refusing.Refuses(ask) {
		return ""
	}
	if n.Admission.Admit(ask) { // all of a sudden; Get asks again
		n.Admission.Done(ask, 0, true)
		return ""
	}
	n.Observer.LookedUp(EventLevel, true)
	n.Observer.LookedUp(SegmentLevel, true)
	resp.Reason, resp.MaxAge, resp.Bulletin = Overloaded, overloadedFor, st.bulletin
	n.recordDecision(c, req, ask.Class, resp, cs)
	n.observe(&ask, resp, arrived)
	return ask.Class
}

// refuse decides without a look at any segment.
func (c *catalog) refuse(st *known, req Request, now time.Time) (d Decision, refused bool) {
	switch {
	case st.Removed:
		return Decision{Reason: EventRemoved, MaxAge: settled}, true
	case c.tracks[req.Rendition] == nil:
		return Decision{Reason: UnknownRendition, MaxAge: CreatedSoon}, true
	case req.Number == Header:
		return Decision{}, false
	}
	return st.Refuse(req.Number, now)
}
