package originhttp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// drip is a body that never ends, a byte at a time.
type drip struct{ every time.Duration }

func (d drip) Read(b []byte) (int, error) {
	time.Sleep(d.every)
	return copy(b, "x"), nil
}

// A body that comes byte by byte is given up when nobody would want it any more, also where its framing says nothing of its
// length. A segment that comes as it is encoded has until its retry deadline.
func TestPublishingDrip(t *testing.T) {
	for _, c := range []struct {
		path  string
		after time.Duration // of a segment's start
		took  time.Duration
	}{
		{"/final/v1080/1000.m4s", 100 * time.Millisecond, 2*time.Second + 500*time.Millisecond + 2*time.Second - 100*time.Millisecond},
		{"/final/v1080/1000.m4s", 2500 * time.Millisecond, 2 * time.Second},
		{"/final/v1080/init.mp4", 0, 2 * time.Second},
		{"/final/manifest.mpd", 0, 2 * time.Second},
		{"/final/Streams(v1080.cmfv)", 0, 2*time.Second + idleTrack},
	} {
		synctest.Test(t, func(t *testing.T) {
			ev := testEvent()
			ev.AvailabilityStartTime = time.Now()
			time.Sleep(c.after)
			h := Publishing(&shelf{}, events{"final": ev}, new(origin.Wall), PublishingOptions{})
			r := httptest.NewRequest(http.MethodPut, c.path, io.MultiReader(strings.NewReader("\x00\x10\x00\x00ftyp"), drip{50 * time.Millisecond}))
			r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
			r.Header.Set(fieldPipeline, "a")
			w, began := httptest.NewRecorder(), time.Now()
			h.ServeHTTP(w, r)
			if took := time.Since(began); w.Code != http.StatusRequestTimeout || took != c.took {
				t.Errorf("%s: %d after %v, want 408 after %v", c.path, w.Code, took, c.took)
			}
		})
	}
}

// What is thrown away of a track is not in flight any more.
func TestTrackOfIndexes(t *testing.T) {
	var reserved, most int64
	split := splitter{limit: 1 << 20, reserve: func(n int64) bool {
		reserved += n
		most = max(most, reserved)
		return true
	}}
	body, to := io.Pipe()
	split.from = body
	go func() {
		for range 100 {
			_, _ = to.Write([]byte(box("mfra", string(make([]byte, 1000)))))
		}
		_ = to.Close()
	}()
	if _, err := split.next(); err != io.EOF || most > 2000 {
		t.Errorf("%v, %d bytes in flight", err, most)
	}
}
