package scenarios

import (
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
)

// breakage is a fault while it is being read.
type breakage struct {
	faults.Spec
	path string
}

func (f *form) fault() value {
	b := &breakage{path: item("faults", len(f.broken))}
	f.broken = append(f.broken, b)
	var kinds []kind
	for _, k := range faults.Kinds() {
		kinds = append(kinds, kindOf(k))
	}
	return kindSection{section{b.keys()}, "kind", kinds}
}

func (b *breakage) keys() keys {
	return keys{
		{name: "kind", required: true, about: "what breaks", is: choice(&b.Kind, "fault kind", kindNames())},
		{name: "name", about: "what objectives call it; the kind, with a number if it comes twice, by default",
			is: name(&b.ID)},
		{name: "at", required: true, about: "when it begins, from the event's start", is: duration(&b.At, 0, day)},
		{name: "for", about: "how long it lasts; faults of one moment have none",
			is: duration(&b.For, time.Millisecond, day)},
		{name: "region", about: "a region's name", is: name(&b.Region)},
		{name: "pipeline", about: "a pipeline's name", is: name(&b.Pipeline)},
		{name: "rendition", about: "a rendition's id; all by default", is: name(&b.Rendition)},
		{name: "edge", about: "an edge: <region>-edge-<k>, k from 1; all by default", is: name(&b.Edge)},
		{name: "zone", about: "a zone of the region, from 1", is: reference(&b.Zone)},
		{name: "defect", about: "what is wrong with the segments", is: choice(&b.Defect, "defect", defectNames())},
		{name: "ppm", about: "how much slower the encoder's clock runs, in millionths; below zero it is faster",
			is: count(&b.PPM, -1_000_000, 1_000_000)},
		{name: "delay", about: "how much longer everything takes", is: duration(&b.Delay, time.Millisecond, time.Hour)},
		{name: "node", about: "an origin node or an edge: <region>-origin-<k> or <region>-edge-<k>, k from 1", is: name(&b.Node)},
		{name: "rate", about: "requests a second, of all together", is: count(&b.Rate, 1, 100_000)},
		{name: "offset", about: "how far the clock is ahead; -2s is behind", is: shift(&b.Offset, time.Hour)},
	}
}

func kindNames() []string {
	var names []string
	for _, k := range faults.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// defectNames are the defects that an encoder can be given. To be uninspected is no property of a segment.
func defectNames() []string {
	return slices.DeleteFunc(origin.DefectNames(), func(d string) bool { return d == origin.Uninspected.String() })
}

// checkFaults compares the faults with their kinds, with the event, and with one another.
func (f *form) checkFaults(r *reader) {
	for _, b := range f.broken {
		f.checkKind(r, b)
		f.checkWindow(r, b)
		f.checkTarget(r, b)
	}
	var all []called
	for _, b := range f.broken {
		all = append(all, called{b.path, b.Kind, &b.ID})
	}
	nameAll(r, "fault", all, kindNames()) // "after" takes names and kinds
	for _, b := range f.broken {
		f.faults = append(f.faults, b.Spec)
	}
}

// kindOf is a kind of fault with its keys. What is not over at once says for how long it lasts.
func kindOf(k faults.Kind) kind {
	own := kind{name: k.Name, needs: slices.Clone(k.Needs), allows: k.Allows, common: []string{"kind", "name", "at"}}
	if !k.Instant {
		own.needs, own.common = append(own.needs, "for"), append(own.common, "for")
	}
	return own
}

// checkKind holds the keys that a fault has against those of its kind.
func (f *form) checkKind(r *reader, b *breakage) {
	k, ok := faults.KindByName(b.Kind)
	if !ok {
		return
	}
	own := kindOf(k)
	if path := join(b.path, "for"); k.Instant && r.given(path) {
		r.problemOfKey(path, "%s happens at one moment; it takes no \"for\"", k.Name)
		own.common = append(own.common, "for") // that was told
	}
	own.check(r, b.path, b.keys())
}

// checkWindow wants all of a fault inside the event: what is cut off at its end could not be judged.
func (f *form) checkWindow(r *reader, b *breakage) {
	f.checkInside(r, "the fault", b.path, b.At, b.For)
	if path := join(b.path, "ppm"); r.given(path) && r.sound(path) && b.PPM == 0 {
		r.problem(path, "a drift of 0 ppm is none")
	}
	if path := join(b.path, "offset"); r.given(path) && r.sound(path) && b.Offset == 0 {
		r.problem(path, "an offset of 0s is none")
	}
}

// checkTarget looks up what the fault names.
func (f *form) checkTarget(r *reader, b *breakage) {
	if !r.known("regions") {
		return
	}
	f.refer(r, join(b.path, "region"), "region", b.Region, f.RegionNames())
	f.refer(r, join(b.path, "pipeline"), "pipeline", b.Pipeline, f.PipelineNames())
	if r.sound("event.ladder") {
		f.refer(r, join(b.path, "rendition"), "rendition", b.Rendition, f.renditionIDs())
	}
	if r.sound("audience.edges") {
		f.refer(r, join(b.path, "edge"), edgeOf(b.Region), b.Edge, f.edgesOf(b.Region))
		f.refer(r, join(b.path, "node"), "origin or edge", b.Node, append(f.originsOf(), f.edgesOf("")...))
	}
	if _, ok := f.Region(b.Region); ok && r.known(join("regions", b.Region)) {
		f.refer(r, join(b.path, "zone"), "zone of "+b.Region, b.Zone, f.ZoneNames(b.Region))
	}
}

// refer wants a reference, where there is one, to name something; where there is nothing to name, that is the problem,
// and it was told.
func (f *form) refer(r *reader, path, what, word string, valid []string) {
	if len(valid) > 0 && r.given(path) && r.sound(path) && !slices.Contains(valid, word) {
		r.unknown(path, what, word, valid)
	}
}

func edgeOf(region string) string {
	if region == "" {
		return "edge"
	}
	return "edge of " + region
}

// edgesOf lists a region's edges, or all of them.
func (f *form) edgesOf(region string) []string {
	if _, ok := f.Region(region); ok {
		return f.EdgeNames(region)
	}
	var all []string
	for _, name := range f.RegionNames() {
		all = append(all, f.EdgeNames(name)...)
	}
	return all
}

func (f *form) originsOf() (all []string) {
	for _, name := range f.RegionNames() {
		all = append(all, f.OriginNames(name)...)
	}
	return all
}

// faultNames is what "after" can refer to: names, and kinds.
func (f *form) faultNames() []string {
	var names []string
	for _, b := range f.broken {
		names = append(names, b.ID, b.Kind)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
