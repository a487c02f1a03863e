package stack

import (
	"context"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
)

// How a storm's requests are made: those that are due at every beat, and only so many under way.
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
	answered int64
	slowest  time.Duration
	recorded time.Time
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
		st.report(time.Second)
	}
	st.report(0)
}

func (st *storm) enter() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.pending >= stormPending {
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
}

// report records the answers, if that was last done so long ago.
func (st *storm) report(every time.Duration) {
	now := st.Runtime.Now()
	st.mu.Lock()
	defer st.mu.Unlock()
	if now.Sub(st.recorded) < every || st.answered == 0 {
		return
	}
	st.Recorder.Record(origin.Record{AtUs: st.now().Microseconds(), Kind: origin.KindStorm, Region: st.region, Name: st.fault.Spec().ID,
		Count: st.answered, WaitUs: st.slowest.Microseconds()})
	st.answered, st.slowest, st.recorded = 0, 0, now
}
