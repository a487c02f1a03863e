package resources

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

// worlds are what coroutines do on a loop of their own; each says what should have been said.
var worlds = []struct {
	name string
	do   func(l *loop.Loop, say func(who string, err error))
	want []string // who, when, and the error
}{
	{"one core serves one after the other", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1})
		for _, who := range []string{"a", "b"} {
			l.Go(func() { say(who, m.Do(context.Background(), 0, 10*ms)) })
		}
	}, []string{"a 10ms <nil>", "b 20ms <nil>"}},
	{"who finds the machine full is told at once", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1, Jobs: 1})
		for _, who := range []string{"a", "b"} {
			l.Go(func() { say(who, m.Do(context.Background(), 0, 10*ms)) })
		}
	}, []string{"b 0s machine is full", "a 10ms <nil>"}},
	{"who leaves makes room for the next", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1})
		ctx, cancel := l.WithCancel(context.Background())
		l.Go(func() { say("a", m.Do(ctx, 0, 10*ms)) })
		l.Go(func() { say("b", m.Do(context.Background(), 0, 10*ms)) })
		l.Go(func() { _ = l.Sleep(ctx, 4*ms); cancel(); say("c", m.Do(ctx, 0, ms)) })
	}, []string{"c 4ms context canceled", "a 4ms context canceled", "b 14ms <nil>"}},
	{"who is cancelled at the instant at which work is done has it done", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1})
		ctx, cancel := l.WithCancel(context.Background())
		l.After(10*ms, call(cancel)) // asked for first, so it comes first
		l.Go(func() { say("a", m.Do(ctx, 0, 10*ms)) })
	}, []string{"a 10ms <nil>"}},
	{"no work on no model of CPU takes no time", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{})
		l.Go(func() { say("a", m.Do(context.Background(), 0, 0)); say("b", m.Do(context.Background(), 0, ms)) })
	}, []string{"a 0s <nil>", "b 1ms <nil>"}},
	{"no work waits for its turn all the same", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1})
		l.Go(func() { say("a", m.Do(context.Background(), 0, 10*ms)) })
		l.Go(func() { say("b", m.Do(context.Background(), 0, 0)) })
	}, []string{"a 10ms <nil>", "b 10ms <nil>"}},
	{"nothing happens in a pause, and pauses that overlap are one", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1})
		pause(l, m, epoch.Add(5*ms), 20*ms)
		pause(l, m, epoch.Add(10*ms), 20*ms)
		pause(l, m, epoch.Add(12*ms), 2*ms)
		l.Go(func() { say("a", m.Do(context.Background(), 0, 10*ms)) })
	}, []string{"a 35ms <nil>"}},
	{"a pause ahead of shared work", func(l *loop.Loop, say func(string, error)) {
		m := NewMachine(l, Capacity{Cores: 1, Discipline: Sharing})
		pause(l, m, epoch.Add(-time.Second), 7*ms)
		for _, who := range []string{"a", "b"} {
			l.Go(func() { say(who, m.Do(context.Background(), 0, 10*ms)) })
		}
	}, []string{"a 27ms <nil>", "b 27ms <nil>"}},
	{"a link sends, then the latency passes", func(l *loop.Loop, say func(string, error)) {
		k := NewLink(l, LinkProfile{Latency: 3 * ms, Bandwidth: 8 * Mbps}, nil)
		l.Go(func() { say("a", k.Send(context.Background(), 1000)) })
		l.Go(func() { say("b", k.Send(context.Background(), 0)) })
	}, []string{"b 3ms <nil>", "a 4ms <nil>"}},
	{"three alike take three shares of four", func(l *loop.Loop, say func(string, error)) {
		k := NewLink(l, LinkProfile{Bandwidth: 8 * Mbps}, nil)
		l.Go(func() { say("three", k.SendAlike(context.Background(), 3, 1000)) })
		l.Go(func() { say("one", k.Send(context.Background(), 2000)) })
	}, []string{"three 4ms <nil>", "one 5ms <nil>"}},
	{"who gives a transfer up leaves the rest to others", func(l *loop.Loop, say func(string, error)) {
		k := NewLink(l, LinkProfile{Bandwidth: 8 * Mbps}, nil)
		ctx, cancel := l.WithCancel(context.Background())
		l.Go(func() { say("a", k.Send(ctx, 1e6)) })
		l.Go(func() { say("b", k.Send(context.Background(), 3000)) })
		l.After(4*ms, call(cancel))
	}, []string{"a 4ms context canceled", "b 5ms <nil>"}},
	{"what is on its way can be given up too", func(l *loop.Loop, say func(string, error)) {
		k := NewLink(l, LinkProfile{Latency: 5 * ms}, nil)
		ctx, cancel := l.WithCancel(context.Background())
		l.Go(func() { say("a", k.Send(ctx, 1e6)) })
		l.After(4*ms, call(cancel))
	}, []string{"a 4ms context canceled"}},
	{"the zero link takes no time", func(l *loop.Loop, say func(string, error)) {
		k := NewLink(l, LinkProfile{}, nil)
		l.Go(func() { say("a", k.Send(context.Background(), 1e9)) })
	}, []string{"a 0s <nil>"}},
}

func TestDoAndSend(t *testing.T) {
	for _, w := range worlds {
		l := loop.New(epoch)
		var got []string
		w.do(l, func(who string, err error) {
			text := "<nil>"
			if err != nil {
				text = err.Error()
			}
			got = append(got, who+" "+l.Elapsed().String()+" "+text)
		})
		if err := errors.Join(l.Settle(10_000), l.Run(endOfTime)); err != nil { // also what nobody waits for
			t.Errorf("%s: %v", w.name, err)
		}
		l.Close()
		if !slices.Equal(got, w.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", w.name, got, w.want)
		}
	}
}

// Ways through on which nothing queues are counted like all others.
func TestShortWaysAreCounted(t *testing.T) {
	l := loop.New(epoch)
	defer l.Close()
	m, zero, far := NewMachine(l, Capacity{}), NewLink(l, LinkProfile{}, nil), NewLink(l, LinkProfile{Latency: ms}, nil)
	ctx, cancel := l.WithCancel(context.Background())
	l.Go(func() { _ = m.Do(ctx, 0, 0); _ = zero.SendAlike(ctx, 3, 10); _ = far.SendAlike(ctx, 2, 10) })
	l.After(ms/2, call(cancel))
	err := errors.Join(l.Settle(100), m.Check(), zero.Check(), far.Check())
	got := []Counts{m.Flow.Counts(), zero.Flow.Counts(), far.Flow.Counts()}
	want := []Counts{{Arrived: 1, Answered: 1, Peak: 1}, {Arrived: 3, Answered: 3, Peak: 3, Bytes: 30},
		{Arrived: 2, Aborted: 2, Peak: 2, Occupancy: 1e-3, Sojourn: 1e-3}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
}

// What is done from within Done is done in order, and a Job can be used again there.
func TestJobsAreUsedAgain(t *testing.T) {
	for d := FIFO; d <= Sharing; d++ {
		l := loop.New(epoch)
		m := NewMachine(l, Capacity{Cores: 1, Discipline: d})
		left, j := 5, &Job{Work: ms}
		j.Done = call(func() {
			if left--; left > 0 {
				_ = m.Enter(j) // has no limit
			}
		})
		_ = m.Enter(j)
		if err := errors.Join(l.Run(endOfTime), m.Check()); err != nil || l.Elapsed() != 5*ms || m.Abort(j) {
			t.Errorf("discipline %d: %v, after %v", d, err, l.Elapsed())
		}
	}
}

// In the steady state nothing is allocated for a job or a transfer.
func TestNothingIsAllocated(t *testing.T) {
	for d := FIFO; d <= Sharing; d++ {
		l := loop.New(epoch)
		b := newBusy(l, Capacity{Cores: 2, Discipline: d})
		advance := func() { _ = l.Run(epoch.Add(l.Elapsed() + 1000*time.Second)) }
		advance()
		advance()
		if n := testing.AllocsPerRun(5, advance); n > 20 {
			t.Errorf("discipline %d: %v allocations for some 1,600 jobs", d, n)
		}
		if err := b.machine.Check(); err != nil || b.machine.Flow.Counts().Answered < 5_000 {
			t.Errorf("discipline %d: %v, %+v", d, err, b.machine.Flow.Counts())
		}
	}
}
