package originhttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

func next(t testing.TB, n *origin.Node, change func(*origin.State)) {
	t.Helper()
	s, _ := n.State("final")
	s.Version++
	change(&s)
	if err := n.Apply(s); err != nil {
		t.Fatal(err)
	}
}

// The configuration has what players read, and what caches need; not what only origins are to know.
func TestConfigDocument(t *testing.T) {
	s := stateOf(func(s *origin.State) {
		s.OnAir, s.Redirect = epoch.Add(time.Minute), "b"
		s.Masks = []origin.Mask{{ID: "m", Pipeline: "a", From: 1000, To: 1001}}
		s.Invalidations = []origin.Invalidation{{ID: "i", Pipeline: "a", Region: "us-east", From: 1000, To: 1001, Version: 11}}
	})
	body, err := configDocument(&s, epoch.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"id": "final", "availability_start_time": "2026-01-02T03:04:05Z", "start_number": 1000.,
		"segment_ms": 2000., "time_shift_buffer_ms": 300_000., "publish_delay_ms": 500., "retry_budget_ms": 2000.,
		"version": 12., "cache_version": 3., "phase": "pre-show", "on_air_time": "2026-01-02T03:05:05Z"} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	for name := range got {
		if strings.Contains(name, "mask") || strings.Contains(name, "redirect") || strings.Contains(string(body), `"b"`) && name == "redirect" {
			t.Errorf("%s is nobody's business", name)
		}
	}
	back, err := parseConfig(body)
	s.Masks, s.Redirect = nil, ""
	if err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back: %+v, %v\nwant %+v", back, err, s)
	}
}

// The tag is the version's: unchanged while nothing changes, another one after a change; and it saves the body.
func TestConfigETag(t *testing.T) {
	n := operated(t, nil)
	h := Delivery(n, n, n.Runtime)
	first := ask(h, "GET", "/final/config").Header.Get("Etag")
	if resp := ask(h, "GET", "/final/config", "If-None-Match", first); resp.StatusCode != 304 || text(t, resp) != "" ||
		resp.Header.Get("Live-Version") != "12" || first == "" || strings.HasPrefix(first, "W/") {
		t.Errorf("the same: status %d, version %s, tag %s", resp.StatusCode, resp.Header.Get("Live-Version"), first)
	}
	next(t, n, func(*origin.State) {})
	if resp := ask(h, "GET", "/final/config", "If-None-Match", first); resp.StatusCode != 200 || resp.Header.Get("Etag") == first {
		t.Errorf("after a change: status %d, tag %s", resp.StatusCode, resp.Header.Get("Etag"))
	}
}

func TestConfigQueries(t *testing.T) {
	n := operated(t, nil)
	h := Delivery(n, n, n.Runtime)
	for query, want := range map[string]int{
		"": 200, "?x=y": 200, "?wait=20": 200, "?after=0": 200, "?after=11&wait=20": 200, "?after=12&wait=0": 200,
		"?after=": 400, "?after=-1": 400, "?after=x": 400, "?after=9999999999999999": 400, "?after=12&wait=x": 400, "?after=12&wait=-1": 400,
		"?after=12&wait=99999999999": 400,
	} {
		if resp := ask(h, "GET", "/final/config"+query); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, resp.StatusCode, want)
		}
	}
	if got := ask(h, "GET", "/final/config?after=0").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the answer to a wait: %s", got)
	}
	if resp := ask(h, "GET", "/other/config?after=1&wait=20"); resp.StatusCode != 404 {
		t.Errorf("an unknown event: %d", resp.StatusCode)
	}
	if resp := ask(deliver(published("x")), "GET", "/final/config?after=1&wait=20"); resp.StatusCode != 200 {
		t.Errorf("a catalogue that does not change: %d", resp.StatusCode)
	}
}

// A client over HTTP hears of a change while it waits, and of no change when the wait is over.
func TestChangedOverHTTP(t *testing.T) {
	n := operated(t, nil)
	c := client(t, Delivery(n, n, n.Runtime), ForDelivery, ClientOptions{Header: 2 * time.Second})
	if s, err := c.Changed(t.Context(), "final", 0); err != nil || s.Version != 12 {
		t.Fatalf("at once: version %d, %v", s.Version, err)
	}
	asked := time.Now()
	if s, err := c.Changed(t.Context(), "final", 12); err != nil || s.Version != 12 || time.Since(asked) < 900*time.Millisecond {
		t.Errorf("no change: version %d after %v, %v", s.Version, time.Since(asked), err)
	}
	var one sync.WaitGroup
	one.Go(func() {
		if s, err := c.Changed(t.Context(), "final", 12); err != nil || s.Version != 13 || len(s.Notices) != 1 {
			t.Errorf("a change: version %d, %v, %v", s.Version, s.Notices, err)
		}
	})
	time.Sleep(100 * time.Millisecond) // in which it comes to wait, or the change is there already: both are well
	next(t, n, func(s *origin.State) { s.Notices = s.Notices[:1] })
	one.Wait()
	if _, err := c.Changed(t.Context(), "other", 1); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("an unknown event: %v", err)
	}
}

// Whoever waits for a configuration does not keep a server from stopping.
func TestServerStopsWhileConfigsAreAwaited(t *testing.T) {
	n := operated(t, nil)
	ln := servertest.Listen(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, NewServer(Delivery(n, n, n.Runtime), ForDelivery, nil), 0) }()
	c := clientOf(t, ln.Addr().String(), ClientOptions{})
	answer := make(chan error, 1)
	go func() { _, err := c.Changed(t.Context(), "final", 12); answer <- err }()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	stop()
	if err := <-done; err != nil || time.Since(began) > stopGrace/4 {
		t.Errorf("stopped after %v, %v", time.Since(began), err)
	}
	if err := <-answer; err != nil {
		t.Errorf("who waited: %v", err)
	}
}

// tooMany is a catalogue at which no more can wait.
type tooMany struct{ *origin.Node }

func (tooMany) Changed(context.Context, string, int64) (origin.State, error) {
	return origin.State{}, origin.ErrTooMany
}

func TestTooManyWait(t *testing.T) {
	n := operated(t, nil)
	h := Delivery(n, tooMany{n}, n.Runtime)
	if resp := ask(h, "GET", "/final/config?after=12&wait=5"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" ||
		resp.Header.Get("Live-Version") != "12" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
	}
	if _, err := client(t, h, ForDelivery, ClientOptions{}).Changed(t.Context(), "final", 12); !errors.Is(err, origin.ErrTooMany) {
		t.Errorf("the client says %v", err)
	}
}

// A configuration that is none, or another event's, is not taken in.
func TestConfigIsChecked(t *testing.T) {
	s := stateOf(nil)
	good, err := configDocument(&s, epoch)
	if err != nil {
		t.Fatal(err)
	}
	for why, change := range map[string][2]string{
		"a negative version":             {`"version":12`, `"version":-12`},
		"a negative cache version":       {`"cache_version":3`, `"cache_version":-3`},
		"a version that is too large":    {`"version":12`, `"version":1000000000000000`},
		"a notice that is no token":      {`"id":"ad-1"`, `"id":"1"`},
		"an event that cannot be":        {`"segment_ms":2000`, `"segment_ms":1`},
		"another event":                  {`"id":"final"`, `"id":"other"`},
		"cut short":                      {`}]}`, ``},
		"an invalidation out of nowhere": {`"notices"`, `"invalidations":[{"id":"i","pipeline":"z","from":1000,"to":1000,"version":2}],"notices"`},
	} {
		body := strings.Replace(string(good), change[0], change[1], 1)
		if body == string(good) {
			t.Fatalf("%s: nothing changed in %s", why, good)
		}
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		if s, err := client(t, h, ForDelivery, ClientOptions{}).Changed(t.Context(), "final", 0); err == nil {
			t.Errorf("%s: taken in as version %d", why, s.Version)
		}
	}
}

// FuzzConfig: what is believed is valid, and is written and read again as it is.
func FuzzConfig(f *testing.F) {
	for _, change := range []func(*origin.State){nil, func(s *origin.State) {
		s.OnAir, s.Removed = epoch, true
		s.Invalidations = []origin.Invalidation{{ID: "i", Pipeline: "a", From: 1000, To: 1001, Version: 11}}
	}} {
		s := stateOf(change)
		body, err := configDocument(&s, epoch)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseConfig(b)
		if err != nil {
			return
		}
		body, err := configDocument(&s, epoch)
		if err != nil {
			return // a time that RFC 3339 has no year for
		}
		again, err := parseConfig(body)
		if err != nil || again.Version != s.Version || again.Bulletin() != s.Bulletin() || len(again.Invalidations) != len(s.Invalidations) {
			t.Fatalf("%s\nbecomes %+v, %v", b, again, err)
		}
	})
}
