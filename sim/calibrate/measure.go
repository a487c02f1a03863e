package calibrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// Progress is told what is measured, and how much of the plan's time has passed. It may be nil.
type Progress func(done, of time.Duration, what string)

// Measure carries a plan out. An error means that there is nothing to fit: a call that fails is a sample too, but a table
// that refuses every call is none. A zone that was stopped is started again whatever happens.
func Measure(ctx context.Context, t Target, p Plan, progress Progress) (*Samples, error) {
	p, err := p.Complete()
	if err != nil {
		return nil, err
	}
	m := &measurement{Plan: p, target: t, progress: progress}
	for _, region := range append([]string{p.Region}, p.Beside...) {
		table := t.Table(region)
		if table == nil {
			return nil, fmt.Errorf("no region %q in stack %s", region, t.About().Stack)
		}
		m.rows = append(m.rows, newRows(table, region, p))
	}
	m.began = p.Runtime.Now()
	m.samples = &Samples{About: t.About(), At: m.began}
	ctx, cancel := p.Runtime.WithCancel(ctx)
	defer cancel()
	if err := m.carryOut(ctx); err != nil {
		return nil, err
	}
	m.samples.Plan = m.Plan
	return m.samples, nil
}

// measurement is a plan that is carried out.
type measurement struct {
	Plan
	target   Target
	rows     []*rows // of the region that is measured, and of those beside it
	samples  *Samples
	progress Progress
	began    time.Time
	mu       sync.Mutex // of cells and calls
	// lastError is why the last call failed that did.
	lastError error
}

func (m *measurement) carryOut(ctx context.Context) error {
	if err := m.warmUp(ctx); err != nil {
		return err
	}
	if !m.NoClosed {
		if err := m.closedLoops(ctx); err != nil {
			return err
		}
	}
	if m.Rate == 0 {
		m.Rate = m.sustainable()
	}
	m.show("open loop, %.0f calls a second", m.Rate)
	if err := m.open(ctx, m.part(partOpen), false); err != nil {
		return err
	}
	return m.withoutZone(ctx)
}

func (m *measurement) show(format string, args ...any) {
	if m.progress != nil {
		m.progress(m.Runtime.Now().Sub(m.began), m.For, fmt.Sprintf(format, args...))
	}
}

// warmMost is how long each kind of call is made at most before it counts.
const warmMost = 2 * time.Second

// warmUp fills the table, and forgets what it took: connections are made and caches filled meanwhile.
func (m *measurement) warmUp(ctx context.Context) error {
	m.show("warm-up")
	each := min(warmMost, m.part(partWarm)/time.Duration(len(m.Sizes)*len(kinds)))
	for _, kind := range kinds {
		for _, bytes := range m.Sizes {
			c := newCell(kind, bytes, 2, false)
			if err := m.closed(ctx, c, each); err != nil {
				return err
			}
			if n := c.Took.TotalCount(); c.Failed == n {
				return fmt.Errorf("all %d calls of the warm-up failed to %s %s; the last: %w", n, kind, size(bytes), m.lastError)
			}
		}
	}
	return nil
}

func (m *measurement) closedLoops(ctx context.Context) error {
	each := m.part(partClosed) / time.Duration(len(kinds)*len(m.Sizes)*len(m.Callers))
	for _, callers := range m.Callers {
		for _, kind := range kinds {
			for _, bytes := range m.Sizes {
				m.show("closed loop, %d callers, %s %s", callers, kind, size(bytes))
				c := newCell(kind, bytes, callers, false)
				if err := m.closed(ctx, c, each); err != nil {
					return err
				}
				m.samples.Cells = append(m.samples.Cells, c)
			}
		}
	}
	return nil
}

// closed lets so many callers call one after another.
func (m *measurement) closed(ctx context.Context, c *Cell, each time.Duration) error {
	begin := m.Runtime.Now()
	end := begin.Add(each)
	callers := group{runtime: m.Runtime}
	for i, rows := range m.rows {
		for range c.Callers {
			callers.start(func() {
				// Two calls at least, so that a table slower than the plan is seen for what it is.
				for n := 0; ctx.Err() == nil && (n < 2 || m.Runtime.Now().Before(end)); n++ {
					due := m.Runtime.Now()
					m.take(ctx, c, due, i > 0, rows.call(ctx, c.Kind, c.Bytes))
				}
			})
		}
	}
	_, err := callers.wait(context.WithoutCancel(ctx), 1, each+3*m.Timeout)
	c.For = m.Runtime.Now().Sub(begin)
	return errors.Join(err, ctx.Err())
}

// sustainable is the rate of the open loop: a third of what the closed loops reached with the most callers, all kinds and
// sizes in turn.
func (m *measurement) sustainable() float64 {
	var seconds float64 // for one call of each
	for _, kind := range kinds {
		for _, bytes := range m.Sizes {
			seconds += 1 / m.samples.cell(kind, bytes, slices.Max(m.Callers), false).rate()
		}
	}
	return min(rateMost, rateShare*float64(len(kinds)*len(m.Sizes))/seconds)
}

// open makes calls of all kinds and sizes as a Poisson process of bursts, and waits for them all.
func (m *measurement) open(ctx context.Context, each time.Duration, stopped bool) error {
	if err := m.bounded(); err != nil {
		return err
	}
	cells := map[Kind][]*Cell{}
	for _, kind := range kinds {
		for _, bytes := range m.Sizes {
			c := newCell(kind, bytes, 0, stopped)
			c.For = each
			cells[kind] = append(cells[kind], c)
		}
	}
	calls := group{runtime: m.Runtime}
	err := m.arrive(ctx, &calls, cells, each, stopped)
	_, late := calls.wait(context.WithoutCancel(ctx), 1, 3*m.Timeout)
	for _, kind := range kinds {
		for _, c := range cells[kind] {
			slices.SortFunc(c.Calls, func(a, b Call) int { return cmp.Compare(a.Due, b.Due) })
			m.samples.Cells = append(m.samples.Cells, c)
		}
	}
	return errors.Join(err, late)
}

// arrive lets bursts come when they are due: of one kind each, and of sizes that are drawn.
func (m *measurement) arrive(ctx context.Context, calls *group, cells map[Kind][]*Cell, each time.Duration, stopped bool) error {
	draws := streams.New(m.Seed, fmt.Sprint("calibrate arrivals ", stopped))
	begin := m.Runtime.Now()
	for due, shown := time.Duration(0), time.Duration(0); ; {
		due += time.Duration(draws.ExpFloat64() / m.Rate * float64(m.Burst) * float64(time.Second))
		if due >= each {
			return nil
		}
		if err := m.Runtime.Sleep(ctx, begin.Add(due).Sub(m.Runtime.Now())); err != nil {
			return err
		}
		sizes := cells[kinds[draws.IntN(len(kinds))]]
		for range m.Burst {
			held, err := calls.wait(ctx, outstandingMost, 3*m.Timeout)
			if err != nil {
				return err
			}
			if held {
				m.samples.Held++
			}
			m.come(ctx, calls, sizes[draws.IntN(len(sizes))], begin, due)
		}
		if due-shown >= showEvery {
			m.show("open loop, %.0f calls a second", m.Rate)
			shown = due
		}
	}
}

// showEvery is how often an open loop is shown to be going on.
const showEvery = 5 * time.Second

// come begins a call that is due, in every region.
func (m *measurement) come(ctx context.Context, calls *group, c *Cell, begin time.Time, due time.Duration) {
	for i, rows := range m.rows {
		calls.start(func() {
			took := m.take(ctx, c, begin.Add(due), i > 0, rows.call(ctx, c.Kind, c.Bytes))
			if i > 0 {
				return
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			c.Calls = append(c.Calls, Call{Due: due, Took: took})
		})
	}
}

// take takes down how long a call took since it was due, unless it was made beside those that are measured.
func (m *measurement) take(ctx context.Context, c *Cell, due time.Time, beside bool, err error) time.Duration {
	took := m.Runtime.Now().Sub(due)
	if beside || ctx.Err() != nil {
		return took // the measurement ends; that says nothing about the table
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.add(took, err)
	if err != nil {
		m.lastError = err
	}
	return took
}

// withoutZone measures the open loop once more while a zone is stopped, where that can be done.
func (m *measurement) withoutZone(ctx context.Context) (err error) {
	zoned, ok := m.target.(Zoned)
	if !ok || m.Zone == "" {
		return nil
	}
	m.show("stop zone %s", m.Zone)
	defer func() {
		// Even when the measurement was interrupted, the zone has to come back.
		if again := zoned.StartZone(context.WithoutCancel(ctx), m.Region, m.Zone); again != nil {
			err = errors.Join(err, fmt.Errorf("start zone %s again: %w", m.Zone, again))
		}
	}()
	if err := zoned.StopZone(ctx, m.Region, m.Zone); err != nil {
		return fmt.Errorf("stop zone %s: %w", m.Zone, err)
	}
	m.show("open loop without zone %s", m.Zone)
	return m.open(ctx, m.part(partStopped), true)
}

// size is a row's size in words.
func size(bytes int) string {
	switch {
	case bytes == 0:
		return "of all sizes"
	case bytes%1024 == 0:
		return fmt.Sprintf("%d KiB", bytes/1024)
	}
	return fmt.Sprintf("%d B", bytes)
}
