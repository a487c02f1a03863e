package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/capacity"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/audience"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// ReplayOptions are what a run in virtual time needs.
type ReplayOptions struct {
	Options
	// Agents says that every viewer has a state of its own: the cross-check of the counts.
	Agents bool
}

// replayStart is when every event in virtual time starts: no two runs of a seed may differ by when they were made.
var replayStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Limits of a world in virtual time. Reaching one ends the replay without a verdict.
const (
	// drainMost is how many wakeups a world may take to come to rest once it was told to end.
	drainMost = 20_000_000
	// drainStep is how many of them are made between two looks at whether the thread came back.
	drainStep = 1_000_000
	// stuckAfter is how long one second of the event may take on the wall clock: code that never gives the thread back
	// cannot be stopped from within.
	stuckAfter = 2 * time.Minute
)

// gcPercent is by how much the heap may grow between two collections.
const gcPercent = 200

// replay is one run in virtual time.
type replay struct {
	course
	loop     *loop.Loop
	audience *audience.Audience
	viewers  *os.File // audience.jsonl
	load     *loadFile
	monitor  *monitor // nil where nobody watches
	wiring   *stack.Virtual
	began    time.Time // on the wall clock
	stuck    time.Duration
	drain    int64 // how many wakeups it may take to come to rest
	// second counts how often the loop came back, at every second of the event: all that is known of it meanwhile.
	second atomic.Int64
	// abandoned says that the loop did not come back: what it holds is not ours any more.
	abandoned atomic.Bool
}

// Replay plays a scenario in virtual time and judges it, as Run does on the wall clock: with the same code, the same
// objectives, and the same files, which are the same byte by byte for the same seed; and it says what each tier needs. When ctx
// ends early, the history so far is judged: as interrupted. An error means that there is no run to judge.
func Replay(ctx context.Context, sc *scenarios.Scenario, o ReplayOptions) (*reports.Report, *capacity.Plan, error) {
	if err := sc.VirtualTime(); err != nil {
		return nil, nil, err
	}
	// A small heap that is all garbage soon: let it grow a little before it is collected.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	r := newReplay(sc, o.Options)
	if err := r.prepare(o.Agents); err != nil {
		return nil, nil, err
	}
	trouble := r.play(ctx)
	if err := r.finish(trouble); err != nil {
		return nil, nil, err
	}
	return judge(sc, plan(sc, r.event, r.faults, o.Command), o.Out)
}

func newReplay(sc *scenarios.Scenario, o Options) *replay {
	l := loop.New(replayStart.Add(-lead(sc)))
	return &replay{course: course{Options: o, scenario: sc, clock: l}, loop: l, began: time.Now(), stuck: stuckAfter, drain: drainMost}
}

// prepare builds the world, writes down what it is, and lets nothing happen yet.
func (r *replay) prepare(agents bool) error {
	r.event = r.scenario.Event(replayStart)
	r.faults = makeFaults(r.scenario, r.event, r.loop)
	if err := r.begin(); err != nil {
		return err
	}
	r.history.sample(r.now(), r.sampling())
	if err := r.build(agents); err != nil {
		r.loop.Close()
		return errors.Join(err, r.close())
	}
	return nil
}

// close closes all files that are open.
func (r *replay) close() error {
	err := r.history.Close()
	if r.viewers != nil {
		err = errors.Join(err, r.viewers.Close())
	}
	if r.load != nil {
		err = errors.Join(err, r.load.Close())
	}
	return err
}

func (r *replay) build(agents bool) (err error) {
	if r.wiring, err = stack.NewVirtual(r.loop, r.scenario); err != nil {
		return err
	}
	if r.monitor, err = newMonitor(r.scenario, r.event, r.history); err != nil {
		return err
	}
	r.stack, err = stack.New(context.Background(), stack.Config{Scenario: r.scenario, Event: r.event, Faults: r.faults,
		Runtime: r.loop, Recorder: r.history, Wiring: r.wiring, Media: stack.Sizes, Metrics: r.monitor.metrics()})
	if err != nil {
		return err
	}
	if err := r.describe(settings{Stack: "virtual", Agents: agents}); err != nil {
		return err
	}
	if r.viewers, err = os.Create(filepath.Join(r.Out, audienceFile)); err != nil {
		return err
	}
	c := audience.Config{Loop: r.loop, Event: r.event, Audience: r.scenario.Audience, Seed: r.scenario.Seed, Agents: agents,
		Digest: r.digest(), Out: r.viewers}
	for _, e := range r.stack.Edges() {
		c.Edges = append(c.Edges, audience.Edge{Name: e.Name, Region: e.Region, Getter: r.wiring.Front(e.Getter), Alike: e.Count(), Access: r.access()})
	}
	if r.audience, err = audience.New(c); err != nil {
		return err
	}
	r.load, err = newLoadFile(r)
	return err
}

// digest tells what a clean segment's digest must be, whichever pipeline it is of.
func (r *replay) digest() func(origin.Rendition, origin.SegmentNumber, string) uint32 {
	sizes := encoders.NewSizes(r.event, r.loop)
	return func(r origin.Rendition, n origin.SegmentNumber, _ string) uint32 { return sizes.Digest(r.ID, n) }
}

// access is what lies between a viewer and an edge. Without adaptive viewers only the distance counts: what a link carries
// is more than what they play.
func (r *replay) access() *audience.Access {
	a := audience.Access{RoundTrip: 2 * r.wiring.Network().ViewerLatency}
	if r.scenario.Audience.Adaptive {
		trip := a.RoundTrip
		a = audience.HomeAccess()
		a.RoundTrip = trip
	}
	return &a
}

// sampling is of how many ordinary decisions and fetches one is written: so that some hundred thousand are, however long and
// large the event is. What is not ordinary is written whatever there is of it.
func (r *replay) sampling() int64 {
	const written = 100_000
	caches := len(r.scenario.Regions) * r.scenario.Audience.Edges
	if d := r.scenario.Delivery; d.Sites > 0 {
		caches = d.TopTier + d.Groups
	}
	expected := int64(caches*len(r.event.Renditions)) * int64(r.event.LastNumber())
	return max(1, expected/written)
}

// play lets the event happen and returns when it is over, or why it ended early.
func (r *replay) play(ctx context.Context) (trouble string) {
	r.stack.Publish()
	for _, m := range r.moments() {
		r.loop.Wake(m.at, waker(m.do))
	}
	r.audience.Start(context.Background())
	over := make(chan string, 1)
	go func() { over <- r.run(ctx) }()
	beat := time.NewTicker(r.stuck / 4)
	defer beat.Stop()
	for at, since := r.second.Load(), time.Now(); ; {
		select {
		case trouble := <-over:
			return trouble
		case <-beat.C:
			switch now := r.second.Load(); {
			case now != at:
				at, since = now, time.Now()
			case time.Since(since) > r.stuck:
				r.abandoned.Store(true)
				return r.explain(fmt.Errorf("second %d of the event did not end within %v: code that never waits", at-1, r.stuck))
			}
		}
	}
}

// waker is a function that is woken.
type waker func()

// Wake implements loop.Waker.
func (w waker) Wake() { w() }

// run takes the loop through the event, a second at a time, and then to its end.
func (r *replay) run(ctx context.Context) (trouble string) {
	end := r.event.End.Add(overdueAfter(r.scenario))
	pace := newPace(r.began)
	for at := r.event.AvailabilityStartTime; at.Before(end); at = at.Add(time.Second) {
		r.second.Add(1)
		if err := r.loop.Run(at); err != nil {
			return r.explain(err)
		}
		if r.abandoned.Load() { // by now somebody has given the world up
			r.loop.Close()
			return ""
		}
		if err := errors.Join(r.wiring.Check(), r.load.take(), r.monitor.look(at)); err != nil {
			return r.explain(err)
		}
		if ctx.Err() != nil {
			return cmp.Or(r.explain(r.audience.Finish(true)), reports.Interrupted)
		}
		if pace.due() {
			s := r.status()
			s.Compression, s.Left = pace.at(s.At, s.Of)
			r.Progress.Show(s)
		}
	}
	if err := r.rest(); err != nil {
		return r.explain(err)
	}
	return ""
}

// rest ends the world, and sees to it that nothing of it goes on.
func (r *replay) rest() error {
	if err := r.audience.Finish(false); err != nil {
		return err
	}
	if err := r.stack.Close(); err != nil {
		return err
	}
	for left := r.drain; r.loop.Working() > 0; left -= drainStep {
		r.second.Add(1)
		if err := r.loop.Settle(min(left, drainStep)); err != nil && (left <= drainStep || !errors.Is(err, loop.ErrBusy)) {
			return err
		}
	}
	return r.wiring.Check()
}

// explain says what is wrong with a world that lost its way, and with which seed it does; nothing for none.
func (r *replay) explain(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf("the simulated world is broken (seed %d): %v", r.scenario.Seed, err)
}

// finish completes the history and what belongs to it.
func (r *replay) finish(trouble string) error {
	end := origin.Record{Kind: origin.KindRun, Step: origin.End, Name: r.scenario.Name}
	if r.abandoned.Load() { // where the loop is, only it can say
		end.AtUs = (time.Duration(r.second.Load()) * time.Second).Microseconds()
	} else {
		end.AtUs = r.elapsed().Microseconds()
		trouble = cmp.Or(trouble, r.failed)
	}
	if trouble != "" {
		end.Reason, end.Error = reports.Interrupted, trouble
	}
	var err error
	if !r.abandoned.Load() {
		err = r.monitor.detect()
	}
	r.history.counters(end.AtUs)
	r.history.Record(end)
	r.Progress.Done()
	if r.abandoned.Load() { // what the loop holds may be in use; what was written of it is whole up to a second ago
		return r.history.Close()
	}
	r.loop.Close()
	return errors.Join(err, r.close(), r.writeCost())
}

// writeCost takes down what the replay took. It is the one file that is never the same twice.
func (r *replay) writeCost() error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var counted int64
	for _, l := range r.audience.Loads() {
		counted += l.Requests
	}
	b, err := json.Marshal(reports.Cost{WallMs: time.Since(r.began).Milliseconds(),
		EventMs: min(r.elapsed(), r.scenario.Duration).Milliseconds(),
		Wakeups: r.loop.Wakeups(), Requests: r.wiring.Calls() + r.audience.Attempts(), ViewerRequests: counted,
		MemoryBytes: int64(m.Sys)})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.Out, reports.CostFile), append(b, '\n'), 0o644)
}

// elapsed is how far the event is, also for a world that has lost its way.
func (r *replay) elapsed() time.Duration { return r.loop.Elapsed() - lead(r.scenario) }

// status is what progress shows.
func (r *replay) status() Status {
	s := Status{At: r.loop.Now().Sub(r.event.AvailabilityStartTime), Of: r.scenario.Duration}
	s.Viewers, s.Segments, s.Missed = r.audience.Progress()
	r.history.soFar(&s)
	s.Phase = r.phase(s.At)
	return s
}
