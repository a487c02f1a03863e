package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

const (
	annsSecret = "ann's own secret, of some length"
	bobsSecret = "bob's own secret, of some length"
)

var people = []Token{{Name: "ann", Secret: annsSecret}, {Name: "bob", Secret: bobsSecret, ReadOnly: true}}

func demo(id string, start time.Time) origin.Event {
	return origin.Event{
		ID: id, AvailabilityStartTime: start.UTC().Truncate(time.Millisecond), SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute,
		PublishDelay: time.Second, RetryBudget: 2 * time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v", Kind: origin.Video, Codecs: "avc1.640028", Bandwidth: 1e6, Timescale: 1000, SampleTicks: 40, TrackID: 1}},
		Regions:    []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}},
	}
}

// moody is a store that may be out of order.
type moody struct {
	control.Memory
	down bool
}

func (m *moody) Documents(ctx context.Context) ([]control.Document, error) {
	if m.down {
		return nil, origin.ErrNoQuorum
	}
	return m.Memory.Documents(ctx)
}

func (m *moody) Load(ctx context.Context, event string) (control.Document, error) {
	if m.down {
		return control.Document{}, origin.ErrNoQuorum
	}
	return m.Memory.Load(ctx, event)
}

// bench is an API with two events: live, which has a mask, a notice and an invalidation, and gone, which is removed.
type bench struct {
	t       testing.TB
	store   *moody
	service *control.Service
	api     http.Handler
	doc     *openapi3.T
	seen    map[string]bool // "PUT /events/{event} 201"
}

// document is openapi.yaml, which has to be one itself.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err == nil {
		err = doc.Validate(context.Background())
	}
	return doc, err
})

func newBench(t testing.TB) *bench {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, store: &moody{}, doc: doc, seen: map[string]bool{}}
	rt := &origin.Wall{}
	b.service = control.NewService(control.ServiceConfig{Runtime: rt, Store: b.store, Journal: b.store})
	b.api = New(Config{Service: b.service, Tokens: NewTokens(people).Now, Clock: rt})
	created := control.Operation{ID: "used", Event: "live", Do: control.Create{Event: demo("live", time.Now().Add(-time.Hour))}}
	if _, err := b.service.Do(t.Context(), "setup", created); err != nil {
		t.Fatal(err)
	}
	b.do("gone", control.Create{Event: demo("gone", time.Now())})
	b.do("gone", control.Remove{})
	b.do("live", control.Mask{Mask: origin.Mask{ID: "m", Pipeline: "a", From: 1, To: 9}})
	b.do("live", control.Invalidate{Invalidation: origin.Invalidation{ID: "i", Pipeline: "a", From: 1, To: 9}})
	b.do("live", control.Notify{Notice: origin.Notice{ID: "n", Text: "hello"}})
	b.do("live", control.Mask{Mask: origin.Mask{ID: "m2", Pipeline: "a", From: 1, To: 9}})
	return b
}

func (b *bench) do(event string, c control.Change) {
	b.t.Helper()
	if _, err := b.service.Do(b.t.Context(), "setup", control.Operation{Event: event, Do: c}); err != nil {
		b.t.Fatal(err)
	}
}

// call is a request, as changed from a good one.
type call struct {
	method, path string // as in the document
	event, id    string
	body         string
	header       map[string]string // besides the good one's; an empty value leaves a field out
}

// send asks, and holds the answer against the document: its status has to be there, and it has to look as it says.
func (b *bench) send(c call) *http.Response {
	b.t.Helper()
	url := strings.NewReplacer("{event}", c.event, "{id}", c.id).Replace(c.path)
	r := httptest.NewRequestWithContext(b.t.Context(), c.method, url, strings.NewReader(c.body))
	r.Header.Set("Authorization", "Bearer "+annsSecret)
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	resp := w.Result()
	item := b.doc.Paths.Value(c.path)
	operation := item.GetOperation(c.method)
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: map[string]string{"event": c.event, "id": c.id},
		Route:   &routers.Route{Spec: b.doc, Path: c.path, PathItem: item, Method: c.method, Operation: operation},
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: in.Options}
	if err := openapi3filter.ValidateResponse(b.t.Context(), out); err != nil {
		b.t.Errorf("%s %s is answered %d %s\nwhich is not as the document says: %.300s", c.method, url, resp.StatusCode, w.Body, err)
	}
	if resp.StatusCode < 300 {
		r.Body = io.NopCloser(strings.NewReader(c.body))
		if err := openapi3filter.ValidateRequest(b.t.Context(), in); err != nil {
			b.t.Errorf("%s %s %s\nwas done, though the document does not allow it: %.300s", c.method, url, c.body, err)
		}
	}
	b.seen[fmt.Sprint(c.method, " ", c.path, " ", resp.StatusCode)] = true
	return resp
}

// good is a request of a route that can be done.
func good(r route) call {
	event, _ := json.Marshal(control.Create{Event: demo("new", time.Now())})
	bodies := map[string]string{
		"/events/{event}": string(event), "/events/{event}/start": `{"at":"2099-01-01T00:00:00Z"}`, "/events/{event}/on-air": "",
		"/events/{event}/end": `{"at":"2099-01-01T00:00:00Z"}`, "/events/{event}/time-shift-buffer": `{"time_shift_buffer_ms":30000}`,
		"/events/{event}/redirect": `{"pipeline":"b"}`, "/events/{event}/masks/{id}": `{"pipeline":"a","from":1,"to":3}`,
		"/events/{event}/notices/{id}": `{"text":"hi","at":"2026-01-01T00:00:00Z"}`, "/events/{event}/invalidations/{id}": `{"pipeline":"a","region":"east","from":2,"to":3}`,
	}
	ids := map[string]string{"/events/{event}/masks/{id}": "m", "/events/{event}/notices/{id}": "n", "/events/{event}/invalidations/{id}": "j"}
	c := call{method: r.method, path: r.path, event: "live", id: ids[r.path]}
	if r.method == "PUT" {
		c.body = bodies[r.path]
		if r.path == "/events/{event}" {
			c.event = "new"
		}
	}
	if r.needsKey {
		c.header = map[string]string{"Idempotency-Key": "fresh"}
	}
	return c
}

// with is a call with other fields in its header.
func (c call) with(fields ...string) call {
	header := map[string]string{}
	for k, v := range c.header {
		header[k] = v
	}
	for i := 0; i < len(fields); i += 2 {
		header[fields[i]] = fields[i+1]
	}
	c.header = header
	return c
}

// Every path, method and status of the document is given by the handlers, and nothing else is.
func TestOpenAPI(t *testing.T) {
	all := newBench(t)
	for _, r := range routes {
		c := good(r)
		for why, one := range provocations(c) {
			b := newBench(t)
			b.seen = all.seen
			if r.path == "/events/{event}/start" {
				b.do("later", control.Create{Event: demo("later", time.Now().Add(time.Hour))})
			}
			if why == "unavailable" {
				b.store.down = true
			}
			b.send(one)
			if why == "good" {
				b.send(one)
			}
		}
	}
	all.send(call{method: "GET", path: "/openapi.yaml", header: map[string]string{"Authorization": ""}})
	documented := map[string]bool{}
	for path, item := range all.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if path != "/openapi.yaml" && !slices.ContainsFunc(routes, func(r route) bool { return r.method == method && r.path == path }) {
				t.Errorf("%s %s has no handler", method, path)
			}
			for status := range operation.Responses.Map() {
				documented[method+" "+path+" "+status] = true
			}
		}
	}
	for what := range documented {
		if !all.seen[what] {
			t.Errorf("nobody has seen %s", what)
		}
	}
	for what := range all.seen {
		if !documented[what] {
			t.Errorf("the document does not know %s", what)
		}
	}
}

// provocations are what a route is asked, to hear everything that it can say.
func provocations(c call) map[string]call {
	all := map[string]call{"good": c, "stranger": c.with("Authorization", ""), "unavailable": c}
	if c.path == "/events" {
		return all
	}
	bad, unknown := c, c
	bad.event, unknown.event = "a%20b", "unknown"
	all["bad name"] = bad
	if c.method == "GET" {
		all["unknown"] = unknown
		return all
	}
	gone := c
	gone.event = "gone"
	if c.path != "/events/{event}" || c.method != "PUT" {
		all["unknown"] = unknown
	} else {
		gone.body = strings.Replace(c.body, `"new"`, `"gone"`, 1)
		exists := c
		exists.event, exists.body = "live", strings.NewReplacer(`"new"`, `"live"`, `"retry_budget_ms":2000`, `"retry_budget_ms":2001`).Replace(c.body)
		all["exists"] = exists
		again := c
		again.event = "live"
		again.body = "{}"
		all["no configuration"] = again
	}
	all["gone"] = gone.with("Idempotency-Key", "late")
	all["only looks"] = c.with("Authorization", "Bearer "+bobsSecret)
	all["another version"] = c.with("If-Match", `"77"`)
	reused := c
	reused.event = "live"
	if c.event == "new" {
		reused.body = strings.Replace(c.body, `"new"`, `"live"`, 1)
	}
	if c.path == "/events/{event}/cache-version" {
		reused.path, all["no key"] = c.path, c.with("Idempotency-Key", "")
		delete(all, "bad name")
	}
	all["key reused"] = reused.with("Idempotency-Key", "used")
	if c.body != "" || c.path == "/events/{event}/on-air" {
		large, typed := c, c
		large.body, typed.body = `{"at":"`+strings.Repeat("x", maxBody)+`"}`, `{}`
		all["large"], all["not JSON"] = large, typed.with("Content-Type", "text/plain")
	}
	switch c.path {
	case "/events/{event}/start":
		late := c
		all["too late"] = late
		later := c
		later.event = "later"
		all["good"] = later
	case "/events/{event}/end":
		c.body = `{"at":"` + time.Now().Add(-time.Minute).Format(time.RFC3339) + `"}`
		all["too late"] = c
	case "/events/{event}/invalidations/{id}":
		c.body = `{"pipeline":"b","from":1,"to":3}`
		all["not masked"] = c
	}
	return all
}

// What an API answers must be a problem in words that Client makes package control's errors of.
func TestClient(t *testing.T) {
	b := newBench(t)
	srv := httptest.NewServer(b.api)
	defer srv.Close()
	c := NewClient(srv.URL+"/", annsSecret, nil)
	defer c.Close()
	ctx := t.Context()
	later := demo("later", time.Now().Add(time.Hour))
	for i, do := range []control.Change{
		control.Create{Event: later}, control.Start{At: time.Now().Add(2 * time.Hour).UTC().Truncate(time.Millisecond)}, control.OnAir{At: time.Now().Add(3 * time.Hour)}, control.OnAir{},
		control.End{At: time.Now().Add(4 * time.Hour)}, control.TimeShiftBuffer{Depth: time.Hour}, control.Redirect{Pipeline: "b"}, control.Redirect{},
		control.BumpCacheVersion{}, control.Mask{Mask: origin.Mask{ID: "m", Pipeline: "a", Region: "east", From: 1, To: 2}},
		control.Invalidate{Invalidation: origin.Invalidation{ID: "i", Pipeline: "a", Region: "east", From: 1, To: 2}}, control.Unmask{ID: "m"},
		control.Notify{Notice: origin.Notice{ID: "n", Text: "hello", At: time.Now()}}, control.Withdraw{ID: "n"}, control.Remove{},
	} {
		answer, err := c.Do(ctx, control.Operation{Event: "later", Do: do})
		if err != nil || answer.State.Version != int64(i+1) || answer.Repeated {
			t.Errorf("%s: %+v, %v", control.KindOf(do), answer, err)
		}
	}
	// Each is in the audit as it was meant, by who did it.
	for i, r := range b.store.Records()[len(b.store.Records())-15:] {
		if r.Who != "ann" || r.Version != int64(i+1) || r.Event != "later" {
			t.Errorf("%+v", r)
		}
	}
	for want, o := range map[error]control.Operation{
		control.ErrUnknown: {Event: "x", Do: control.Remove{}}, control.ErrAbsent: {Event: "live", Do: control.Unmask{ID: "x"}},
		control.ErrExists:    {Event: "live", Do: control.Create{Event: demo("live", time.Now().Add(time.Minute))}},
		control.ErrMaskFirst: {Event: "live", Do: control.Invalidate{Invalidation: origin.Invalidation{ID: "x", Pipeline: "b", From: 1, To: 2}}},
		control.ErrTooLate:   {Event: "live", Do: control.Start{At: time.Now().Add(time.Hour)}},
		control.ErrGone:      {Event: "gone", Do: control.BumpCacheVersion{}}, control.ErrReused: {ID: "used", Event: "live", Do: control.Remove{}},
		control.ErrVersion: {Event: "live", If: 77, Do: control.Remove{}},
	} {
		if _, err := c.Do(ctx, o); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		for _, k := range problems {
			if k.err != want && errors.Is(problemOf(want), k.err) {
				t.Errorf("%v is taken for %v", want, k.err)
			}
		}
	}
	events, err := c.Events(ctx)
	if err != nil || len(events) != 3 || events[0].State.ID != "gone" || events[0].Phase != origin.Removed || events[1].Phase != origin.Removed {
		t.Errorf("%+v, %v", events, err)
	}
	live, err := c.Event(ctx, "live")
	if err != nil || live.Phase != origin.OnAir || len(live.State.Masks) != 2 || live.State.Operations != nil {
		t.Errorf("%+v, %v", live, err)
	}
	if _, err := c.Event(ctx, "a/b"); err == nil {
		t.Error("a name that is a path")
	}
}

// An answer that is lost on its way is asked for again, and the operation is done once.
func TestClientTriesAgain(t *testing.T) {
	b := newBench(t)
	tries := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries < 3 {
			b.api.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		b.api.ServeHTTP(w, r)
	}))
	defer srv.Close()
	c := NewClient(srv.URL, annsSecret, nil)
	defer c.Close()
	answer, err := c.Do(t.Context(), control.Operation{Event: "live", Do: control.BumpCacheVersion{}})
	if err != nil || answer.State.CacheVersion != 1 || !answer.Repeated || tries != 3 {
		t.Errorf("%d tries: %+v, %v", tries, answer, err)
	}
}

// With If-Match and a version's ETag, an operation is done to that version.
func TestIfMatch(t *testing.T) {
	b := newBench(t)
	c := call{method: "PUT", path: "/events/{event}/redirect", event: "live", body: `{"pipeline":"b"}`}
	tag := b.send(call{method: "GET", path: "/events/{event}", event: "live"}).Header.Get("Etag")
	for _, row := range []struct {
		tag  string
		want int
	}{{`W/` + tag, 400}, {"*", 400}, {strings.Trim(tag, `"`), 400}, {`"0"`, 400}, {tag, 200}, {tag, 412}} {
		if got := b.send(c.with("If-Match", row.tag)).StatusCode; got != row.want {
			t.Errorf("If-Match: %s: %d, want %d", row.tag, got, row.want)
		}
	}
}
