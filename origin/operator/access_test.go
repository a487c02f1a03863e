package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask sends a request and gives the status and the problem's words.
func ask(t *testing.T, h http.Handler, method, path, authorization, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: %d as %s", method, path, w.Code, w.Header().Get("Content-Type"))
	}
	return w.Code, w.Body.String()
}

// Nobody gets in without a token, whatever it looks like, and who may only look changes nothing.
func TestAccess(t *testing.T) {
	b := newBench(t)
	before := len(b.store.Records())
	for _, row := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"GET", "/events", "", 401}, {"GET", "/events", "Bearer", 401}, {"GET", "/events", "Bearer ", 401}, {"GET", "/events", annsSecret, 401},
		{"GET", "/events", "Basic " + annsSecret, 401}, {"GET", "/events", "Bearer " + annsSecret[:20], 401}, {"GET", "/events", "Bearer " + annsSecret + "x", 401},
		{"GET", "/events", "Bearer " + strings.ToUpper(annsSecret), 401}, {"GET", "/nowhere", "", 401}, {"DELETE", "/events/live", "", 401},
		{"PUT", "/openapi.yaml", "", 401}, {"GET", "/events", "bearer " + annsSecret, 200}, {"GET", "/events/live", "Bearer " + bobsSecret, 200},
		{"DELETE", "/events/live", "Bearer " + bobsSecret, 403}, {"POST", "/events/live/cache-version", "Bearer " + bobsSecret, 403},
		{"GET", "/openapi.yaml", "", 200}, {"GET", "/nowhere", "Bearer " + annsSecret, 404}, {"POST", "/events/live", "Bearer " + annsSecret, 405},
		{"PATCH", "/events", "Bearer " + annsSecret, 405},
	} {
		got, text := ask(t, b.api, row.method, row.path, row.authorization, "")
		if got != row.want {
			t.Errorf("%s %s by %q: %d, want %d", row.method, row.path, row.authorization, got, row.want)
		}
		if strings.Contains(text, annsSecret) || strings.Contains(text, bobsSecret) {
			t.Errorf("%s tells a secret", text)
		}
	}
	if n := len(b.store.Records()); n != before {
		t.Errorf("%d operations were done", n-before)
	}
}

// What is not quite right is refused, not guessed at.
func TestBodies(t *testing.T) {
	b := newBench(t)
	before := len(b.store.Records())
	for path, bodies := range map[string][]string{
		"/events/live/masks/x": {``, `{`, `[]`, `null`, `{"pipeline":"a","from":1}`, `{"pipeline":"a","to":1}`, `{"from":1,"to":2}`, `{"pipeline":"a","from":1,"to":2,"regoin":"east"}`,
			`{"pipeline":"a","from":1,"to":2}{}`, `{"pipeline":"a","from":1.5,"to":2}`, `{"pipeline":"a","from":-1,"to":2}`, `{"pipeline":"a","from":1,"to":99999999999999999999}`},
		"/events/live/start":             {``, `{}`, `{"at":"tomorrow"}`, `{"at":""}`},
		"/events/live/time-shift-buffer": {``, `{}`, `{"time_shift_buffer_ms":-1}`, `{"time_shift_buffer_ms":9223372036854775807}`, `{"time_shift_buffer_ms":1}`},
		"/events/live/redirect":          {``, `{}`, `{"pipeline":""}`, `{"pipeline":"c"}`},
		"/events/live/notices/x":         {``, `{}`, `{"text":"two\nlines"}`, `{"text":"` + strings.Repeat("x", 257) + `"}`},
		"/events/x":                      {``, `{}`, `{"event":{}}`, `{"event":null}`, `{"event":{"id":"x","patience":1}}`},
	} {
		for _, body := range bodies {
			if got, text := ask(t, b.api, "PUT", path, "Bearer "+annsSecret, body); got != 400 && got != 422 {
				t.Errorf("%s %s: %d %s", path, body, got, text)
			}
		}
	}
	if got, _ := ask(t, b.api, "DELETE", "/events/live/masks/m", "Bearer "+annsSecret, "{}"); got != 400 {
		t.Errorf("a body that nobody reads: %d", got)
	}
	if n := len(b.store.Records()); n != before {
		t.Errorf("%d operations were done", n-before)
	}
}

// stuck is a listener that answers when it is let go.
type stuck struct {
	entered, leave chan struct{}
}

func (s *stuck) Apply(origin.State) error {
	s.entered <- struct{}{}
	<-s.leave
	return nil
}

// There is room for so many, and the rest is told to come back.
func TestRoom(t *testing.T) {
	rt := &origin.Wall{}
	store := &control.Memory{}
	s := &stuck{make(chan struct{}), make(chan struct{})}
	service := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, Neighbours: []control.Neighbour{{Name: "stuck", Listener: s}}})
	api := New(Config{Service: service, Tokens: NewTokens(people).Now, Clock: rt})
	body, _ := json.Marshal(control.Create{Event: demo("live", time.Now())})
	for range maxInFlight {
		rt.Go(func() {
			r := httptest.NewRequest("PUT", "/events/live", strings.NewReader(string(body)))
			r.Header.Set("Authorization", "Bearer "+annsSecret)
			r.Header.Set("Content-Type", "application/json")
			api.ServeHTTP(httptest.NewRecorder(), r)
		})
		<-s.entered
	}
	if got, _ := ask(t, api, "GET", "/events", "Bearer "+annsSecret, ""); got != 503 {
		t.Errorf("one too many: %d", got)
	}
	close(s.leave)
	rt.Join()
	if got, _ := ask(t, api, "GET", "/events", "Bearer "+annsSecret, ""); got != 200 {
		t.Errorf("after the others: %d", got)
	}
}

func TestReadTokens(t *testing.T) {
	all, err := ReadTokens(strings.NewReader("# people\n\n ann 0123456789abcdef\nbob\tfedcba9876543210 read-only\n"))
	if err != nil || len(all) != 2 || all[0] != (Token{"ann", "0123456789abcdef", false}) || all[1] != (Token{"bob", "fedcba9876543210", true}) {
		t.Errorf("%+v, %v", all, err)
	}
	for why, text := range map[string]string{
		"nobody": "# nobody\n", "one word": "ann\n", "short": "ann 0123456789abcde\n", "twice": "ann 0123456789abcdef\nann 0123456789abcdeg\n",
		"another word": "ann 0123456789abcdef admin\n", "long": "ann " + strings.Repeat("x", 257), "endless": strings.Repeat("x", 1<<20),
		"cut off": "ann 0123456789abcdef\n" + strings.Repeat("#\n", 1<<19) + "bob fedcba9876543210\n",
	} {
		if all, err := ReadTokens(strings.NewReader(text)); err == nil || strings.Contains(err.Error(), "0123456789abcde") {
			t.Errorf("%s: %+v, %v", why, all, err)
		}
	}
}

func FuzzReadTokens(f *testing.F) {
	f.Add("ann 0123456789abcdef read-only\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ReadTokens(strings.NewReader(text))
		if (err == nil) != (len(all) > 0) {
			t.Errorf("%d tokens, %v", len(all), err)
		}
		for _, one := range all {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+one.Secret)
			if _, ok := NewTokens(all).of(r); !ok {
				t.Errorf("%+v is not let in", one)
			}
		}
	})
}

// No body makes a handler fail otherwise than with a problem, and what is done can be kept.
func FuzzBodies(f *testing.F) {
	for i, r := range routes {
		if r.read != nil {
			f.Add(i, good(r).body)
		}
	}
	f.Fuzz(func(t *testing.T, i int, body string) {
		if i < 0 || i >= len(routes) || routes[i].read == nil {
			return
		}
		c, err := routes[i].read("x", []byte(body))
		if err != nil {
			return
		}
		b := origin.State{Event: demo("live", time.Now().Add(time.Hour)), Version: 1}
		o := control.Operation{ID: "x", Event: "live", Do: c}
		s, err := o.Change(b, time.Now())
		if err != nil {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again origin.State
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s made what cannot be read: %v", body, err)
		}
	})
}

const shared = "the nodes' own shared secret"

// A node is told by POST, and asks by GET when it was not; masks get there by both ways.
func TestStates(t *testing.T) {
	rt := &origin.Wall{}
	newNode := func(region string) *origin.Node {
		return origin.NewNode(origin.NodeConfig{Region: region, Runtime: rt})
	}
	east, west := newNode("east"), newNode("west")
	serve := func(h http.Handler) *httptest.Server { s := httptest.NewServer(h); t.Cleanup(s.Close); return s }
	remote := func(url, token string) *Remote { r := NewRemote(url, token, nil); t.Cleanup(r.Close); return r }
	eastURL := serve(States(shared, east, nil)).URL
	westURL := serve(States(shared, west, nil)).URL
	gone := serve(nil)
	gone.Close()
	store := &control.Memory{}
	service := control.NewService(control.ServiceConfig{Runtime: rt, Store: store, Journal: store, Neighbours: []control.Neighbour{
		{Name: "east", Listener: remote(eastURL, shared)}, {Name: "west", Listener: remote(westURL, "another secret, not theirs")}, {Name: "gone", Listener: remote(gone.URL, shared)}}})
	for _, c := range []control.Change{control.Create{Event: demo("live", time.Now())}, control.Mask{Mask: origin.Mask{ID: "m", Pipeline: "a", From: 1, To: 9}}} {
		res, err := service.Do(t.Context(), "ann", control.Operation{Event: "live", Do: c})
		if err != nil || len(res.Untold) != 2 || res.Untold[0].Name != "west" || res.Untold[1].Name != "gone" {
			t.Errorf("%+v, %v", res.Untold, err)
		}
	}
	if s, _ := east.State("live"); s.Version != 2 || len(s.Masks) != 1 {
		t.Errorf("east knows %+v", s)
	}
	plane := serve(States(shared, nil, service)).URL
	ctx, stop := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		west.Follow(ctx, remote(plane, shared), 1, func(err error) { t.Error(err) })
	}()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if s, _ := west.State("live"); s.Version == 2 {
			break
		}
	}
	stop()
	<-followed
	if s, _ := west.State("live"); s.Version != 2 || len(s.Masks) != 1 {
		t.Errorf("west knows %+v", s)
	}
	if _, err := remote(plane, "another secret, not theirs").Events(t.Context()); err == nil {
		t.Error("a stranger was told")
	}
}

// plenty is a directory of many large states.
type plenty []origin.State

func (p plenty) Events(context.Context) ([]origin.State, error) { return slices.Clone(p), nil }

// States that one answer does not take come in several, each once.
func TestStatesInPages(t *testing.T) {
	var all plenty
	for i := range 18 {
		s := origin.State{Event: demo(fmt.Sprintf("event-%02d", 17-i), time.Now().UTC().Truncate(time.Millisecond)), Version: 1}
		for n := range 1000 {
			name := fmt.Sprintf("%064d", n)
			s.Masks = append(s.Masks, origin.Mask{ID: name, Pipeline: "a", From: 1 << 62, To: 1<<62 + 1})
			s.Invalidations = append(s.Invalidations, origin.Invalidation{ID: name, Pipeline: "a", From: 1 << 62, To: 1<<62 + 1, Version: 1})
		}
		all = append(all, s)
	}
	asked := 0
	h := States(shared, nil, all)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; h.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	r := NewRemote(srv.URL, shared, nil)
	t.Cleanup(r.Close)
	r.client.Timeout, r.client.Transport.(*http.Transport).ResponseHeaderTimeout = time.Minute, time.Minute // for the race detector
	got, err := r.Events(t.Context())
	slices.Reverse(all)
	if err != nil || !reflect.DeepEqual(got, []origin.State(all)) {
		t.Errorf("%d of %d states, %v", len(got), len(all), err)
	}
	if asked < 2 {
		t.Errorf("%d requests: that is no test", asked)
	}
}

// What no control plane would send is refused.
func TestStatesRefuses(t *testing.T) {
	node := origin.NewNode(origin.NodeConfig{Region: "east", Runtime: &origin.Wall{}, MaxEvents: 1})
	h := States(shared, node, nil)
	state := func(id string) string {
		b, _ := json.Marshal(origin.State{Event: demo(id, time.Now()), Version: 1})
		return string(b)
	}
	if got, text := ask(t, h, "POST", StatesPath, "Bearer "+shared, state("live")); got != 204 {
		t.Errorf("a good one: %d %s", got, text)
	}
	for _, row := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"POST", StatesPath, "x", state("live"), 401}, {"POST", "/elsewhere", shared, state("live"), 404}, {"GET", StatesPath, shared, "", 405}, {"PUT", StatesPath, shared, state("live"), 405},
		{"POST", StatesPath, shared, "", 400}, {"POST", StatesPath, shared, "{}", 400}, {"POST", StatesPath, shared, state("live") + "{}", 400},
		{"POST", StatesPath, shared, strings.Replace(state("live"), `"version"`, `"maks":[],"version"`, 1), 400},
		{"POST", StatesPath, shared, strings.Repeat(" ", maxState+1), 413}, {"POST", StatesPath, shared, state("another"), 409},
	} {
		if got, text := ask(t, h, row.method, row.path, "Bearer "+row.token, row.body); got != row.want {
			t.Errorf("%s %s %.60s: %d %s, want %d", row.method, row.path, row.body, got, text, row.want)
		}
	}
}

// Whoever answers: a client reads so much, follows nobody, and says who it was.
func TestClientIsCareful(t *testing.T) {
	var told []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told = append(told, r.Header.Get("Authorization")) }))
	defer elsewhere.Close()
	for why, answer := range map[string]http.HandlerFunc{
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"no problem":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "what?", http.StatusTeapot) },
		"not JSON":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"an odd list": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"event":{}}]`) },
	} {
		srv := httptest.NewServer(answer)
		r := NewRemote(srv.URL, shared, nil)
		if all, err := r.Events(t.Context()); err == nil {
			t.Errorf("%s: %+v", why, all)
		}
		r.Close()
		srv.Close()
	}
	if len(told) > 0 {
		t.Errorf("elsewhere was told %q", told)
	}
}
