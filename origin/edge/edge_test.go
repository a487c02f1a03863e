package edge

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/origin"
)

func testEvent(start time.Time) origin.Event {
	return origin.Event{
		ID: "demo", AvailabilityStartTime: start, StartNumber: 1, End: start.Add(time.Minute),
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: 20 * time.Second, PublishDelay: 300 * time.Millisecond,
		RetryBudget: 2 * time.Second, Patience: 500 * time.Millisecond, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v"}},
		Regions:    []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}},
	}
}

// upstream is a scripted origin: each call takes the next answer, the last one for ever.
type upstream struct {
	rt      origin.Runtime
	mu      sync.Mutex
	calls   int
	answers []answer
}

type answer struct {
	after time.Duration
	resp  origin.Response
	err   error
}

func (u *upstream) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	u.mu.Lock()
	a := u.answers[min(u.calls, len(u.answers)-1)]
	u.calls++
	u.mu.Unlock()
	if err := u.rt.Sleep(ctx, a.after); err != nil {
		return origin.Response{}, err
	}
	return a.resp, a.err
}

func published(body string, maxAge time.Duration) answer {
	return answer{resp: origin.Response{Reason: origin.Published, MaxAge: maxAge,
		Object: origin.Object{Body: []byte(body), Size: len(body)}}}
}

func refused(r origin.Reason, maxAge time.Duration) answer {
	return answer{resp: origin.Response{Reason: r, MaxAge: maxAge}}
}

func defective(d origin.Defects) answer {
	a := published("defective "+d.String(), time.Minute)
	a.resp.Reason, a.resp.Defects = origin.Defective, d
	return a
}

var unreachable = answer{err: origin.ErrUnreachable}

type world struct {
	*Edge
	rt    *origin.Wall
	start time.Time
}

// newWorld makes an edge in the east over upstreams that answer as scripted: those in the east first.
func newWorld(ups ...*upstream) *world {
	rt := new(origin.Wall)
	c := Config{Name: "e1", Region: "east", Runtime: rt, Context: context.Background(), CacheBytes: 1 << 20}
	for i, u := range ups {
		u.rt = rt
		c.Upstreams = append(c.Upstreams, Upstream{Name: string(rune('1' + i)), Region: []string{"east", "west"}[min(i, 1)],
			Getter: u})
	}
	w := &world{New(c), rt, rt.Now()}
	w.Learn(origin.State{Event: testEvent(w.start)})
	return w
}

func (w *world) until(d time.Duration) {
	_ = w.rt.Sleep(context.Background(), w.start.Add(d).Sub(w.rt.Now()))
}

func (w *world) get(n origin.SegmentNumber) origin.Response {
	r, err := w.Get(context.Background(), origin.Request{Event: "demo", Rendition: "v", Number: n})
	if err != nil {
		return origin.Response{Reason: origin.Reason(err.Error())}
	}
	return r
}

// Requests outside of the legitimate range never reach an origin.
func TestRangeIsRefusedAtTheEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{published("x", time.Minute)}}
		w := newWorld(up)
		w.until(25 * time.Second) // live edge 12, the buffer begins with 3
		for n, want := range map[origin.SegmentNumber]origin.Reason{
			-5: origin.BeforeStart, 0: origin.BeforeStart, 1: origin.Expired, 14: origin.Early, 30: origin.Early,
			31: origin.AfterEnd, 1 << 60: origin.AfterEnd,
		} {
			if got := w.get(n); got.Reason != want || got.Cache.Cache != "e1" {
				t.Errorf("%d: %s, want %s", n, got.Reason, want)
			}
		}
		r, _ := w.Get(context.Background(), origin.Request{Event: "other", Rendition: "v", Number: 5})
		s, _ := w.Get(context.Background(), origin.Request{Event: "demo", Rendition: "w", Number: 5})
		if r.Reason != origin.UnknownEvent || s.Reason != origin.UnknownRendition {
			t.Errorf("unknown event: %s, unknown rendition: %s", r.Reason, s.Reason)
		}
		if up.calls != 0 {
			t.Errorf("%d requests reached the origin", up.calls)
		}
		if got := w.get(13); got.Reason != origin.Published || up.calls != 1 {
			t.Errorf("the next segment: %s after %d calls", got.Reason, up.calls)
		}
	})
}

// A lifetime ends to the millisecond, not to the second.
func TestMillisecondLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{published("x", 1337*time.Millisecond)}}
		w := newWorld(up)
		w.until(5 * time.Second)
		w.get(1)
		w.until(6336 * time.Millisecond)
		if r := w.get(1); !r.Cache.Hit || r.MaxAge != time.Millisecond {
			t.Errorf("a millisecond before the end: %+v, %v left", r.Cache, r.MaxAge)
		}
		w.until(6337 * time.Millisecond)
		if r := w.get(1); r.Cache.Hit || up.calls != 2 {
			t.Errorf("at the end: %+v after %d calls", r.Cache, up.calls)
		}
	})
}

func TestConcurrentMissesAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := published("x", time.Minute)
		slow.after = time.Second
		up := &upstream{answers: []answer{slow}}
		w := newWorld(up)
		w.until(5 * time.Second)
		// The first client leaves; the others must not suffer from it.
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := w.Get(ctx, origin.Request{Event: "demo", Rendition: "v", Number: 1}); !errors.Is(err, context.Canceled) {
				t.Errorf("the first left with %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			all.Go(func() {
				if r := w.get(1); r.Reason != origin.Published || !r.Cache.Collapsed {
					t.Errorf("got %s, %+v", r.Reason, r.Cache)
				}
			})
		}
		synctest.Wait()
		cancel()
		all.Wait()
		if up.calls != 1 {
			t.Errorf("%d fetches", up.calls)
		}
	})
}

// Each of those who waited for one fetch is told how long it was held itself; who comes later was not held at all.
func TestHoldIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := published("x", time.Minute)
		held.after, held.resp.Hold, held.resp.Store = 2*time.Second, 1900*time.Millisecond, 100*time.Millisecond
		w := newWorld(&upstream{answers: []answer{held}})
		w.until(5 * time.Second)
		var both sync.WaitGroup
		both.Go(func() {
			if r := w.get(1); r.Hold != 1900*time.Millisecond {
				t.Errorf("the first was held for %v", r.Hold)
			}
		})
		w.until(6500 * time.Millisecond)
		both.Go(func() {
			if r := w.get(1); r.Hold != 500*time.Millisecond {
				t.Errorf("the second was held for %v", r.Hold)
			}
		})
		both.Wait()
		if r := w.get(1); r.Hold != 0 || r.Store != 0 || !r.Cache.Hit {
			t.Errorf("the third was held for %v, the store took %v", r.Hold, r.Store)
		}
	})
}

func TestFailOver(t *testing.T) {
	for _, c := range []struct {
		why   string
		first answer
		want  string
	}{
		{"unreachable", unreachable, "west"},
		{"store in trouble", refused(origin.StoreFailed, 0), "west"},
		{"a hole that the other region does not have", refused(origin.Gap, time.Minute), "west"},
		{"a header that the other region has", refused(origin.NoHeader, time.Second), "west"},
		{"a defective segment that the other region has clean", defective(origin.ShortSegment), "west"},
		{"all is well", published("east", time.Minute), "east"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(&upstream{answers: []answer{c.first}}, &upstream{answers: []answer{published("west", time.Minute)}})
			w.until(5 * time.Second)
			if r := w.get(1); string(r.Object.Body) != c.want {
				t.Errorf("%s: %s %q", c.why, r.Reason, r.Object.Body)
			}
		})
	}
}

// When nobody has it clean, the milder defect wins, wherever it is; a defect beats a hole.
func TestMilderDefectOfTwoRegions(t *testing.T) {
	short, sync, gap := defective(origin.ShortSegment), defective(origin.NotSync), refused(origin.Gap, time.Minute)
	for _, c := range []struct {
		east, west answer
		want       origin.Defects
	}{
		{short, sync, origin.ShortSegment}, {sync, short, origin.ShortSegment}, {gap, sync, origin.NotSync},
		{sync, gap, origin.NotSync}, {sync, unreachable, origin.NotSync},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(&upstream{answers: []answer{c.east}}, &upstream{answers: []answer{c.west}})
			w.until(5 * time.Second)
			if r := w.get(1); r.Reason != origin.Defective || r.Defects != c.want {
				t.Errorf("got %s %v, want %v", r.Reason, r.Defects, c.want)
			}
		})
	}
}

func TestHoleIsBelievedWhenBothRegionsSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east := &upstream{answers: []answer{refused(origin.Gap, time.Minute)}}
		west := &upstream{answers: []answer{refused(origin.Gap, time.Minute)}}
		w := newWorld(east, west)
		w.until(5 * time.Second)
		for range 3 {
			if r := w.get(1); r.Reason != origin.Gap {
				t.Errorf("got %s", r.Reason)
			}
		}
		if diff := cmp.Diff([]int{1, 1}, []int{east.calls, west.calls}); diff != "" {
			t.Errorf("fetches: %s", diff)
		}
	})
}

// A region that is gone is passed over for a moment, then asked again; one that is back is preferred again.
func TestUpstreamComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east := &upstream{answers: []answer{unreachable, published("east", time.Millisecond)}}
		west := &upstream{answers: []answer{published("west", time.Millisecond)}}
		w := newWorld(east, west)
		w.until(5 * time.Second)
		got := []string{string(w.get(1).Object.Body)}
		w.until(5100 * time.Millisecond)
		got = append(got, string(w.get(1).Object.Body))
		w.until(5600 * time.Millisecond)
		got = append(got, string(w.get(1).Object.Body))
		if diff := cmp.Diff([]string{"west", "west", "east"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// With nobody to ask, an edge neither asks for every request nor gives up: it asks five times a second.
func TestOutageIsNotMultiplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{unreachable, unreachable, published("x", time.Minute)}}
		w := newWorld(up)
		w.until(5 * time.Second)
		for range 100 {
			if r := w.get(1); r.Reason != origin.NoOrigin {
				t.Errorf("got %s", r.Reason)
			}
		}
		w.until(5200 * time.Millisecond)
		w.get(1)
		if up.calls != 2 {
			t.Errorf("%d fetches in 200 ms, want 2", up.calls)
		}
		w.until(5400 * time.Millisecond)
		if r := w.get(1); r.Reason != origin.Published {
			t.Errorf("then %s: an upstream that is down is asked all the same when there is no other", r.Reason)
		}
	})
}

func TestFlushAndBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{published(string(make([]byte, 300_000)), time.Minute)}}
		w := newWorld(up)
		w.until(15 * time.Second)
		for n := origin.SegmentNumber(1); n <= 4; n++ {
			w.get(n)
		}
		w.get(2) // 1 MiB has room for three, so 1 has gone; now 3 is the one that was used the longest ago
		w.get(1)
		w.get(2)
		if up.calls != 5 {
			t.Errorf("%d fetches, want 5", up.calls)
		}
		if n := w.Flush(); n != 3 {
			t.Errorf("flushed %d, want 3", n)
		}
		if w.get(2); up.calls != 6 {
			t.Errorf("%d fetches after the flush, want 6", up.calls)
		}
	})
}

// What has expired does not stay until somebody asks for it again: of a long event all would.
func TestExpiredGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{answers: []answer{published("x", 3*time.Second)}}
		w := newWorld(up)
		for n := origin.SegmentNumber(1); n <= 20; n++ {
			w.until(time.Duration(2*n) * time.Second)
			w.get(n)
			if kept := len(w.cache.entries); kept > 2 || kept != len(w.cache.expiring) || kept != w.cache.recent.Len() {
				t.Fatalf("%d answers of 3 s after %d segments of 2 s", kept, n)
			}
		}
		if size := w.cache.size; size != 2*(1+overhead) {
			t.Errorf("%d bytes counted for two answers of one", size)
		}
	})
}
