package resources

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// Discipline is how a Machine's cores are divided among its jobs.
type Discipline uint8

// The disciplines.
const (
	// FIFO serves in the order of arrival, a job to a core.
	FIFO Discipline = iota
	// Priority serves the lowest class first, and lets who is being served finish (non-preemptive).
	Priority
	// Preemptive lets a lower class take the core of a higher one, which goes on later where it was
	// (preemptive-resume).
	Preemptive
	// Sharing serves all at once: they share the cores equally, and one has at most one core (processor sharing).
	Sharing
)

// Capacity is what a Machine can do.
type Capacity struct {
	Cores      int // zero: one for every job, and the discipline does not matter
	Jobs       int // the most that may be in the machine, waiting and in service; zero: any number
	Discipline Discipline
}

// Machine has cores, and jobs that queue for them. Make one with NewMachine.
type Machine struct {
	Flow *Flow

	loop     *loop.Loop
	capacity Capacity
	shared   *sharing // nil where jobs have a core each
	waiting  []jobList
	serving  []jobList
	cores    int   // that serve
	busy     int64 // core-nanoseconds
	settled  int64 // when busy was brought up to date
	paused   bool
	until    time.Duration // of the pause
}

// ErrFull is what a job gets that is refused because the machine holds as many as it may.
var ErrFull = errors.New("machine is full")

// NewMachine makes an idle Machine.
func NewMachine(l *loop.Loop, c Capacity) *Machine {
	m := &Machine{Flow: NewFlow(l), loop: l, capacity: c, settled: int64(l.Elapsed())}
	if c.Cores > 0 && c.Discipline == Sharing {
		m.shared = newSharing(l, 1e9, uint64(c.Cores))
	}
	return m
}

// Enter takes a job in, or returns ErrFull. Its Done is woken from the loop, never from within Enter.
func (m *Machine) Enter(j *Job) error {
	if j.machine != nil {
		panic("resources: a Job that is in a Machine is entered again")
	}
	if most := m.capacity.Jobs; most > 0 && m.Flow.counts.InFlight >= int64(most) {
		m.Flow.Refuse(1)
		return ErrFull
	}
	j.machine, j.entry = m, m.Flow.Enter(1)
	j.left = int64(max(j.Work, 0))
	if m.shared != nil {
		j.share.owner, j.share.weight = j, 1
		m.shared.add(&j.share, uint64(j.left))
		return nil
	}
	m.admit(j)
	return nil
}

// Abort takes a job out whose work is not done; it reports false when there is nothing to abort.
func (m *Machine) Abort(j *Job) bool {
	if j.machine != m {
		return false
	}
	if m.shared != nil {
		m.shared.remove(&j.share)
	} else {
		m.leave(j)
	}
	j.machine = nil
	m.Flow.Leave(j.entry, Aborted, 0)
	return true
}

// visit is a job that a coroutine waits for.
type visit struct {
	Job
	over origin.Signal
}

// Wake implements loop.Waker, for Job.Done.
func (v *visit) Wake() { v.over.Fire() }

// endOfTime is later than any loop runs.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Do has work done and waits for it. It returns ErrFull, or ctx's error once ctx is done: then the job is aborted.
func (m *Machine) Do(ctx context.Context, class int, work time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if work <= 0 && m.capacity == (Capacity{}) {
		m.Flow.Leave(m.Flow.Enter(1), Answered, 0)
		return nil
	}
	v := &visit{over: m.loop.NewSignal()}
	v.Class, v.Work, v.Done = class, work, v
	if err := m.Enter(&v.Job); err != nil {
		return err
	}
	if err := v.over.Wait(ctx, endOfTime); err != nil && m.Abort(&v.Job) {
		return err
	}
	return nil
}

// Busy is how much its cores have worked since the beginning, in core time: the difference of two readings divided by
// the time between them and the number of cores is the utilisation.
func (m *Machine) Busy() time.Duration {
	if m.shared != nil {
		m.shared.settle()
		return time.Duration(m.shared.busy)
	}
	m.settle()
	return time.Duration(m.busy)
}

// Check holds the machine to conservation (Flow.Check), and what it holds to what it has counted.
func (m *Machine) Check() error {
	waiting, serving := m.holds()
	in := m.Flow.counts.InFlight
	switch cores := m.capacity.Cores; {
	case int64(waiting+serving) != in:
		return fmt.Errorf("%w: %d wait and %d are served, of %d in flight", ErrFlow, waiting, serving, in)
	case m.shared == nil && (serving != m.cores || cores > 0 && serving > cores):
		return fmt.Errorf("%d jobs are served by %d of %d cores", serving, m.cores, cores)
	case m.shared == nil && waiting > 0 && serving < cores:
		return fmt.Errorf("%d jobs wait while only %d of %d cores serve", waiting, serving, cores)
	}
	return m.Flow.Check()
}

func (m *Machine) holds() (waiting, serving int) {
	if m.shared != nil {
		return 0, len(m.shared.queue)
	}
	for class := range m.waiting {
		waiting += m.waiting[class].size
		serving += m.serving[class].size
	}
	return waiting, serving
}
