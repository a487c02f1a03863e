package audience

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// What an answer comes to, viewer by viewer. The edge answered at one instant; a viewer of the slice that had asked by
// then gets the bytes from then on, one that asks later finds them there:
//
//	        |<----- width ----->|
//	--------a---a---a---|---a---a------> time        arrived = max(answered, asked) + transfer
//	        intended    answered
//
// Viewers of a slice with links of the same class are alike but for their offset, over which they are spread evenly.

// received takes down an answer that brought the object.
func (f *fetch) received(resp *origin.Response, edge int) {
	a, v := f.audience, variant{resp.Region, resp.Pipeline}
	s := a.record.sum(f, edge, v)
	got := int64(0)
	for link, n := range f.byLink {
		if n > 0 && f.carried(s, resp, link, n) {
			got += n
		}
	}
	bytes := got * int64(resp.Object.Size)
	s.Bytes += bytes
	a.loads[a.homes[edge].region].Bytes += bytes
	f.tries(s, got)
	switch {
	case f.kind == reading:
		f.learn(s, resp.Newest)
	case f.kind != header:
		f.segments(s, resp, edge, v, got)
	}
	if got < f.viewers { // the others' links are too slow
		f.failed++
		f.miss(f.viewers-got, "timeout")
	}
}

// segments counts what came.
func (f *fetch) segments(s *sum, resp *origin.Response, edge int, v variant, got int64) {
	a := f.audience
	s.Segments += got
	a.sums.segments += got
	checked := min(f.check, got)
	s.Unchecked += got - checked
	if resp.Defects != 0 {
		s.Defective += got
		a.record.detail("defective", f, edge, v, a.now(), resp.Defects, "", got)
	} else if checked > 0 && f.wrong(resp) {
		s.Wrong += checked
		a.record.detail("wrong", f, edge, v, a.now(), 0, "digest", checked)
	}
	if f.starting() {
		return
	}
	f.cell.came += got
	if f.kind == next && f.slot.switched(f.number, resp.Pipeline) {
		s.Switches += got
	}
}

// wrong says whether a clean object is not the one that its number asks for.
func (f *fetch) wrong(resp *origin.Response) bool {
	c := &f.audience.config
	return resp.Object.Digest != c.Digest(c.Event.Renditions[f.rendition], f.number, resp.Pipeline)
}

// tries counts what the requests of so many viewers were.
func (f *fetch) tries(s *sum, viewers int64) {
	s.Requests += f.requests * viewers
	s.Failed += f.failed * viewers
	s.Early += f.early * viewers
}

// miss takes down that nothing came in time for so many viewers.
func (f *fetch) miss(viewers int64, reason string) {
	a, home := f.audience, f.cell.home
	s := a.record.sum(f, home, variant{})
	f.tries(s, viewers)
	switch f.kind {
	case reading:
		f.cell.asked += viewers // for what they will not hear of
		return
	case header:
		return
	}
	s.Missed += viewers
	a.sums.missed += viewers
	a.record.detail("missed", f, home, variant{}, f.intended, 0, reason, viewers)
}

// carried takes down how n viewers with the same link got the object; false when it came too late to be of use.
func (f *fetch) carried(s *sum, resp *origin.Response, link int, n int64) bool {
	a, h := f.audience, f.home()
	now, end := a.now(), f.intended+f.width
	took := h.access.RoundTrip + transfer(resp.Object.Size, h.rates[link])
	if max(now, f.intended)+took > f.giveUp {
		return false
	}
	if f.kind == header || f.kind == reading {
		return true
	}
	// waited asked before the answer was there; the others found it, from the instant found on.
	waited := before(n, f.intended, end, now)
	found, others := max(f.intended, now), n-waited
	until := min(now, end) // of those who waited
	if resp.Hold > 0 {
		s.Held += waited
	}
	s.ttfb.stretch(now-until+h.access.RoundTrip, now-f.intended+h.access.RoundTrip, waited)
	s.ttfb.point(h.access.RoundTrip, others)
	if f.cell.class == live && f.kind == next {
		available := a.available(f.number)
		s.latency.point(now+took-available, waited)
		s.latency.stretch(found+took-available, end+took-available, others)
	}
	late := f.due + a.segment
	if now+took > late {
		s.Late += waited
	}
	s.Late += others - before(others, found, end, late-took+1)
	f.stall(s, waited, others, took)
	return true
}

// stall counts who had nothing left to show: what should have been on screen when the buffer was at its end came later.
func (f *fetch) stall(s *sum, waited, others int64, took time.Duration) {
	a := f.audience
	if excess := took - a.Buffer; excess > 0 {
		s.stall(others, excess)
	}
	until := min(a.now(), f.intended+f.width)
	dry := a.now() + took - a.Buffer // who asked before that has been waiting since
	n := before(waited, f.intended, until, dry)
	s.stall(n, dry-(f.intended+min(dry, until))/2)
}

func (s *sum) stall(n int64, mean time.Duration) {
	s.Stalled += n
	s.StallUs += n * mean.Microseconds()
}

// before is how many of n viewers, spread evenly over a stretch of time, ask before an instant.
func before(n int64, from, until, at time.Duration) int64 {
	switch {
	case at <= from:
		return 0
	case at >= until:
		return n
	}
	return int64(float64(n) * float64(at-from) / float64(until-from))
}
