package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// course is what a run and a replay have in common: a scenario that takes its course on a stack, into a history.
type course struct {
	Options
	scenario *scenarios.Scenario
	event    origin.Event
	clock    origin.Clock
	faults   []faults.Fault
	history  *history
	stack    *stack.Stack
	acts     *acts    // nil where no part is real
	acting   []string // ids of the faults that do something to real parts
	failed   string   // what the harness could not do first, which makes the run no evidence
}

// now is microseconds since the event's start: the history's time.
func (c *course) now() int64 { return c.clock.Now().Sub(c.event.AvailabilityStartTime).Microseconds() }

// begin makes the run's directory, and begins its history.
func (c *course) begin() (err error) {
	if err := c.makeDirectory(); err != nil {
		return err
	}
	if c.history, err = newHistory(c.Out); err != nil {
		return err
	}
	c.history.Record(origin.Record{AtUs: c.now(), Kind: origin.KindRun, Step: origin.Begin, Name: c.scenario.Name})
	return nil
}

// makeDirectory makes the run's directory, unless it is somebody else's.
func (c *course) makeDirectory() error {
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("make the run's directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(c.Out, historyFile)); err == nil {
		return fmt.Errorf("%s holds a run already; choose another --out", c.Out)
	}
	return nil
}

// describe writes down the scenario and the settings with which the run can be judged again later.
func (c *course) describe(s settings) error {
	if err := os.WriteFile(filepath.Join(c.Out, scenarioFile), c.scenario.Source, 0o644); err != nil {
		return err
	}
	if c.scenario.CurveSource != nil {
		if err := os.WriteFile(filepath.Join(c.Out, curveFile), c.scenario.CurveSource, 0o644); err != nil {
			return err
		}
	}
	if c.scenario.ProfileSource != nil {
		if err := os.WriteFile(filepath.Join(c.Out, profileFile), c.scenario.ProfileSource, 0o644); err != nil {
			return err
		}
	}
	s.Scenario, s.Overrides, s.Scaled = c.scenario.File, c.scenario.AppliedOverrides, c.scenario.Scaled
	s.Start, s.Command = c.event.AvailabilityStartTime, c.Command
	written, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Out, settingsFile), append(written, '\n'), 0o644)
}

// moment is something that the harness does at a fixed time of the event.
type moment struct {
	at time.Time
	do func()
}

// moments lists the beginnings of phases, the beginnings and ends of faults, and what operators do, in order of time.
func (c *course) moments() []moment {
	var ms []moment
	at := func(d time.Duration, do func()) {
		ms = append(ms, moment{c.event.AvailabilityStartTime.Add(d), do})
	}
	for _, p := range c.scenario.Phases() {
		at(p.From, func() {
			c.history.Record(origin.Record{AtUs: c.now(), Kind: origin.KindPhase, Step: origin.Begin, Name: p.Name})
		})
	}
	for _, f := range c.faults {
		at(f.Spec().At, func() { c.beginFault(f) })
		at(f.Spec().At+f.Spec().For, func() { c.endFault(f) })
	}
	for _, o := range c.scenario.Operations() {
		at(o.At, func() { c.stack.Operate(o) })
	}
	slices.SortStableFunc(ms, func(a, b moment) int { return a.at.Compare(b.at) })
	return ms
}

func (c *course) beginFault(f faults.Fault) {
	c.recordFault(f, origin.Begin)
	c.check("strike", f.Spec().ID, c.stack.Strike(f))
	if storm, ok := f.(faults.Storm); ok {
		c.check("storm", f.Spec().ID, c.stack.Storm(storm))
	}
	if c.acts.begin(f, func() { c.recordFault(f, origin.End) }) {
		c.acting = append(c.acting, f.Spec().ID)
	}
}

// check takes down that the harness could not do something, if it could not.
func (c *course) check(what, target string, err error) {
	if err == nil {
		return
	}
	c.history.Record(origin.Record{AtUs: c.now(), Kind: origin.KindAct, Step: origin.Begin, Target: target, What: what, Error: err.Error()})
	c.failed = cmp.Or(c.failed, fmt.Sprintf("%s %s: %v", what, target, err))
}

// endFault ends a fault. What was done to real parts takes its time to be undone, and until then the fault lasts.
func (c *course) endFault(f faults.Fault) {
	if slices.Contains(c.acting, f.Spec().ID) {
		c.acts.end(f)
		return
	}
	c.recordFault(f, origin.End)
}

func (c *course) recordFault(f faults.Fault, step string) {
	s := f.Spec()
	c.history.Record(origin.Record{AtUs: c.now(), Kind: origin.KindFault, Step: step, Name: s.ID, What: s.Kind,
		Target: target(s), Region: s.Region, Pipeline: s.Pipeline, Rendition: s.Rendition, Count: c.stack.Affected(f)})
}

// phase is the name of the phase at a time of the event.
func (c *course) phase(at time.Duration) (name string) {
	for _, p := range c.scenario.Phases() {
		if p.From <= at {
			name = p.Name
		}
	}
	return name
}
