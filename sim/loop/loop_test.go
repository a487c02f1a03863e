package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// worlds are small programs, each with a log of what it saw. Both clocks must write the same log.
var worlds = map[string]func(rt origin.Runtime, say func(string, ...any)){
	"sleepers wake by time": func(rt origin.Runtime, say func(string, ...any)) {
		for _, ms := range []time.Duration{30, 10, 20} {
			rt.Go(func() {
				err := rt.Sleep(context.Background(), ms*time.Millisecond)
				say("%d: %v", ms, err)
			})
		}
	},
	"a sleep of nothing returns at once": func(rt origin.Runtime, say func(string, ...any)) {
		say("%v %v", rt.Sleep(context.Background(), 0), rt.Sleep(context.Background(), -time.Second))
		ctx, cancel := rt.WithCancel(context.Background())
		cancel()
		say("%v %v", rt.Sleep(ctx, 0), rt.Sleep(ctx, time.Second))
	},
	"a signal wakes who waits, and who comes later does not wait": func(rt origin.Runtime, say func(string, ...any)) {
		s := rt.NewSignal()
		for i := range 3 {
			rt.Go(func() {
				_ = rt.Sleep(context.Background(), time.Duration(i)*time.Millisecond)
				err := s.Wait(context.Background(), rt.Now().Add(time.Hour))
				_ = rt.Sleep(context.Background(), time.Duration(i)*time.Millisecond)
				say("%d: %v", i, err)
			})
		}
		_ = rt.Sleep(context.Background(), 10*time.Millisecond)
		s.Fire()
		s.Fire()
		_ = rt.Sleep(context.Background(), 10*time.Millisecond)
		say("late: %v, after its deadline: %v", s.Wait(context.Background(), rt.Now().Add(time.Hour)),
			s.Wait(context.Background(), rt.Now().Add(-time.Hour)))
	},
	"a signal that nobody fires": func(rt origin.Runtime, say func(string, ...any)) {
		s := rt.NewSignal()
		say("%v", s.Wait(context.Background(), rt.Now().Add(time.Second)))
		say("%v", s.Wait(context.Background(), rt.Now().Add(-time.Second)))
	},
	"cancelled in the middle, also from above": func(rt origin.Runtime, say func(string, ...any)) {
		above, cancel := rt.WithCancel(context.Background())
		below, own := rt.WithCancel(above)
		defer own()
		s := rt.NewSignal()
		rt.Go(func() { say("sleep: %v", rt.Sleep(below, time.Hour)) })
		rt.Go(func() {
			err := s.Wait(below, rt.Now().Add(time.Hour))
			_ = rt.Sleep(context.Background(), time.Millisecond)
			say("wait: %v", err)
		})
		rt.Go(func() {
			err := rt.Sleep(context.WithoutCancel(below), 2*time.Second)
			say("without cancel: %v", err)
		})
		_ = rt.Sleep(context.Background(), time.Second)
		cancel()
		say("%v %v", above.Err(), below.Err())
		_ = rt.Sleep(context.Background(), 100*time.Millisecond)
		late, own2 := rt.WithCancel(below)
		defer own2()
		say("derived too late: %v", late.Err())
	},
	"a child's end is not its parent's": func(rt origin.Runtime, say func(string, ...any)) {
		above, cancel := rt.WithCancel(context.Background())
		defer cancel()
		below, end := rt.WithCancel(above)
		end()
		say("%v %v %v", above.Err(), below.Err(), rt.Sleep(above, time.Millisecond))
	},
	"who is cancelled has left the signal": func(rt origin.Runtime, say func(string, ...any)) {
		s := rt.NewSignal()
		ctx, cancel := rt.WithCancel(context.Background())
		for i := range 100 {
			rt.Go(func() {
				use := context.Background()
				if i%3 > 0 {
					use = ctx
				}
				err := s.Wait(use, rt.Now().Add(time.Duration(1+i%2)*time.Hour))
				_ = rt.Sleep(context.Background(), time.Duration(i)*time.Millisecond)
				say("%d: %v", i, err)
			})
		}
		_ = rt.Sleep(context.Background(), time.Second)
		cancel()
		_ = rt.Sleep(context.Background(), 90*time.Minute)
		s.Fire()
	},
}

func TestSameOnBothClocks(t *testing.T) {
	for name, world := range worlds {
		var onLoop, onWall []string
		l := New(epoch)
		l.Go(func() {
			world(l, func(format string, args ...any) {
				onLoop = append(onLoop, fmt.Sprintf("%v ", l.Elapsed())+fmt.Sprintf(format, args...))
			})
		})
		if err := l.Run(epoch.Add(24 * time.Hour)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := l.Close(); n != 0 || l.pending() != 0 {
			t.Errorf("%s: %d coroutines and %d wakeups are left", name, n, l.pending())
		}
		synctest.Test(t, func(t *testing.T) {
			rt := new(origin.Wall)
			began := rt.Now()
			lines := make(chan string, 1000)
			rt.Go(func() {
				world(rt, func(format string, args ...any) {
					lines <- fmt.Sprintf("%v ", time.Since(began)) + fmt.Sprintf(format, args...)
				})
			})
			rt.Join()
			close(lines)
			for line := range lines {
				onWall = append(onWall, line)
			}
		})
		// At one instant the wall clock has no order.
		slices.Sort(onLoop)
		slices.Sort(onWall)
		if !slices.Equal(onLoop, onWall) || len(onLoop) == 0 {
			t.Errorf("%s:\non the loop  %q\non the clock %q", name, onLoop, onWall)
		}
	}
}

// What was asked for first comes first, whatever it was.
func TestOrderAtOneInstant(t *testing.T) {
	l := New(epoch)
	var got []string
	say := func(s string) { got = append(got, s) }
	s := l.NewSignal()
	l.Go(func() { _ = l.Sleep(context.Background(), time.Second); say("sleeper 1"); s.Fire() })
	l.Wake(epoch.Add(time.Second), wakerFunc(func() { say("waker") }))
	l.Go(func() { _ = s.Wait(context.Background(), epoch.Add(time.Hour)); say("signalled 1") })
	l.Go(func() { _ = s.Wait(context.Background(), epoch.Add(time.Second)); say("timed out") })
	l.Go(func() {
		_ = l.Sleep(context.Background(), time.Second)
		say("sleeper 2")
		l.Go(func() { say("started") })
	})
	if err := runAll(l, 1000); err != nil {
		t.Fatal(err)
	}
	l.Close()
	want := "waker, sleeper 1, sleeper 2, signalled 1, timed out, started"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

// runAll lets everything happen, up to a number of wakeups.
func runAll(l *Loop, wakeups int64) error {
	for last := l.wakeups + wakeups; l.err == nil && l.wakeups < last; {
		at, ok := l.queue.peek()
		if !ok {
			break
		}
		l.step(at)
	}
	return l.err
}

type wakerFunc func()

func (f wakerFunc) Wake() { f() }

func TestRunStopsAtItsTime(t *testing.T) {
	l := New(epoch)
	defer l.Close()
	woken := 0
	for i := range 10 {
		l.After(time.Duration(i)*time.Second, wakerFunc(func() { woken++ }))
	}
	if err := l.Run(epoch.Add(4500 * time.Millisecond)); err != nil || woken != 5 || l.Elapsed() != 4500*time.Millisecond {
		t.Errorf("%v: %d woken by %v", err, woken, l.Elapsed())
	}
	stopped := l.After(time.Second, wakerFunc(func() { t.Error("was stopped") }))
	if !l.Stop(stopped) || l.Stop(stopped) || l.Stop(Timer{}) {
		t.Error("a timer can be stopped once")
	}
	if err := l.Run(epoch.Add(time.Hour)); err != nil || woken != 10 || l.Elapsed() != 9*time.Second || l.pending() != 0 {
		t.Errorf("%v: %d woken by %v", err, woken, l.Elapsed())
	}
}

// A world that has lost its way ends with an error, whatever way that is, and nothing is left of it.
func TestLostWorlds(t *testing.T) {
	for name, c := range map[string]struct {
		world func(l *Loop)
		want  error
	}{
		"wakes itself at once": {func(l *Loop) {
			var again wakerFunc
			again = func() { l.After(0, again) }
			again()
		}, ErrRestless},
		"retries without a pause": {func(l *Loop) {
			l.Go(func() {
				for l.Sleep(context.Background(), 0) == nil {
				}
			})
		}, ErrRestless},
		"waits for the time without passing it": {func(l *Loop) {
			l.Go(func() {
				for l.Now().Before(epoch.Add(time.Hour)) {
				}
			})
		}, ErrRestless},
		"polls a signal in the past": {func(l *Loop) {
			l.Go(func() {
				for l.NewSignal().Wait(context.Background(), epoch) != nil {
				}
			})
		}, ErrRestless},
		"multiplies": {func(l *Loop) {
			var multiply func()
			multiply = func() { l.Go(multiply); l.Go(multiply); _ = l.Sleep(context.Background(), time.Second) }
			l.Go(multiply)
		}, ErrCrowded},
		"panics":            {func(l *Loop) { l.Go(func() { panic("at the disco") }) }, ErrPanic},
		"panics in a waker": {func(l *Loop) { l.After(1, wakerFunc(func() { panic("at the disco") })) }, ErrPanic},
		"waits outside of a coroutine": {func(l *Loop) {
			l.After(1, wakerFunc(func() { _ = l.Sleep(context.Background(), 1) }))
		}, ErrPanic},
	} {
		l := New(epoch)
		l.Limits = Limits{Instant: 10_000, Coroutines: 5_000}
		deferred := false
		l.Go(func() {
			defer func() { deferred = true; _ = l.Sleep(context.Background(), time.Second) }()
			_ = l.Sleep(context.Background(), time.Hour)
		})
		c.world(l)
		if err := l.Run(epoch.Add(time.Minute)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if l.Close() == 0 || !deferred {
			t.Errorf("%s: the sleeper was not unwound", name)
		}
	}
}

func TestNeverAtRest(t *testing.T) {
	l := New(epoch)
	l.Go(func() {
		for l.Sleep(context.Background(), time.Second) == nil {
		}
	})
	if err := l.Settle(1000); err == nil || !strings.Contains(err.Error(), "still at it after 1000") {
		t.Error(err)
	}
	if l.Working() != 1 || l.Close() != 1 {
		t.Error("the one that goes on is not counted")
	}
}

func TestLeakedCoroutine(t *testing.T) {
	l := New(epoch)
	ctx, cancel := l.WithCancel(context.Background())
	defer cancel()
	for range 3 {
		l.Go(func() { l.current("park").park() })
		l.Go(func() { _ = l.Sleep(ctx, time.Hour) })
	}
	var ticking wakerFunc // a model that never ends keeps nobody
	ticking = func() { l.After(time.Minute, ticking) }
	if err := l.Settle(1000); !errors.Is(err, ErrLeaked) || !strings.Contains(err.Error(), "3 of them") {
		t.Error(err)
	}
	if n := l.Close(); n != 3 {
		t.Errorf("%d were unwound", n)
	}
	l = New(epoch)
	ticking()
	l.Go(func() { _ = l.Sleep(context.Background(), time.Hour) })
	if err := l.Settle(1000); err != nil || l.Elapsed() != time.Hour {
		t.Errorf("%v at %v", err, l.Elapsed())
	}
	l.Close()
}

// Cancelled wakeups do not pile up: those of time-outs that are hours away would.
func TestCancelledWakeupsAreSwept(t *testing.T) {
	l := New(epoch)
	defer l.Close()
	for range 100_000 {
		l.Stop(l.After(time.Hour, wakerFunc(func() {})))
	}
	if l.queue.size > 10_000 || l.pending() != 0 {
		t.Errorf("%d entries for %d wakeups", l.queue.size, l.pending())
	}
}

// In the steady state neither a sleep, nor a signal, nor a Go allocates.
func TestWakeupsAllocateNothing(t *testing.T) {
	l := New(epoch)
	defer l.Close()
	ctx, cancel := l.WithCancel(context.Background())
	defer cancel()
	for range 100 {
		l.Go(func() {
			for l.Sleep(ctx, time.Millisecond) == nil {
			}
		})
	}
	nothing := func() {}
	(&everyMillisecond{l, nothing}).Wake()
	second := func() {
		if err := l.Run(l.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		second()
	}
	before := l.Wakeups()
	if n := testing.AllocsPerRun(5, second); n > 10 {
		t.Errorf("%v allocations for %d wakeups", n, (l.Wakeups()-before)/6)
	}
}

type everyMillisecond struct {
	loop *Loop
	do   func()
}

func (e *everyMillisecond) Wake() {
	e.loop.Go(e.do)
	e.loop.After(time.Millisecond, e)
}

// BenchmarkLoop counts whole wakeups: through the queue, the slots, and what is woken.
func BenchmarkLoop(b *testing.B) {
	b.Run("wakers/1e3", func(b *testing.B) { benchmarkWakers(b, 1_000) })
	b.Run("wakers/1e6", func(b *testing.B) { benchmarkWakers(b, 1_000_000) })
	b.Run("sleepers/1e3", func(b *testing.B) { benchmarkSleepers(b, 1_000) })
	b.Run("go", func(b *testing.B) {
		l := New(epoch)
		defer l.Close()
		nothing := func() {}
		b.ReportAllocs()
		for b.Loop() {
			l.Go(nothing)
			if err := runAll(l, 10); err != nil {
				b.Fatal(err)
			}
		}
	})
}

type holder struct {
	loop  *Loop
	ahead []int64
	turn  int
}

func (h *holder) Wake() {
	h.turn++
	h.loop.After(time.Duration(h.ahead[h.turn%len(h.ahead)]), h)
}

func benchmarkWakers(b *testing.B, pending int) {
	l := New(epoch)
	defer l.Close()
	ahead := drawn(increments["exponential"])
	hs := make([]holder, pending)
	for i := range hs {
		hs[i] = holder{l, ahead, i * 7}
		hs[i].Wake()
	}
	_ = runAll(l, int64(2*pending))
	b.ReportAllocs()
	b.ResetTimer()
	_ = runAll(l, int64(b.N))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

func benchmarkSleepers(b *testing.B, pending int) {
	l := New(epoch)
	defer l.Close()
	ahead := drawn(increments["exponential"])
	for i := range pending {
		l.Go(func() {
			for turn := i * 7; ; turn++ {
				if l.Sleep(context.Background(), time.Duration(ahead[turn%len(ahead)])) != nil {
					return
				}
			}
		})
	}
	_ = runAll(l, int64(4*pending))
	b.ReportAllocs()
	b.ResetTimer()
	_ = runAll(l, int64(b.N))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}
