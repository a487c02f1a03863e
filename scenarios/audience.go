package scenarios

import "time"

func (f *form) audienceKeys() keys {
	a := &f.Audience
	return keys{
		{name: "edges", otherwise: "2", about: "edge caches in every region", is: count(&a.Edges, 1, 32)},
		{name: "viewers", required: true, unless: "curve", about: "how many watch", is: section{f.viewersKeys()}},
		{name: "curve", about: "how many watch, instead of viewers: a CSV file of time and viewers beside the scenario",
			is: curveFile{f}},
		{name: "ladder", otherwise: "spread",
			about: "what each plays: spread over all videos, the lowest, the highest, or a rendition's id",
			is:    name(&a.Ladder)},
		{name: "adaptive", otherwise: "false",
			about: "viewers play what their access link carries, and change when it changes",
			is:    boolean(&a.Adaptive)},
		{name: "buffer", otherwise: "4s", about: "how much media a player holds before it runs dry",
			is: duration(&a.Buffer, 100*time.Millisecond, 5*time.Minute)},
		{name: "dvr_share", otherwise: "0%", about: "the part of the viewers that watches behind the live edge",
			is: share(&a.DVRShare)},
		{name: "scrub", about: "when every viewer behind the live edge jumps about", is: section{keys{
			{name: "at", required: true, about: "from the event's start", is: duration(&a.Scrub.At, 0, day)},
			{name: "for", required: true, about: "how long", is: duration(&a.Scrub.For, time.Millisecond, day)},
		}}},
		{name: "rewinds", otherwise: "0%",
			about: "the part of the viewers at the live edge that goes back into the time-shift buffer, each minute",
			is:    share(&a.Rewinds)},
		{name: "retries", otherwise: "obey", about: "whether players wait for as long as a refusal holds",
			is: choice(&f.retries, "kind of retries", []string{"obey", "ignore"})},
		{name: "manifest", otherwise: "template",
			about: "how players know of new segments: by the template, or by reading the manifest again, every segment",
			is:    choice(&f.knowing, "way to know of segments", []string{"template", "refresh"})},
		{name: "restarts", about: "what viewers do who were interrupted; they wait by default",
			is: section{f.restartsKeys()}},
		{name: "check_every", otherwise: "16", about: "one segment in so many is checked byte for byte",
			is: count(&a.CheckEvery, 1, 1_000_000)},
	}
}

func (f *form) viewersKeys() keys {
	v := &f.Audience.Viewers
	return keys{
		{name: "start", otherwise: "0", about: "viewers when the event begins", is: count(&v.Start, 0, maxViewers)},
		{name: "ramp", otherwise: "0s", about: "how long it takes until all are there", is: duration(&v.Ramp, 0, day)},
		{name: "peak", required: true, about: "viewers after the ramp", is: count(&v.Peak, 1, maxViewers)},
		{name: "leave", otherwise: "0s", about: "how long before the end they begin to leave, until all are gone",
			is: duration(&v.Leave, 0, day)},
	}
}

// restartsKeys has the defaults of a surge that was seen: ten times the traffic after interruptions of 30 s (facts.md
// SRG-1). How far people's restarts spread is ours.
func (f *form) restartsKeys() keys {
	s := &f.Audience.Restarts
	return keys{
		{name: "after", otherwise: "30s", about: "how long they wait before they start their player again",
			is: duration(&s.After, 0, time.Hour)},
		{name: "within", otherwise: "20s", about: "how far the restarts of those interrupted together spread",
			is: duration(&s.Within, 0, time.Hour)},
		{name: "surge", otherwise: "10", about: "requests of a start, as a multiple of those of a segment that is played",
			is: count(&s.Surge, 1, 1000)},
	}
}

func (f *form) checkAudience(r *reader) {
	a := &f.Audience
	a.IgnoreLifetimes, a.Refresh = f.retries == "ignore", f.knowing == "refresh"
	if r.given("audience.curve") {
		f.checkCurve(r)
	} else {
		f.checkViewers(r)
	}
	switch {
	case a.Adaptive && r.given("audience.ladder"):
		r.problemOfKey("audience.ladder", "adaptive viewers choose for themselves; take ladder out, or adaptive")
	case r.sound("audience.ladder", "event.ladder"):
		valid := append([]string{"spread", "lowest", "highest"}, f.renditionIDs()...)
		f.refer(r, "audience.ladder", "choice of renditions", a.Ladder, valid)
	}
	f.checkScrub(r)
}

func (f *form) checkViewers(r *reader) {
	v := f.Audience.Viewers
	if r.sound("audience.viewers.start", "audience.viewers.peak") && v.Start > v.Peak {
		r.problem("audience.viewers.start", "%d viewers at first are more than %d at the peak", v.Start, v.Peak)
	}
	switch {
	case r.known("event.duration", "audience.viewers.ramp") && v.Ramp > f.Duration:
		r.problem("audience.viewers.ramp", "the ramp takes %s, but the event ends at %s", short(v.Ramp), short(f.Duration))
	case r.known("event.duration", "audience.viewers.ramp", "audience.viewers.leave") && v.Ramp+v.Leave > f.Duration:
		r.problem("audience.viewers.leave", "after a ramp of %s, %s to leave are more than the %s of the event",
			short(v.Ramp), short(v.Leave), short(f.Duration))
	}
}

// checkCurve wants some of the curve inside the event; what is after its end has no effect.
func (f *form) checkCurve(r *reader) {
	if r.given("audience.viewers") {
		r.problemOfKey("audience.viewers", "the curve says how many watch; take viewers out, or curve")
	}
	if c := f.Audience.Curve; len(c) > 0 && r.known("event.duration", "audience.curve") && c[0].At >= f.Duration {
		r.problem("audience.curve", "the curve begins at %s, but the event ends at %s", short(c[0].At), short(f.Duration))
	}
}

func (f *form) checkScrub(r *reader) {
	if !r.given("audience.scrub") {
		return
	}
	f.checkInside(r, "the scrub", "audience.scrub", f.Audience.Scrub.At, f.Audience.Scrub.For)
	if r.known("audience.dvr_share") && f.Audience.DVRShare == 0 {
		r.problemOfKey("audience.scrub", "nobody could scrub: dvr_share is 0")
	}
}
