package reports

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// What a load generator may fall short of its plan before its measurements are not worth judging.
const (
	viewersPercentMin = 95
	lagMax            = 250 * time.Millisecond
)

// undelivered lists why the run was not the one that was planned: it did not end, or the load was not there. Latency is
// measured from the intended time, so a late generator does not hide in it; but viewers that came late did not ask for
// what they should have.
func (e *evidence) undelivered() []string {
	h, a := e.history, e.audience
	var why []string
	say := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	switch {
	case !h.runEnded:
		say("the run has no end in %s: it was cut short", HistoryFile)
	case h.interrupted != "":
		say("the run did not come to its planned end: %s", h.interrupted)
	}
	switch missing := a.unfinished(); {
	case len(a.ended) == 0:
		say("the audience has no end in %s: it was cut short, or never began", AudienceFile)
	case a.interrupted:
		say("the audience was interrupted")
	case len(missing) > 0:
		say("%d of the audience's VUs never ended, the first is %d", len(missing), missing[0])
	}
	if peak, planned := a.peak(), int64(e.plan.Viewers); peak < planned && peak*100 < planned*viewersPercentMin {
		say("viewers peaked at %d of %d planned; %d %% is the least", peak, planned, viewersPercentMin)
	}
	if p99 := sinceStart(a.lag.ValueAtPercentile(99)); a.lag.TotalCount() > 0 && p99 > lagMax {
		say("the load generator sent its requests %v late (p99); %v is the most", p99.Round(time.Millisecond), lagMax)
	}
	if e.total().Segments == 0 {
		say("no viewer got any segment")
	}
	return why
}

// total is what all viewers got.
func (e *evidence) total() (t Tally) {
	for _, c := range e.cells {
		t.add(c.Tally)
	}
	return t
}

// unproven lists what the run was to show and did not.
func (e *evidence) unproven(r *Report) []string {
	var why []string
	for i := range e.plan.Faults {
		f := &e.plan.Faults[i]
		if unfelt := e.unfelt(f); unfelt != "" {
			why = append(why, fmt.Sprintf("fault %s %s", f.ID, unfelt))
		}
	}
	why = append(why, e.undone()...)
	if b := e.history.readBack; b.unread > 0 {
		why = append(why, b.String())
	}
	if n := r.Counts.DefectiveServed - e.audience.detailed; n > 0 {
		why = append(why, fmt.Sprintf("%d defective segments were served that no line names; whether they were avoidable is not known", n))
	}
	if len(e.plan.Objectives) == 0 {
		why = append(why, "no objectives: nothing was asked of this run")
	}
	return why
}

// notes are what a reader should know though it changes nothing.
func (e *evidence) notes() []string {
	notes := []string{}
	for _, kind := range slices.Sorted(maps.Keys(e.audience.unknown)) {
		notes = append(notes, fmt.Sprintf("%s: %d lines of kind %q were left out; this version does not know them",
			AudienceFile, e.audience.unknown[kind], kind))
	}
	notes = append(notes, slices.Concat(e.history.samplingNotes(), e.alarmNotes(), e.history.stormNotes())...)
	for _, s := range e.history.stalls {
		notes = append(notes, s.String())
	}
	if t := e.total(); t.Segments > 0 && t.checked() == 0 {
		notes = append(notes, "no bytes were checked: audience.check_every")
	}
	for i := range e.plan.Faults {
		if f := &e.plan.Faults[i]; f.Felt == nil {
			notes = append(notes, fmt.Sprintf("fault %s does not say how it would be felt", f.ID))
		}
	}
	return notes
}
