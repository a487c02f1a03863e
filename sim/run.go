package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/parts"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// Options are what a run needs besides its scenario, on either clock.
type Options struct {
	Out      string // the run's directory, which must not have a history yet
	Command  string // repeats the run
	Progress Progress
}

// RunOptions are what a run on the wall clock needs.
type RunOptions struct {
	Options
	K6 string // a k6 with our extension; empty looks for one
	// Stack is what the run stands on; empty means Embedded. Databases is the file that says where they are, for External.
	Stack     string
	Databases string
	// Part is how this program becomes one part: the arguments of a verb that calls parts.Main with stack.RunPart.
	Part []string
	// Ready, when not nil, is called with the URL of the event's manifest once a player can ask for it.
	Ready func(manifest string)
}

// startUp is how long before the event's start, or before operators do something, the servers are up: k6 starts in about a
// second.
const startUp = 3 * time.Second

// lead is how long before the event's start a run begins.
func lead(sc *scenarios.Scenario) time.Duration { return sc.Before() + startUp }

// run is one run on the wall clock.
type run struct {
	course
	options  RunOptions
	runtime  *origin.Wall
	audience *audienceTail
	k6       *k6

	// What a run has that stands on databases; nil on the embedded stack.
	ground *ground
	parts  *stack.Processes
	acks   *acknowledgements
	on     *reports.Stack
}

// Run plays a scenario on the wall clock and judges it. When ctx ends early, everything is stopped, and the history so
// far is judged: as interrupted. An error means that there is no run to judge.
func Run(ctx context.Context, sc *scenarios.Scenario, o RunOptions) (*reports.Report, error) {
	path, err := FindK6(o.K6)
	if err != nil {
		return nil, err
	}
	runtime := new(origin.Wall)
	o.Stack = cmp.Or(o.Stack, Embedded)
	r := &run{course: course{Options: o.Options, scenario: sc, clock: runtime}, options: o, runtime: runtime}
	if err := r.prepare(ctx, path); err != nil {
		return nil, errors.Join(err, r.abandon())
	}
	trouble := r.play(ctx)
	if err := r.finish(trouble); err != nil {
		return nil, err
	}
	p := plan(sc, r.event, r.faults, o.Command)
	p.Stack = r.on
	report, _, err := judge(sc, p, o.Out)
	return report, err
}

// prepare starts what the run stands on, fixes when the event starts, writes down what the run is, and starts all servers
// and the audience.
func (r *run) prepare(ctx context.Context, k6Path string) error {
	if err := r.startGround(ctx); err != nil {
		return err
	}
	start := time.Now().Add(lead(r.scenario))
	start = start.Add(-time.Duration(start.Nanosecond()) % time.Millisecond) // and keep the monotonic reading
	r.event = r.scenario.Event(start)
	r.faults = makeFaults(r.scenario, r.event, r.runtime)
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.startStack(); err != nil {
		return err
	}
	set := settings{Stack: r.options.Stack, Addresses: r.stack.Addresses()}
	if r.ground != nil {
		set.On = r.ground.describe(r.options.Stack)
		r.on = set.On
	}
	if err := r.describe(set); err != nil {
		return err
	}
	if err := r.startAudience(k6Path); err != nil {
		return err
	}
	if edges := r.stack.Edges(); r.options.Ready != nil && len(edges) > 0 {
		r.options.Ready(edges[0].URL + "/" + r.event.ID + "/manifest.mpd")
	}
	return nil
}

// startGround starts databases, and the processes that stand on them; the embedded stack needs neither.
func (r *run) startGround(ctx context.Context) (err error) {
	if r.options.Stack == Embedded {
		return nil
	}
	if err := r.makeDirectory(); err != nil {
		return err
	}
	if r.ground, err = startGround(ctx, demandOf(r.scenario), r.options.Stack, r.options.Databases, r.Progress); err != nil {
		return err
	}
	r.Progress.Say("start origins and edges")
	r.parts, err = stack.StartProcesses(ctx, stack.ProcessesConfig{Scenario: r.scenario, Databases: r.ground.databases,
		Args: r.options.Part, Dir: r.Out})
	return err
}

// startStack starts everything between the feeds and the viewers. It outlives the run's context: on an interruption the
// audience is stopped first, and what it asked last is answered.
func (r *run) startStack() (err error) {
	if r.ground == nil {
		r.stack, err = stack.NewEmbedded(context.Background(), r.scenario, r.event, r.faults, r.runtime, r.history)
		return err
	}
	r.acks = &acknowledgements{Recorder: r.history, event: r.event.ID}
	r.acts = newActs(r.ground.hands(r.parts), r.history.Record, r.now)
	r.stack, err = stack.NewOver(context.Background(), r.parts, r.scenario, r.event, r.faults, r.runtime, r.acks)
	return err
}

// abandon ends everything that a run began which does not come about.
func (r *run) abandon() error {
	var errs []error
	if r.k6 != nil {
		r.k6.stop()
	}
	if r.stack != nil {
		errs = append(errs, r.stack.Close())
	} else if r.parts != nil {
		errs = append(errs, r.parts.Close())
	}
	if r.history != nil {
		errs = append(errs, r.history.Close())
	}
	if r.ground != nil {
		errs = append(errs, r.ground.Close())
	}
	return errors.Join(errs...)
}

func (r *run) startAudience(path string) error {
	src, err := script(r.scenario, r.event.ID, r.stack.Edges(), r.Command)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.Out, scriptFile), src, 0o644); err != nil {
		return err
	}
	r.audience = &audienceTail{path: filepath.Join(r.Out, audienceFile)}
	r.k6, err = startK6(path, r.Out)
	return err
}

// play lets the event happen and returns when it is over, or why it ended early.
func (r *run) play(ctx context.Context) (trouble string) {
	r.stack.Publish()
	moments := r.moments()
	// The audience ends by itself soon after the event's last segment has been played.
	overdue := time.NewTimer(time.Until(r.event.End) + overdueAfter(r.scenario))
	defer overdue.Stop()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	defer r.watchForStalls()()
	for {
		var next <-chan time.Time
		if len(moments) > 0 {
			next = time.After(time.Until(moments[0].at))
		}
		select {
		case <-next:
			moments[0].do()
			moments = moments[1:]
		case <-ticker.C:
			r.history.Flush()
			r.Progress.Show(r.status())
		case <-r.k6.done:
			if len(moments) > 0 || time.Now().Before(r.event.End) {
				return "the audience left before the event's end: " + cmp.Or(r.k6.trouble(), "its script had ended")
			}
			return r.k6.trouble()
		case <-overdue.C:
			return "the audience did not end in time"
		case <-ctx.Done():
			return reports.Interrupted
		}
	}
}

// overdueAfter is how long after the event's end the audience must have ended by itself: players wait for the last segments for
// as long as those are of use to them.
func overdueAfter(sc *scenarios.Scenario) time.Duration {
	return sc.RetryBudget + sc.Audience.Buffer + 15*time.Second
}

// heartbeat is how often the harness looks whether it is run at all, and stallMin how late a look is worth a record.
const (
	heartbeat = 50 * time.Millisecond
	stallMin  = 250 * time.Millisecond
)

// watchForStalls takes down when the harness was not run for a while, on a machine that others use too: what went wrong
// then is not the system's fault.
func (r *run) watchForStalls() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.runtime.Go(func() {
		for last := time.Now(); r.runtime.Sleep(ctx, heartbeat) == nil; last = time.Now() {
			if late := time.Since(last) - heartbeat; late >= stallMin {
				r.history.Record(origin.Record{AtUs: r.now(), Kind: origin.KindStall, Name: "harness",
					WaitUs: late.Microseconds()})
			}
		}
	})
	return cancel
}

// finish stops what is still running, audience first, and completes the history. What was done to real parts is undone
// before anything else: whatever is looked at then should be whole.
func (r *run) finish(trouble string) error {
	r.k6.stop()
	if err := r.acts.close(); err != nil {
		trouble = cmp.Or(trouble, err.Error())
	}
	if r.parts != nil {
		if dead := r.parts.Deaths(); len(dead) > 0 {
			trouble = cmp.Or(trouble, "nobody killed them, and they are dead: "+strings.Join(dead, ", "))
		}
	}
	r.check("stop", "processes", r.stack.Close())
	if r.ground != nil {
		trouble = cmp.Or(trouble, r.failed, r.settle())
	}
	trouble = cmp.Or(trouble, r.failed)
	r.recordUsage()
	end := origin.Record{AtUs: r.now(), Kind: origin.KindRun, Step: origin.End, Name: r.scenario.Name}
	if trouble != "" {
		end.Reason, end.Error = reports.Interrupted, trouble
	}
	r.history.Record(end)
	r.Progress.Done()
	return r.history.Close()
}

// settle reads back what the databases should have, and cleans up. It returns what spoils the run.
func (r *run) settle() string {
	r.Progress.Say("read back everything that was acknowledged")
	var errs []error
	// A process that is killed may leave half a line; anything else that is not in the history should be.
	if lost := r.parts.Losses(); lost.Dropped+lost.Missing > 0 || lost.Cut > lost.Deaths {
		errs = append(errs, fmt.Errorf("processes recorded more than the history has: %+v", lost))
	}
	errs = append(errs, r.acks.readBack(r.ground.databases, r.event, r.now), r.ground.Close())
	if err := errors.Join(errs...); err != nil {
		return err.Error()
	}
	return ""
}

// recordUsage takes down what this process, the audience and all parts used in processor time and memory.
func (r *run) recordUsage() {
	record := func(name string, u parts.Usage) {
		r.history.Record(origin.Record{AtUs: r.now(), Kind: origin.KindUsage, Name: name, CPUUs: u.CPU.Microseconds(), Count: u.Memory})
	}
	record("harness", parts.Self())
	record("k6", r.k6.usage())
	if r.parts != nil {
		used := r.parts.Usage()
		for _, tier := range []stack.Tier{stack.Origin, stack.Site} {
			record(string(tier), used[tier])
		}
	}
}

// status is what progress shows.
func (r *run) status() Status {
	a := r.audience.read()
	s := Status{At: time.Since(r.event.AvailabilityStartTime), Of: r.scenario.Duration,
		Viewers: a.viewers, Segments: a.segments, Missed: a.missed}
	r.history.soFar(&s)
	s.Phase = r.phase(s.At)
	return s
}
