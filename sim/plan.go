package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/capacity"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// settings is run.json: what a judge must know of a run besides its scenario and its history.
type settings struct {
	Scenario  string               `json:"scenario"` // as it was called on the command line
	Overrides []scenarios.Override `json:"overrides,omitempty"`
	Start     time.Time            `json:"start"` // of the event
	Command   string               `json:"command"`
	Stack     string               `json:"stack"`
	Agents    bool                 `json:"agents,omitempty"`
	Scaled    scenarios.Scaling    `json:"scaled,omitzero"`
	// On is what the run stood on besides its own processes.
	On *reports.Stack `json:"on,omitempty"`
	// Addresses are the base URLs of what listens while the run is on, for who wants to look in.
	Addresses map[string]string `json:"addresses,omitempty"`
}

// plan tells the judge what the scenario asked for.
func plan(sc *scenarios.Scenario, ev origin.Event, fs []faults.Fault, command string) reports.Plan {
	ev.End = ev.AvailabilityStartTime.Add(sc.End())
	p := reports.Plan{Version: Version, Scenario: sc.Name, About: sc.About, Seed: sc.Seed, Command: command, Event: ev,
		Phases: sc.Phases(), Operations: operationPlans(sc), Objectives: sc.Objectives(), Viewers: sc.Peak(),
		Watched: sc.Monitoring.Every}
	for _, f := range fs {
		spec := f.Spec()
		p.Faults = append(p.Faults, reports.FaultPlan{
			ID: spec.ID, Kind: spec.Kind, Target: target(spec), From: spec.At, Until: spec.At + spec.For,
			Pipelines: hit(spec, ev), Felt: f.Felt,
		})
	}
	return p
}

// target names what a fault is aimed at, in a few words.
func target(s faults.Spec) string {
	var words []string
	for _, w := range []string{s.Region, s.Pipeline, s.Rendition, s.Edge, s.Node, s.Defect} {
		if w != "" {
			words = append(words, w)
		}
	}
	if s.Zone != "" {
		words = append(words, "zone "+s.Zone)
	}
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, " ")
}

// hit lists the pipelines that a fault can keep from publishing.
func hit(s faults.Spec, ev origin.Event) []string {
	if s.Pipeline != "" {
		return []string{s.Pipeline}
	}
	if k, ok := faults.KindByName(s.Kind); !ok || k.Instant {
		return nil
	}
	for _, r := range ev.Regions {
		if s.Region == r.Name {
			return r.Pipelines
		}
	}
	return nil
}

// makeFaults makes the scenario's faults for an event.
func makeFaults(sc *scenarios.Scenario, ev origin.Event, rt origin.Runtime) []faults.Fault {
	var fs []faults.Fault
	for _, spec := range sc.FaultSpecs() {
		fs = append(fs, faults.New(spec, ev.AvailabilityStartTime, rt))
	}
	return fs
}

// ErrNoRun is for a directory in which there is no run.
var ErrNoRun = errors.New("is not the directory of a run")

// Judge judges the run in dir, from its files alone. The plan is nil for a run on the wall clock.
func Judge(dir string) (*reports.Report, *capacity.Plan, error) {
	sc, set, err := load(dir)
	if err != nil {
		return nil, nil, err
	}
	ev := sc.Event(set.Start)
	p := plan(sc, ev, makeFaults(sc, ev, new(origin.Wall)), set.Command)
	p.Stack = set.On
	return judge(sc, p, dir)
}

// Check says what is wrong with the files that a scenario refers to and cannot read itself: the profile of its store.
func Check(sc *scenarios.Scenario) error {
	_, err := storage.StoreOf(sc.Storage.Profile, sc.ProfileSource)
	return err
}

// remarks say what the models of a run are worth, so that nobody takes them for more: so far of a store that was measured.
func remarks(sc *scenarios.Scenario) []string {
	p, err := storage.MeasuredOf(sc.Storage.Profile, sc.ProfileSource)
	if err != nil || p == nil { // what cannot be read was refused before the run
		return nil
	}
	return []string{p.Remark()}
}

// ofModels are the keys of a scenario's storage that only models heed.
var ofModels = []string{"profile", "write", "read", "replication_lag"}

// unheeded says what a scenario asks of storage in vain where the databases are real, whose speed is their own.
func unheeded(sc *scenarios.Scenario) []string {
	var said struct{ Storage map[string]any }
	_ = yaml.Unmarshal(sc.Source, &said) // has been read as a scenario before
	var keys []string
	for _, key := range ofModels {
		path := "storage." + key
		_, given := said.Storage[key]
		if given || slices.ContainsFunc(sc.AppliedOverrides, func(o scenarios.Override) bool {
			return o.Path == path || strings.HasPrefix(o.Path, path+".")
		}) {
			keys = append(keys, path)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return []string{strings.Join(keys, ", ") + ": of no effect on this stack, whose databases are as fast as they are"}
}

func judge(sc *scenarios.Scenario, p reports.Plan, dir string) (*reports.Report, *capacity.Plan, error) {
	report, err := reports.Read(p, dir)
	if err != nil {
		return nil, nil, err
	}
	if p.Stack == nil {
		report.Notes = append(report.Notes, remarks(sc)...)
	} else {
		report.Notes = append(report.Notes, unheeded(sc)...)
	}
	needed, err := needs(sc, p, dir)
	return report, needed, err
}

// kept opens what a run's directory keeps of the files that its scenario refers to.
func kept(dir string) scenarios.Opener {
	return func(name string) ([]byte, error) {
		file := curveFile
		if filepath.Ext(name) == filepath.Ext(profileFile) {
			file = profileFile
		}
		return os.ReadFile(filepath.Join(dir, file))
	}
}

func load(dir string) (*scenarios.Scenario, settings, error) {
	var set settings
	b, err := os.ReadFile(filepath.Join(dir, settingsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, set, fmt.Errorf("%s %w: it has no %s", dir, ErrNoRun, settingsFile)
	}
	if err != nil {
		return nil, set, err
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, set, fmt.Errorf("read %s: %w", filepath.Join(dir, settingsFile), err)
	}
	src, err := os.ReadFile(filepath.Join(dir, scenarioFile))
	if err != nil {
		return nil, set, err
	}
	sc, err := scenarios.ParseWith(kept(dir), set.Scenario, src, set.Overrides...)
	if err == nil && set.Scaled != (scenarios.Scaling{}) {
		err = sc.Scale(set.Scaled.Viewers, set.Scaled.Speed)
	}
	return sc, set, err
}
