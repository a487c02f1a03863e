package originhttp

import (
	"strings"
	"testing"
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
