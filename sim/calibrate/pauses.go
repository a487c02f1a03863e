package calibrate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// replicas are those of a table: one in each of three zones.
const replicas = 3

// pauses is what was seen of zones that stood still.
type pauses struct {
	spans  []span
	within time.Duration // how long one looked
	// shortest is how long a pause must be to be seen: less is within what calls take anyway.
	shortest time.Duration
	every    time.Duration // from the end of one to the beginning of the next, of one zone; zero when none was seen
	p50, p99 time.Duration
}

// together is how many slow writes must wait at the same time to be taken for a pause. With one slow call in a hundred,
// two meet by chance now and then, three hardly ever.
const together = 3

// findPauses looks for writes that wait together. A write goes through a coordinator, and while the coordinator stands
// still, so do all writes that came through it, a third of them all; reads go around it (storage.Table). slow says from
// when on a write of a cell is slow.
func findPauses(cells []*Cell, slow []time.Duration) (p pauses) {
	p.within = cells[0].For
	var run []Call
	puts := 0
	for i, c := range cells {
		p.shortest = max(p.shortest, slow[i])
		puts += len(c.Calls)
		for _, call := range c.Calls {
			if call.Took > slow[i] {
				run = append(run, call)
			}
		}
	}
	slices.SortFunc(run, func(a, b Call) int { return cmp.Compare(a.Due, b.Due) })
	for len(run) > 0 {
		n := overlapping(run)
		if deepest(run[:n]) >= together {
			p.spans = append(p.spans, span{run[0].Due, run[0].Due + length(run[:n])})
		}
		run = run[n:]
	}
	p.summarise(puts)
	return p
}

// overlapping is how many calls there are from the first on, each of which overlaps with one before it.
func overlapping(run []Call) int {
	end := run[0].Due + run[0].Took
	for i, c := range run {
		if c.Due >= end {
			return i
		}
		end = max(end, c.Due+c.Took)
	}
	return len(run)
}

// outside are the calls that did not begin during a pause, and not so soon after it that they may have met what piled up
// meanwhile.
func (p *pauses) outside(c *Cell) *hdrhistogram.Histogram {
	kept := newCell(c.Kind, c.Bytes, 0, false)
	for _, call := range c.Calls {
		if !slices.ContainsFunc(p.spans, func(s span) bool {
			return call.Due >= s.from-(s.until-s.from)/4 && call.Due < s.until+(s.until-s.from)/2
		}) {
			kept.add(call.Took, nil)
		}
	}
	return kept.Took
}

// span is a pause, from when the first call met it.
type span struct{ from, until time.Duration }

// deepest is how many of the calls wait at the same time at most.
func deepest(run []Call) (most int) {
	for _, c := range run {
		waiting := 0
		for _, d := range run {
			if d.Due <= c.Due && c.Due < d.Due+d.Took {
				waiting++
			}
		}
		most = max(most, waiting)
	}
	return most
}

// length is how long the first of the calls waited.
func length(run []Call) (longest time.Duration) {
	for _, c := range run {
		longest = max(longest, c.Took)
	}
	return longest
}

// summarise turns what was seen into Episodes of one zone.
func (p *pauses) summarise(puts int) {
	n := len(p.spans)
	if n == 0 {
		return
	}
	// The first call that meets a pause does so some time after it began, as long as from one write through a coordinator to
	// the next.
	gap := p.within * replicas / time.Duration(max(puts, 1))
	var logs []float64
	var sum time.Duration
	for _, s := range p.spans {
		l := s.until - s.from + gap
		logs = append(logs, math.Log(l.Seconds()))
		sum += l
	}
	mean, deviation := logs[0], 0.
	if n > 1 {
		mean, deviation = stat.MeanStdDev(logs, nil)
	}
	p.p50 = seconds(math.Exp(mean))
	p.p99 = seconds(math.Exp(mean + streams.Z99*deviation))
	p.every = max((replicas*p.within-sum)/time.Duration(n), time.Millisecond)
}

// expected is the 95 % interval of how many pauses there would be if the same were measured again and again, by what a
// Poisson process makes likely (Garwood's limits).
func (p *pauses) expected() (low, high float64) {
	n := float64(len(p.spans))
	if n > 0 {
		low = distuv.ChiSquared{K: 2 * n}.Quantile(0.025) / 2
	}
	return low, distuv.ChiSquared{K: 2*n + 2}.Quantile(0.975) / 2
}

// seconds is a time, to the microsecond.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1e6)) * time.Microsecond
}
