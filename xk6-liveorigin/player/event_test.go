package player

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

func TestClock(t *testing.T) {
	e := &Event{StartNumber: 10, Segment: 2 * time.Second, Length: 7 * time.Second}
	for _, c := range []struct {
		at   time.Duration
		next Number
	}{
		{-time.Hour, 10}, {0, 10}, {2 * time.Second, 10}, {2*time.Second + 1, 11}, {4 * time.Second, 11}, {5 * time.Second, 12},
	} {
		if got := e.next(c.at); got != c.next || e.available(got) < c.at {
			t.Errorf("next(%v) = %d, available at %v; want %d", c.at, got, e.available(got), c.next)
		}
	}
	if got := e.last(); got != 13 {
		t.Errorf("last = %d; want 13: three whole segments and a half", got)
	}
	r := &Rendition{Timescale: 90000}
	if got := e.decodeTime(13, r); got != 3*180000 {
		t.Errorf("decodeTime(13) = %d; want three segments", got)
	}
}

func TestParseEvent(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	good := func() map[string]any {
		var c map[string]any
		if err := json.Unmarshal(origintest.New().Config(), &c); err != nil {
			t.Fatal(err)
		}
		c["availability_start_time"] = now
		return c
	}
	for _, c := range []struct {
		key   string
		value any
		want  string // in the error; "" for none
	}{
		{"patience_ms", 7, ""}, // what a player does not know does not disturb it
		{"end_time", now.Add(time.Minute), ""},
		{"availability_start_time", "1970-01-01T00:00:00Z", ""}, // as usual in DASH
		{"id", "../admin", "id of an event"},
		{"availability_start_time", "0001-01-01T00:00:00Z", "100 years"},
		{"end_time", now, "end_time"},
		{"start_number", -1, "start_number"},
		{"segment_ms", 0, "segment_ms"},
		{"segment_ms", math.MaxInt64, "segment_ms"},
		{"time_shift_buffer_ms", 100, "time_shift_buffer_ms"},
		{"retry_budget_ms", -5, "retry_budget_ms"},
		{"renditions", []Rendition{}, "0 renditions"},
		{"renditions", []Rendition{{ID: "a/b", Timescale: 1, SampleTicks: 1}}, "id of a rendition"},
		{"renditions", []Rendition{{ID: "v", Timescale: 1}}, "sample_ticks"},
		{"renditions", []Rendition{{ID: "v", Timescale: 1, SampleTicks: 1}, {ID: "v", Timescale: 1, SampleTicks: 1}}, "id of a rendition"},
		{"segment_ms", "2000", "read event configuration"},
	} {
		config := good()
		config[c.key] = c.value
		b, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseEvent(b, now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v; want %q", c.key, c.value, err, c.want)
		}
	}
}

func TestFallback(t *testing.T) {
	edges := []Edge{{Region: "east"}, {Region: "east"}, {Region: "west"}, {Region: "east"}, {Region: "west"}}
	for home, want := range [][]int{{0, 1, 3, 2, 4}, {1, 3, 0, 2, 4}, {2, 4, 3, 0, 1}, {3, 0, 1, 4, 2}, {4, 2, 0, 1, 3}} {
		if got := fallback(edges, home); !slices.Equal(got, want) {
			t.Errorf("home %d: %v; want home, its region, the rest: %v", home, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	var n names
	for i := range 2 * namesMost {
		n.intern(strings.Repeat("x", i+1))
	}
	if n.intern("x") != "x" || n.intern("new") != otherName || n.intern("") != "" {
		t.Errorf("a full table gives %q, %q, %q; want what it knows, %q and nothing", n.intern("x"), n.intern("new"), n.intern(""), otherName)
	}
}

// FuzzParseEvent shows that an event that was accepted has arithmetic.
func FuzzParseEvent(f *testing.F) {
	f.Add(origintest.New().Config(), int64(1000))
	f.Add([]byte(`{"id":"e","availability_start_time":"2026-01-01T00:00:00Z","segment_ms":60000,"time_shift_buffer_ms":60000,`+
		`"renditions":[{"id":"v","timescale":100000000,"sample_ticks":1}],"end_time":"2126-01-01T00:00:00Z"}`), int64(0))
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		e, err := ParseEvent(b, now)
		if err != nil {
			return
		}
		instant := time.Duration(at) % (2 * farthest)
		n := e.next(instant)
		if n < e.StartNumber || e.available(n) < instant || n > e.StartNumber && e.available(n-1) >= instant {
			t.Errorf("next(%v) = %d, available at %v", instant, n, e.available(n))
		}
		if e.Length > 0 && e.last() < e.StartNumber {
			t.Errorf("last number %d is before the first, %d", e.last(), e.StartNumber)
		}
		for i := range e.Renditions {
			r := &e.Renditions[i]
			if e.decodeTime(n+1, r) < e.decodeTime(n, r) {
				t.Errorf("decode time goes back from %d at %d", e.decodeTime(n, r), n)
			}
		}
	})
}
