package resources

import (
	"math/rand/v2"
	"testing"

	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// busy is a machine, M/M/c at a utilisation of 0.8, that never comes to rest.
type busy struct {
	loop    *loop.Loop
	machine *Machine
	rand    *rand.Rand
	rate    float64
	free    []*patron
}

type patron struct {
	Job
	of *busy
}

func newBusy(l *loop.Loop, c Capacity) *busy {
	b := &busy{loop: l, machine: NewMachine(l, c), rand: streams.New(1, "busy"), rate: 0.8 * float64(c.Cores)}
	b.Wake()
	return b
}

// Wake is an arrival.
func (b *busy) Wake() {
	b.loop.After(seconds(b.rand.ExpFloat64()/b.rate), b)
	var p *patron
	if n := len(b.free); n > 0 {
		p, b.free = b.free[n-1], b.free[:n-1]
	} else {
		p = &patron{of: b}
		p.Done = p
	}
	p.Class, p.Work = b.rand.IntN(2), seconds(b.rand.ExpFloat64())
	_ = b.machine.Enter(&p.Job) // has no limit
}

// Wake is a job that is done.
func (p *patron) Wake() { p.of.free = append(p.of.free, p) }

// BenchmarkMachine is arrivals through M/M/1, two draws each included.
func BenchmarkMachine(b *testing.B) {
	for _, c := range []struct {
		name     string
		capacity Capacity
	}{
		{"fifo", Capacity{Cores: 1}},
		{"priority", Capacity{Cores: 1, Discipline: Priority}},
		{"preemptive", Capacity{Cores: 1, Discipline: Preemptive}},
		{"sharing", Capacity{Cores: 1, Discipline: Sharing}},
		{"fifo-64", Capacity{Cores: 64}},
		{"sharing-64", Capacity{Cores: 64, Discipline: Sharing}},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := loop.New(epoch)
			busy := newBusy(l, c.capacity)
			step := seconds(1e4 / busy.rate)
			b.ReportAllocs()
			b.ResetTimer()
			for busy.machine.Flow.counts.Arrived < int64(b.N) {
				_ = l.Run(epoch.Add(l.Elapsed() + step))
			}
			b.ReportMetric(float64(busy.machine.Flow.counts.Arrived)/b.Elapsed().Seconds()/1e6, "Mjobs/s")
		})
	}
}

// sender starts its transfer again as soon as it is over.
type sender struct {
	Transfer
	to   *Link
	rand *rand.Rand
	left *int
}

// Wake is a transfer that is over.
func (s *sender) Wake() {
	if *s.left--; *s.left < 0 {
		return
	}
	s.Bytes = 1 + s.rand.Int64N(1_000_000)
	s.to.Start(&s.Transfer)
}

// BenchmarkLink is transfers over a link that so many share.
func BenchmarkLink(b *testing.B) {
	world, _ := NetworkByName("world")
	for _, c := range []struct {
		name    string
		profile LinkProfile
		senders int
	}{
		{"zero", LinkProfile{}, 10},
		{"latency", LinkProfile{Latency: ms}, 1000},
		{"shared/10", LinkProfile{Bandwidth: Gbps}, 10},
		{"shared/1e5", LinkProfile{Bandwidth: Gbps}, 100_000},
		{"world/1e3", world.Site, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := loop.New(epoch)
			l.Limits.Instant = 1 << 40 // the zero link never lets the clock move
			r := streams.New(1, "link")
			k := NewLink(l, c.profile, r)
			left := b.N
			for range c.senders {
				s := &sender{to: k, rand: r, left: &left}
				s.Done = s
				s.Wake()
			}
			b.ReportAllocs()
			b.ResetTimer()
			_ = l.Run(endOfTime)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mtransfers/s")
		})
	}
}
