package stack

import (
	"context"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
)

// How a storm's requests are made: those that are due at every beat, and only so many under way. What there is no room for is
// not sent, and recorded: a storm that missed much of its rate was none.
const (
	stormBeat    = 10 * time.Millisecond
	stormPending = 2000
)

// Storm makes a fault's requests to a region's origins, beside the caller, until its window is over.
func (s *Stack) Storm(f faults.Storm) error {
	region := f.Spec().Region
	var doors []origin.Getter
	for _, door := range s.regions[region].deliver {
		g, err := door.Open(Part{Tier: Site, Region: region, Name: f.Spec().ID})
		if err != nil {
			return err
		}
		doors = append(doors, g)
	}
	st := &storm{Stack: s, fault: f, region: region, doors: doors}
	s.Runtime.Go(func() { st.run(s.ctx) })
	return nil
}

// storm is a fault's requests under way.
type storm struct {
	*Stack
	fault  faults.Storm
	region string
	doors  []origin.Getter

	mu       sync.Mutex
	pending  int
	over     bool
	recorded time.Time
	stormed  // since then
}

// stormed is what became of the requests that were due.
type stormed struct {
	due, unsent, answered int64
	slowest               time.Duration
}

func (st *storm) run(ctx context.Context) {
	began := st.Runtime.Now()
	st.recorded = began
	for asked := uint64(0); st.Runtime.Sleep(ctx, stormBeat) == nil; {
		rate := st.fault.Rate()
		if rate == 0 {
			break
		}
		due := uint64(float64(rate) * st.Runtime.Now().Sub(began).Seconds())
		for ; asked < due; asked++ {
			if i := asked; st.enter() {
				st.Runtime.Go(func() { st.ask(ctx, i) })
			}
		}
		st.report(false)
	}
	st.report(true)
}

func (st *storm) enter() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.due++
	if st.pending >= stormPending {
		st.unsent++
		return false
	}
	st.pending++
	return true
}

func (st *storm) ask(ctx context.Context, i uint64) {
	asked := st.Runtime.Now()
	_, err := st.doors[i%uint64(len(st.doors))].Get(ctx, st.fault.Request(&st.Event, i))
	took := st.Runtime.Now().Sub(asked)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.pending--
	if err == nil {
		st.answered++
		st.slowest = max(st.slowest, took)
		st.fault.Answered()
	}
	if st.over && st.pending == 0 { // nobody else would report it
		st.record(st.Runtime.Now())
	}
}

// report records what became of the requests, if that was last done a second ago, or all have been made.
func (st *storm) report(over bool) {
	now := st.Runtime.Now()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.over = over; over || now.Sub(st.recorded) >= time.Second {
		st.record(now)
	}
}

// record writes the present counts down, and begins anew. The caller holds the lock.
func (st *storm) record(now time.Time) {
	r := origin.Record{AtUs: st.now().Microseconds(), Kind: origin.KindStorm, Region: st.region, Name: st.fault.Spec().ID}
	if st.due+st.answered > 0 {
		all := r
		all.Attempts, all.Count, all.WaitUs = int(st.due), st.answered, st.slowest.Microseconds()
		st.Recorder.Record(all)
	}
	if st.unsent > 0 {
		r.Reason, r.Count = reports.Unsent, st.unsent
		st.Recorder.Record(r)
	}
	st.stormed, st.recorded = stormed{}, now
}
