package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
)

// failing is a store that cannot be read.
type failing struct{ origin.Store }

func (failing) Get(context.Context, origin.Key, uint32) (origin.Object, error) {
	return origin.Object{}, errors.New("down")
}

// announced is a world with an event of which segment 8, at the live edge, is said to be in the store.
func announced(t *testing.T, change func(*origin.NodeConfig)) *world {
	t.Helper()
	w := newWorld(t, change)
	w.apply(cup())
	time.Sleep(20 * time.Second)
	w.node.Announce(origin.Announcement{Key: origin.Key{Event: "cup", Rendition: "v1", Number: 8, Pipeline: "a"},
		Candidate: origin.Candidate{Pipeline: "a", Region: "us-east", Size: 1}})
	return w
}

func TestLogRefusals(t *testing.T) {
	segment := func(n origin.SegmentNumber) origin.Request {
		return origin.Request{Event: "cup", Rendition: "v1", Number: n}
	}
	synctest.Test(t, func(t *testing.T) {
		w := announced(t, func(c *origin.NodeConfig) { c.Store = failing{c.Store} })
		log, _, out := newLog()
		g := metrics.LogRefusals(w.node, log)
		traced := metrics.Traced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range 5 {
				_, _ = g.Get(r.Context(), segment(8))
				_, _ = g.Get(r.Context(), segment(0))
				_, _ = g.Get(r.Context(), origin.Request{Event: "made-up"}) // for debugging only
			}
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", "00-"+traceID+"-"+spanID+"-01")
		traced.ServeHTTP(nil, r)
		want := "level=WARN msg=\"answered store-failed\" class=live event=cup rendition=v1 number=8 reason=store-failed status=503 trace_id=" +
			traceID + " span_id=" + spanID + "\n" +
			"level=INFO msg=\"answered gap\" class=dvr event=cup rendition=v1 number=0 reason=gap status=410 trace_id=" + traceID + " span_id=" + spanID + "\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}

		out.Reset()
		time.Sleep(time.Second)
		left, leave := context.WithCancel(t.Context())
		leave()
		_, err := g.Get(left, segment(10)) // held, and left
		if !errors.Is(err, context.Canceled) || out.Len() > 0 {
			t.Errorf("%v, and %q for a client that left", err, out)
		}
		late, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		_, _ = g.Get(late, segment(10))
		if got, want := out.String(), "level=WARN msg=\"no answer\" class=live event=cup rendition=v1 number=10 error=\"context deadline exceeded\"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// refusing is an Admission that admits nobody.
type refusing struct{}

func (refusing) Admit(origin.Ask) bool                { return false }
func (refusing) Refuses(origin.Ask) bool              { return true }
func (refusing) Done(origin.Ask, time.Duration, bool) {}

// What is refused from memory alone is told of once a second, as what Get refuses is, and counted together with it.
func TestLogRefusalsFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := announced(t, func(c *origin.NodeConfig) { c.Admission = refusing{} })
		log, l, out := newLog()
		g := metrics.LogRefusals(w.node, log)
		memory := g.(interface {
			Refused(origin.Request) (origin.Refusal, bool)
		})
		req := origin.Request{Event: "cup", Rendition: "v1", Number: 8}
		for range 3 {
			if r, ok := memory.Refused(req); !ok || r.Reason != origin.Overloaded || r.Class != origin.LiveEdge || !r.At.Equal(time.Now()) {
				t.Fatalf("%+v, %v", r, ok)
			}
		}
		_, _ = g.Get(t.Context(), req)
		want := "level=WARN msg=\"answered overloaded\" class=live event=cup rendition=v1 number=8 reason=overloaded status=503\n"
		if out.String() != want || l.Swallowed() != 3 {
			t.Errorf("%d swallowed, got\n%swant\n%s", l.Swallowed(), out, want)
		}
		time.Sleep(time.Second)
		_, _ = memory.Refused(req)
		if !strings.HasSuffix(out.String(), "status=503 swallowed=3\n") {
			t.Errorf("got %q", out)
		}
	})
}

func TestLogRefusalsDebug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		var out bytes.Buffer
		g := metrics.LogRefusals(w.node, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		if _, err := g.Get(t.Context(), origin.Request{Event: "made-up\nlevel=ERROR", Rendition: "v1", Number: 1}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); bytes.Count(out.Bytes(), []byte("\n")) != 1 || !bytes.Contains(out.Bytes(), []byte("unknown-event")) {
			t.Errorf("got %q, want one line of an unknown event", got)
		}
	})
}
