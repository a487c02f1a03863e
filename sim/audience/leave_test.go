package audience

import (
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// ending answers from an instant on that there is nothing more, to who asks for what is not before a number.
func ending(from time.Duration, number origin.SegmentNumber, reason origin.Reason) script {
	return func(w *world, ctx context.Context, at time.Duration, r request) (answer, error) {
		if at >= from && r.Number >= number {
			return answer{Reason: reason, MaxAge: time.Hour}, nil
		}
		return well(w, ctx, at, r)
	}
}

// Who is told that there is nothing more to come leaves, and misses nothing; others go on to the end of what there is.
func TestLeaving(t *testing.T) {
	for _, c := range []struct {
		about    string
		viewers  int
		edge     script
		refused  int64 // requests
		misses   bool
		at, last int64 // viewers 5 s after, and at the end
	}{
		{"ended", 20, ending(30*time.Second, 1014, origin.AfterEnd), 40, false, 10, 0},
		{"removed", 20, ending(30*time.Second, 0, origin.EventRemoved), 40, false, 0, 0},
		{"holes, after which people start again", 20, ending(30*time.Second, 1014, origin.Gap), 860, true, 20, 20},
		{"jumping, removed", 20, ending(30*time.Second, 0, origin.EventRemoved), 40, false, 10, 0}, // who jumps is found gone when all is over
		{"a crowd, ended", 2_000_000, ending(30*time.Second, 1014, origin.AfterEnd), 0, false, 1_000_000, 1_000_000},
		{"a crowd, removed", 2_000_000, ending(30*time.Second, 0, origin.EventRemoved), 4_000_000, false, 0, 0},
	} {
		for _, agents := range []bool{false, true} {
			if agents && c.viewers > 1000 {
				continue
			}
			w := newWorld(c.viewers, 2, c.edge)
			w.config.Agents, w.config.Audience.Ladder, w.config.Audience.DVRShare = agents, "v360", 0.5
			w.config.Audience.Restarts.After = 10 * time.Second
			w.config.Audience.Restarts.Surge = 3
			if c.about == "jumping, removed" {
				w.config.Audience.Scrub = scenarios.Scrub{At: 20 * time.Second, For: 30 * time.Second}
			}
			var carried int64 // viewers in all regions
			w.loop.After(35*time.Second, call(func() {
				for _, l := range w.audience.Loads() {
					carried += l.Viewers
				}
			}))
			a := w.play(t)
			sum, _, _ := w.total(t, nil)
			refused := sum.Requests - sum.Segments
			if (sum.Missed > 0) != c.misses || sum.Stalled != 0 || c.refused > 0 && refused != c.refused {
				t.Errorf("%s, agents %v: %d missed, %d stalled, %d refused; want some missed %v, 0, %d", c.about, agents, sum.Missed,
					sum.Stalled, refused, c.misses, c.refused)
			}
			watching := map[int64]int64{}
			for _, l := range w.lines(t) {
				if l.Kind == "viewers" {
					watching[l.AtUs/1e6] = l.Viewers
				}
			}
			if apart(watching[35], c.at) > c.at/100 || apart(watching[59], c.last) > c.last/100 {
				t.Errorf("%s, agents %v: %d viewers at 35 s, %d at 59 s; want %d, %d", c.about, agents, watching[35], watching[59], c.at, c.last)
			}
			if apart(carried, c.at) > c.at/100 {
				t.Errorf("%s, agents %v: regions carry %d viewers at 35 s, want %d", c.about, agents, carried, c.at)
			}
			if n, _, _ := a.Progress(); apart(int64(n), c.last) > c.last/100 {
				t.Errorf("%s: progress tells of %d viewers, want %d", c.about, n, c.last)
			}
		}
	}
}
