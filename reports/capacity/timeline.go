package capacity

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/liveorigin/liveorigin/reports"
)

// What a load.jsonl may hold: eight tiers in five regions for a day and a half, and no more than three weeks, as a
// history.
const (
	linesMax   = 5_000_000
	secondsMax = 2_000_000
)

// place is a tier in a region.
type place struct {
	tier   reports.Tier
	region string
}

// series is what one tier in one region carried: its lines, in order of seconds. It has at least one.
type series struct {
	place
	loads []reports.Load
}

// timeline is load.jsonl.
type timeline struct {
	series  []*series         // in order of tiers from the viewers inwards, then of regions
	viewers map[int64]float64 // of all regions, by second
	peak    float64           // most viewers at once
}

func readTimeline(r io.Reader) (*timeline, string, error) {
	t := &timeline{viewers: map[int64]float64{}}
	byPlace := map[place]*series{}
	lines := 0
	note, err := reports.EachLoad(r, func(l *reports.Load) error {
		if lines++; lines > linesMax {
			return fmt.Errorf("more than %d lines", linesMax)
		}
		p := place{l.Tier, l.Region}
		s := byPlace[p]
		if s == nil {
			s = &series{place: p}
			byPlace[p] = s
			t.series = append(t.series, s)
		}
		s.loads = append(s.loads, *l)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(t.series, func(a, b *series) int {
		return cmp.Or(cmp.Compare(rank(a.tier), rank(b.tier)), cmp.Compare(a.tier, b.tier), cmp.Compare(a.region, b.region))
	})
	for _, s := range t.series {
		if err := s.order(); err != nil {
			return nil, "", err
		}
	}
	t.countViewers()
	return t, note, t.bounded()
}

// bounded refuses times that would keep the plan busy for ever.
func (t *timeline) bounded() error {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range t.series {
		first, last = min(first, secondOf(&s.loads[0])), max(last, secondOf(&s.loads[len(s.loads)-1]))
	}
	if len(t.series) > 0 && last-first >= secondsMax {
		return fmt.Errorf("%s: spans %d seconds; at most %d can be planned with", reports.LoadFile, last-first, secondsMax)
	}
	return nil
}

// rank puts tiers that we do not know behind the others.
func rank(tier reports.Tier) int {
	if i := slices.Index(reports.Tiers(), tier); i >= 0 {
		return i
	}
	return len(reports.Tiers())
}

// order sorts by second and refuses a second that is there twice: one of the two would be counted wrongly.
func (s *series) order() error {
	slices.SortFunc(s.loads, func(a, b reports.Load) int { return cmp.Compare(a.AtUs, b.AtUs) })
	for i := 1; i < len(s.loads); i++ {
		if secondOf(&s.loads[i-1]) == secondOf(&s.loads[i]) {
			return fmt.Errorf("%s: second %d of tier %s in region %q is there twice",
				reports.LoadFile, secondOf(&s.loads[i]), s.tier, s.region)
		}
	}
	return nil
}

func (t *timeline) countViewers() {
	for _, s := range t.series {
		for i := range s.loads {
			if l := &s.loads[i]; l.Tier == reports.TierViewers {
				t.viewers[secondOf(l)] += float64(l.Viewers)
			}
		}
	}
	for _, n := range t.viewers {
		t.peak = max(t.peak, n)
	}
}

// of finds the series of a tier, one a region.
func (t *timeline) of(tier reports.Tier) []*series {
	var found []*series
	for _, s := range t.series {
		if s.tier == tier {
			found = append(found, s)
		}
	}
	return found
}

// busiest is the second in which a figure was largest, the earliest of equals.
func (s *series) busiest(figure func(*reports.Load) float64) *reports.Load {
	var found *reports.Load
	for i := range s.loads {
		if l := &s.loads[i]; found == nil || figure(l) > figure(found) {
			found = l
		}
	}
	return found
}

// between is the part of a series from one second to before another.
func (s *series) between(from, until int64) []reports.Load {
	find := func(second int64) int {
		i, _ := slices.BinarySearchFunc(s.loads, second, func(l reports.Load, at int64) int {
			return cmp.Compare(secondOf(&l), at)
		})
		return i
	}
	i := find(from)
	return s.loads[i:max(i, find(until))]
}

// secondOf rounds down, also before the event's start.
func secondOf(l *reports.Load) int64 {
	s := l.AtUs / 1e6
	if l.AtUs%1e6 < 0 {
		s--
	}
	return s
}
