package audience

import (
	"sort"
	"time"

	"github.com/liveorigin/liveorigin/scenarios"
)

// curve is the size of an audience over time.
type curve struct {
	viewers scenarios.Viewers
	points  []scenarios.CurvePoint // instead of viewers, unless empty
	length  time.Duration          // of the event
}

// at is how many viewers there are at an instant.
func (c *curve) at(t time.Duration) int {
	if len(c.points) > 0 {
		return c.between(t)
	}
	joined := sort.Search(c.viewers.Peak, func(i int) bool { return c.joins(i) > t })
	return max(0, joined-c.left(t))
}

// joins is the instant at which viewer i comes, as on the wall clock (xk6-liveorigin/player, Curve).
func (c *curve) joins(i int) time.Duration {
	v := &c.viewers
	if i < v.Start || v.Peak <= v.Start {
		return 0
	}
	share := float64(i+1-v.Start) / float64(v.Peak-v.Start)
	return time.Duration(share * float64(v.Ramp))
}

// left is how many have gone, evenly within Leave before the event's end.
func (c *curve) left(t time.Duration) int {
	v := &c.viewers
	since := t - (c.length - v.Leave)
	if v.Leave == 0 || since <= 0 {
		return 0
	}
	return int(min(1, float64(since)/float64(v.Leave)) * float64(v.Peak))
}

// between reads the points: nobody before the first, an even change from each to the next, no change after the last.
func (c *curve) between(t time.Duration) int {
	i := sort.Search(len(c.points), func(i int) bool { return c.points[i].At > t })
	switch {
	case i == 0:
		return 0
	case i == len(c.points):
		return c.points[i-1].Viewers
	}
	a, b := c.points[i-1], c.points[i]
	share := float64(t-a.At) / float64(b.At-a.At)
	return a.Viewers + int(share*float64(b.Viewers-a.Viewers))
}
