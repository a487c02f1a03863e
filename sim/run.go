package sim

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
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
	// Ready, when not nil, is called with the URL of the event's manifest once a player can ask for it.
	Ready func(manifest string)
}

// lead is how long before the event's start the servers are up: k6 starts in about a second.
const lead = 3 * time.Second

// run is one run on the wall clock.
type run struct {
	course
	ready    func(manifest string)
	runtime  *origin.Wall
	audience *audienceTail
	k6       *k6
}

// Run plays a scenario on the wall clock and judges it. When ctx ends early, everything is stopped, and the history so
// far is judged: as interrupted. An error means that there is no run to judge.
func Run(ctx context.Context, sc *scenarios.Scenario, o RunOptions) (*reports.Report, error) {
	path, err := FindK6(o.K6)
	if err != nil {
		return nil, err
	}
	runtime := new(origin.Wall)
	r := &run{course: course{Options: o.Options, scenario: sc, clock: runtime}, ready: o.Ready, runtime: runtime}
	if err := r.prepare(path); err != nil {
		return nil, err
	}
	trouble := r.play(ctx)
	if err := r.finish(trouble); err != nil {
		return nil, err
	}
	report, _, err := judge(sc, plan(sc, r.event, r.faults, o.Command), o.Out)
	return report, err
}

// prepare fixes when the event starts, writes down what the run is, and starts all servers and the audience.
func (r *run) prepare(k6Path string) error {
	start := time.Now().Add(lead)
	start = start.Add(-time.Duration(start.Nanosecond()) % time.Millisecond) // and keep the monotonic reading
	r.event = r.scenario.Event(start)
	r.faults = makeFaults(r.scenario, r.event, r.runtime)
	err := r.begin()
	if err != nil {
		return err
	}
	// The stack outlives ctx: on an interruption the audience is stopped first, and what it asked last is answered.
	r.stack, err = stack.NewEmbedded(context.Background(), r.scenario, r.event, r.faults, r.runtime, r.history)
	if err != nil {
		return errors.Join(err, r.history.Close())
	}
	if err = r.describe(settings{Stack: "embedded", Addresses: r.stack.Addresses()}); err == nil {
		err = r.startAudience(k6Path)
	}
	if err != nil {
		r.stack.Close()
		return errors.Join(err, r.history.Close())
	}
	if edges := r.stack.Edges(); r.ready != nil && len(edges) > 0 {
		r.ready(edges[0].URL + "/" + r.event.ID + "/manifest.mpd")
	}
	return nil
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
	overdue := time.NewTimer(time.Until(r.event.End) + r.event.RetryBudget + r.scenario.Audience.Buffer + 15*time.Second)
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

// finish stops what is still running, audience first, and completes the history.
func (r *run) finish(trouble string) error {
	r.k6.stop()
	r.stack.Close()
	r.recordUsage("harness", syscall.RUSAGE_SELF)
	r.recordUsage("k6", syscall.RUSAGE_CHILDREN)
	end := origin.Record{AtUs: r.now(), Kind: origin.KindRun, Step: origin.End, Name: r.scenario.Name}
	if trouble != "" {
		end.Reason, end.Error = reports.Interrupted, trouble
	}
	r.history.Record(end)
	r.Progress.Done()
	return r.history.Close()
}

// recordUsage takes down what a process, or all children, used in processor time and memory.
func (r *run) recordUsage(name string, who int) {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return
	}
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	r.history.Record(origin.Record{AtUs: r.now(), Kind: origin.KindUsage, Name: name,
		CPUUs: cpu.Microseconds(), Count: int64(u.Maxrss) * 1024})
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
