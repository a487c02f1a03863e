package reports

import (
	"cmp"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// phases are the plan's, or the whole event as one.
func (e *evidence) phases() []PhaseReport {
	plan := e.plan.Phases
	if len(plan) == 0 {
		plan = []Phase{{Name: "event", Until: e.history.until + 1}}
	}
	regions := regionsOf(e.cells)
	reports := []PhaseReport{}
	for _, ph := range plan {
		pr := PhaseReport{Name: ph.Name, FromMs: ph.From.Milliseconds(), UntilMs: ph.Until.Milliseconds()}
		pr.Regions = []RegionReport{}
		for _, region := range regions {
			pr.Regions = append(pr.Regions, regionReport(region, within(e.cells, span{ph.From, ph.Until}, region)))
		}
		reports = append(reports, pr)
	}
	return reports
}

func regionReport(region string, cells []*cell) RegionReport {
	r := RegionReport{Region: region}
	latency, ttfb := newDense(), newDense()
	for _, c := range cells {
		r.Tally.add(c.Tally)
		if c.latency != nil {
			c.latency.MergeInto(latency)
		}
		if c.ttfb != nil {
			c.ttfb.MergeInto(ttfb)
		}
	}
	r.Latency, r.TTFB = quantiles(latency), quantiles(ttfb)
	return r
}

func (e *evidence) fault(f *FaultPlan, rec recovery) FaultReport {
	fr := FaultReport{
		ID: f.ID, Kind: f.Kind, Target: f.Target, FromMs: f.From.Milliseconds(), UntilMs: f.Until.Milliseconds(),
		Felt: e.felt(f), Affected: e.history.affected[f.ID], Recovery: rec.why,
	}
	if rec.state == recovered {
		ms := milliseconds(rec.after.Microseconds())
		fr.RecoveryMs = &ms
	}
	return fr
}

// felt says that the fault did something.
func (e *evidence) felt(f *FaultPlan) bool { return e.unfelt(f) == "" }

// unfelt says why a fault proves nothing; it is empty for one that was felt. That takes three things: that the fault
// was injected, that it says itself that it changed something, and that a record shows it at work. The last alone is
// not enough: an ordinary wait looks like a short delay.
func (e *evidence) unfelt(f *FaultPlan) string {
	h := e.history
	affected, ended := h.affected[f.ID]
	storm := h.storms[f.ID]
	switch {
	case !h.begun[f.ID]:
		return "was never injected"
	case !ended:
		return "was not felt: it never ended, which is when it says what it changed"
	case affected == 0:
		return "was not felt: it changed no call"
	case !h.seen[f.ID]:
		return "was not felt: no record shows it at work"
	case storm.weak():
		return "was not felt as planned: " + storm.String()
	}
	return ""
}

func (e *evidence) served() []ServedSecond {
	seconds := []ServedSecond{}
	for _, c := range e.cells {
		if len(c.served) == 0 {
			continue
		}
		s := ServedSecond{Second: c.second, Region: c.region}
		for v, n := range c.served {
			s.From = append(s.From, Share{v.region, v.pipeline, n})
			s.Segments += n
		}
		slices.SortFunc(s.From, func(a, b Share) int {
			return cmp.Or(cmp.Compare(b.Segments, a.Segments), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Pipeline, b.Pipeline))
		})
		seconds = append(seconds, s)
	}
	return seconds
}

func (e *evidence) counts() Counts {
	h, a := e.history, e.audience
	c := Counts{
		Tally: e.total(), Refused: h.refused, SlowPublishes: h.slow, ViewersPeak: a.peak(), ViewersPlanned: int64(e.plan.Viewers),
		Decisions: h.count(origin.KindDecision, h.decisions), Fetches: h.count(origin.KindFetch, h.fetches),
		Flushes:   h.flushes,
		MissedFor: causes(a.missed), WrongFor: causes(a.wrong), Published: int64(len(h.candidates)),
	}
	for _, p := range e.unpublished("") {
		c.Unpublished += p.count
	}
	if a.lag.TotalCount() > 0 {
		ms := milliseconds(a.lag.ValueAtPercentile(99))
		c.LagP99Ms = &ms
	}
	return c
}

func causes(by map[string]int64) []Cause {
	cs := []Cause{}
	for reason, n := range by {
		cs = append(cs, Cause{reason, n})
	}
	slices.SortFunc(cs, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return cs
}

func (e *evidence) usage() Usage {
	var u Usage
	u.HarnessCPUCores, u.HarnessRSSBytes = e.usageOf("harness")
	u.K6CPUCores, u.K6RSSBytes = e.usageOf("k6")
	u.OriginCPUCores, u.OriginRSSBytes = e.usageOf("origin")
	u.EdgeCPUCores, u.EdgeRSSBytes = e.usageOf("edge")
	return u
}

// usageOf gives processor time as cores: seconds of processor a second of the run.
func (e *evidence) usageOf(process string) (cores *float64, rss *int64) {
	used, ok := e.history.usage[process]
	if !ok {
		return nil, nil
	}
	rss = &used.rssBytes
	if took := e.history.until - e.history.from; took >= time.Millisecond {
		c := float64(used.cpu.Milliseconds()) / float64(took.Milliseconds())
		cores = &c
	}
	return cores, rss
}
