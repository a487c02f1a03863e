package resources

import (
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
)

// Every way of counting wrong is found.
func TestFlowCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong bool
		do    func(f *Flow, wait func(time.Duration))
	}{
		{"in and out", false, func(f *Flow, wait func(time.Duration)) {
			a := f.Enter(2)
			wait(time.Second)
			b := f.Enter(1)
			wait(time.Second)
			f.Leave(a, Answered, 10)
			wait(time.Second)
			f.Leave(b, Aborted, 0)
			f.Leave(f.Enter(4), Shed, 0)
		}},
		{"some are still here", false, func(f *Flow, wait func(time.Duration)) {
			wait(time.Second)
			f.Enter(2)
			wait(time.Second)
		}},
		{"somebody leaves who never came", true, func(f *Flow, _ func(time.Duration)) {
			f.Leave(Entry{Weight: 1}, Shed, 0)
		}},
		{"somebody leaves twice, somebody never", true, func(f *Flow, wait func(time.Duration)) {
			a := f.Enter(1)
			wait(time.Second)
			f.Enter(1)
			f.Leave(a, Answered, 0)
			f.Leave(a, Answered, 0)
		}},
		{"somebody leaves with another time of arrival", true, func(f *Flow, wait func(time.Duration)) {
			a := f.Enter(1)
			wait(time.Second)
			a.Since += time.Millisecond
			f.Leave(a, Answered, 0)
		}},
		{"somebody leaves with more than came", true, func(f *Flow, wait func(time.Duration)) {
			a := f.Enter(1)
			wait(time.Second)
			a.Weight++
			f.Leave(a, Answered, 0)
		}},
		{"the integral has lost something", true, func(f *Flow, wait func(time.Duration)) {
			f.Enter(1)
			wait(time.Second)
			f.changed++
		}},
		{"somebody was not counted", true, func(f *Flow, wait func(time.Duration)) {
			f.Leave(f.Enter(1), Answered, 0)
			f.counts.Answered--
		}},
	} {
		l := loop.New(epoch)
		f := NewFlow(l)
		c.do(f, func(d time.Duration) { l.After(d, call(func() {})); _ = l.Run(endOfTime) })
		if err := f.Check(); errors.Is(err, ErrFlow) != c.wrong {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestFlowCounts(t *testing.T) {
	l := loop.New(epoch)
	f := NewFlow(l)
	a := f.Enter(3)
	l.After(2*time.Second, call(func() { f.Leave(a, Answered, 100); f.Leave(f.Enter(1), Shed, 7); f.Refuse(5) }))
	l.After(3*time.Second, call(func() { f.Leave(f.Enter(2), Aborted, 7) }))
	l.After(3*time.Second, call(func() { f.Enter(1) }))
	l.After(5*time.Second, call(func() {}))
	_ = l.Run(endOfTime)
	want := Counts{Arrived: 12, Answered: 3, Shed: 6, Aborted: 2, InFlight: 1, Peak: 3, Bytes: 300,
		Occupancy: 8, Sojourn: 6}
	if got := f.Counts(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Sums stay exact beyond what 64 bits hold.
func TestWide(t *testing.T) {
	var w wide
	sum := new(big.Int)
	for i := range int64(100) {
		n, d := math.MaxInt64-i*i, math.MaxInt64/(i+1)
		product := new(big.Int).Mul(big.NewInt(n), big.NewInt(d))
		if i%3 == 2 {
			w.sub(n, d)
			sum.Sub(sum, product)
		} else {
			w.add(n, d)
			sum.Add(sum, product)
		}
		got := new(big.Int).Lsh(big.NewInt(int64(w.high)), 64)
		got.Add(got, new(big.Int).SetUint64(w.low))
		modulus := new(big.Int).Lsh(big.NewInt(1), 128)
		if off := new(big.Int).Sub(got, sum); off.Mod(off, modulus).Sign() != 0 {
			t.Fatalf("step %d: got %v, want %v", i, got, sum)
		}
	}
	var small wide
	small.add(65_000_000, int64(3*time.Hour))
	if got, want := small.float(), 65e6*3*3600e9; math.Abs(got/want-1) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
}
