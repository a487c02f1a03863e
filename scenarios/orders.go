package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// order is an operation while it is being read.
type order struct {
	Operation
	path string
}

// earliest is how long before the event's start operators can do something: a run on the wall clock waits for it.
const earliest = time.Minute

func (f *form) order() value {
	o := &order{path: item("operations", len(f.orders))}
	f.orders = append(f.orders, o)
	return kindSection{section{o.keys()}, "do", orderKinds()}
}

func (o *order) keys() keys {
	return keys{
		{name: "do", required: true, about: "what operators do", is: choice(&o.Do, "operation", deedNames())},
		{name: "name", about: "what others and the report call it; what is done, with a number if it comes twice, by default",
			is: name(&o.Name)},
		{name: "at", required: true, about: "when they do it, from the event's start", is: moment(&o.At)},
		{name: "pipeline", about: "a pipeline's name", is: name(&o.Pipeline)},
		{name: "region", about: "a region's name; all by default", is: name(&o.Region)},
		{name: "from", about: "where in the event its segments begin", is: duration(&o.From, 0, day)},
		{name: "to", about: "where in the event they end", is: duration(&o.To, 0, day)},
		{name: "text", about: "what viewers' devices are told", is: text(&o.Text)},
		{name: "of", about: "the name of the earlier operation that is taken back", is: name(&o.Of)},
		{name: "time", about: "the new time, from the event's start; that of the operation by default", is: moment(&o.Time)},
	}
}

// orderKinds are what operators can do, with the keys of each.
func orderKinds() (all []kind) {
	for _, d := range Deeds() {
		all = append(all, kind{name: d.Name, needs: d.needs, allows: d.allows, common: []string{"do", "name", "at"}})
	}
	return all
}

// checkOperations compares the operations with what they do, with the event, and with one another.
func (f *form) checkOperations(r *reader) {
	for _, o := range f.orders {
		f.checkOrder(r, o)
	}
	var all []called
	for _, o := range f.orders {
		all = append(all, called{o.path, o.Do, &o.Name})
	}
	nameAll(r, "operation", all, nil)
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
	f.checkStart(r)
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

// checkStart wants operators to move a start that was announced for another time to 0s, where times count from, and none
// that was not.
func (f *form) checkStart(r *reader) {
	start, path := f.Planned, "event.planned"
	for _, o := range slices.SortedStableFunc(slices.Values(f.orders), func(a, b *order) int { return cmp.Compare(a.At, b.At) }) {
		if o.Do != MoveStart || !r.known(path, join(o.path, "at"), join(o.path, "time")) {
			continue
		}
		if o.Time == start {
			r.problem(join(o.path, "time"), "the event starts at %s already; event.planned says when it was announced to start", short(start))
		}
		start, path = o.Time, join(o.path, "time")
	}
	switch {
	case start == 0 || !r.known(path):
	case path == "event.planned":
		r.problem(path, "nobody moves the start from %s to 0s, where times count from; give operations: [{do: start, at: %s, time: 0s}]",
			short(start), short(start-10*time.Second))
	default:
		r.problem(path, "times count from the event's start, so the last operation that moves it brings it to 0s, not %s", short(start))
	}
}

// checkChanges has the control plane itself say what it would refuse, where nothing else is wrong.
func (f *form) checkChanges(r *reader) {
	if len(f.orders) == 0 || r.Err() != nil {
		return
	}
	start := time.Unix(0, 0)
	state := origin.State{Event: f.Announced(f.Event(start)), Version: 1}
	for _, o := range f.operations {
		op := f.Change(o, start)
		next, err := op.Change(state, start.Add(o.At))
		if err != nil { // what comes after it is not refused for that
			i := slices.IndexFunc(f.orders, func(other *order) bool { return other.Name == o.Name })
			if o.Do == MoveStart && errors.Is(err, control.ErrTooLate) { // which says so in days of the calendar
				err = fmt.Errorf("at %s it is too late to move the start, which is announced for %s", short(o.At), short(state.AvailabilityStartTime.Sub(start)))
			}
			r.problem(f.orders[i].path, "%v", err)
		}
		state = next
	}
}

// checkOrder holds what an operation has against what is done, and looks up what it names.
func (f *form) checkOrder(r *reader, o *order) {
	kinds := orderKinds()
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == o.Do })
	if i < 0 {
		return
	}
	kinds[i].check(r, o.path, o.keys())
	if r.known("regions") {
		f.refer(r, join(o.path, "pipeline"), "pipeline", o.Pipeline, f.PipelineNames())
		f.refer(r, join(o.path, "region"), "region", o.Region, f.RegionNames())
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
