package reports

import (
	"github.com/liveorigin/liveorigin/origin"
)

// asked names what nodes of a region were asked about in one second.
type asked struct {
	level  string
	region string
	second int64
}

// answered is how many questions there were, and how many of them memory answered without a look-up.
type answered struct{ all, hits int64 }

func (h *history) addLookup(rec *origin.Record) {
	at := asked{rec.Name, rec.Region, secondOf(sinceStart(rec.AtUs))}
	n := h.lookups[at]
	n.all += rec.Count
	n.hits += rec.Hits
	h.lookups[at] = n
}

// lookups makes points of what was asked about a level; count says what is wrong with one second.
func lookups(of origin.Level, count func(answered) int64) func(*evidence, string) []point {
	return func(e *evidence, region string) []point {
		var ps []point
		for at, n := range e.history.lookups { // any order: points are sorted, and added up
			if at.level == string(of) && (region == "" || at.region == region) {
				ps = append(ps, point{second: at.second, count: count(n), samples: n.all})
			}
		}
		return ps
	}
}

// missed is 1 for a second in which memory answered less than nine in ten questions (facts.md, STM-8).
func missed(n answered) int64 {
	if 10*n.hits < 9*n.all {
		return 1
	}
	return 0
}

// lookedUp is how many refusals looked at a segment before they said no.
func lookedUp(n answered) int64 { return n.all - n.hits }
