package originhttp

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Limits bound what requests with a body may cost.
type Limits struct {
	Body     int64 // bytes of one body, or of one segment of a long upload; 0 means DefaultBody
	InFlight int64 // bytes of all bodies that are being read; 0 means DefaultInFlight
}

// The limits of Publishing.
const (
	DefaultBody     = 16 << 20
	DefaultInFlight = 1 << 30
)

// PublishingOptions say who may publish, and what it may cost; the zero value lets everyone.
type PublishingOptions struct {
	Limits
	// Credentials are asked for before anything else is looked at; nil asks for none.
	Credentials *Credentials
	// Region, when not empty, refuses the pipelines of other regions before their bodies are read, unless the event is
	// one that all pipelines publish everywhere.
	Region string
	// Drift is how far the time of a Live-Token may be from the clock; 0 means 5 s.
	Drift time.Duration
}

// Publishing takes candidates in, by PUT or POST alike (DASH-IF Live Media Ingest 1.2, interface 1):
//
//	/{event}/{rendition}/{n}.m4s       one segment, at the URL where Delivery gives it out
//	/{event}/{rendition}/init.mp4      a CMAF header
//	/{event}/Streams({rendition}.cmfv) a track, as it comes: header and segments, in one request or in many
//	/{event}/{name}.mpd                a manifest, which is looked at and then ignored: see takeManifest
//	/{event}/                          nothing: an empty request asks whether publishing would be allowed
//
// Live-Pipeline names the pipeline; where Credentials know only one for who asks, it may be left out. Nothing of a
// request that is refused or cut short reaches the publisher, but for the whole segments of a long upload. The statuses:
//
//	201, 200  stored; the same bytes were stored before
//	400       path, fields, token, digest or framing are wrong, or the body was cut short
//	401, 403  no credentials; a pipeline that is not theirs, the event's or the region's
//	404       no such event or rendition; a number outside of the event
//	408       the body took too long
//	409       other bytes are stored, or the segment has not begun
//	410       after the retry deadline
//	411, 413  neither a length nor chunks; too many bytes
//	412       segments of a Streams() track before its header; If-Match; If-None-Match: * where there is something
//	415, 422  no media type of CMAF's, or a content coding; no CMAF
//	503       not stored now: no quorum, or too much at once
//
// All but 408, 413 and 503 that can be said before the body are said before the body, 413 too where a length was announced.
func Publishing(p origin.Publisher, c Catalog, clock origin.Clock, o PublishingOptions) http.Handler {
	if o.Body <= 0 {
		o.Body = DefaultBody
	}
	if o.InFlight <= 0 {
		o.InFlight = DefaultInFlight
	}
	if o.Drift <= 0 {
		o.Drift = 5 * time.Second
	}
	return &publishing{publisher: p, catalog: c, clock: clock, options: o, headers: make(map[origin.Key]bool)}
}

type publishing struct {
	publisher origin.Publisher
	catalog   Catalog
	clock     origin.Clock
	options   PublishingOptions
	inFlight  atomic.Int64 // bytes

	mu      sync.Mutex
	headers map[origin.Key]bool // CMAF headers of which this handler knows that they are stored; see remember
}

func (h *publishing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		refuseMethod(w, r, "PUT, POST")
		return
	}
	to, ref := h.admit(r)
	if ref != nil {
		ref.close = true // the body stays unread
		ref.write(w)
		return
	}
	switch to.what {
	case aTrack:
		h.takeTrack(w, r, to)
	case aManifest:
		h.takeManifest(w, r, to)
	case thePoint:
		h.takeNothing(w, r)
	default:
		h.takeOne(w, r, to)
	}
}

// admission is where an admitted request publishes to, and for whom.
type admission struct {
	place
	event     origin.Event
	rendition origin.Rendition
	pipeline  string // "" where none needs to be named
}

func (a *admission) key(n origin.SegmentNumber) origin.Key {
	return origin.Key{Event: a.event.ID, Rendition: a.rendition.ID, Number: n, Pipeline: a.pipeline}
}

// admit refuses what credentials, the path, and the catalog rule out.
func (h *publishing) admit(r *http.Request) (to admission, ref *refusal) {
	grants, ref := h.options.Credentials.grants(r)
	if ref != nil {
		return to, ref
	}
	var err error
	if to.place, err = requestPlace(r); err != nil {
		return to, bad(err.Error())
	}
	theirs := pipelines(grants, to.place.event)
	if theirs != nil && len(theirs) == 0 {
		return to, &refusal{outcome: origin.Forbidden, text: "these credentials are for another event"}
	}
	if to.pipeline, ref = pipelineOf(r, theirs, to.what == aManifest || to.what == thePoint); ref != nil {
		return to, ref
	}
	ok := false
	if to.event, ok = h.catalog.Event(to.place.event); !ok {
		return to, &refusal{outcome: origin.NoSuchPlace, text: "no such event"}
	}
	if to.pipeline != "" {
		home, ok := to.event.RegionOf(to.pipeline)
		switch {
		case !ok:
			return to, &refusal{outcome: origin.Forbidden, text: "the event has no such pipeline"}
		case h.options.Region != "" && home != h.options.Region && !to.event.CrossPublish:
			return to, &refusal{outcome: origin.Forbidden, text: "the pipeline publishes in " + home}
		}
	}
	if to.what == aManifest || to.what == thePoint {
		return to, nil
	}
	to.rendition, ok = to.event.Rendition(to.place.rendition)
	if !ok || to.kind != "" && to.kind != to.rendition.Kind {
		return to, &refusal{outcome: origin.NoSuchPlace, text: "no such rendition"}
	}
	return to, nil
}

// pipelineOf is the pipeline that a request speaks for: of theirs, if there are credentials.
func pipelineOf(r *http.Request, theirs []string, optional bool) (string, *refusal) {
	values, named := r.Header[fieldPipeline]
	if !named && len(theirs) == 1 {
		return theirs[0], nil
	}
	if !named && optional {
		return "", nil
	}
	name, err := parseItem(values)
	if err != nil || !origin.ValidName(name) {
		return "", bad(fieldPipeline + " must name the pipeline")
	}
	if theirs != nil && !slices.Contains(theirs, name) {
		return "", &refusal{outcome: origin.Forbidden, text: "these credentials are not that pipeline's"}
	}
	return name, nil
}

// takeOne takes one segment or CMAF header.
func (h *publishing) takeOne(w http.ResponseWriter, r *http.Request, to admission) {
	p, ref := h.receive(r, to)
	if ref != nil {
		ref.write(w)
		return
	}
	receipt := h.publish(r, p)
	if to.number == origin.Header && receipt.Outcome.Accepted() {
		h.remember(p.Key)
	}
	if r.Header.Get("If-None-Match") == "*" && (receipt.Outcome == origin.Repeated || receipt.Outcome == origin.Conflict) {
		preconditionFailed("there is a candidate already").write(w)
		return
	}
	acknowledge(w, receipt)
}

// publish asks the publisher once. Where it is dead, so is this.
func (h *publishing) publish(r *http.Request, p origin.Publication) origin.Receipt {
	receipt, err := h.publisher.Publish(r.Context(), p)
	switch {
	case errors.Is(err, origin.ErrUnreachable):
		panic(http.ErrAbortHandler) // as a dead machine would
	case err != nil:
		return origin.Receipt{Outcome: origin.Unavailable, Detail: err.Error()}
	}
	return receipt
}

// takeNothing answers who only wants to know whether it could publish here (DASH-IF, interface 1, clause 1).
func (h *publishing) takeNothing(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		ref := bad("this is where manifests, headers and segments are published below")
		ref.close = true
		ref.write(w)
		return
	}
	ready(w, "publishing is allowed here\n")
}

func ready(w http.ResponseWriter, text string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write([]byte(text)) // who does not want to know has gone
}
