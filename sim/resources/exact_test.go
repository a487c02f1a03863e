package resources

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// The models are compared, job by job, to one that is too slow and too plain to be wrong in the same way: between two
// things that happen, every job goes on at a speed that follows from who is there.

// day is what happens to a machine or a link. Times are nanoseconds since the start, no two of them the same.
type day struct {
	capacity Capacity
	jobs     []visitor // in the order in which they come
	pauses   [][2]float64
}

type visitor struct {
	at, work, abort float64 // abort: when it is given up, if it is there then
	class           int
	weight          float64
}

// fate is what becomes of a visitor, and when.
type fate struct {
	outcome Outcome
	at      float64
}

func (f fate) String() string { return fmt.Sprintf("%d at %.0f ns", f.outcome, f.at) }

// present is a visitor who is there.
type present struct {
	visitor
	index   int
	left    float64
	started bool
	speed   float64
}

// fluid is the plain model: fates, and the core time that was worked.
func (d day) fluid() (fates []fate, worked float64) {
	fates = make([]fate, len(d.jobs))
	var here []*present
	for now, come := 0.0, 0; come < len(d.jobs) || len(here) > 0; {
		d.speeds(here, now)
		next := d.nextPause(now)
		if come < len(d.jobs) {
			next = min(next, d.jobs[come].at)
		}
		for _, p := range here {
			if p.abort > now {
				next = min(next, p.abort)
			}
			if p.speed > 0 {
				next = min(next, now+p.left/p.speed)
			}
		}
		for _, p := range here {
			p.left -= p.speed * (next - now)
			worked += p.speed * p.weight * (next - now)
		}
		now = next
		here = slices.DeleteFunc(here, func(p *present) bool {
			if p.left > 1e-3 && p.abort != now {
				return false
			}
			fates[p.index] = fate{Answered, now}
			if p.left > 1e-3 {
				fates[p.index].outcome = Aborted
			}
			return true
		})
		for ; come < len(d.jobs) && d.jobs[come].at == now; come++ {
			if most := d.capacity.Jobs; most > 0 && len(here) == most {
				fates[come] = fate{Shed, now}
				continue
			}
			here = append(here, &present{visitor: d.jobs[come], index: come, left: d.jobs[come].work})
		}
	}
	return fates, worked
}

// speeds gives everybody a speed: of one core, as a fraction.
func (d day) speeds(here []*present, now float64) {
	cores, weight := float64(d.capacity.Cores), 0.0
	for _, p := range here {
		p.speed = 0
		weight += p.weight
	}
	order := slices.Clone(here) // by arrival
	switch d.capacity.Discipline {
	case Priority:
		slices.SortStableFunc(order, func(a, b *present) int {
			if a.started != b.started {
				return map[bool]int{true: -1, false: 1}[a.started]
			}
			return a.class - b.class
		})
	case Preemptive:
		slices.SortStableFunc(order, func(a, b *present) int { return a.class - b.class })
	}
	paused := slices.ContainsFunc(d.pauses, func(p [2]float64) bool { return p[0] <= now && now < p[1] })
	for i, p := range order {
		switch {
		case d.capacity.Discipline == Sharing:
			p.speed = min(1, cores/weight)
		case i < d.capacity.Cores || d.capacity.Cores == 0:
			p.speed, p.started = 1, true
		}
		if paused {
			p.speed = 0
		}
	}
}

func (d day) nextPause(now float64) float64 {
	next := math.Inf(1)
	for _, p := range d.pauses {
		for _, at := range p {
			if at > now {
				next = min(next, at)
			}
		}
	}
	return next
}

// some draws a day with crowds, idle times, and things that happen in the middle of others.
func some(seed uint64) day {
	r := streams.New(seed, "day")
	d := day{capacity: Capacity{Cores: 1 + r.IntN(3), Discipline: Discipline(r.IntN(4))}}
	if r.IntN(4) == 0 {
		d.capacity.Jobs = d.capacity.Cores + r.IntN(4)
	}
	if r.IntN(16) == 0 {
		d.capacity = Capacity{}
	}
	for at := 0.0; len(d.jobs) < 3+r.IntN(40); {
		at += math.Round(r.ExpFloat64() * 4e8)
		v := visitor{at: at, work: math.Round(r.ExpFloat64()*9e8) + 1, class: r.IntN(3), weight: 1, abort: math.Inf(1)}
		if r.IntN(5) == 0 {
			v.abort = at + 1 + math.Round(r.ExpFloat64()*2e9)
		}
		d.jobs = append(d.jobs, v)
	}
	for range r.IntN(4) {
		from := float64(r.Int64N(10e9))
		d.pauses = append(d.pauses, [2]float64{from, from + float64(1+r.Int64N(2e9))})
	}
	return d
}

// call is something that a test does at an instant.
type call func()

func (c call) Wake() { c() }

func instant(ns float64) time.Time { return epoch.Add(time.Duration(ns)) }

// pause stops a machine from an instant on, for a length.
func pause(l *loop.Loop, m *Machine, from time.Time, length time.Duration) {
	l.Wake(from, call(func() { m.stop(length) }))
}

// onMachine is the same day on a Machine.
func (d day) onMachine() (fates []fate, worked float64, err error) {
	l := loop.New(epoch)
	m := NewMachine(l, d.capacity)
	fates = make([]fate, len(d.jobs))
	check := func() { err = errors.Join(err, m.Check()) }
	for i, v := range d.jobs {
		j := &Job{Class: v.class, Work: time.Duration(v.work)}
		j.Done = call(func() { fates[i] = fate{Answered, float64(l.Elapsed())}; check() })
		l.Wake(instant(v.at), call(func() {
			if errors.Is(m.Enter(j), ErrFull) {
				fates[i] = fate{Shed, float64(l.Elapsed())}
			}
			check()
		}))
		if !math.IsInf(v.abort, 1) {
			l.Wake(instant(v.abort), call(func() {
				if m.Abort(j) {
					fates[i] = fate{Aborted, float64(l.Elapsed())}
				}
				check()
			}))
		}
	}
	for _, p := range d.pauses {
		pause(l, m, instant(p[0]), time.Duration(p[1]-p[0]))
	}
	err = errors.Join(l.Run(endOfTime), err, m.Check(), d.counted(m.Flow.Counts(), fates, 0))
	return fates, float64(m.Busy()), err
}

// counted compares what a flow has counted to the fates; a nanosecond of work is so many bytes.
func (d day) counted(got Counts, fates []fate, bytes float64) error {
	var want Counts
	for i, f := range fates {
		weight := int64(d.jobs[i].weight)
		want.Arrived += weight
		switch f.outcome {
		case Answered:
			want.Answered += weight
			want.Bytes += weight * int64(bytes*d.jobs[i].work)
		case Shed:
			want.Shed += weight
		case Aborted:
			want.Aborted += weight
		}
	}
	if most := int64(d.capacity.Jobs); most > 0 && got.Peak > most {
		return fmt.Errorf("%d were there at once, of %d that may be", got.Peak, most)
	}
	want.Peak, want.Occupancy, want.Sojourn = got.Peak, got.Occupancy, got.Sojourn
	if got != want {
		return fmt.Errorf("counted %+v, want %+v", got, want)
	}
	return nil
}

// differ compares fates, where rounding may make the models differ by so many nanoseconds.
func differ(got, want []fate, by float64) error {
	for i := range want {
		if got[i].outcome != want[i].outcome || math.Abs(got[i].at-want[i].at) > by {
			return fmt.Errorf("job %d: got %v, want %v", i, got[i], want[i])
		}
	}
	return nil
}

func TestMachineAgainstThePlainModel(t *testing.T) {
	reached := map[Discipline]map[Outcome]int{}
	for seed := range uint64(1_000) {
		d := some(seed)
		want, worked := d.fluid()
		got, busy, err := d.onMachine()
		tolerance := 0.0
		if d.capacity.Discipline == Sharing {
			tolerance = 50 // a nanosecond for every time that the speed changes
			worked = math.Round(worked/tolerance) * tolerance
			if math.Abs(busy-worked) < float64(len(d.jobs))*tolerance {
				busy = worked
			}
		}
		if err = errors.Join(err, differ(got, want, tolerance)); err != nil {
			t.Fatalf("seed %d, %+v: %v", seed, d.capacity, err)
		}
		if math.Abs(busy-worked) > 0.5 {
			t.Fatalf("seed %d, %+v: busy for %v, want %v", seed, d.capacity, busy, worked)
		}
		for _, f := range got {
			if reached[d.capacity.Discipline] == nil {
				reached[d.capacity.Discipline] = map[Outcome]int{}
			}
			reached[d.capacity.Discipline][f.outcome]++
		}
	}
	for discipline := FIFO; discipline <= Sharing; discipline++ {
		for outcome := Answered; outcome <= Aborted; outcome++ {
			if reached[discipline][outcome] < 50 {
				t.Errorf("discipline %d, outcome %d: only %d times", discipline, outcome, reached[discipline][outcome])
			}
		}
	}
}

// onLink is the same day on a Link that sends a byte in a nanosecond.
func (d day) onLink(latency time.Duration) (fates []fate, err error) {
	l := loop.New(epoch)
	k := NewLink(l, LinkProfile{Bandwidth: 1e9, Latency: latency}, nil)
	fates = make([]fate, len(d.jobs))
	check := func() { err = errors.Join(err, k.Check()) }
	for i, v := range d.jobs {
		x := &Transfer{Bytes: int64(v.work), Weight: int64(v.weight)}
		x.Done = call(func() { fates[i] = fate{Answered, float64(l.Elapsed())}; check() })
		l.Wake(instant(v.at), call(func() { k.Start(x); check() }))
		if !math.IsInf(v.abort, 1) {
			l.Wake(instant(v.abort), call(func() {
				if k.Abort(x) {
					fates[i] = fate{Aborted, float64(l.Elapsed())}
				}
				check()
			}))
		}
	}
	err = errors.Join(l.Run(endOfTime), err, k.Check(), d.counted(k.Flow.Counts(), fates, 1))
	return fates, err
}

func TestLinkAgainstThePlainModel(t *testing.T) {
	for seed := range uint64(500) {
		d := some(seed)
		d.capacity, d.pauses = Capacity{Cores: 1, Discipline: Sharing}, nil
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range d.jobs {
			d.jobs[i].weight = float64(1 + r.IntN(4))
		}
		latency := time.Duration(seed%2) * time.Second
		want, _ := d.fluid()
		for i, f := range want { // what is sent is still under way
			if f.outcome == Answered {
				want[i].at += float64(latency)
				if abort := d.jobs[i].abort; abort > f.at && abort < want[i].at {
					want[i] = fate{Aborted, abort}
				}
			}
		}
		got, err := d.onLink(latency)
		if err = errors.Join(err, differ(got, want, 50)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
