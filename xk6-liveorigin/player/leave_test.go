package player_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

// Who is told that there is nothing more to come leaves: nothing is missed, and nothing is asked for any more. A refusal
// with another reason is not the end, nor is a jump beyond the end of what there still is.
func TestLeaving(t *testing.T) {
	for _, c := range []struct {
		about, reason string
		status        int
		scrubs        bool
		left          bool
		asked, missed int64 // from 2 s to 3 s: of 6 numbers of two renditions, or of 4 jumps
	}{
		{about: "ended", reason: "after-end", status: http.StatusNotFound, left: true, asked: 2},
		{about: "removed", reason: "event-removed", status: http.StatusGone, left: true, asked: 2},
		{about: "holes", reason: "gap", status: http.StatusGone, asked: 12, missed: 12},
		{about: "jumping, removed", reason: "event-removed", status: http.StatusGone, scrubs: true, left: true, asked: 1},
		{about: "jumping, ended", reason: "after-end", status: http.StatusNotFound, scrubs: true, asked: 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			begin := time.Now()
			if c.scrubs {
				w.options.DVRShare = 1
				w.options.Scrub.From, w.options.Scrub.Until = 2*time.Second, 3*time.Second
			}
			var refused atomic.Int64
			w.origin.Tamper = func(rw http.ResponseWriter, r *http.Request, _ *origintest.Segment) bool {
				if time.Since(begin) < 2010*time.Millisecond || !strings.HasSuffix(r.URL.Path, ".m4s") {
					return false
				}
				refused.Add(1)
				origintest.Refuse(rw, c.status, c.reason, 0)
				return true
			}
			outcomes, r := w.play(t, t.Context())
			var left int64
			for _, o := range outcomes {
				if o.Left {
					left++
				}
				if o.Left && (o.Missed != "" || o.Received || o.Stalled() || o.Edge != 0) {
					t.Errorf("%s: %+v; want it left, and nothing else", c.about, o)
				}
			}
			if gone := r.At < 2900*time.Millisecond; gone != c.left || r.Missed != c.missed || refused.Load() != c.asked || left+c.missed != c.asked {
				t.Errorf("%s: over at %v, %d missed, %d left, of %d asked for; want gone %v, %d missed of %d", c.about, r.At, r.Missed,
					left, refused.Load(), c.left, c.missed, c.asked)
			}
		})
	}
}
