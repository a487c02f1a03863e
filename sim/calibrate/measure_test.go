package calibrate

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// stub is a table whose calls take what a test says, by when they begin.
type stub struct {
	origin.Clock
	began   time.Time
	takes   func(at time.Duration) time.Duration
	fails   func(at time.Duration) error
	mu      sync.Mutex
	rows    map[origin.Key]origin.Object
	stopped []string
	damaged bool // rows come back as others
}

func (s *stub) Table(region string) origin.Store {
	if region != "here" {
		return nil
	}
	return s
}

func (s *stub) About() About { return About{Stack: "stub"} }

func (s *stub) call(ctx context.Context) error {
	at := s.Now().Sub(s.began)
	if err := s.Sleep(ctx, s.takes(at)); err != nil {
		return err
	}
	if s.fails != nil {
		return s.fails(at)
	}
	return nil
}

func (s *stub) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := s.call(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[key] = o
	return nil
}

func (s *stub) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if err := s.call(ctx); err != nil {
		return origin.Object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.rows[key]
	if !ok || o.Digest != digest {
		return origin.Object{}, origin.ErrNotFound
	}
	if s.damaged {
		o.Size++
	}
	return o, nil
}

// zonedStub is a stub whose zones can be stopped.
type zonedStub struct{ *stub }

func (s zonedStub) StopZone(_ context.Context, _, zone string) error {
	s.stopped = append(s.stopped, "stop "+zone)
	return nil
}

func (s zonedStub) StartZone(ctx context.Context, _, zone string) error {
	if ctx.Err() != nil {
		return ctx.Err() // as a driver would
	}
	s.stopped = append(s.stopped, "start "+zone)
	return nil
}

// always is a time that calls always take.
func always(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

// measured measures a stub on the wall clock, in a bubble.
func measured(t *testing.T, s *stub, plan Plan, check func(*Samples, error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		s.Clock, s.began, s.rows = rt, rt.Now(), map[origin.Key]origin.Object{}
		plan.Runtime, plan.Region, plan.Seed = rt, "here", 1
		check(Measure(t.Context(), s, plan, nil))
		rt.Join()
	})
}

// A stall of a second, met by a hundred calls that were due meanwhile, is a hundred slow calls: their latencies are evenly
// between none and a second. A caller who waits for his answer before he asks again would have seen one.
func TestStallsAreNotOmitted(t *testing.T) {
	// The open loop has 70 % of 13 s, from 5 % on when there is no closed loop: here from 3 s to 4 s one waits.
	s := &stub{takes: func(at time.Duration) time.Duration {
		if at >= 3*time.Second && at < 4*time.Second {
			return 4*time.Second - at + ms
		}
		return ms
	}}
	measured(t, s, Plan{For: 13 * time.Second, Sizes: []int{100}, Rate: 100, NoClosed: true}, func(s *Samples, err error) {
		if err != nil {
			t.Fatal(err)
		}
		var slow, all, half int64
		for _, c := range s.Cells {
			all += c.Took.TotalCount()
			for _, b := range c.Took.Distribution() {
				if b.From > 5000 {
					slow += b.Count
				}
				if b.From > 500_000 {
					half += b.Count
				}
			}
		}
		if all < 800 || all > 1000 || slow < 75 || slow > 125 || half < 33 || half > 67 {
			t.Errorf("of %d calls %d were slow and %d by half a second; want 900, 100 and 50", all, slow, half)
		}
	})
}

// A table that answers so slowly that calls pile up is waited for, and the wait counts.
func TestWhatIsHeldCounts(t *testing.T) {
	s := &stub{takes: func(at time.Duration) time.Duration {
		if at < 2*time.Second {
			return ms
		}
		return 4 * time.Second
	}}
	measured(t, s, Plan{For: 20 * time.Second, Sizes: []int{100}, Rate: 1000, NoClosed: true}, func(s *Samples, err error) {
		if err != nil {
			t.Fatal(err)
		}
		var most time.Duration
		for _, c := range s.Cells {
			most = max(most, c.at(1))
		}
		if s.Held == 0 || most < 8*time.Second {
			t.Errorf("%d calls were held, and the longest took %v: want more than what two calls take", s.Held, most)
		}
	})
}

// The warm-up is not in the samples, failures are, and closed loops have as many callers as they say.
func TestCells(t *testing.T) {
	s := &stub{takes: func(at time.Duration) time.Duration {
		if at < time.Second {
			return 40 * ms
		}
		return 10 * ms
	}, fails: func(at time.Duration) error {
		if at >= 19*time.Second && at < 20*time.Second {
			return origin.ErrTimeout
		}
		return nil
	}}
	measured(t, s, Plan{For: 40 * time.Second, Sizes: []int{100, 5000}}, func(s *Samples, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Cells) != 2*2*(3+1) {
			t.Errorf("%d cells", len(s.Cells))
		}
		for _, c := range s.Cells {
			if c.at(1) > 12*ms {
				t.Errorf("%s %d callers %d: %v is of the warm-up", c.Kind, c.Bytes, c.Callers, c.at(1))
			}
			if want := 100 * float64(c.Callers); c.Callers > 0 && (c.rate() < 0.9*want || c.rate() > 1.1*want) {
				t.Errorf("%d callers make %v calls a second", c.Callers, c.rate())
			}
		}
		if want := 800. / 3; s.Plan.Rate < 0.9*want || s.Plan.Rate > 1.1*want {
			t.Errorf("the open loop made %v calls a second, want a third of 800", s.Plan.Rate)
		}
		calls, failed := s.Calls()
		if part := float64(failed) / s.Plan.Rate; part < 0.8 || part > 1.2 {
			t.Errorf("%d of %d calls failed, want those of a second", failed, calls)
		}
		if _, err := s.Fit(); err == nil || !strings.Contains(err.Error(), "failed") {
			t.Errorf("fits a table that fails: %v", err)
		}
	})
}

// twin is a stub with a second region beside the first.
type twin struct{ here, there *stub }

func (t twin) About() About { return About{Stack: "twin"} }

func (t twin) Table(region string) origin.Store {
	if region == "there" {
		return t.there
	}
	return t.here
}

// What is beside the region that is measured gets as many calls of the same sizes, and has no part in the samples.
func TestBesideIsLoadedAndNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		one := func(takes time.Duration) *stub {
			return &stub{Clock: rt, began: rt.Now(), takes: always(takes), rows: map[origin.Key]origin.Object{}}
		}
		both := twin{one(ms), one(200 * ms)}
		s, err := Measure(t.Context(), both, Plan{Runtime: rt, Region: "here", Beside: []string{"there"}, For: time.Minute, Sizes: []int{9},
			Rate: 20, Burst: 5, NoClosed: true}, nil)
		rt.Join()
		if err != nil {
			t.Fatal(err)
		}
		puts := s.cell(Put, 9, 0, false)
		for _, c := range s.Cells {
			if c.at(1) > 2*ms {
				t.Errorf("%s: %v is of what is beside", c.Kind, c.at(1))
			}
		}
		if n := len(both.there.rows); int64(n) < puts.Took.TotalCount() {
			t.Errorf("%d rows beside, and %d calls that were measured", n, puts.Took.TotalCount())
		}
		at := map[time.Duration]int{}
		for _, c := range puts.Calls {
			at[c.Due]++
		}
		for due, n := range at {
			if n != 5 {
				t.Errorf("%d puts at %v, want bursts of 5", n, due)
			}
		}
	})
}

func TestMeasureRefuses(t *testing.T) {
	for _, c := range []struct {
		plan Plan
		want string
	}{
		{Plan{For: time.Millisecond}, "measure for 1ms: not between"},
		{Plan{Sizes: []int{5, 5}}, "in ascending order"},
		{Plan{Sizes: []int{0}}, "sizes [0]"},
		{Plan{Callers: []int{2, 8}}, "from 1 to 1000"},
		{Plan{NoClosed: true}, "calls a second"},
		{Plan{Burst: -1}, "-1 calls at once"},
		{Plan{For: time.Hour, Rate: 1999}, "more than 2000000 calls"},
	} {
		measured(t, &stub{takes: always(ms)}, c.plan, func(_ *Samples, err error) {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v, want %s", c.plan, err, c.want)
			}
		})
	}
	refused := &stub{takes: always(ms), fails: func(time.Duration) error { return origin.ErrNoQuorum }}
	measured(t, refused, Plan{}, func(_ *Samples, err error) {
		if !errors.Is(err, origin.ErrNoQuorum) || !strings.Contains(err.Error(), "of the warm-up failed to put 2 KiB") {
			t.Errorf("a table that refuses everything: %v", err)
		}
	})
	measured(t, &stub{takes: always(ms), damaged: true}, Plan{}, func(_ *Samples, err error) {
		if err == nil || !strings.Contains(err.Error(), "of the warm-up failed to get 2 KiB; the last: read row") {
			t.Errorf("a table that gives other rows: %v", err)
		}
	})
	if _, err := Measure(t.Context(), &stub{}, Plan{Region: "there"}, nil); err == nil || err.Error() != `no region "there" in stack stub` {
		t.Errorf("no such region: %v", err)
	}
}

// A zone that was stopped is started again, also when the measurement is interrupted meanwhile.
func TestZonesComeBack(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rt := new(origin.Wall)
			ctx, cancel := context.WithCancel(t.Context())
			s := zonedStub{&stub{Clock: rt, began: rt.Now(), takes: always(ms), rows: map[origin.Key]origin.Object{}}}
			progress := func(_, _ time.Duration, what string) {
				if interrupted && strings.HasPrefix(what, "open loop without zone") {
					cancel()
				}
			}
			_, err := Measure(ctx, s, Plan{Runtime: rt, Region: "here", Zone: "b", For: 5 * time.Second, Sizes: []int{9}}, progress)
			rt.Join()
			cancel()
			if errors.Is(err, context.Canceled) != interrupted || !interrupted && err != nil || strings.Join(s.stopped, ", ") != "stop b, start b" {
				t.Errorf("interrupted %v: %v, %q", interrupted, err, s.stopped)
			}
		})
	}
}

// The same plan makes the same calls on both clocks, and a model answers them in the same times.
func TestBothClocksMeasureTheSame(t *testing.T) {
	profile := storage.StoreProfile{Name: "known", Replica: known()}
	plan := Plan{Seed: 4, For: 30 * time.Second, Rate: 100, NoClosed: true}
	virtual, err := Virtually(profile, plan)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		ctx, cancel := rt.WithCancel(t.Context())
		m, err := NewModel(ctx, rt, profile, 4)
		if err != nil {
			t.Fatal(err)
		}
		plan.Runtime, plan.Region, plan.Zone = rt, ModelRegion, ModelZone
		wall, err := Measure(ctx, m, plan, nil)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		rt.Join()
		for i, v := range virtual.Cells {
			w := wall.Cells[i]
			if w.Took.TotalCount() != v.Took.TotalCount() || w.Stopped != v.Stopped || w.Failed != v.Failed {
				t.Errorf("%s %d: %d calls on the wall clock, %d in virtual time", v.Kind, v.Bytes, w.Took.TotalCount(), v.Took.TotalCount())
			}
			if a, b := w.at(0.5), v.at(0.5); a > b*13/10 || b > a*13/10 {
				t.Errorf("%s %d: p50 %v on the wall clock, %v in virtual time", v.Kind, v.Bytes, a, b)
			}
		}
	})
}
