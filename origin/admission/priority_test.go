package admission

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/liveorigin/liveorigin/origin"
)

// hand is a clock that is moved by hand.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time { return h.now }

func (h *hand) Sleep(_ context.Context, d time.Duration) error { h.pass(d); return nil }

func (h *hand) pass(d time.Duration) { h.now = h.now.Add(d) }

func newHand() *hand { return &hand{time.Unix(1_700_000_000, 0)} }

func ask(class origin.Class) origin.Ask { return origin.Ask{Event: "e", Class: class, Bytes: 1000} }

// finish lets so many reads come back that were slow, after so many that were not: the share of slow ones only rises.
func finish(p *Priority, slow, fast int) {
	for i := range slow + fast {
		p.mu.Lock()
		p.read(1, 1)
		p.mu.Unlock()
		took := DefaultSlow
		if i >= fast {
			took++
		}
		p.Done(ask(origin.DVR), took, false)
	}
}

// admitted counts, of a thousand requests, those that get in. They are given back at once, without a word about the store.
func admitted(p *Priority, a origin.Ask) (n int) {
	for range 1000 {
		if p.Admit(a) {
			n++
			p.Done(a, 0, true)
		}
	}
	return n
}

func TestClassesGiveWayInOrder(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		slow, fast            int // reads that came back
		reading               int // of 1000 at most
		live, dvr, background int // admitted of a thousand
	}{
		{"nothing happens", 0, 0, 0, 1000, 1000, 1000},
		{"all is well", 0, 100, 500, 1000, 1000, 1000},
		{"two in five are slow", 40, 60, 0, 1000, 1000, 1000},
		{"some more are", 50, 50, 0, 1000, 1000, 334},
		{"half of the way", 55, 45, 0, 1000, 1000, 0},
		{"three in five are", 60, 40, 0, 1000, 667, 0},
		{"two thirds are", 70, 30, 0, 1000, 0, 0},
		{"all are", 100, 0, 0, 1000, 0, 0},
		{"too few to tell", 7, 0, 0, 1000, 1000, 1000},
		{"many at once", 0, 100, 583, 1000, 1000, 502},
		{"more at once", 0, 100, 667, 1000, 998, 0},
		{"still more at once", 0, 100, 750, 1000, 500, 0},
		{"only the live edge is left", 0, 100, 834, 996, 0, 0},
		{"nearly as many as there may be", 0, 100, 960, 240, 0, 0},
		{"as many as there may be", 0, 100, 1000, 0, 0, 0},
		{"the worst counts", 100, 0, 520, 1000, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for class, want := range map[origin.Class]int{origin.LiveEdge: tt.live, origin.DVR: tt.dvr, origin.Background: tt.background, "": tt.background} {
				p := NewPriority(newHand(), Config{Reads: 1000})
				finish(p, tt.slow, tt.fast)
				p.reading = tt.reading
				if got := admitted(p, ask(class)); got != want {
					t.Errorf("of class %q %d of a thousand, want %d", class, got, want)
				}
			}
		})
	}
}

// What is remembered asks nothing of the store, however it is; the network is another matter.
func TestEgress(t *testing.T) {
	for _, tt := range []struct {
		class origin.Class
		want  int // of a thousand requests of 1000 bytes within a second
	}{{origin.LiveEdge, 917}, {origin.DVR, 750}, {origin.Background, 583}} {
		clock := newHand()
		p := NewPriority(clock, Config{Reads: 10, Egress: 1_000_000})
		finish(p, 100, 0)
		p.reading = 10
		a := ask(tt.class)
		a.Remembered, a.Bytes = true, 1000
		got := 0
		for range 10_000 {
			if p.Admit(a) {
				got++
			}
			clock.pass(90 * time.Microsecond)
		}
		if got < tt.want-83 || got > tt.want+84 { // a class gives way over a sixth of the limit
			t.Errorf("of class %s %d within the second, want some %d", tt.class, got, tt.want)
		}
	}
}

// When the store is well again, so is everyone, within seconds; and not at once, for nothing is known of it before.
func TestRecovery(t *testing.T) {
	for _, seen := range []bool{true, false} { // whether reads come back meanwhile: of the live edge
		clock := newHand()
		p := NewPriority(clock, Config{})
		finish(p, 100, 0)
		var first, last time.Duration // when DVR is admitted, and when all of it is
		for passed := time.Duration(0); passed < 10*time.Second; passed += 10 * time.Millisecond {
			clock.pass(10 * time.Millisecond)
			if seen {
				finish(p, 0, 1)
			}
			if p.Admit(ask(origin.DVR)) {
				p.Done(ask(origin.DVR), 0, true)
				if first == 0 {
					first = passed
				}
			} else {
				last = passed
			}
		}
		if first < 300*time.Millisecond || last > Recovery || last <= first {
			t.Errorf("reads are seen %v: DVR is admitted from %v on, all of it from %v", seen, first, last)
		}
	}
}

// A store that stays slow is not forgotten: the few that are let through raise the stress again.
func TestStressLasts(t *testing.T) {
	clock := newHand()
	p := NewPriority(clock, Config{})
	finish(p, 100, 0)
	tried, in := 0, 0
	for range 3000 { // half a minute, a hundred requests a second
		clock.pass(10 * time.Millisecond)
		if tried++; p.Admit(ask(origin.DVR)) {
			in++
			p.Done(ask(origin.DVR), 2*DefaultSlow, false)
		}
	}
	if in < 10 || in > tried/4 {
		t.Errorf("%d of %d were let through to a slow store; want a few", in, tried)
	}
}

// While nothing is known of a store that was slow, few are let through to it at once.
func TestFewTryAtOnce(t *testing.T) {
	clock := newHand()
	p := NewPriority(clock, Config{})
	finish(p, 100, 0)
	most := 0
	for range 250 { // until shortly before the stress is over
		clock.pass(10 * time.Millisecond)
		for range 10 {
			p.Admit(ask(origin.DVR)) // and hears nothing
		}
		most = max(most, p.lesser)
	}
	if most != leastReads || !p.Admit(ask(origin.LiveEdge)) {
		t.Errorf("%d at once, want %d, and the live edge besides", most, leastReads)
	}
	well := NewPriority(clock, Config{})
	for range DefaultReads / 2 {
		if !well.Admit(ask(origin.DVR)) {
			t.Fatalf("only %d at once, of a store that is well", well.lesser)
		}
	}
}

// What fails at once says nothing of the store, and what fails late does.
func TestFailures(t *testing.T) {
	for took, want := range map[time.Duration]int{DefaultSlow / 2: 1000, 2 * DefaultSlow: 0} {
		p := NewPriority(newHand(), Config{})
		for range 100 {
			if p.Admit(ask(origin.LiveEdge)) {
				p.Done(ask(origin.LiveEdge), took, true)
			}
		}
		if got := admitted(p, ask(origin.DVR)); got != want {
			t.Errorf("%d of a thousand after failures in %v, want %d", got, took, want)
		}
	}
}

// One event's storm is its own affair, as long as there is room for the others.
func TestStormOfOneEvent(t *testing.T) {
	clock := newHand()
	p := NewPriority(clock, Config{Reads: 100})
	storm, calm := ask(origin.LiveEdge), ask(origin.DVR)
	calm.Event = "calm"
	var stormy, refused int
	for range 2000 {
		clock.pass(time.Millisecond)
		if p.Admit(calm) {
			p.Done(calm, time.Millisecond, false)
		} else {
			refused++
		}
		for range 10 {
			if p.Admit(storm) { // and does not come back
				stormy++
			}
		}
	}
	if refused > 0 || stormy < 70 || stormy > 75 {
		t.Errorf("%d of the storm are in, want at most three quarters of 100; of the others %d are refused", stormy, refused)
	}
	p.reading = 100
	if p.Admit(calm) {
		t.Error("beyond the limit")
	}
	clock.pass(2 * time.Second)
	p.reading = 80
	if !p.Admit(storm) {
		t.Error("refused, though alone, and well below the limit for the live edge")
	}
}

func TestClockIsSetBack(t *testing.T) {
	clock := newHand()
	p := NewPriority(clock, Config{})
	clock.pass(-time.Hour)
	finish(p, 100, 0)
	if n := admitted(p, ask(origin.DVR)); n != 0 {
		t.Errorf("%d are admitted to a slow store", n)
	}
	clock.pass(Recovery + time.Second)
	if n := admitted(p, ask(origin.DVR)); n != 1000 {
		t.Errorf("%d of a thousand are admitted; the stress should be over", n)
	}
	clock.pass(1 << 62)
	if !p.Admit(ask(origin.DVR)) {
		t.Error("refused, centuries later")
	}
}

func TestEventsAreBounded(t *testing.T) {
	clock := newHand()
	p := NewPriority(clock, Config{})
	for i := range 3 * maxEvents {
		if i == 2*maxEvents {
			clock.pass(2 * time.Second)
		}
		a := ask(origin.LiveEdge)
		a.Event = fmt.Sprint("event-", i)
		if !p.Admit(a) {
			t.Fatalf("event %d is refused", i)
		}
		p.Done(a, 0, false)
		if len(p.events) > maxEvents+1 {
			t.Fatalf("%d events are kept", len(p.events))
		}
	}
	if len(p.events) > maxEvents {
		t.Errorf("%d events are kept that asked for nothing lately", len(p.events))
	}
}

// Whatever happens: who is refused would be refused as a lower class as well; a limit is a limit; and without stress nobody is
// refused.
func TestOrderIsNeverInverted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newHand()
		c := Config{Reads: rapid.IntRange(1, 40).Draw(t, "reads"), Egress: rapid.SampledFrom([]int64{0, 20_000}).Draw(t, "egress"),
			SlowPercent: rapid.IntRange(0, 100).Draw(t, "slow percent")}
		p := NewPriority(clock, c)
		var under []origin.Ask
		calm := true // so far: all reads are fast, and few at once
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			clock.pass(time.Duration(rapid.IntRange(-5, 60).Draw(t, "pass")) * time.Millisecond)
			if i := rapid.IntRange(0, 60).Draw(t, "done"); i < len(under) {
				took := rapid.SampledFrom([]time.Duration{0, DefaultSlow, DefaultSlow + 1, time.Second}).Draw(t, "took")
				calm = calm && took <= DefaultSlow
				p.Done(under[i], took, false)
				under = append(under[:i], under[i+1:]...)
				continue
			}
			a := origin.Ask{Event: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "event"), Bytes: rapid.IntRange(0, 5000).Draw(t, "bytes"),
				Class: rapid.SampledFrom(origin.Classes()).Draw(t, "class"), Remembered: rapid.Bool().Draw(t, "remembered")}
			before := p.copy()
			calm = calm && c.Egress == 0 && len(under) <= (p.config.Reads-p.config.Reads/4)/2
			if p.Admit(a) {
				under = append(under, a)
				if p.reading > p.config.Reads || c.Egress > 0 && p.sent.sum.bytes > c.Egress+5000 {
					t.Fatalf("%d reads at once, %d bytes", p.reading, p.sent.sum.bytes)
				}
				continue
			}
			if calm {
				t.Fatalf("%+v is refused without stress", a)
			}
			for _, lower := range origin.Classes()[rank(a.Class):] {
				b := a
				b.Class = lower
				if before.copy().Admit(b) {
					t.Fatalf("%s is refused, and %s is not", a.Class, lower)
				}
			}
		}
		for _, a := range under {
			p.Done(a, 0, false)
		}
		if p.reading != 0 {
			t.Fatalf("%d reads are left", p.reading)
		}
	})
}

// copy is another one that is as far as this.
func (p *Priority) copy() *Priority {
	q := &Priority{config: p.config, clock: p.clock, turned: p.turned, reading: p.reading, lesser: p.lesser, slow: p.slow, done: p.done, sent: p.sent,
		asked: p.asked, active: p.active, events: map[string]*event{}}
	for name, e := range p.events {
		e := *e
		q.events[name] = &e
	}
	return q
}

func TestAllAtOnce(t *testing.T) {
	p := NewPriority(new(origin.Wall), Config{Reads: 4})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			a := ask(origin.Classes()[i%classes])
			for range 1000 {
				if p.Admit(a) {
					p.Done(a, DefaultSlow*time.Duration(i%2+1), false)
				}
			}
		})
	}
	group.Wait()
	if p.reading != 0 || p.lesser != 0 {
		t.Errorf("%d reads are left, %d for less than the live edge", p.reading, p.lesser)
	}
}

func TestClasses(t *testing.T) {
	if len(origin.Classes()) != classes {
		t.Fatalf("there are %d classes, and stress for %d", len(origin.Classes()), classes)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	clock := newHand()
	p := NewPriority(clock, Config{})
	if n := testing.AllocsPerRun(1000, func() {
		clock.pass(time.Millisecond)
		if p.Admit(ask(origin.DVR)) {
			p.Done(ask(origin.DVR), DefaultSlow, false)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRefusal is of a request that a slow store's node refuses, among as many events as a node has.
func BenchmarkRefusal(b *testing.B) {
	p := NewPriority(new(origin.Wall), Config{Reads: 100})
	for i := range origin.DefaultEvents {
		a := ask(origin.LiveEdge)
		a.Event = fmt.Sprint("event-", i)
		p.Admit(a)
		p.Done(a, 0, true)
	}
	p.reading = 100
	b.ReportAllocs()
	for b.Loop() {
		if p.Admit(ask(origin.DVR)) {
			b.Fatal("admitted")
		}
	}
}

// Who waits for somebody else's read takes nothing of the store either: not counted, and not refused for it.
func TestShared(t *testing.T) {
	p := NewPriority(newHand(), Config{Reads: 10})
	finish(p, 100, 0)
	for range 10 {
		p.Admit(ask(origin.LiveEdge))
	}
	p.lesser = leastReads // as many as it takes to learn how the store is
	a := ask(origin.Background)
	a.Shared = true
	for range 100 {
		if !p.Admit(a) {
			t.Fatal("refused for the store, though it is not asked")
		}
	}
	if p.reading != 10 || p.lesser != leastReads {
		t.Errorf("%d reads, %d of them for less than the live edge; want ten and eight, as before", p.reading, p.lesser)
	}
	for range 100 {
		p.Done(a, time.Second, false)
	}
	if p.reading != 10 || p.done.sum.reads != 100 {
		t.Errorf("%d reads are left, %d have come back; want ten, and the hundred before", p.reading, p.done.sum.reads)
	}
}

// Who is told beforehand that nobody is admitted is right, and who asks changes nothing.
func TestRefusesOnlyWhatAdmitRefuses(t *testing.T) {
	seen := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		clock := newHand()
		config := Config{Reads: rapid.SampledFrom([]int{4, 32}).Draw(t, "reads"), Egress: rapid.SampledFrom([]int64{0, 4000}).Draw(t, "egress")}
		asked, silent := NewPriority(clock, config), NewPriority(clock, config)
		events := rapid.SampledFrom([]string{"a", "a", "a", "b", "c"})
		var under []origin.Ask
		for range rapid.IntRange(50, 300).Draw(t, "steps") {
			if n := len(under); n > 0 && rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				took, failed := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second}).Draw(t, "took"), rapid.Bool().Draw(t, "failed")
				asked.Done(under[n-1], took, failed)
				silent.Done(under[n-1], took, failed)
				under = under[:n-1]
			}
			clock.pass(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Millisecond, bucket}).Draw(t, "pass"))
			a := origin.Ask{Event: events.Draw(t, "event"), Class: rapid.SampledFrom(order).Draw(t, "class"),
				Bytes: 100, Remembered: rapid.Bool().Draw(t, "remembered")}
			refuses := asked.Refuses(a)
			admits, other := asked.Admit(a), silent.Admit(a)
			if refuses && admits {
				t.Fatalf("%+v is admitted after all", a)
			}
			if admits != other {
				t.Fatalf("%+v: %v once Refuses was asked, %v otherwise", a, admits, other)
			}
			if admits {
				under = append(under, a)
			}
			seen[refuses]++
		}
	})
	if seen[true] < 100 || seen[false] < 100 {
		t.Errorf("refused, or not, so often: %v", seen)
	}
}

// While a store that was slow is being tried, the rest are told beforehand that they are too many.
func TestRefusesWhileTheStoreIsTried(t *testing.T) {
	p := NewPriority(newHand(), Config{})
	finish(p, 6, 4)
	p.Admit(ask(origin.LiveEdge)) // so that the event is known
	if p.Refuses(ask(origin.DVR)) {
		t.Error("nobody tries")
	}
	p.read(1, leastReads)
	if free := (origin.Ask{Event: "e", Class: origin.DVR, Remembered: true}); !p.Refuses(ask(origin.DVR)) || p.Admit(ask(origin.DVR)) || p.Refuses(free) {
		t.Error("enough try")
	}
}
