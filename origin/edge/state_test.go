package edge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// stateOf is the test event in a version.
func (w *world) stateOf(version int64, change ...func(*origin.State)) origin.State {
	s := origin.State{Event: testEvent(w.start), Version: version}
	for _, f := range change {
		f(&s)
	}
	return s
}

// from is an answer of one pipeline, that an origin gave when it knew an event's version.
func from(pipeline string, version, cacheVersion int64) answer {
	a := published("from "+pipeline, time.Minute)
	a.resp.Pipeline, a.resp.Bulletin = pipeline, origin.Bulletin{Version: version, CacheVersion: cacheVersion}
	return a
}

func told(a answer, notices string) answer {
	a.resp.Bulletin.Notices = notices
	return a
}

// Whatever comes in whatever order, what the edge tells is the newest it has heard of, whole, and nothing older ever
// again; cache versions do not go back even where a newer state has a smaller one.
func TestBulletinNeverGoesBack(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			up := &upstream{answers: []answer{{}}}
			w := newWorld(up)
			w.until(15 * time.Second)
			payload := func(version int64) string { return fmt.Sprintf("n%d;at=@0;text=\"x\"", version) }
			var newest, cacheVersion int64
			for step := range 60 {
				version, cv := 1+r.Int64N(20), r.Int64N(4)
				cv = min(cv+version/5, 9)
				if r.IntN(3) == 0 {
					w.Learn(w.stateOf(version, func(s *origin.State) {
						s.CacheVersion, s.Notices = cv, []origin.Notice{{ID: fmt.Sprint("n", version), At: time.Unix(0, 0), Text: "x"}}
					}))
				} else {
					w.Flush()
					up.answers = []answer{told(from("a", version, cv), payload(version))}
					w.get(3)
				}
				if version > newest {
					newest, cacheVersion = version, max(cacheVersion, cv)
				}
				w.Flush()
				for _, n := range []origin.SegmentNumber{4, 999, 0} { // a fill, a refusal for ever, one for now
					up.answers = []answer{told(from("a", 1, 0), payload(1))}
					newest = max(newest, 1)
					got := w.get(n).Bulletin
					if want := (origin.Bulletin{Version: newest, CacheVersion: cacheVersion, Notices: payload(newest)}); n != 4 && got != want || got.Version < newest {
						t.Fatalf("step %d of seed %d, segment %d: got %+v, want %+v", step, seed, n, got, want)
					}
				}
			}
		})
	}
}

// A new cache version makes everything unreachable at once, wherever it was heard of, and what is still under way as well.
func TestCacheVersionIsInTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{from("a", 1, 0)}}
		w := newWorld(up)
		w.until(15 * time.Second)
		for range 2 {
			w.get(3)
			w.get(4)
		}
		if up.calls != 2 {
			t.Fatalf("%d fetches before", up.calls)
		}
		slow := from("a", 1, 0)
		slow.after = time.Second
		up.answers = []answer{slow}
		var both sync.WaitGroup
		both.Go(func() { w.get(5) })
		synctest.Wait()
		up.answers = []answer{from("a", 2, 1)}
		w.Learn(w.stateOf(2, func(s *origin.State) { s.CacheVersion = 1 }))
		both.Wait()
		for _, n := range []origin.SegmentNumber{3, 4, 5} {
			if r := w.get(n); r.Cache.Hit || r.Bulletin.CacheVersion != 1 {
				t.Errorf("%d after the bump: %+v, %+v", n, r.Cache, r.Bulletin)
			}
			if r := w.get(n); !r.Cache.Hit {
				t.Errorf("%d then: %+v", n, r.Cache)
			}
		}
		up.answers = []answer{from("a", 3, 2)}
		w.get(6) // which is how the edge hears of the next one
		if r := w.get(3); r.Cache.Hit || r.Bulletin.CacheVersion != 2 {
			t.Errorf("heard of by an answer: %+v, %+v", r.Cache, r.Bulletin)
		}
		up.answers = []answer{from("a", 2, 1)} // a cache that has not heard of it
		w.get(7)
		if r := w.get(7); r.Cache.Hit {
			t.Errorf("what may have been cached before the bump was kept")
		}
		w.until(50 * time.Second)
		w.get(25)
		if n := len(w.cache.entries); n > 10 || w.cache.size > w.cache.limit {
			t.Errorf("%d entries, %d bytes: what cannot be reached has to go like the rest", n, w.cache.size)
		}
	})
}

// meant says in plain words what an invalidation is for: the reference for entry.outdated.
func meant(v origin.Invalidation, pipeline, region string, n origin.SegmentNumber, made int64) bool {
	inRange := !(n < v.From) && !(n > v.To)
	anyRegion := v.Region == ""
	return made < v.Version && inRange && pipeline == v.Pipeline && (anyRegion || region == v.Region)
}

// An object is expired if and only if an invalidation means it, over random events, and what is not meant stays.
func TestInvalidationAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	expired := 0
	const rounds = 20_000
	for range rounds {
		st := &origin.State{Version: 9}
		for range r.IntN(4) {
			at := origin.SegmentNumber(r.IntN(6))
			st.Invalidations = append(st.Invalidations, origin.Invalidation{Pipeline: pick("a", "b"), Region: pick("", "east", "west"),
				From: at, To: at + origin.SegmentNumber(r.IntN(4)), Version: 1 + r.Int64N(9)})
		}
		e := &entry{made: r.Int64N(10), asked: 9, key: key{req: origin.Request{Number: origin.SegmentNumber(r.IntN(10))}}}
		e.resp = origin.Response{Reason: origin.Published, Pipeline: pick("a", "b"), ServedBy: pick("east", "west"), Region: pick("east", "west")}
		want := slices.ContainsFunc(st.Invalidations, func(v origin.Invalidation) bool {
			return meant(v, e.resp.Pipeline, e.resp.ServedBy, e.key.req.Number, e.made)
		})
		if want {
			expired++
		}
		if got := e.outdated(st); got != want {
			t.Fatalf("%+v of version %d: %v, want %v, by %+v", e.resp, e.made, got, want, st.Invalidations)
		}
	}
	if expired < rounds/20 || expired > rounds*19/20 {
		t.Errorf("%d of %d expired, which tests little", expired, rounds)
	}
}

// What is invalidated is fetched again, once; what comes from the region that was not meant, or was fetched after it, stays.
func TestInvalidationThroughTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east := &upstream{answers: []answer{from("a", 1, 0)}}
		west := &upstream{answers: []answer{from("a", 1, 0)}}
		w := newWorld(east, west)
		w.Learn(w.stateOf(1))
		w.until(15 * time.Second)
		if r := w.get(3); r.ServedBy != "east" {
			t.Errorf("served by %q", r.ServedBy)
		}
		east.answers = []answer{unreachable}
		if r := w.get(4); r.ServedBy != "west" {
			t.Errorf("served by %q", r.ServedBy)
		}
		mark := func(version int64, region string) {
			w.Learn(w.stateOf(version, func(s *origin.State) {
				s.Invalidations = []origin.Invalidation{{ID: "i", Pipeline: "a", Region: region, From: 3, To: 5, Version: version}}
			}))
		}
		mark(2, "east")
		east.answers, west.answers = []answer{from("b", 2, 0)}, []answer{from("b", 2, 0)}
		w.until(15700 * time.Millisecond)
		if r := w.get(3); r.Cache.Hit || r.Pipeline != "b" {
			t.Errorf("meant: %+v from %q", r.Cache, r.Pipeline)
		}
		if r := w.get(3); !r.Cache.Hit {
			t.Errorf("fetched since: %+v", r.Cache)
		}
		if r := w.get(4); !r.Cache.Hit || r.Pipeline != "a" {
			t.Errorf("from the other region: %+v from %q", r.Cache, r.Pipeline)
		}
		mark(3, "")
		if r := w.get(4); r.Cache.Hit {
			t.Errorf("meant in any region: %+v", r.Cache)
		}
	})
}

// An origin that does not know of an invalidation yet may serve just what is meant: that is not taken for the new.
func TestInvalidationOutlastsSlowOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{from("a", 1, 0)}}
		w := newWorld(up)
		w.Learn(w.stateOf(2, func(s *origin.State) {
			s.Invalidations = []origin.Invalidation{{ID: "i", Pipeline: "a", From: 3, To: 5, Version: 2}}
		}))
		w.until(15 * time.Second)
		w.get(3)
		if r := w.get(3); r.Cache.Hit {
			t.Errorf("served by an origin that is behind: %+v", r.Cache)
		}
		up.answers = []answer{from("b", 2, 0)}
		w.get(3)
		if r := w.get(3); !r.Cache.Hit || r.Pipeline != "b" {
			t.Errorf("then: %+v from %q", r.Cache, r.Pipeline)
		}
	})
}

// A fetch that began before an invalidation answers those who asked before it, and nobody else.
func TestInvalidationDuringAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := from("a", 1, 0)
		slow.after = time.Second
		up := &upstream{answers: []answer{slow}}
		w := newWorld(up)
		w.Learn(w.stateOf(1))
		w.until(15 * time.Second)
		var first sync.WaitGroup
		first.Go(func() {
			if r := w.get(3); r.Pipeline != "a" {
				t.Errorf("before: from %q", r.Pipeline)
			}
		})
		synctest.Wait()
		up.answers = []answer{from("b", 2, 0)}
		w.Learn(w.stateOf(2, func(s *origin.State) {
			s.Invalidations = []origin.Invalidation{{ID: "i", Pipeline: "a", From: 3, To: 5, Version: 2}}
		}))
		if r := w.get(3); r.Pipeline != "b" || r.Cache.Collapsed {
			t.Errorf("after: from %q, %+v", r.Pipeline, r.Cache)
		}
		first.Wait()
		if r := w.get(3); r.Pipeline != "b" || !r.Cache.Hit || up.calls != 2 {
			t.Errorf("then: from %q, %+v, %d fetches", r.Pipeline, r.Cache, up.calls)
		}
	})
}

// A refusal is one of the event as it was: when operators take an end back, caches do not go on to refuse for an hour.
func TestRefusalsOfAnOlderEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{refused(origin.AfterEnd, time.Hour), from("a", 3, 0)}}
		w := newWorld(up)
		w.Learn(w.stateOf(1))
		w.until(15 * time.Second)
		if r := w.get(7); r.Reason != origin.AfterEnd {
			t.Fatal(r.Reason)
		}
		if r := w.get(7); !r.Cache.Hit {
			t.Errorf("the same event: %+v", r.Cache)
		}
		w.Learn(w.stateOf(3))
		if r := w.get(7); r.Reason != origin.Published {
			t.Errorf("another event: %s, %+v", r.Reason, r.Cache)
		}
	})
}

// When the event ends early, or is removed, the edge knows: nobody is asked, whatever is cached.
func TestEarlyEndAndRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{from("a", 1, 0)}}
		w := newWorld(up)
		w.Learn(w.stateOf(1))
		w.until(15 * time.Second)
		w.get(5)
		w.get(7)
		w.Learn(w.stateOf(2, func(s *origin.State) { s.End = w.start.Add(12 * time.Second) }))
		if r := w.get(7); r.Reason != origin.AfterEnd || r.Bulletin.Version != 2 {
			t.Errorf("after an early end: %s, version %d", r.Reason, r.Bulletin.Version)
		}
		if r := w.get(5); !r.Cache.Hit {
			t.Errorf("before an early end: %s, %+v", r.Reason, r.Cache)
		}
		w.Learn(w.stateOf(3, func(s *origin.State) { s.Removed = true }))
		for _, n := range []origin.SegmentNumber{5, 7, origin.Header, 99} {
			if r := w.get(n); r.Reason != origin.EventRemoved || r.MaxAge != time.Hour || r.Bulletin.Version != 3 {
				t.Errorf("%d of a removed event: %s for %v", n, r.Reason, r.MaxAge)
			}
		}
		if _, known := w.Event("demo"); known || up.calls != 2 {
			t.Errorf("known: %v, %d fetches", known, up.calls)
		}
	})
}

// Where an edge refuses by itself it says what a node would, at any time and in any state.
func TestEdgeRefusesLikeANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		refusals := map[origin.Reason]int{}
		for range 500 {
			w := newWorld(&upstream{answers: []answer{unreachable}})
			s := w.stateOf(1)
			s.AvailabilityStartTime = w.start.Add(time.Duration(r.IntN(120)-90) * time.Second)
			if s.End = s.AvailabilityStartTime.Add(time.Duration(10+r.IntN(60)) * time.Second); r.IntN(3) == 0 {
				s.End = time.Time{}
			}
			s.Removed = r.IntN(10) == 0
			node := origin.NewNode(origin.NodeConfig{Name: "o", Region: "east", Runtime: w.rt, Store: origin.NewMemory(w.rt, 1<<20), NoHold: true})
			if err := node.Apply(s); err != nil {
				t.Fatal(err)
			}
			w.Learn(s)
			for range 20 {
				req := origin.Request{Event: []string{"demo", "demo", "demo", "other"}[r.IntN(4)],
					Rendition: []string{"v", "v", "v", "w"}[r.IntN(4)], Number: origin.SegmentNumber(r.IntN(60) - 2)}
				st, _ := w.known(req.Event)
				got, refused := w.refuse(st, req, w.rt.Now())
				if !refused {
					continue
				}
				refusals[got.Reason]++
				want, err := node.Get(t.Context(), req)
				if err != nil || got.Reason != want.Reason || got.MaxAge != want.MaxAge {
					t.Fatalf("%+v of %+v: %s for %v, the node says %s for %v", req, s, got.Reason, got.MaxAge, want.Reason, want.MaxAge)
				}
			}
		}
		if len(refusals) != 7 {
			t.Errorf("not all refusals were there: %v", refusals)
		}
	})
}

// The first answer after a restart's first fill carries what there is to tell (facts.md, HDR-8), to a hit and a refusal too.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&upstream{answers: []answer{told(from("a", 7, 2), "x;at=@1;text=\"y\"")}})
		w.until(15 * time.Second)
		if r := w.get(99); r.Bulletin.Version != 0 {
			t.Errorf("before anything is known: %+v", r.Bulletin)
		}
		for _, n := range []origin.SegmentNumber{3, 3, 99} {
			if b := w.get(n).Bulletin; b.Version != 7 || b.CacheVersion != 2 || b.Notices == "" {
				t.Errorf("%d: %+v", n, b)
			}
		}
	})
}

// An origin that has more to do than it can is not multiplied by asking the next one, and its refusal is kept; one that
// was for somebody who does not wait is not kept for those who do.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east := &upstream{answers: []answer{refused(origin.Overloaded, 5*time.Second), from("a", 1, 0)}}
		west := &upstream{answers: []answer{from("a", 1, 0)}}
		w := newWorld(east, west)
		w.until(15 * time.Second)
		ask := func(n origin.SegmentNumber, background bool) origin.Response {
			r, err := w.Get(context.Background(), origin.Request{Event: "demo", Rendition: "v", Number: n, Background: background})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for range 3 {
			if r := ask(3, true); r.Reason != origin.Overloaded || west.calls != 0 || east.calls != 1 {
				t.Errorf("who fetches ahead: %s, %d and %d fetches", r.Reason, east.calls, west.calls)
			}
		}
		if r := ask(3, false); r.Reason != origin.Published {
			t.Errorf("who waits: %s", r.Reason)
		}
		east.answers = []answer{refused(origin.Overloaded, 5*time.Second)}
		ask(4, false)
		if r := ask(4, true); r.Reason != origin.Overloaded || !r.Cache.Hit {
			t.Errorf("who fetches ahead what is refused to others: %s, %+v", r.Reason, r.Cache)
		}
		east.answers = []answer{from("a", 1, 0)}
		w.until(20 * time.Second)
		ask(4, true)
		if r := ask(4, false); !r.Cache.Hit {
			t.Errorf("what was fetched ahead is for everyone: %s, %+v", r.Reason, r.Cache)
		}
	})
}

// Edges tell those behind them.
func TestChangedAtAnEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		if _, err := w.Changed(t.Context(), "other", 0); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		var one sync.WaitGroup
		one.Go(func() {
			if s, err := w.Changed(t.Context(), "demo", 1); err != nil || s.Version != 2 || w.rt.Now().Sub(w.start) != 2*time.Second {
				t.Errorf("version %d at %v, %v", s.Version, w.rt.Now().Sub(w.start), err)
			}
		})
		w.until(time.Second)
		w.Learn(w.stateOf(1))
		w.until(2 * time.Second)
		w.Learn(w.stateOf(2))
		w.Learn(w.stateOf(1))
		one.Wait()
		if s, _ := w.State("demo"); s.Version != 2 {
			t.Errorf("an older state was learnt: %d", s.Version)
		}
	})
}

// Behind another cache, the region is that of the origin which that one asked.
func TestServedByIsTheOriginsRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := from("a", 1, 0)
		far.resp.ServedBy = "west"
		w := newWorld(&upstream{answers: []answer{far}})
		w.until(15 * time.Second)
		if r := w.get(3); r.ServedBy != "west" {
			t.Errorf("served by %q", r.ServedBy)
		}
	})
}
