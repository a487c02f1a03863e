package audience

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// An outage of half a minute, after which viewers start their players again: ten times the requests of before (facts.md
// SRG-1), while it lasts and when it is over, and then as before.
func TestSurge(t *testing.T) {
	t.Parallel()
	for _, agents := range []bool{false, true} {
		w := newWorld(4000, 2, func(w *world, _ context.Context, at time.Duration, r request) (answer, error) {
			if at >= 20*time.Second && at < 58*time.Second {
				return answer{Reason: origin.Gap}, nil // final, so that nobody tries again for the same segment
			}
			return object(r), nil
		})
		w.config.Event, w.config.Agents = testEvent(90*time.Second), agents
		w.config.Audience.Restarts = scenarios.Restarts{After: 30 * time.Second, Within: 2 * time.Second, Surge: 10}
		a := w.playTicking(t)
		rate := func(from, until int) float64 {
			return float64(a.at[until].Requests-a.at[from].Requests) / float64(until-from) / 4000
		}
		for _, c := range []struct {
			why         string
			from, until int
			least, most float64
		}{
			{"before", 2, 20, 0.99, 1.01},
			{"in the outage, until 30 s have passed", 22, 50, 0.99, 1.01},
			{"the first restarts", 52, 54, 9.9, 10.1},
			{"restarts in vain", 54, 58, 4.9, 5.6},
			{"after the outage", 64, 88, 0.99, 1.01},
		} {
			if got := rate(c.from, c.until); got < c.least || got > c.most {
				t.Errorf("agents %v, %s: %.3f requests/s a viewer; want %v to %v", agents, c.why, got, c.least, c.most)
			}
		}
		if n := a.at[88].Viewers; n != 4000 {
			t.Errorf("agents %v: %d viewers in the end", agents, n)
		}
	}
}

// ticking is what the loads were at each second.
type ticking struct {
	*Audience
	at map[int]Load
}

// playTicking plays, and adds up the regions' loads every second.
func (w *world) playTicking(t *testing.T) ticking {
	a, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	defer w.loop.Close()
	seen := ticking{a, map[int]Load{}}
	a.Start(context.Background())
	for second := range int(w.config.Event.End.Sub(begin) / time.Second) {
		if err := w.loop.Run(begin.Add(time.Duration(second)*time.Second - 1)); err != nil {
			t.Fatal(err)
		}
		sum := Load{}
		for _, l := range a.Loads() {
			sum.Requests += l.Requests
			sum.Viewers += l.Viewers
		}
		seen.at[second] = sum
	}
	return seen
}

// A start asks for the newest segments, the headers, and what else there is in the buffer, of all that the viewer
// plays.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		surge int
		want  string
	}{
		{1, "[v720/1008 a128/1008]"},
		{2, "[v720/1008 a128/1008 v720/-1 a128/-1]"},
		{4, "[v720/1008 a128/1008 v720/-1 a128/-1 v720/1007 a128/1007 v720/1006 a128/1006]"},
	} {
		w := newWorld(1, 1, func(_ *world, _ context.Context, at time.Duration, r request) (answer, error) {
			if at < 20*time.Second {
				return answer{}, origin.ErrUnreachable
			}
			return object(r), nil
		})
		w.config.Audience.Ladder, w.config.Audience.Buffer = "v720", 0
		w.config.Audience.Restarts = scenarios.Restarts{After: 17 * time.Second, Within: 1, Surge: c.surge}
		var got []string
		for _, r := range w.watched(t) {
			if r.at == 20*time.Second {
				got = append(got, fmt.Sprintf("%s/%d", r.rendition, r.number))
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("surge %d: asked %v; want %s", c.surge, got, c.want)
		}
	}
}
