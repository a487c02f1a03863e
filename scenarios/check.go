package scenarios

import (
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
)

// segmentOfMedia is what the looped media is cut into.
const segmentOfMedia = 2 * time.Second

// check compares values with one another, where each of them is known. One that is odd in itself is compared all the
// same: all that is wrong with a file is told at once.
func (f *form) check(r *reader) {
	r.checks = true
	f.checkEvent(r)
	f.checkLadder(r)
	f.checkRegions(r)
	f.checkStorage(r)
	f.checkAdmission(r)
	f.checkMachines(r)
	f.checkMonitoring(r)
	f.checkDelivery(r)
	f.checkAudience(r)
	f.checkPhases(r)
	f.checkFaults(r)
	f.checkOperations(r)
	f.checkObjectives(r)
}

// checkEvent compares with the segments that there are, whatever the file says of them.
func (f *form) checkEvent(r *reader) {
	if r.known("event.segment") && f.Segment != segmentOfMedia {
		r.problem("event.segment", "segments of %s: the looped media of this release has segments of %s only",
			short(f.Segment), short(segmentOfMedia))
	}
	if r.known("event.duration") && f.Duration%segmentOfMedia != 0 {
		r.suggest(r.place("event.duration").value, "event.duration", short(f.Duration.Round(segmentOfMedia)),
			"%s is not a whole number of segments of %s", short(f.Duration), short(segmentOfMedia))
	}
	if r.known("event.time_shift_buffer") && f.TimeShiftBuffer < segmentOfMedia {
		r.problem("event.time_shift_buffer", "%s does not hold one segment of %s",
			short(f.TimeShiftBuffer), short(segmentOfMedia))
	}
	if r.known("event.publish_delay") && f.PublishDelay >= segmentOfMedia {
		r.problem("event.publish_delay", "%s is not less than a segment of %s",
			short(f.PublishDelay), short(segmentOfMedia))
	}
	if r.known("event.patience", "event.retry_budget") && f.Patience > f.RetryBudget {
		r.problem("event.patience", "a patience of %s is longer than the retry budget of %s",
			short(f.Patience), short(f.RetryBudget))
	}
}

// checkLadder looks the renditions up.
func (f *form) checkLadder(r *reader) {
	if !r.sound("event.ladder") {
		return
	}
	if place := r.place("event.ladder"); len(f.Ladder) == 0 {
		r.add(place.value, "event.ladder", "an empty ladder; an event has at least one rendition")
		return
	}
	if len(f.Ladder) == 1 {
		if all, err := encoders.Ladder(f.Ladder[0]); err == nil {
			f.Renditions = all
			return
		}
	}
	all, err := encoders.Ladder(defaultLadder)
	if err != nil {
		r.problem("event.ladder", "%v", err)
		return
	}
	f.pick(r, all)
}

// pick takes the renditions that the scenario lists, in its order.
func (f *form) pick(r *reader, all []origin.Rendition) {
	ladder := origin.Event{Renditions: all}
	taken := origin.Event{}
	for i, id := range f.Ladder {
		path := item("event.ladder", i)
		if !r.sound(path) {
			continue
		}
		rendition, ok := ladder.Rendition(id)
		if !ok {
			r.unknown(path, "rendition", id, ids(all))
			continue
		}
		if _, twice := taken.Rendition(id); twice {
			r.problem(path, "rendition %q is listed twice", id)
			continue
		}
		taken.Renditions = append(taken.Renditions, rendition)
	}
	f.Renditions = taken.Renditions
}

func ids(renditions []origin.Rendition) []string {
	var ids []string
	for _, r := range renditions {
		ids = append(ids, r.ID)
	}
	return ids
}

func (f *form) renditionIDs() []string { return ids(f.Renditions) }

// maxPipelines is what an origin takes (origin.Event.Validate).
const maxPipelines = 16

func (f *form) checkRegions(r *reader) {
	if !r.sound("regions") {
		return
	}
	home := map[string]string{}
	for _, region := range f.Regions {
		for i, p := range region.Pipelines {
			path := item(join(join("regions", region.Name), "pipelines"), i)
			if !r.sound(path) {
				continue
			}
			if first, taken := home[p]; taken {
				r.problem(path, "pipeline %q is in %s already; names are unique in a scenario", p, first)
			}
			home[p] = region.Name
		}
	}
	switch n := len(f.PipelineNames()); {
	case n == 0:
		r.problem("regions", "no region has a pipeline, so nothing would be published")
	case n > maxPipelines:
		r.problem("regions", "%d pipelines; an event has at most %d", n, maxPipelines)
	}
}

// checkInside wants a window, of which path has the keys "at" and "for", to be all inside the event.
func (f *form) checkInside(r *reader, what, path string, from, length time.Duration) {
	at, until := join(path, "at"), join(path, "for")
	if !r.known("event.duration", at) {
		return
	}
	switch end := from + length; {
	case from >= f.Duration:
		r.problem(at, "%s begins at %s, but the event ends at %s", what, short(from), short(f.Duration))
	case r.sound(until) && end > f.Duration:
		r.problem(until, "%s lasts until %s, but the event ends at %s", what, short(end), short(f.Duration))
	}
}

// checkPhases wants phases that cover the event; each lasts until the next begins. They begin at whole seconds, because
// that is how finely a run's measurements tell times apart.
func (f *form) checkPhases(r *reader) {
	if !r.known("phases") {
		return
	}
	for i := range f.phases {
		p := &f.phases[i]
		path := join("phases", p.Name)
		p.Until = f.Duration
		if i+1 < len(f.phases) {
			p.Until = f.phases[i+1].From
		}
		if !r.known(path) {
			continue
		}
		if whole := p.From.Round(time.Second); i > 0 && p.From != whole {
			r.suggest(r.place(path).value, path, short(max(whole, time.Second)), "phases begin at whole seconds")
		}
		switch {
		case i == 0 && p.From != 0:
			r.problem(path, "the first phase begins at 0s")
		case i > 0 && r.known(join("phases", f.phases[i-1].Name)) && p.From <= f.phases[i-1].From:
			r.problem(path, "phase %s begins at %s, not after %s at %s; phases are in order of time",
				p.Name, short(p.From), f.phases[i-1].Name, short(f.phases[i-1].From))
		case r.known("event.duration") && p.From >= f.Duration:
			r.problem(path, "phase %s begins at %s, but the event ends at %s", p.Name, short(p.From), short(f.Duration))
		}
	}
}

func (f *form) phaseNames() []string {
	var names []string
	for _, p := range f.phases {
		names = append(names, p.Name)
	}
	return names
}
