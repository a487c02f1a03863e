package originhttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/guard"
)

// Catalog knows the events: an origin's own, or what an edge has been told.
type Catalog interface {
	Event(id string) (origin.Event, bool)
}

// stateful is a Catalog that knows what operators have done to its events, and tells of changes. A Node and an Edge are.
type stateful interface {
	origin.Configs
	State(id string) (origin.State, bool)
	Bulletin(id string) origin.Bulletin
}

// Delivery serves what g answers, and the documents that follow from the catalog and the clock. It takes GET and HEAD.
//
// Where g has no answer the connection is aborted, as if the machine had died: an edge then tries another origin, and
// no cache keeps a made-up status.
func Delivery(g origin.Getter, c Catalog, clock origin.Clock) DeliveryHandler {
	d := &delivery{getter: g, catalog: c, clock: clock}
	d.refuser, _ = g.(refuser)
	return d
}

// A DeliveryHandler can also answer from a request's target alone; its Refuse is a guard's (guard.Limits).
type DeliveryHandler interface {
	http.Handler
	Refuse(target []byte) (answer []byte)
}

type delivery struct {
	getter  origin.Getter
	refuser refuser // the getter, if it is one
	catalog Catalog
	clock   origin.Clock
	waits   waits
	crowds  crowds
	// listless is how many requests wait for a playlist that lists something.
	listless atomic.Int64
	refused  refusedText
}

func (d *delivery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuseMethod(w, r, "GET, HEAD")
		return
	}
	p, err := requestPath(r)
	if err != nil {
		refusePath(w)
		return
	}
	switch p.File {
	case SegmentFile, HeaderFile:
		d.serveSegment(w, r, p)
	case ConfigFile:
		d.serveConfig(w, r, p)
	default:
		d.serveDocument(w, r, p)
	}
}

// serveSegment answers with what the getter has. Those who were held take turns.
func (d *delivery) serveSegment(w http.ResponseWriter, r *http.Request, p Path) {
	req := p.Request()
	req.Background = background(r.Header)
	turn := d.crowds.join(req)
	defer turn.begun()
	resp := responses.Get().(*origin.Response)
	defer giveBack(resp)
	d.ask(r.Context(), req, resp)
	if req.Background && resp.Reason == origin.Overloaded {
		w.Header()["Vary"] = varyBackground
	}
	if resp.Hold > 0 {
		if out := guard.Outright(w, r); out != nil && wholeAnswer(r, resp) {
			answerOutright(out, &turn, resp, d.mediaType(p, resp))
			return
		}
		held := &inTurn{w, turn}
		defer held.turn.begun()
		turn.crowd, w = nil, held
	}
	respond(w, r, resp, d.mediaType(p, resp))
}

// responses are used again. A Response is large, and on a stack it would be there for as long as a request is held, and then
// below all that net/http needs to write an answer, which as it is just fits on a stack of 8 KiB.
var responses = sync.Pool{New: func() any { return new(origin.Response) }}

func giveBack(resp *origin.Response) {
	*resp = origin.Response{} // a body is not kept for that
	responses.Put(resp)
}

// respondDocument writes an answer that no getter gave.
func (d *delivery) respondDocument(w http.ResponseWriter, r *http.Request, p Path, resp origin.Response, mediaType string) {
	resp.Bulletin = d.bulletin(p.Event)
	if c, ok := d.getter.(interface {
		Cached(time.Duration) origin.CacheStatus
	}); ok {
		resp.Cache = c.Cached(resp.MaxAge) // an edge: every answer of its says so
	}
	respond(w, r, &resp, mediaType)
}

// state is what the catalog knows of an event; one that knows no more than the event has never changed it.
func (d *delivery) state(id string) (origin.State, bool) {
	if c, ok := d.catalog.(stateful); ok {
		return c.State(id)
	}
	ev, ok := d.catalog.Event(id)
	return origin.State{Event: ev}, ok
}

func (d *delivery) bulletin(event string) origin.Bulletin {
	if c, ok := d.catalog.(stateful); ok {
		return c.Bulletin(event)
	}
	return origin.Bulletin{}
}

// varyBackground keeps caches from refusing others what was refused to a request for which nobody waits.
var varyBackground = []string{"Sec-Purpose, Purpose"}

// background says whether a request fetches ahead: Sec-Purpose is the Fetch standard's (section 3.7), Purpose what came
// before it. Both are tokens, and may have parameters.
func background(h http.Header) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose"} {
		for _, value := range h[name] {
			token, _, _ := strings.Cut(value, ";")
			if strings.EqualFold(strings.TrimSpace(token), "prefetch") {
				return true
			}
		}
	}
	return false
}

// ask asks the getter; it does not return when there is no answer, unless that is because this server is stopping: whom a
// stopping server held open is sent away with a 503 instead. It is never inlined, so that its frame, which has room for
// a Response or two, is gone when the answer is written.
//
//go:noinline
func (d *delivery) ask(ctx context.Context, req origin.Request, resp *origin.Response) {
	var err error
	if *resp, err = d.getter.Get(ctx, req); err == nil {
		return
	}
	if !errors.Is(context.Cause(ctx), errStopping) {
		panic(http.ErrAbortHandler)
	}
	*resp = origin.Response{Reason: origin.TooManyHolders, MaxAge: time.Second, Bulletin: d.bulletin(req.Event)}
}

func (d *delivery) mediaType(p Path, resp *origin.Response) string {
	if !resp.OK() {
		return ""
	}
	ev, _ := d.catalog.Event(p.Event)
	rendition, _ := ev.Rendition(p.Rendition)
	switch rendition.Kind {
	case origin.Video:
		return "video/mp4"
	case origin.Audio:
		return "audio/mp4"
	}
	return "application/mp4"
}

// refuseMethod answers 405 for methods that HTTP knows and 501 for others (RFC 9110, 9.1). After TRACE and CONNECT the
// connection is closed: who sends those wants a proxy.
func refuseMethod(w http.ResponseWriter, r *http.Request, allow string) {
	switch r.Method {
	case http.MethodTrace, http.MethodConnect:
		w.Header().Set("Connection", "close")
		fallthrough
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		w.Header().Set("Allow", allow)
		http.Error(w, "method not allowed here", http.StatusMethodNotAllowed)
	default:
		http.Error(w, "unknown method", http.StatusNotImplemented)
	}
}

// refusePath lets caches keep the refusal: a bad URL does not become a good one.
func refusePath(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", string(appendCacheControl(nil, time.Minute)))
	http.Error(w, errPath.Error(), http.StatusBadRequest)
}
