package originhttp

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// The text that is remembered is the one that would be written, whatever changes from one refusal to the next.
func TestRefusedText(t *testing.T) {
	first := refused{origin.Early, 1500 * time.Millisecond, origin.Bulletin{Version: 1}, 1_700_000_000}
	reason, lifetime, event, second := first, first, first, first
	reason.reason = origin.UnknownEvent
	lifetime.maxAge += time.Millisecond
	event.bulletin.Version++
	second.second++
	var text refusedText
	for i, r := range []refused{first, reason, first, lifetime, first, event, first, second, first, first} {
		got := text.of(r)
		if want := r.write(); !bytes.Equal(got, want) {
			t.Errorf("%d:\n%s\nwant\n%s", i, got, want)
		}
		if date := time.Unix(r.second, 0).UTC().Format(http.TimeFormat); !bytes.Contains(got, []byte("\r\nDate: "+date+"\r\n")) {
			t.Errorf("%d: no %s in\n%s", i, date, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { text.of(first) }); n != 0 {
		t.Errorf("%v allocations for the same again", n)
	}
}
