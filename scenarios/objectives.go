package scenarios

import (
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// claim is an objective while it is being read.
type claim struct {
	reports.Objective
	path string
	max  *strictyaml.Node // a time or a count, as the indicator's unit asks
}

func (f *form) objective() value {
	c := &claim{path: item("objectives", len(f.claims))}
	f.claims = append(f.claims, c)
	var kinds []kind
	for _, i := range reports.Indicators() {
		kinds = append(kinds, applies(i))
	}
	return kindSection{section{c.keys()}, "indicator", kinds}
}

func (c *claim) keys() keys {
	return keys{
		{name: "indicator", required: true, about: "what is measured",
			is: choice(&c.Indicator, "indicator", indicatorNames())},
		{name: "p", about: "the percentile, for indicators of latency", is: percentile(&c.Percentile)},
		{name: "phase", about: "the phase that is looked at; the whole event by default", is: name(&c.Phase)},
		{name: "region", about: "the region whose edges, or origins, are looked at; all by default", is: name(&c.Region)},
		{name: "after", about: "the fault, by name or kind, for indicators of one", is: name(&c.After)},
		{name: "max", required: true, about: "the limit: a time, or a count", is: unread{&c.max, limitSchema}},
		{name: "min_samples", otherwise: "1", about: "fewer samples make the objective inconclusive",
			is: count(&c.MinSamples, 1, many)},
	}
}

// many is more than any run can count.
const many = 1_000_000_000_000

var limitSchema = schema{"anyOf": []schema{
	{"type": "string", "pattern": durationPattern},
	{"type": "integer", "minimum": 0},
}}

func indicatorNames() []string {
	var names []string
	for _, i := range reports.Indicators() {
		names = append(names, i.Name)
	}
	return names
}

// checkObjectives compares the objectives with their indicators and with what the scenario has.
func (f *form) checkObjectives(r *reader) {
	for _, c := range f.claims {
		if i, ok := reports.IndicatorByName(c.Indicator); ok {
			applies(i).check(r, c.path, c.keys())
			checkLimit(r, c, i)
			checkWatched(r, c, i)
		}
		f.checkScope(r, c)
		f.checkRoom(r, c)
		c.File, c.Line = f.File, r.place(c.path).value.Line
		f.objectives = append(f.objectives, c.Objective)
	}
}

// applies is an indicator with the keys that an objective about it has.
func applies(i reports.Indicator) kind {
	k := kind{name: i.Name}
	if i.Percentile {
		k.needs = append(k.needs, "p")
	}
	if i.OfFault {
		k.needs = append(k.needs, "after")
	} else {
		k.allows = append(k.allows, "phase")
	}
	if i.Regional {
		k.allows = append(k.allows, "region")
	}
	k.allows = append(k.allows, "indicator", "max", "min_samples")
	k.says = schema{"max": schema{"type": "string"}}
	if i.Unit == reports.Count {
		k.says = schema{"max": schema{"type": "integer"}}
	}
	return k
}

// checkLimit reads the limit in the indicator's unit.
func checkLimit(r *reader, c *claim, i reports.Indicator) {
	path := join(c.path, "max")
	switch {
	case c.max == nil || !r.is(path, c.max, strictyaml.Scalar):
	case i.Unit == reports.Count:
		if wrong, _ := duration(&c.Max.Duration, 0, day).(word).parse(c.max); wrong == "" {
			r.problem(path, "%s is a time, but %s are counted", c.max.Text, i.Name)
			return
		}
		count(&c.Max.Count, 0, many).read(r, path, c.max)
	default:
		duration(&c.Max.Duration, 0, day).read(r, path, c.max)
	}
}

// checkScope looks up what the objective names.
func (f *form) checkScope(r *reader, c *claim) {
	if r.known("phases") {
		f.refer(r, join(c.path, "phase"), "phase", c.Phase, f.phaseNames())
	}
	if r.known("regions") {
		f.refer(r, join(c.path, "region"), "region", c.Region, f.RegionNames())
	}
	path := join(c.path, "after")
	if !r.known("faults", path) || !r.given(path) {
		return
	}
	if len(f.broken) == 0 {
		r.problem(path, "there is no fault %q: the scenario has none", c.After)
		return
	}
	f.refer(r, path, "fault", c.After, f.faultNames())
}

// segmentsToRecover is how many good segments in a row are a recovery (reports).
const segmentsToRecover = 3

// checkRoom wants room for a recovery between the end of a fault and that of the event. Of several faults with the
// name, the last one to end decides.
func (f *form) checkRoom(r *reader, c *claim) {
	i, ok := reports.IndicatorByName(c.Indicator)
	if !ok || !i.OfFault || i.Watched || !r.known("event.duration") || !r.sound("event.publish_delay", join(c.path, "after")) {
		return
	}
	var last *breakage
	for _, b := range f.broken {
		named := b.ID == c.After || b.Kind == c.After
		if named && r.sound(join(b.path, "at"), join(b.path, "for")) && (last == nil || b.At+b.For > last.At+last.For) {
			last = b
		}
	}
	need := segmentsToRecover*segmentOfMedia + f.PublishDelay
	if last == nil || last.At+last.For+need <= f.Duration {
		return
	}
	end, latest := last.At+last.For, f.Duration-need
	longer := short((end + need + segmentOfMedia - 1).Truncate(segmentOfMedia))
	advice := "let the event last " + longer
	switch {
	case latest > last.At:
		advice = "end the fault by " + short(latest) + " or " + advice
	case last.For == 0 && latest >= 0:
		advice = "let the fault begin by " + short(latest) + " or " + advice
	}
	r.problem(c.path, "nothing can be seen of a recovery: %s ends at %s, and %d segments and the publish delay later "+
		"it is %s, but the event ends at %s; %s",
		last.ID, short(end), segmentsToRecover, short(end+need), short(f.Duration), advice)
}
