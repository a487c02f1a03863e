package reports

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// evidence is all that a run has to say for itself.
type evidence struct {
	plan     *Plan
	history  *history
	audience *audience
	cells    []*cell // sorted
	alarms   []alarm // in order of time
}

// point is one second of an indicator: a count with what it is out of, or a histogram. Several points may share a
// second.
type point struct {
	second         int64
	count, samples int64
	hist           *hdrhistogram.PackedHistogram
}

// latencies makes points of the cells' histograms.
func latencies(of func(*cell) *hdrhistogram.PackedHistogram) func(*evidence, string) []point {
	return func(e *evidence, region string) []point {
		var ps []point
		for _, c := range within(e.cells, forever, region) {
			if h := of(c); h != nil {
				ps = append(ps, point{second: c.second, hist: h, samples: h.TotalCount()})
			}
		}
		return ps
	}
}

// counts makes points of the cells' counts. Samples are the segments that viewers asked for.
func counts(of func(*Tally) int64) func(*evidence, string) []point {
	return func(e *evidence, region string) []point {
		var ps []point
		for _, c := range within(e.cells, forever, region) {
			ps = append(ps, point{second: c.second, count: of(&c.Tally), samples: c.asked()})
		}
		return ps
	}
}

// wrongBytes has as samples only the segments whose bytes somebody looked at.
func (e *evidence) wrongBytes(region string) []point {
	var ps []point
	for _, c := range within(e.cells, forever, region) {
		ps = append(ps, point{second: c.second, count: c.WrongBytes, samples: c.checked()})
	}
	return ps
}

// publishLatencies holds acknowledged candidates only; what was never acknowledged has no latency, and is counted by
// "unpublished segments".
func (e *evidence) publishLatencies(string) []point {
	var ps []point
	for _, s := range slices.Sorted(maps.Keys(e.history.publishing)) {
		h := e.history.publishing[s]
		ps = append(ps, point{second: s, hist: h, samples: h.TotalCount()})
	}
	return ps
}

// acknowledgedPublishes are counted at the second of a packager's first try.
func (e *evidence) acknowledgedPublishes(region string) []point {
	var ps []point
	for t, n := range e.history.tries { // any order: points are sorted, and added up
		if region == "" || t.region == region {
			ps = append(ps, point{second: t.second, count: n.acknowledged, samples: n.all})
		}
	}
	return ps
}

// unpublished looks at every segment whose retry deadline passed before the run's end, at the second of its expected
// publish. A pipeline that declares a hole has not published.
func (e *evidence) unpublished(string) []point {
	ev := &e.plan.Event
	ends := ev.AvailabilityStartTime.Add(e.history.until)
	var ps []point
	for n := ev.StartNumber; n <= ev.LastNumber() && !ev.RetryDeadline(n).After(ends); n++ {
		p := point{second: secondOf(ev.ExpectedPublish(n).Sub(ev.AvailabilityStartTime))}
		for _, r := range ev.Renditions {
			p.samples++
			if !e.published(segment{r.ID, n}) {
				p.count++
			}
		}
		ps = append(ps, p)
	}
	return ps
}

func (e *evidence) published(s segment) bool {
	for _, pipeline := range e.plan.Event.Order("") {
		if c := e.history.candidates[publication{s, pipeline}]; c.accepted && !c.hole {
			return true
		}
	}
	return false
}

// measure turns points into one value: the sum of their counts, or the percentile of their merged histograms, in
// microseconds. Percentiles themselves are never combined.
type measure struct {
	percentile float64 // zero for counts
	merged     *hdrhistogram.Histogram
}

func newMeasure(percentile float64) *measure {
	m := &measure{percentile: percentile}
	if percentile > 0 {
		m.merged = newDense()
	}
	return m
}

// of is false when the points say nothing.
func (m *measure) of(ps []point) (value, samples int64, ok bool) {
	if m.merged != nil {
		m.merged.Reset()
	}
	for _, p := range ps {
		value += p.count
		samples += p.samples
		if m.merged != nil && p.hist != nil {
			p.hist.MergeInto(m.merged)
		}
	}
	if m.merged != nil {
		value = m.merged.ValueAtPercentile(m.percentile)
	}
	return value, samples, samples > 0 || value > 0
}

// windowLength is that of the worst window.
const windowLength = 5 * time.Second

// stretch is a span with its value.
type stretch struct {
	span
	value int64
}

// worst finds the window with the largest value, the earliest of equals. Windows begin at every second that has points,
// and lie inside the scope as far as it was measured, so that a lone second at its end is not a window.
func (m *measure) worst(ps []point, s span) *stretch {
	if len(ps) == 0 {
		return nil
	}
	s.from = max(s.from, time.Duration(ps[0].second)*time.Second)
	s.until = min(s.until, time.Duration(ps[len(ps)-1].second+1)*time.Second)
	lastStart := max(s.from, s.until-windowLength)
	var found *stretch
	prev := time.Duration(-1 << 62)
	for _, p := range ps {
		from := min(time.Duration(p.second)*time.Second, lastStart)
		if from == prev {
			continue
		}
		prev = from
		w := span{from, min(from+windowLength, s.until)}
		if v, _, ok := m.of(pointsIn(ps, w)); ok && (found == nil || v > found.value) {
			found = &stretch{w, v}
		}
	}
	return found
}

// firstOver finds the first second over the limit: for percentiles by its own value, for counts by the sum so far.
func (m *measure) firstOver(ps []point, limit int64) *stretch {
	var sum int64
	for i := 0; i < len(ps); {
		from := time.Duration(ps[i].second) * time.Second
		same := pointsIn(ps[i:], span{from, from + time.Second})
		i += len(same)
		v, _, ok := m.of(same)
		if m.merged == nil {
			sum += v
			v = sum
		}
		if ok && v > limit {
			return &stretch{span{from, from + time.Second}, v}
		}
	}
	return nil
}

// pointsIn is the part of sorted points that lies in a span.
func pointsIn(ps []point, s span) []point {
	bySecond := func(p point, at time.Duration) int { return cmp.Compare(time.Duration(p.second)*time.Second, at) }
	from, _ := slices.BinarySearchFunc(ps, s.from, bySecond)
	until, _ := slices.BinarySearchFunc(ps, s.until, bySecond)
	return ps[from:max(from, until)]
}
