package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// order is an operation while it is being read.
type order struct {
	Operation
	path string
}

// everyOrder are the keys that all operations have.
var everyOrder = []string{"do", "name", "at"}

func (f *form) order() value {
	o := &order{path: item("operations", len(f.orders))}
	f.orders = append(f.orders, o)
	return orderSection{section{o.keys()}}
}

func (o *order) keys() keys {
	return keys{
		{name: "do", required: true, about: "what operators do", is: choice(&o.Do, "operation", deedNames())},
		{name: "name", about: "what others and the report call it; what is done, with a number if it comes twice, by default",
			is: name(&o.Name)},
		{name: "at", required: true, about: "when they do it, from the event's start", is: duration(&o.At, 0, day)},
		{name: "pipeline", about: "a pipeline's name", is: name(&o.Pipeline)},
		{name: "region", about: "a region's name; all by default", is: name(&o.Region)},
		{name: "from", about: "where in the event its segments begin", is: duration(&o.From, 0, day)},
		{name: "to", about: "where in the event they end", is: duration(&o.To, 0, day)},
		{name: "text", about: "what viewers' devices are told", is: text(&o.Text)},
		{name: "of", about: "the name of the earlier operation that is taken back", is: name(&o.Of)},
		{name: "time", about: "the new time, from the event's start; that of the operation by default", is: duration(&o.Time, 0, day)},
	}
}

// checkOperations compares the operations with what they do, with the event, and with one another.
func (f *form) checkOperations(r *reader) {
	for _, o := range f.orders {
		f.checkOrder(r, o)
	}
	f.nameOrders(r)
	for _, o := range f.orders {
		if !r.given(join(o.path, "time")) {
			o.Time = o.At
		}
		f.checkTimes(r, o)
		f.checkEarlier(r, o)
		f.operations = append(f.operations, o.Operation)
	}
	f.checkOrderOfTime(r)
	slices.SortStableFunc(f.operations, func(a, b Operation) int { return cmp.Compare(a.At, b.At) })
	f.checkChanges(r)
}

// checkOrderOfTime wants no two operations at one time.
func (f *form) checkOrderOfTime(r *reader) {
	made := map[time.Duration]*order{}
	for _, o := range f.orders {
		at := join(o.path, "at")
		if !r.known(at) {
			continue
		}
		if other := made[o.At]; other != nil {
			r.problem(at, "%s is at %s, too; which is first is not known", other.Name, short(o.At))
		}
		made[o.At] = o
	}
}

// checkChanges has the control plane itself say what it would refuse, where nothing else is wrong.
func (f *form) checkChanges(r *reader) {
	if len(f.orders) == 0 || r.err() != nil {
		return
	}
	start := time.Unix(0, 0)
	state := origin.State{Event: f.Event(start), Version: 1}
	for _, o := range f.operations {
		op := f.Change(o, start)
		next, err := op.Change(state, start.Add(o.At))
		if err != nil { // what comes after it is not refused for that
			i := slices.IndexFunc(f.orders, func(other *order) bool { return other.Name == o.Name })
			r.problem(f.orders[i].path, "%v", err)
		}
		state = next
	}
}

// checkOrder holds the keys that an operation has against those that it needs and takes.
func (f *form) checkOrder(r *reader, o *order) {
	deeds := Deeds()
	i := slices.IndexFunc(deeds, func(d Deed) bool { return d.Name == o.Do })
	if i < 0 {
		return
	}
	d := deeds[i]
	own := append(slices.Clone(d.needs), d.allows...)
	for _, k := range o.keys() {
		path := join(o.path, k.name)
		switch {
		case slices.Contains(d.needs, k.name) && !r.given(path):
			r.problem(path, "%s needs %q: %s", d.Name, k.name, k.about)
		case !slices.Contains(everyOrder, k.name) && !slices.Contains(own, k.name) && r.given(path):
			r.problemOfKey(path, "%s takes no %q%s", d.Name, k.name, only(own))
		}
	}
	if r.known("regions") {
		f.refer(r, join(o.path, "pipeline"), "pipeline", o.Pipeline, f.PipelineNames())
		f.refer(r, join(o.path, "region"), "region", o.Region, f.RegionNames())
	}
}

// nameOrders gives every operation a name of its own.
func (f *form) nameOrders(r *reader) {
	taken := map[string]bool{}
	for _, o := range f.orders {
		if path := join(o.path, "name"); o.Name != "" && taken[o.Name] {
			r.problem(path, "another operation is called %q", o.Name)
		}
		taken[o.Name] = true
	}
	for _, o := range f.orders {
		if o.Name != "" {
			continue
		}
		o.Name = o.Do
		for n := 2; taken[o.Name]; n++ {
			o.Name = fmt.Sprintf("%s-%d", o.Do, n)
		}
		taken[o.Name] = true
	}
}

// checkTimes wants all that an operation names to be inside the event.
func (f *form) checkTimes(r *reader, o *order) {
	from, to, moment := join(o.path, "from"), join(o.path, "to"), join(o.path, "time")
	f.checkInside(r, "the operation", o.path, o.At, 0)
	if r.given(from) && r.given(to) && r.known(from, to) && o.To <= o.From {
		r.problem(to, "from %s to %s there is no segment", short(o.From), short(o.To))
	}
	if !r.known("event.duration") {
		return
	}
	for _, t := range []struct {
		path string
		at   time.Duration
	}{{to, o.To}, {moment, o.Time}} {
		if r.given(t.path) && r.known(t.path) && t.at > f.Duration {
			r.problem(t.path, "%s is after the event, which ends at %s", short(t.at), short(f.Duration))
		}
	}
	if r.given(moment) && r.known(moment, join(o.path, "at")) && o.Time < o.At {
		r.problem(moment, "%s has passed when the operation is made, at %s", short(o.Time), short(o.At))
	}
}

// checkEarlier looks up the operation that is taken back.
func (f *form) checkEarlier(r *reader, o *order) {
	path, kind := join(o.path, "of"), takesBack[o.Do]
	if kind == "" || !r.given(path) || !r.sound(path) {
		return
	}
	var names []string
	for _, other := range f.orders {
		if other.Do == kind {
			names = append(names, other.Name)
		}
		if other.Do == kind && other.Name == o.Of && other.At > o.At {
			r.problem(path, "%s is made at %s, and cannot be taken back at %s", o.Of, short(other.At), short(o.At))
		}
	}
	if len(names) == 0 {
		r.problem(path, "there is no %s to take back", kind)
		return
	}
	f.refer(r, path, kind, o.Of, names)
}

// orderSection is a section whose schema knows what each operation needs and does not take.
type orderSection struct{ section }

func (s orderSection) schema() schema {
	out := s.section.schema()
	var rules []schema
	for _, d := range Deeds() {
		own, refused := slices.Concat(d.needs, d.allows, everyOrder), schema{}
		for _, k := range s.keys {
			if !slices.Contains(own, k.name) {
				refused[k.name] = false
			}
		}
		then := schema{"properties": refused}
		if len(d.needs) > 0 {
			then["required"] = d.needs
		}
		rules = append(rules, when("do", d.Name, then))
	}
	out["allOf"] = rules
	return out
}
