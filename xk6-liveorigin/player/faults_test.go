package player_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		about         string
		tamper        func(*origintest.Segment)
		checked       bool
		wrong, defect string
	}{
		{about: "as published", tamper: func(*origintest.Segment) {}, checked: true},
		{about: "one bit flipped", tamper: func(s *origintest.Segment) { s.Body[len(s.Body)-1] ^= 1 }, checked: true, wrong: "digest"},
		{about: "no digest, right otherwise", tamper: func(s *origintest.Segment) { s.NoDigest = true }},
		{about: "another segment under a right digest", checked: true, wrong: "decode-time", tamper: func(s *origintest.Segment) {
			s.Body = origintest.Fragment(12345678, 100)
			s.Digest = origintest.Digest(s.Body)
		}},
		{about: "no fragment at all", checked: true, wrong: "structure", tamper: func(s *origintest.Segment) {
			s.Body = []byte("not found, but 200")
			s.Digest = origintest.Digest(s.Body)
		}},
		{about: "a wrong decode time that is told of", checked: true, defect: "decode-time", tamper: func(s *origintest.Segment) {
			s.Body = origintest.Fragment(12345678, 100)
			s.Digest, s.Defects = origintest.Digest(s.Body), "decode-time, short-segment"
		}},
		{about: "a field of defects that nobody can read", checked: true, defect: "unreadable", tamper: func(s *origintest.Segment) {
			s.Defects = "(((" // never silently clean
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.origin.Tamper = func(_ http.ResponseWriter, _ *http.Request, s *origintest.Segment) bool { c.tamper(s); return false }
			outcomes, _ := w.play(t, t.Context())
			for _, o := range outcomes {
				defect := ""
				if len(o.Defects) > 0 {
					defect = o.Defects[0]
				}
				if !o.Received || o.Checked != c.checked || o.NoDigest == c.checked || o.Wrong != c.wrong || defect != c.defect {
					t.Fatalf("%s: %+v; want checked %v, wrong %q, defect %q", c.about, o, c.checked, c.wrong, c.defect)
				}
			}
			if len(outcomes) != 30 {
				t.Errorf("%s: %d outcomes; want 30", c.about, len(outcomes))
			}
		})
	}
}

// A body longer than announced cannot come through net/http, but a Transport may be another.
func TestLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.network["east"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.origin.ServeHTTP(rw, r)
			_, _ = rw.Write([]byte("more"))
		})
		outcomes, _ := w.play(t, t.Context())
		for _, o := range outcomes {
			if o.Wrong != "length" {
				t.Fatalf("%+v; want a wrong length", o)
			}
		}
	})
}

func TestCheckEvery(t *testing.T) {
	for every, want := range map[int]int{0: 0, 1: 30, 5: 6} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.options.CheckEvery = every
			checked := 0
			outcomes, _ := w.play(t, t.Context())
			for _, o := range outcomes {
				if o.Checked {
					checked++
				}
			}
			if checked != want {
				t.Errorf("check_every %d: %d of 30 checked; want %d", every, checked, want)
			}
		})
	}
}

// An edge that refuses connections is found out once, and left alone for five seconds.
func TestDeadEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		delete(w.network, "east")
		w.plan.Until = 12 * time.Second
		outcomes, r := w.play(t, t.Context())
		if r.Missed != 0 || r.Segments != 120 {
			t.Fatalf("%+v; want all 120 segments from the other edge", r)
		}
		failed := 0
		for _, o := range outcomes {
			failed += o.Failed
			if took := o.Arrived - o.Intended; o.Edge != 1 || took > 20*time.Millisecond {
				t.Errorf("number %d: edge %d, took %v; want the other edge at once", o.Number, o.Edge, took)
			}
		}
		if failed < 3 || failed > 6 {
			t.Errorf("%d failed tries; want 3 to 6: video or audio or both, at the start and after every five seconds", failed)
		}
	})
}

// An edge that takes connections and says nothing is given up when an origin would have answered.
func TestSilentEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Buffer = 4 * time.Second
		w.network["east"] = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		outcomes, r := w.play(t, t.Context())
		if r.Missed != 0 || len(outcomes) != 30 {
			t.Fatalf("%d outcomes, %+v; want all 30 from the other edge", len(outcomes), r)
		}
		for _, o := range outcomes {
			if took := o.Arrived - o.Intended; o.Edge != 1 || took > 1100*time.Millisecond {
				t.Errorf("number %d: edge %d, took %v; want the other edge after a second", o.Number, o.Edge, took)
			}
		}
	})
}

// When nobody can answer, viewers back off instead of hammering, and give up when the segment is no use any more.
func TestAllEdgesRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Buffer = 2 * time.Second
		w.origin.Tamper = func(w http.ResponseWriter, _ *http.Request, _ *origintest.Segment) bool {
			w.Header().Set("Live-Reason", "no-origin")
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		outcomes, r := w.play(t, t.Context())
		if r.Missed != 30 {
			t.Fatalf("%+v; want all missed", r)
		}
		for _, o := range outcomes {
			if o.Missed != "502 no-origin" || o.Edge != 0 || o.Failed != o.Requests {
				t.Fatalf("%+v; want missed with the last answer, under the home edge", o)
			}
			// 2.2 s of rounds of two, with pauses of 100 to 200, 400, 800, 1000 ms: between 3 and 22 rounds.
			if o.Requests < 6 || o.Requests > 44 {
				t.Errorf("number %d: %d requests in 2.2 s; want a few rounds with back-off", o.Number, o.Requests)
			}
		}
	})
}

// Nor does a refused connection, which costs nothing, make them spin.
func TestAllEdgesDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.network, w.options.Buffer = nil, 2*time.Second
		outcomes, _ := w.play(t, t.Context())
		for _, o := range outcomes {
			if o.Missed != "connection refused" || o.Requests < 6 || o.Requests > 44 {
				t.Fatalf("%+v; want a few rounds with back-off", o)
			}
		}
		if len(outcomes) != 30 {
			t.Errorf("%d outcomes; want 30", len(outcomes))
		}
	})
}

// A 503 that says how long it holds is respected.
func TestRefusalLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Buffer = 2 * time.Second
		w.origin.Tamper = func(rw http.ResponseWriter, _ *http.Request, _ *origintest.Segment) bool {
			origintest.Refuse(rw, http.StatusServiceUnavailable, "too-many-holders", 1500*time.Millisecond)
			return true
		}
		outcomes, _ := w.play(t, t.Context())
		for _, o := range outcomes {
			if o.Requests != 4 {
				t.Fatalf("%d requests; want 2 at once and 2 after the lifetime", o.Requests)
			}
		}
	})
}

// A body that breaks off is no segment, and the rest of it may be had elsewhere.
func TestCutBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		inner := w.network
		w.options.CheckEvery = 2
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(r)
			if err == nil && r.URL.Host == "east" && r.URL.Path != "/demo/config" {
				resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 100), broken{}))
			}
			return resp, err
		})
		e, err := player.FetchEvent(t.Context(), transport, nil, &w.options)
		if err != nil {
			t.Fatal(err)
		}
		a := player.Audience{Options: w.options, Event: e, Transport: transport, VU: 1, Sink: &w.seen}
		if _, err := a.Play(t.Context(), w.plan); err != nil {
			t.Fatal(err)
		}
		for _, o := range w.seen.outcomes {
			if !o.Received || o.Edge != 1 || o.Failed != 1 || o.Wrong != "" {
				t.Fatalf("%+v; want it whole from the other edge", o)
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLateAndStalled(t *testing.T) {
	for _, c := range []struct {
		about         string
		delay         time.Duration
		late, stalled bool
		missed        string
	}{
		{"in time", 50 * time.Millisecond, false, false, ""},
		{"after the next one is available, for a viewer that asks some milliseconds late", 180 * time.Millisecond, true, false, ""},
		{"after the next one is available", 300 * time.Millisecond, true, false, ""},
		{"after it should have been on screen", 500 * time.Millisecond, true, true, ""},
		{"when the next one is on screen", 700 * time.Millisecond, false, false, "timeout"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.origin.Tamper = func(_ http.ResponseWriter, r *http.Request, _ *origintest.Segment) bool {
				origintest.Pause(r, c.delay)
				return false
			}
			outcomes, r := w.play(t, t.Context())
			for _, o := range outcomes {
				if o.Late != c.late || o.Stalled() != c.stalled || o.Missed != c.missed {
					t.Fatalf("%s: %+v", c.about, o)
				}
				if o.Stalled() && o.Stall != o.Arrived-o.Intended-400*time.Millisecond {
					t.Fatalf("%s: stalled for %v of %v; want what is beyond the buffer", c.about, o.Stall, o.Arrived-o.Intended)
				}
			}
			if len(outcomes) != 30 || (r.Missed > 0) != (c.missed != "") {
				t.Errorf("%s: %d outcomes, %+v", c.about, len(outcomes), r)
			}
		})
	}
}

func TestSwitches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.origin.Tamper = func(_ http.ResponseWriter, _ *http.Request, s *origintest.Segment) bool {
			if s.Number >= 1005 && s.Number < 1010 && s.Rendition != "a128" {
				s.Pipeline, s.Region = "b", "us-west"
			}
			return false
		}
		outcomes, _ := w.play(t, t.Context())
		for _, o := range outcomes {
			want := o.Rendition == 1 && (o.Number == 1005 || o.Number == 1010)
			if o.Switched != want {
				t.Errorf("number %d of rendition %d, pipeline %s: switched %v; want %v", o.Number, o.Rendition, o.Pipeline, o.Switched, want)
			}
		}
	})
}

// A segment that was overtaken by its successor is no switch there and back.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.origin.Tamper = func(_ http.ResponseWriter, r *http.Request, s *origintest.Segment) bool {
			if s.Number == 1005 {
				s.Pipeline = "b"
				origintest.Pause(r, 350*time.Millisecond)
			}
			return false
		}
		outcomes, _ := w.play(t, t.Context())
		late := 0
		for _, o := range outcomes {
			if o.Pipeline == "b" {
				late++
			}
			if o.Switched {
				t.Errorf("number %d of pipeline %s is a switch; want none", o.Number, o.Pipeline)
			}
		}
		if late != 2 {
			t.Errorf("%d segments of pipeline b; want 2", late)
		}
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithTimeout(t.Context(), 1050*time.Millisecond)
		defer cancel()
		outcomes, r := w.play(t, ctx)
		if since := w.origin.Since(); !r.Interrupted || since > 1100*time.Millisecond {
			t.Errorf("%+v after %v; want an interruption at once", r, since)
		}
		if len(outcomes) < 8 || len(outcomes) > 10 || r.Missed != 0 {
			t.Errorf("%d outcomes, %d missed; want those of 5 segments at most, and none that was only interrupted", len(outcomes), r.Missed)
		}
	})
}

// The number of fetches that one viewer waits for has a bound, and reaching it is visible.
func TestFlightLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Buffer, w.plan.Until = time.Minute, 20*time.Second
		w.network["east"] = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		w.network["west"] = w.network["east"]
		_, r := w.play(t, t.Context())
		full := 0
		for _, o := range w.seen.outcomes {
			if o.Missed == "too many in flight" {
				full++
			}
		}
		if full != 200-128 || r.Missed != 200 {
			t.Errorf("%d of %d were too many; want 72 of 200", full, r.Missed)
		}
	})
}
