package encoders

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// After an outage of less than three segments all that was missed is sent again. After a longer one the packager goes on
// at the live edge, even where the origin would still take what is older; and says of each segment why it was given up.
func TestPackagerOutage(t *testing.T) {
	for _, c := range []struct {
		about   string
		budget  time.Duration
		outage  time.Duration // from when segment 43 is available
		lost    []origin.SegmentNumber
		because string
	}{
		{"of two and a half segments", time.Minute, 5 * time.Second, nil, ""},
		{"of just not three", time.Minute, 5900 * time.Millisecond, nil, ""},
		{"of five", time.Minute, 10 * time.Second, []origin.SegmentNumber{43, 44, 45, 46}, "given up for the live edge after "},
		{"of five, with a budget of 2 s", 2 * time.Second, 10 * time.Second, []origin.SegmentNumber{43, 44, 45, 46, 50},
			"given up at the retry deadline: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.ev.End = w.ev.AvailabilityStartTime.Add(24 * time.Second)
			w.ev.Renditions, w.ev.RetryBudget = w.ev.Renditions[:1], c.budget
			w.enc = testEncoder(t, w.ev)
			w.source = w.enc
			from := w.ev.AvailableAt(43)
			until := from.Add(c.outage)
			w.run(t.Context(), func(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
				// Another outage, of a segment and a half, has nothing to do with the first.
				again := from.Add(14 * time.Second)
				if now := time.Now(); !now.Before(from) && now.Before(until) || !now.Before(again) && now.Before(again.Add(3*time.Second)) {
					return origin.Receipt{}, origin.ErrUnreachable
				}
				return stored(ctx, p)
			})
			var lost []origin.SegmentNumber
			for n := w.ev.StartNumber; n <= w.ev.LastNumber(); n++ {
				r, ok := w.records[fmt.Sprintf("%s/%d", w.ev.Renditions[0].ID, n)]
				switch {
				case !ok:
					t.Errorf("%s: nothing is recorded of %d", c.about, n)
				case r.Reason != "stored":
					lost = append(lost, n)
					if !strings.HasPrefix(r.Error, c.because) || !strings.HasSuffix(r.Error, ": unreachable") || r.Attempts < 2 {
						t.Errorf("%s: %d was lost after %d tries because %q", c.about, n, r.Attempts, r.Error)
					}
				case r.WaitUs > (c.outage + time.Second).Microseconds():
					t.Errorf("%s: %d took %d us", c.about, n, r.WaitUs)
				}
			}
			if fmt.Sprint(lost) != fmt.Sprint(c.lost) {
				t.Errorf("%s: lost %v; want %v", c.about, lost, c.lost)
			}
		})
	}
}

// All tries of a segment have one token, wherever they go; every segment has its own, of the time of its first try.
func TestPackagerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := map[origin.Key]bool{}
		once := func(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
			if !first[p.Key] {
				first[p.Key] = true
				return origin.Receipt{Outcome: origin.Unavailable}, nil
			}
			return stored(ctx, p)
		}
		w.ev.Renditions = w.ev.Renditions[:1] // one at a time
		w.run(t.Context(), once, once)
		keys, began := map[origin.Token]origin.Key{}, map[origin.Key]time.Time{}
		tokens := map[origin.Key]origin.Token{}
		for _, s := range w.sent {
			k, token := s.p.Key, s.p.Object.Token
			if _, ok := began[k]; !ok {
				began[k] = s.at
			}
			if other, ok := keys[token]; ok && other != k || !token.Time.Equal(began[k]) || tokens[k] != token && tokens[k] != (origin.Token{}) {
				t.Errorf("%+v has %+v, as has %+v; its first try was at %v, with %+v", k, token, other, began[k], tokens[k])
			}
			keys[token], tokens[k] = k, token
		}
		if len(w.sent) != 12 || len(tokens) != 6 {
			t.Errorf("%d tries of %d objects", len(w.sent), len(tokens))
		}
	})
}

// A receiver that has lost its header is sent it again, and then the segment.
func TestPackagerSendsTheHeaderAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		knows, lost := map[string]bool{}, false
		var mu sync.Mutex // each rendition has a goroutine of its own
		w.run(t.Context(), func(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			if p.Key.Number == 43 && !lost {
				clear(knows)
				lost = true
			}
			switch {
			case p.Key.Number == origin.Header:
				knows[p.Key.Rendition] = true
			case !knows[p.Key.Rendition]:
				return origin.Receipt{Outcome: origin.HeaderFirst}, nil
			}
			return stored(ctx, p)
		})
		for _, id := range []string{"v360", "a96"} {
			if got := len(w.tries(id, origin.Header)); got != 2 {
				t.Errorf("the header of %s was sent %d times", id, got)
			}
			for n := origin.SegmentNumber(41); n <= 45; n++ {
				r, tries := w.records[fmt.Sprintf("%s/%d", id, n)], 1
				if n == 43 {
					tries = 2
				}
				if r.Reason != "stored" || r.Attempts != tries {
					t.Errorf("%s/%d: %+v; want it stored at try %d", id, n, r, tries)
				}
			}
		}
	})
}
