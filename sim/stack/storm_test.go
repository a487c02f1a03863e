package stack

import (
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// sluggish answers every request after so long.
type sluggish struct {
	loop  *loop.Loop
	after time.Duration
}

func (s sluggish) Get(ctx context.Context, _ origin.Request) (origin.Response, error) {
	return origin.Response{Reason: origin.Early}, s.loop.Sleep(ctx, s.after)
}

// Every request of a storm is answered, or it is recorded that it was not sent, though its answer comes after the storm.
func TestStorm(t *testing.T) {
	for _, row := range []struct {
		why         string
		answerAfter time.Duration
		wants       stormed
	}{
		{"answered at once", time.Millisecond, stormed{due: 5970, answered: 5970, slowest: time.Millisecond}},
		// 2000 in the first 667 ms, and as many again when those have been answered; the rest finds no room.
		{"answered after a second", time.Second, stormed{due: 5970, unsent: 1970, answered: 4000, slowest: time.Second}},
		{"answered when all is over", 5 * time.Second, stormed{due: 5970, unsent: 3970, answered: 2000, slowest: 5 * time.Second}},
	} {
		s, _, l, rec := virtualWorld(t, network)
		f := faults.New(faults.Spec{ID: "storm", Kind: "not-found-storm", Region: "east", Rate: 3000, For: 2 * time.Second},
			s.Event.AvailabilityStartTime, l)
		l.Go(func() {
			_ = l.Sleep(t.Context(), s.Event.AvailabilityStartTime.Sub(l.Now()))
			st := &storm{Stack: s, fault: f.(faults.Storm), region: "east", doors: []origin.Getter{sluggish{l, row.answerAfter}}}
			st.run(t.Context())
		})
		if err := l.Run(s.Event.AvailabilityStartTime.Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var got stormed
		for _, r := range rec.all {
			switch {
			case r.Kind != origin.KindStorm:
			case r.Name != "storm" || r.Region != "east":
				t.Errorf("%s: %+v", row.why, r)
			case r.Reason == reports.Unsent:
				got.unsent += r.Count
			default:
				got.due, got.answered = got.due+int64(r.Attempts), got.answered+r.Count
				got.slowest = max(got.slowest, time.Duration(r.WaitUs)*time.Microsecond)
			}
		}
		if got != row.wants {
			t.Errorf("%s: %+v, want %+v", row.why, got, row.wants)
		}
	}
}
