package reports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// segmentsMax bounds how many segments a history may span: three weeks of two seconds.
const segmentsMax = 1_000_000

// Judge reads a run's history and its audience's, and holds them against the plan. An error means that there is nothing
// to judge: a file that is not what it should be, or a plan that does not fit together.
func Judge(plan Plan, history, audience io.Reader) (*Report, error) {
	if err := plan.check(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	h, cutHistory, err := readHistory(&plan, history)
	if err != nil {
		return nil, err
	}
	plan.lasted(h)
	if err := h.bounded(); err != nil {
		return nil, fmt.Errorf("%s: %w", HistoryFile, err)
	}
	a, cutAudience, err := readAudience(h, audience)
	if err != nil {
		return nil, err
	}
	e := &evidence{plan: &plan, history: h, audience: a, cells: sorted(a.cells), alarms: h.alerted.alarms()}
	r := e.report()
	for _, note := range []string{cutHistory, cutAudience} {
		if note != "" {
			r.Notes = append(r.Notes, note)
		}
	}
	return r, nil
}

// Read judges the run stored in a directory. Without a file from the audience the run is judged, and inconclusive.
func Read(plan Plan, dir string) (*Report, error) {
	history, err := os.Open(filepath.Join(dir, HistoryFile))
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	defer history.Close()
	audience, err := openAudience(dir)
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	defer audience.Close()
	r, err := Judge(plan, history, audience)
	if err != nil {
		return nil, err
	}
	cost, note := readCost(dir)
	r.Replay = cost
	if note != "" {
		r.Notes = append(r.Notes, note)
	}
	return r, nil
}

// lasted makes faults last until they were over: what was done to real parts takes its time to be undone. A few
// milliseconds of a busy harness are none of that.
func (p *Plan) lasted(h *history) {
	const punctual = 500 * time.Millisecond
	p.Faults = slices.Clone(p.Faults)
	for i := range p.Faults {
		if f := &p.Faults[i]; h.ended[f.ID] > f.Until+punctual {
			f.Until = h.ended[f.ID]
		}
	}
}

func openAudience(dir string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(dir, AudienceFile))
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return f, err
}

// check refuses plans that could never be judged. Scenarios are checked when they are read, with line and column; this
// is for plans made by code.
func (p *Plan) check() error {
	if err := p.Event.Validate(); err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, f := range p.Faults {
		if f.ID == "" || ids[f.ID] || f.Until < f.From {
			return fmt.Errorf("fault %q needs an id of its own and an end that is not before its beginning", f.ID)
		}
		ids[f.ID] = true
	}
	for _, o := range p.Objectives {
		if err := p.checkObjective(o); err != nil {
			return fmt.Errorf("objective %q: %w", o.Indicator, err)
		}
	}
	return nil
}

func (p *Plan) checkObjective(o Objective) error {
	i, ok := IndicatorByName(o.Indicator)
	switch {
	case !ok:
		return errors.New("no such indicator")
	case i.Percentile != (o.Percentile != 0) || o.Percentile < 0 || o.Percentile > 100:
		return fmt.Errorf("percentile %v", o.Percentile)
	case i.OfFault != (o.After != ""):
		return fmt.Errorf("after %q", o.After)
	case o.After != "" && len(p.faultsNamed(o.After)) == 0:
		return fmt.Errorf("no fault %q", o.After)
	case o.Region != "" && !i.Regional:
		return fmt.Errorf("has no region %q", o.Region)
	case o.Phase != "" && (i.OfFault || !slices.ContainsFunc(p.Phases, func(ph Phase) bool { return ph.Name == o.Phase })):
		return fmt.Errorf("no phase %q", o.Phase)
	}
	return nil
}

// faultsNamed finds faults by id or by kind.
func (p *Plan) faultsNamed(name string) []*FaultPlan {
	var named []*FaultPlan
	for i := range p.Faults {
		if f := &p.Faults[i]; f.ID == name || f.Kind == name {
			named = append(named, f)
		}
	}
	return named
}

// bounded refuses histories whose numbers would keep the judge busy for ever.
func (h *history) bounded() error {
	spanned := max(int64(h.newest-h.plan.Event.StartNumber), int64(h.until/h.plan.Event.SegmentDuration))
	if spanned > segmentsMax {
		return fmt.Errorf("spans %d segments; at most %d can be judged", spanned, int64(segmentsMax))
	}
	return nil
}

func (e *evidence) report() *Report {
	p := e.plan
	r := &Report{
		Schema: Schema, Version: p.Version, Scenario: p.Scenario, Seed: p.Seed, Command: p.Command, About: p.About,
		SegmentMs: p.Event.SegmentDuration.Milliseconds(), Stack: p.Stack,
		Objectives: []ObjectiveResult{}, Phases: e.phases(), Faults: []FaultReport{},
		Publishing: append([]PublishTrouble{}, e.history.troubles...),
		Counts:     e.counts(), Usage: e.usage(), Defects: e.defects(), Served: e.served(), Notes: e.notes(), Operations: e.operations(),
		Alerts: e.alerts(),
	}
	recoveries := map[string]recovery{}
	for i := range p.Faults {
		f := &p.Faults[i]
		recoveries[f.ID] = e.recovery(f)
		r.Faults = append(r.Faults, e.fault(f, recoveries[f.ID]))
	}
	for _, o := range p.Objectives {
		r.Objectives = append(r.Objectives, e.objective(o, recoveries))
	}
	r.Invariants = []InvariantResult{
		{Name: "avoidable defects", Violations: r.Counts.AvoidableDefects, Checked: e.audience.detailed},
		{Name: "wrong bytes", Violations: r.Counts.WrongBytes, Checked: r.Counts.checked()},
	}
	if b := e.history.readBack; b.there+b.lost > 0 {
		r.Invariants = append(r.Invariants, InvariantResult{Name: "lost segments", Violations: b.lost, Checked: b.there + b.lost})
	}
	e.decide(r)
	return r
}

// decide adds everything up.
//
//   - An invariant that was broken fails the run, whatever else happened: a wrong byte is wrong under any load.
//   - A run that was not delivered as planned is inconclusive, and missed objectives in it prove nothing about the
//     system: the load generator or the harness may have been the cause.
//   - Then a missed objective fails the run, unless the harness stood still at that moment; and any want of evidence,
//     such as that, makes it inconclusive.
func (e *evidence) decide(r *Report) {
	var broken, missed, open []string
	for _, i := range r.Invariants {
		if i.Violations > 0 {
			broken = append(broken, i.String()+"; none is allowed in any run")
		}
	}
	for i := range r.Objectives {
		switch o := &r.Objectives[i]; o.Verdict {
		case Fail:
			if s, ok := e.excuse(o); ok {
				open = append(open, fmt.Sprintf("%s; but %v", o.Sentence(), s))
				continue
			}
			missed = append(missed, o.Sentence())
		case Inconclusive:
			open = append(open, o.Sentence())
		}
	}
	undelivered, unproven := e.undelivered(), e.unproven(r)
	r.Validity = append(append([]string{}, undelivered...), unproven...)
	switch {
	case len(broken) > 0:
		r.Verdict = Fail
		r.Reasons = slices.Concat(broken, missed, undelivered, unproven, open)
	case len(undelivered) > 0:
		r.Verdict = Inconclusive
		r.Reasons = slices.Concat(undelivered, unproven, missed, open)
	case len(missed) > 0:
		r.Verdict = Fail
		r.Reasons = slices.Concat(missed, unproven, open)
	case len(unproven)+len(open) > 0:
		r.Verdict = Inconclusive
		r.Reasons = slices.Concat(unproven, open)
	default:
		r.Verdict = Pass
		r.Reasons = []string{}
	}
}
