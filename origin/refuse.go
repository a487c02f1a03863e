package origin

import "time"

// Refused answers at once what memory alone can refuse: events and renditions that are not there, and numbers that cannot
// be asked for now. ok is false for everything else, of which nothing was looked at, nor counted. An adapter that has a
// cheaper way to say no may ask here first; whatever is not refused goes on to Get.
func (n *Node) Refused(req Request) (resp Response, ok bool) {
	if n.Ask != nil {
		return Response{}, false
	}
	arrived := n.Runtime.Now()
	c := n.catalog(req.Event)
	if c == nil {
		n.Observer.LookedUp(EventLevel, true) // that it is unknown is an answer, too: see Follow
		resp = Response{Reason: UnknownEvent, MaxAge: CreatedSoon}
		n.Observer.Answered(Ask{Class: Background}, &resp, 0) // names that anybody makes up are nobody's label
		return resp, true
	}
	st := c.state.Load()
	d, ok := c.refuse(st, req, arrived)
	if !ok {
		return Response{}, false
	}
	n.Observer.LookedUp(EventLevel, true)
	resp = Response{Reason: d.Reason, MaxAge: d.MaxAge, Bulletin: st.bulletin}
	ask := Ask{Event: req.Event, Class: st.ClassOf(req, arrived)}
	if d.Reason != EventRemoved && d.Reason != UnknownRendition {
		n.recordDecision(c, req, ask.Class, &resp, nil)
	}
	n.Observer.Answered(ask, &resp, n.Runtime.Now().Sub(arrived))
	return resp, true
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
	d, ok := st.Refuse(req.Number, now)
	return d, !ok
}
