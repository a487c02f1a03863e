package originhttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Documents follow an event's life: open while it goes on, closed once it ends, be it early, and gone when it is removed.
func TestDocumentsFollowThePhase(t *testing.T) {
	early := func(s *origin.State) { s.End = epoch.Add(30 * time.Second) }
	for _, c := range []struct {
		why    string
		change func(*origin.State)
		at     time.Duration
		status int
		open   bool
	}{
		{"scheduled", nil, -time.Minute, 200, true},
		{"on air", nil, time.Minute, 200, true},
		{"before an end that is known", early, 29 * time.Second, 200, true},
		{"ended early", early, 31 * time.Second, 200, false},
		{"the buffer can still be asked for", early, 30*time.Second + 5*time.Minute - 1, 200, false},
		{"the buffer is empty", early, 30*time.Second + 5*time.Minute, 410, false},
		{"removed", func(s *origin.State) { s.Removed = true }, time.Minute, 410, false},
	} {
		n := operated(t, c.change)
		h := Delivery(n, n, fixed(epoch.Add(c.at)))
		mpd, list := ask(h, "GET", "/final/manifest.mpd"), ask(h, "GET", "/final/v1080/playlist.m3u8")
		if mpd.StatusCode != c.status || list.StatusCode != c.status {
			t.Errorf("%s: status %d and %d, want %d", c.why, mpd.StatusCode, list.StatusCode, c.status)
		}
		manifest, playlist := text(t, mpd), text(t, list)
		if c.status != 200 {
			continue
		}
		if got := strings.Contains(manifest, "minimumUpdatePeriod="); got != c.open || strings.Contains(manifest, "mediaPresentationDuration=") == c.open {
			t.Errorf("%s: the manifest is open: %v, want %v\n%s", c.why, got, c.open, manifest[:400])
		}
		if got := !strings.Contains(playlist, "#EXT-X-ENDLIST"); got != c.open {
			t.Errorf("%s: the playlist is open: %v, want %v\n%s", c.why, got, c.open, playlist)
		}
	}
}

// A playlist that would list nothing is held until it lists something, where that is soon.
func TestPlaylistAwaitsTheFirstSegment(t *testing.T) {
	const duration, delay = 2 * time.Second, 500 * time.Millisecond // of testEvent
	for _, c := range []struct {
		why    string
		change func(*origin.State)
		at     time.Duration // of the request
		held   time.Duration
		lists  bool
	}{
		{"not begun", nil, -time.Millisecond, 0, false},
		{"begun", nil, 0, duration + delay, true},
		{"about to be listed", nil, duration + delay - time.Millisecond, time.Millisecond, true},
		{"listed", nil, duration + delay, 0, true},
		{"removed", func(s *origin.State) { s.Removed = true }, 0, 0, false},
		{"longer than anybody waits", func(s *origin.State) { s.SegmentDuration, s.TimeShiftBufferDepth = 30*time.Second, time.Hour }, 0, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			clock := new(origin.Wall)
			n := operated(t, func(s *origin.State) {
				s.AvailabilityStartTime = clock.Now().Add(time.Minute)
				if c.change != nil {
					c.change(s)
				}
			})
			h := Delivery(n, n, clock)
			time.Sleep(time.Minute + c.at)
			asked := time.Now()
			list := text(t, ask(h, "GET", "/final/v1080/playlist.m3u8"))
			if held := time.Since(asked); held != c.held || strings.Contains(list, "#EXTINF") != c.lists {
				t.Errorf("%s: held for %v, want %v\n%s", c.why, held, c.held, list)
			}
		})
	}
}

// Whoever would wait where too many do is told so; who leaves is let go, and so is everybody when the server stops.
func TestPlaylistWaitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(origin.Wall)
		begun := clock.Now()
		n := operated(t, func(s *origin.State) { s.AvailabilityStartTime = begun })
		d := Delivery(n, n, clock).(*delivery)
		d.listless.Store(origin.DefaultHolders)
		if resp := ask(d, "GET", "/final/v1080/playlist.m3u8"); resp.StatusCode != 503 || resp.Header.Get(fieldReason) != string(origin.TooManyHolders) {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
		d.listless.Store(0)

		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		func() {
			defer func() {
				if e := recover(); e != http.ErrAbortHandler || clock.Now().Sub(begun) != time.Second {
					t.Errorf("%v after %v to who left after a second", e, clock.Now().Sub(begun))
				}
			}()
			d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/final/v1080/playlist.m3u8", nil))
		}()

		time.AfterFunc(time.Second, d.waits.cancel)
		asked := clock.Now()
		if list := text(t, ask(d, "GET", "/final/v1080/playlist.m3u8")); clock.Now().Sub(asked) != time.Second || strings.Contains(list, "#EXTINF") {
			t.Errorf("after %v\n%s", clock.Now().Sub(asked), list)
		}
		if waiting := d.listless.Load(); waiting != 0 {
			t.Errorf("%d still wait", waiting)
		}
	})
}
