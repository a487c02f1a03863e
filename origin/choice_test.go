package origin

import (
	"fmt"
	"testing"
	"time"
)

// state is what a node may know of one pipeline's candidate.
type knowledge int

const (
	notYet knowledge = iota // nothing was heard: late, or never to come
	clean
	mild // a defect
	bad  // a worse one
	hole // declared missing
	maskedClean
	maskedBad
	kinds
)

func (k knowledge) candidate(pipeline string) Candidate {
	c := cand(pipeline, 0)
	switch k {
	case mild:
		c.Defects = ShortSegment
	case bad, maskedBad:
		c.Defects = DecodeTime
	case hole:
		c.Defects = MissingSegment
	}
	c.Masked = k == maskedClean || k == maskedBad
	return c
}

// served is the order in which what is known can be served; what is not in it cannot.
var served = map[knowledge]int{clean: 1, mild: 2, bad: 3}

// Everything that can be known of two pipelines in each of two regions, at every time that matters, with and without an
// operator's preference: 2,401 combinations at six times. The rules are written down here a second time, in other words.
func TestEveryCombinationOfCandidates(t *testing.T) {
	ev := testEvent() // segment 5 is available at 10 s, expected at 10.3 s, patience ends at 10.8 s, its deadline is 12.3 s
	pipelines := []string{"own-1", "own-2", "other-1", "other-2"}
	var all [4]knowledge
	for code := range int(kinds * kinds * kinds * kinds) {
		for i, rest := 0, code; i < 4; i, rest = i+1, rest/int(kinds) {
			all[i] = knowledge(rest % int(kinds))
		}
		for _, at := range []time.Duration{10100, 10300, 10799, 10800, 12299, 12300} {
			for _, preferred := range []string{"", "other-1"} {
				compareChoice(t, &ev, pipelines, all, at*time.Millisecond, preferred)
			}
		}
	}
}

func compareChoice(t *testing.T, ev *Event, pipelines []string, all [4]knowledge, at time.Duration, preferred string) {
	t.Helper()
	var cs []Candidate
	for i, k := range all {
		if k != notYet {
			cs = append(cs, k.candidate(pipelines[i]))
		}
	}
	if preferred != "" { // as the catalogue gives them
		for i := range cs {
			if cs[i].Pipeline == preferred {
				first := cs[i]
				copy(cs[1:i+1], cs[:i])
				cs[0] = first
			}
		}
	}
	got := ev.decide(5, start.Add(at), cs, len(pipelines), preferred)
	want := expected(all, pipelines, at, preferred)
	said := string(got.Reason) + " " + got.Candidate.Pipeline
	if !got.HoldUntil.IsZero() {
		said = fmt.Sprintf("hold until %v", got.HoldUntil.Sub(start))
	}
	if said != want {
		t.Fatalf("%v at %v, preferred %q: %s, want %s", all, at, preferred, said, want)
	}
}

// expected is what is to be done, worked out by looking at each pipeline in turn.
func expected(all [4]knowledge, pipelines []string, at time.Duration, preferred string) string {
	order := []int{0, 1, 2, 3}
	if preferred == "other-1" {
		order = []int{2, 0, 1, 3}
	}
	best, unheard, anyMasked := -1, false, false
	for _, i := range order {
		unheard = unheard || all[i] == notYet
		anyMasked = anyMasked || all[i] == maskedClean || all[i] == maskedBad
		if served[all[i]] > 0 && (best < 0 || served[all[i]] < served[all[best]]) {
			best = i
		}
	}
	const patience, deadline = 10800 * time.Millisecond, 12300 * time.Millisecond
	switch {
	case best >= 0 && unheard && at < patience && (all[best] != clean || preferred != "" && all[2] == notYet):
		return fmt.Sprintf("hold until %v", patience)
	case best >= 0 && all[best] == clean:
		return "published " + pipelines[best]
	case best >= 0:
		return "defective " + pipelines[best]
	case unheard && at < deadline:
		return fmt.Sprintf("hold until %v", deadline)
	case anyMasked:
		return "masked "
	}
	return "gap "
}
