package player_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

func TestRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.plan.Viewers = player.Curve{Start: 2, Ramp: 2 * time.Second, Peak: 12}
		w.plan.Until = 4 * time.Second
		_, r := w.play(t, t.Context())
		if r.Peak != 12 || r.PlannedPeak != 12 {
			t.Errorf("%+v; want a peak of 12", r)
		}
		// One more every 200 ms, the first of them after 200 ms; at four seconds all have asked for the last segment.
		for at, want := range map[time.Duration]int{1: 7, 2: 12, 3: 12} {
			// Who comes at the whole second may be counted in it, or not.
			if got := w.seen.ticks[at*time.Second]; got != want && (at == 3 || got != want-1) {
				t.Errorf("%d viewers at %v s; want %d (%v)", got, int(at), want, w.seen.ticks)
			}
		}
	})
}

func TestViewerPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Ladder = player.Spread
		w.plan.Viewers = player.Curve{Start: 8, Peak: 8}
		outcomes, _ := w.play(t, t.Context())
		count := map[string]int{}
		offsets := map[time.Duration]bool{}
		for _, o := range outcomes {
			offsets[o.Intended%(200*time.Millisecond)] = true
			count[fmt.Sprint(o.Edge, o.Rendition)]++
		}
		// 15 numbers, 8 viewers, 2 edges, 2 videos; everybody hears the audio.
		for key, want := range map[string]int{"0 0": 30, "0 1": 30, "1 0": 30, "1 1": 30, "0 2": 60, "1 2": 60} {
			if count[key] != want {
				t.Errorf("edge and rendition %s: %d segments; want %d (%v)", key, count[key], want, count)
			}
		}
		if len(offsets) != 8 {
			t.Errorf("8 viewers have %d offsets; want each its own", len(offsets))
		}
	})
}

func TestLadders(t *testing.T) {
	for ladder, want := range map[string][]int{
		"lowest": {1, 2}, "highest": {0, 2}, "spread": {0, 1, 2}, "v1080": {0, 2}, "a128": {2},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.options.Ladder, w.plan.Viewers = ladder, player.Curve{Start: 4, Peak: 4}
			outcomes, _ := w.play(t, t.Context())
			var played []int
			for _, o := range outcomes {
				if !slices.Contains(played, o.Rendition) {
					played = append(played, o.Rendition)
				}
			}
			if slices.Sort(played); !slices.Equal(played, want) {
				t.Errorf("ladder %s: renditions %v; want %v", ladder, played, want)
			}
		})
	}
}

func TestUnknownLadder(t *testing.T) {
	w := newWorld()
	w.options.Ladder = "v720"
	e, err := player.FetchEvent(t.Context(), w.network, nil, &w.options)
	if err != nil {
		t.Fatal(err)
	}
	a := player.Audience{Options: w.options, Event: e, Transport: w.network, Sink: &w.seen}
	if _, err := a.Play(t.Context(), w.plan); err == nil || !strings.Contains(err.Error(), "v1080") {
		t.Errorf("error %v; want one that lists the event's renditions", err)
	}
}

// DVR viewers keep a constant distance to live, never below the event's first number and never outside its buffer.
func TestDVR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.DVRShare = 1
		w.plan.Viewers = player.Curve{Start: 20, Peak: 20, Ramp: 0}
		w.plan.Until = 45 * time.Second
		time.Sleep(25 * time.Second) // 30 s of buffer: from 10 s to 25 s behind
		outcomes, r := w.play(t, t.Context())
		if r.Missed != 0 {
			t.Errorf("%d missed; want none: everything is in the buffer", r.Missed)
		}
		distances := map[time.Duration]bool{}
		for _, o := range outcomes {
			behind := o.Intended - time.Duration(o.Number-999)*200*time.Millisecond
			if o.Class != player.DVR || o.Number < 1000 || behind < 10*time.Second || behind > 25300*time.Millisecond {
				t.Fatalf("%+v is %v behind; want a DVR viewer within 10 s and what there is", o, behind)
			}
			distances[behind/100/time.Millisecond] = true
		}
		if len(distances) < 8 || len(distances) > 20 {
			t.Errorf("%d distances of 20 viewers; want many, each constant", len(distances))
		}
	})
}

// In a young event a DVR viewer waits until it can be ten seconds behind.
func TestDVRYoungEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.DVRShare, w.plan.Until = 1, 12*time.Second
		outcomes, _ := w.play(t, t.Context())
		if len(outcomes) != 20 || outcomes[0].Number != 1000 || outcomes[0].Intended < 10*time.Second {
			t.Errorf("%d outcomes, first %+v; want the first ten segments, from ten seconds on", len(outcomes), outcomes[0])
		}
	})
}

func TestDVRShare(t *testing.T) {
	for share, want := range map[float64]int{0: 0, 0.05: 10, 1: 200} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.options.DVRShare, w.plan.Viewers = share, player.Curve{Start: 200, Peak: 200}
			w.plan.Until = 10500 * time.Millisecond
			time.Sleep(10 * time.Second)
			outcomes, _ := w.play(t, t.Context())
			edges, viewers := map[int]bool{}, 0
			for _, o := range outcomes {
				if o.Class == player.DVR && o.Rendition == 1 && o.Number == 1000 {
					viewers++
					edges[o.Edge] = true
				}
			}
			if viewers < want-1 || viewers > want+1 || want > 0 && len(edges) != 2 {
				t.Errorf("share %v of 200: %d DVR viewers on %d edges; want %d on both", share, viewers, len(edges), want)
			}
		})
	}
}

func TestScrub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.DVRShare, w.plan.Until = 1, 20*time.Second
		w.options.Scrub = player.Window{From: 15 * time.Second, Until: 17 * time.Second}
		outcomes, r := w.play(t, t.Context())
		if r.Missed != 0 {
			t.Errorf("%d missed; want none: positions are within the buffer", r.Missed)
		}
		var jumps []player.Number
		offset := outcomes[0].Intended % (200 * time.Millisecond)
		for _, o := range outcomes {
			if at := o.Intended - offset; at >= 15*time.Second && at < 17*time.Second {
				if o.Rendition != 1 {
					t.Errorf("%+v; want video only while scrubbing", o)
				}
				jumps = append(jumps, o.Number)
			}
		}
		distinct := len(slices.Compact(slices.Clone(jumps)))
		if len(jumps) != 8 || distinct < 5 {
			t.Errorf("%d jumps to %v; want one every 250 ms, about", len(jumps), jumps)
		}
		if last := outcomes[len(outcomes)-1]; last.Intended < 19900*time.Millisecond && last.Number < 1048 {
			t.Errorf("last %+v; want the viewer back at its distance", last)
		}
	})
}

// The same seed asks for the same things at the same times; another seed does not.
func TestSeed(t *testing.T) {
	asked := func(seed uint64) (s []string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.options.Seed, w.options.DVRShare, w.options.Ladder = seed, 0.3, player.Spread
			w.plan.Viewers, w.plan.Until = player.Curve{Peak: 10, Ramp: time.Second}, 12*time.Second
			w.options.Scrub = player.Window{From: 11 * time.Second, Until: 12 * time.Second}
			outcomes, _ := w.play(t, t.Context())
			for _, o := range outcomes {
				s = append(s, fmt.Sprint(o.Number, o.Rendition, o.Edge, o.Intended, o.Class))
			}
			slices.Sort(s)
		})
		return s
	}
	first, again, other := asked(7), asked(7), asked(8)
	if !slices.Equal(first, again) {
		t.Error("the same seed asked for other things")
	}
	if slices.Equal(first, other) {
		t.Error("another seed asked for the same things")
	}
}

func TestEventEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.origin.Length, w.plan.Until = 1500*time.Millisecond, 0 // the last segment is cut short, but it is one
		outcomes, _ := w.play(t, t.Context())
		if len(outcomes) != 16 || outcomes[15].Number != 1007 {
			t.Errorf("%d outcomes up to %d; want 8 segments up to 1007", len(outcomes), outcomes[len(outcomes)-1].Number)
		}
	})
}

// What is played for a while begins now, however old the event is.
func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.plan.Until, w.plan.For = 0, time.Second
		time.Sleep(5*time.Second + 10*time.Millisecond)
		outcomes, _ := w.play(t, t.Context())
		if len(outcomes) != 10 || outcomes[0].Number != 1025 || outcomes[9].Number != 1029 {
			t.Errorf("%d outcomes; want 5 segments from 1025 on: %+v", len(outcomes), outcomes)
		}
	})
}

func TestPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.options.Phases = []player.Phase{{Name: "one", From: time.Second}, {Name: "two", From: 2 * time.Second}}
		outcomes, _ := w.play(t, t.Context())
		for _, o := range outcomes {
			want := -1
			if o.Intended >= time.Second {
				want++
			}
			if o.Intended >= 2*time.Second {
				want++
			}
			if o.Phase != want {
				t.Errorf("intended at %v: phase %d; want %d", o.Intended, o.Phase, want)
			}
		}
	})
}

// An audience may be there before its event: it keeps asking, edge after edge, for ten seconds.
func TestFetchEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.network["east"] = http.NotFoundHandler()
		w.network["west"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if w.origin.Since() < 4*time.Second {
				rw.WriteHeader(http.StatusNotFound)
				return
			}
			w.origin.ServeHTTP(rw, r)
		})
		if _, err := player.FetchEvent(t.Context(), w.network, nil, &w.options); err != nil || w.origin.Since() > 5*time.Second {
			t.Errorf("after %v: %v; want the event after four seconds", w.origin.Since(), err)
		}
		delete(w.network, "west")
		began := time.Now()
		_, err := player.FetchEvent(t.Context(), w.network, nil, &w.options)
		if err == nil || !strings.Contains(err.Error(), "edge west-1") || time.Since(began) != 10*time.Second {
			t.Errorf("after %v: %v; want an error that names the edges after ten seconds", time.Since(began), err)
		}
	})
}

// An audience that is there before its event goes by the start that the event has in the end, whether it was put off or brought
// forward while they waited, and whichever edges do not answer; and it is there in time.
func TestAwaitStart(t *testing.T) {
	for name, row := range map[string]struct {
		moved time.Duration
		edges []string
	}{
		"put off": {8 * time.Second, []string{"east", "west"}}, "brought forward": {-5 * time.Second, []string{"west"}},
		"nobody to ask": {0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.origin.Start = w.origin.Start.Add(12 * time.Second)
				e, err := player.FetchEvent(t.Context(), w.network, nil, &w.options)
				if err != nil {
					t.Fatal(err)
				}
				moved, began := *w.origin, time.Now()
				moved.Start = moved.Start.Add(row.moved)
				clear(w.network)
				for _, edge := range row.edges {
					w.network[edge] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						if time.Since(began) < 4*time.Second {
							w.origin.ServeHTTP(rw, r)
							return
						}
						moved.ServeHTTP(rw, r)
					})
				}
				e = player.AwaitStart(t.Context(), w.network, nil, &w.options, e)
				if early := time.Until(moved.Start); !e.Start.Equal(moved.Start) || early != time.Second {
					t.Errorf("starts at %v, want %v; ready %v before", e.Start, moved.Start, early)
				}
				time.Sleep(2 * time.Second)
				if began := time.Now(); player.AwaitStart(t.Context(), w.network, nil, &w.options, e) != e || time.Since(began) != 0 {
					t.Error("waited for the start of an event that has started")
				}
			})
		})
	}
}

func TestNoEnd(t *testing.T) {
	w := newWorld()
	w.plan.Until = 0
	e, err := player.ParseEvent(origintest.New().Config(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a := player.Audience{Options: w.options, Event: e, Transport: w.network, Sink: &w.seen}
	if _, err := a.Play(t.Context(), w.plan); err == nil {
		t.Error("an event without an end was played without an end")
	}
}
