package edge

import (
	"cmp"
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// fetch asks the upstreams one after the other until one has an answer to believe. Upstreams that could not be reached
// a moment ago are passed over, unless there are no others.
func (e *Edge) fetch(req origin.Request) (origin.Response, error) {
	var doubted *origin.Response // an answer that another region may have a better one than
	var doubtedRegion string
	for _, i := range e.route() {
		up := e.Upstreams[i]
		if doubted != nil && up.Region == doubtedRegion {
			continue
		}
		asked := e.Runtime.Now()
		resp, err := up.Getter.Get(e.Context, req)
		e.recordFetch(req, up, resp, err, asked)
		e.hear(req.Event, resp.Bulletin)
		if resp.OK() {
			resp.ServedBy = cmp.Or(resp.ServedBy, up.Region)
		}
		switch {
		case err != nil && e.Context.Err() != nil:
			return origin.Response{}, e.Context.Err()
		case err != nil:
			e.markDown(i)
		case resp.Reason == origin.Overloaded && doubted == nil:
			return resp, nil // there is more to do than can be done; asking around would make it more
		case resp.Reason.Status() >= 500:
			// This one is in trouble, the next may not be.
		case dubious(resp.Reason):
			if doubted == nil || better(&resp, doubted) {
				doubted = &resp
			}
			doubtedRegion = up.Region
		default:
			return resp, nil
		}
	}
	if doubted != nil {
		return *doubted, nil
	}
	e.recordNoOrigin(req)
	return origin.Response{Reason: origin.NoOrigin, MaxAge: noOriginFor}, nil
}

// dubious are answers that are best checked with another region: a node that was missing for a while, or that copies reach
// late, may not know what the other region has.
func dubious(r origin.Reason) bool {
	return r == origin.Gap || r == origin.NoHeader || r == origin.Defective
}

// better says that a dubious answer beats another: any object beats none, and a milder defect a worse one.
func better(a, b *origin.Response) bool {
	if !a.OK() || !b.OK() {
		return a.OK()
	}
	return a.Defects < b.Defects
}

// route lists the upstreams' indices: those that are up in order of preference, then those that are down.
func (e *Edge) route() []int {
	now := e.Runtime.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	var up, down []int
	for i, until := range e.downUntil {
		if now.Before(until) {
			down = append(down, i)
		} else {
			up = append(up, i)
		}
	}
	return append(up, down...)
}

func (e *Edge) markDown(i int) {
	e.mu.Lock()
	e.downUntil[i] = e.Runtime.Now().Add(retryUpstream)
	e.mu.Unlock()
}

func (e *Edge) recordFetch(req origin.Request, up Upstream, resp origin.Response, err error, asked time.Time) {
	ev, _ := e.known(req.Event)
	now := e.Runtime.Now()
	if e.Recorder == origin.Discard || req.Number < 0 || ev == nil {
		return
	}
	r := origin.Record{
		AtUs: now.Sub(ev.AvailabilityStartTime).Microseconds(), Kind: origin.KindFetch,
		Node: e.Name, Region: e.Region, Upstream: up.Name, UpstreamRegion: up.Region,
		Rendition: req.Rendition, Number: req.Number, Reason: string(resp.Reason), Pipeline: resp.Pipeline,
		Defects: resp.Defects.Names(), Size: resp.Object.Size,
		WaitUs: now.Sub(asked).Microseconds(), HoldUs: resp.Hold.Microseconds(), StoreUs: resp.Store.Microseconds(),
	}
	if err != nil {
		r.Error = short(err)
	}
	e.Recorder.Record(r)
}

// recordNoOrigin takes down that nobody could be asked.
func (e *Edge) recordNoOrigin(req origin.Request) {
	if ev, _ := e.known(req.Event); ev != nil {
		e.Recorder.Record(origin.Record{AtUs: e.Runtime.Now().Sub(ev.AvailabilityStartTime).Microseconds(), Kind: origin.KindReason,
			Node: e.Name, Region: e.Region, Rendition: req.Rendition, Number: req.Number, Reason: string(origin.NoOrigin)})
	}
}

// short names an error by its kind, which is all that the history needs.
func short(err error) string {
	for _, known := range []error{origin.ErrUnreachable, origin.ErrTimeout} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}
