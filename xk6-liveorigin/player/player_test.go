package player_test

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

// collector is a Sink that keeps everything.
type collector struct {
	mu       sync.Mutex
	outcomes []player.Outcome
	ticks    map[time.Duration]int
	ended    bool
}

func (c *collector) Segment(o *player.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes = append(c.outcomes, *o)
}

func (c *collector) Tick(at time.Duration, viewers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticks == nil {
		c.ticks = map[time.Duration]int{}
	}
	c.ticks[at] = viewers
}

func (c *collector) End(player.Result) error { c.ended = true; return nil }

// world is an origin behind edges, and an audience.
type world struct {
	origin  *origintest.Origin
	network origintest.Network
	options player.Options
	plan    player.Plan
	seen    collector
}

// newWorld has one viewer with two edges in different regions, for three seconds of 200 ms segments.
func newWorld() *world {
	o := origintest.New()
	return &world{
		origin: o, network: origintest.Network{"east": o, "west": o},
		options: player.Options{
			Event: "demo", Ladder: player.Lowest, Buffer: 400 * time.Millisecond, CheckEvery: 1, Seed: 1,
			Edges: []player.Edge{
				{Name: "east-1", Region: "us-east", URL: "http://east"}, {Name: "west-1", Region: "us-west", URL: "http://west"},
			},
		},
		plan: player.Plan{Viewers: player.Curve{Start: 1, Peak: 1}, Until: 3 * time.Second},
	}
}

// play runs the audience and gives what came of every segment, by number and rendition.
func (w *world) play(t *testing.T, ctx context.Context) ([]player.Outcome, player.Result) {
	t.Helper()
	healthy := origintest.Network{"east": w.origin}
	e, err := player.FetchEvent(ctx, healthy, http.Header{}, &w.options)
	if err != nil {
		t.Fatalf("FetchEvent: %v", err)
	}
	a := player.Audience{Options: w.options, Event: e, Transport: w.network, VU: 1, Sink: &w.seen}
	r, err := a.Play(ctx, w.plan)
	if err != nil || !w.seen.ended {
		t.Fatalf("Play: %v, sink ended %v", err, w.seen.ended)
	}
	slices.SortFunc(w.seen.outcomes, func(a, b player.Outcome) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Rendition, b.Rendition), cmp.Compare(a.Intended, b.Intended))
	})
	return w.seen.outcomes, r
}

// refuseOnce answers the first request for each segment at an edge with a status.
func refuseOnce(o *origintest.Origin, host string, status int, reason string) {
	var mu sync.Mutex
	seen := map[string]bool{}
	o.Tamper = func(w http.ResponseWriter, r *http.Request, _ *origintest.Segment) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Host != host || seen[r.URL.Path] {
			return false
		}
		seen[r.URL.Path] = true
		origintest.Refuse(w, status, reason, 0)
		return true
	}
}

func TestQuietEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		outcomes, r := w.play(t, t.Context())
		if len(outcomes) != 30 || r.Segments != 30 || r.Missed != 0 || r.Peak != 1 || r.Interrupted {
			t.Fatalf("3 s of 200 ms segments, video and audio: %d outcomes, %+v; want 30 of 15 numbers", len(outcomes), r)
		}
		for i, o := range outcomes {
			available := time.Duration(o.Number-999) * 200 * time.Millisecond
			offset := o.Intended - available
			if want := player.Number(1000 + i/2); o.Number != want {
				t.Errorf("outcome %d is of number %d; want %d", i, o.Number, want)
			}
			if offset != outcomes[0].Intended-200*time.Millisecond || offset <= 0 || offset >= 100*time.Millisecond {
				t.Errorf("number %d: offset %v; want the viewer's constant one within 0 and 100ms", o.Number, offset)
			}
			if o.Lag != 0 || o.Requests != 1 || !o.Received || !o.Checked || o.Wrong != "" || o.Edge != 0 || o.Pipeline != "a" {
				t.Errorf("number %d: %+v; want one clean checked answer of the home edge", o.Number, o)
			}
			published := max(available+20*time.Millisecond, o.Intended)
			if o.Arrived != published || o.Held != (published > o.Intended) {
				t.Errorf("number %d: arrived %v held %v; want %v, and held only if asked before", o.Number, o.Arrived, o.Held, published)
			}
			// The newest picture is as old as that, whenever the viewer asked; the wait for an answer is from when it asked.
			if o.Available != available || o.Latency() != published-available || o.FirstByte() != published-o.Intended {
				t.Errorf("number %d: available %v latency %v first byte %v; want %v %v %v", o.Number, o.Available, o.Latency(),
					o.FirstByte(), available, published-available, published-o.Intended)
			}
		}
	})
}

// A server that freezes for a second must not look good by not being asked meanwhile.
func TestNoCoordinatedOmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Buffer = 2 * time.Second
		w.origin.Tamper = func(_ http.ResponseWriter, r *http.Request, _ *origintest.Segment) bool {
			if since := w.origin.Since(); since >= time.Second && since < 2*time.Second {
				origintest.Pause(r, 2*time.Second-since)
			}
			return false
		}
		outcomes, _ := w.play(t, t.Context())
		if len(outcomes) != 30 {
			t.Fatalf("%d outcomes; want 30: the freeze must not slow down the asking", len(outcomes))
		}
		slow := 0
		for _, o := range outcomes {
			if o.Lag != 0 {
				t.Errorf("number %d was asked for %v late", o.Number, o.Lag)
			}
			if o.Intended >= time.Second && o.Intended < 2*time.Second {
				slow++
				if o.Arrived != 2*time.Second || o.Latency() != 2*time.Second-o.Available || o.FirstByte() != 2*time.Second-o.Intended {
					t.Errorf("number %d: latency %v first byte %v arrived %v; want the rest of the freeze",
						o.Number, o.Latency(), o.FirstByte(), o.Arrived)
				}
			}
		}
		if slow != 10 {
			t.Errorf("%d outcomes within the freeze; want 5 segments of 2 renditions", slow)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		about                   string
		status                  int
		reason                  string
		host                    string
		requests, failed, early int
		edge                    int
		missed                  string
		least, most             time.Duration // from the intended time to the last byte
	}{
		{"a 5xx at home: the next edge at once", 503, "store-failed", "east", 2, 1, 0, 1, "", 0, 20 * time.Millisecond},
		{"a 410: final", 410, "gap", "east", 1, 0, 0, 0, "410 gap", 0, 0},
		{"a 404 that is early: again after its lifetime, here the least", 404, "early", "east", 2, 0, 1, 0, "",
			5 * time.Millisecond, 25 * time.Millisecond},
		{"a status that should not be", 302, "", "east", 2, 1, 0, 1, "", 0, 20 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			refuseOnce(w.origin, c.host, c.status, c.reason)
			outcomes, r := w.play(t, t.Context())
			if len(outcomes) != 30 {
				t.Fatalf("%s: %d outcomes; want 30", c.about, len(outcomes))
			}
			for _, o := range outcomes {
				if o.Requests != c.requests || o.Failed != c.failed || o.Early != c.early || o.Edge != c.edge || o.Missed != c.missed {
					t.Fatalf("%s: %+v; want %+v", c.about, o, c)
				}
				if took := o.Arrived - o.Intended; o.Received && (took < c.least || took > c.most) {
					t.Fatalf("%s: took %v; want within %v and %v", c.about, took, c.least, c.most)
				}
			}
			if (c.missed != "") != (r.Missed == 30) {
				t.Errorf("%s: %+v", c.about, r)
			}
		})
	}
}
