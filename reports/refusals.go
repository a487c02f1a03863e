package reports

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// refusal says when, where and of which class origins refused requests, because others were more important then.
type refusal struct {
	region string
	second int64
	class  origin.Class
}

// overloadedWord is in the line of every decision to refuse.
var overloadedWord = []byte(`"` + string(origin.Overloaded) + `"`)

func (h *history) addRefusal(rec *origin.Record, at time.Duration) {
	if rec.Reason == string(origin.Overloaded) {
		h.refusals[refusal{rec.Region, secondOf(at), rec.Class}]++
	}
}

// refusalsAmong makes points of the refusals of some class, empty for any. Samples are all that were refused: with a least
// number of them an objective says that there were refusals, and with a limit, of whom.
func (e *evidence) refusalsAmong(class origin.Class, region string) (ps []point) {
	for r, n := range e.history.refusals { // any order: points are sorted, and added up
		if region != "" && r.region != region {
			continue
		}
		p := point{second: r.second, samples: n}
		if class == "" || r.class == class {
			p.count = n
		}
		ps = append(ps, p)
	}
	return ps
}

// refusedRequests has as samples the segments that viewers asked for: without refusals there were none.
func (e *evidence) refusedRequests(region string) []point {
	ps := counts(func(*Tally) int64 { return 0 })(e, region)
	for _, p := range e.refusalsAmong("", region) {
		ps = append(ps, point{second: p.second, count: p.count})
	}
	return ps
}

// refusedLiveEdge has as samples the refusals.
func (e *evidence) refusedLiveEdge(region string) []point {
	return e.refusalsAmong(origin.LiveEdge, region)
}
