package originhttp

import (
	"net/http"
	"testing"
	"time"
)

// A date is written again when its second is over, and not before.
func TestDate(t *testing.T) {
	var d date
	for _, after := range []time.Duration{0, time.Millisecond, 999 * time.Millisecond, time.Second, time.Hour, time.Minute} {
		now := time.Unix(1_700_000_000, 0).Add(after)
		if got, want := d.at(now), now.UTC().Format(http.TimeFormat); got != want {
			t.Errorf("after %v: %s, want %s", after, got, want)
		}
	}
	now := time.Unix(1_700_000_000, 0)
	if n := testing.AllocsPerRun(100, func() { d.at(now) }); n != 0 {
		t.Errorf("%v allocations within a second", n)
	}
}
