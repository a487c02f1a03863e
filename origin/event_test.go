package origin

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// testEvent is an event of a minute, with two regions of one pipeline each.
func testEvent() Event {
	return Event{
		ID: "demo", AvailabilityStartTime: start, StartNumber: 1, End: start.Add(time.Minute),
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: 20 * time.Second, PublishDelay: 300 * time.Millisecond,
		RetryBudget: 2 * time.Second, Patience: 500 * time.Millisecond, LiveEdgeSegments: 3,
		Renditions: []Rendition{{ID: "v", Kind: Video, Timescale: 12800, SampleTicks: 512, TrackID: 1}},
		Regions:    []RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}},
	}
}

func TestLiveEdge(t *testing.T) {
	ev := testEvent()
	for _, c := range []struct {
		why string
		at  time.Duration
		n   SegmentNumber
	}{
		{"an hour before the start", -time.Hour, 0},
		{"at the start", 0, 0},
		{"first segment available, not yet expected", 2 * time.Second, 0},
		{"a nanosecond before the first expected publish", 2300*time.Millisecond - 1, 0},
		{"at the first expected publish", 2300 * time.Millisecond, 1},
		{"long after the end", time.Hour, 30},
	} {
		if got := ev.LiveEdge(start.Add(c.at)); got != c.n {
			t.Errorf("%s: live edge %d, want %d", c.why, got, c.n)
		}
	}
}

func TestSegmentArithmeticUndoesItself(t *testing.T) {
	ev := testEvent()
	for n := SegmentNumber(1); n <= 30; n++ {
		if got := ev.SegmentAt(ev.SegmentStart(n)); got != n {
			t.Errorf("segment at the start of %d is %d", n, got)
		}
		if got := ev.SegmentAt(ev.AvailableAt(n).Add(-1)); got != n {
			t.Errorf("segment a nanosecond before %d is available is %d", n, got)
		}
	}
}

func TestEventRoundTrip(t *testing.T) {
	ev := testEvent()
	b, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	var back Event
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ev, back); diff != "" {
		t.Errorf("configuration changed on the way (-sent +read):\n%s", diff)
	}
}

func TestValidate(t *testing.T) {
	for why, change := range map[string]func(*Event){
		"no id":                             func(e *Event) { e.ID = "" },
		"an id that is a path":              func(e *Event) { e.ID = "a/b" },
		"no start":                          func(e *Event) { e.AvailabilityStartTime = time.Time{} },
		"a number below zero":               func(e *Event) { e.StartNumber = -1 },
		"no duration":                       func(e *Event) { e.SegmentDuration = 0 },
		"a buffer shorter than one":         func(e *Event) { e.TimeShiftBufferDepth = time.Second },
		"a buffer of days":                  func(e *Event) { e.TimeShiftBufferDepth = 48 * time.Hour },
		"patience beyond the deadline":      func(e *Event) { e.Patience = 3 * time.Second },
		"no live edge":                      func(e *Event) { e.LiveEdgeSegments = 0 },
		"no renditions":                     func(e *Event) { e.Renditions = nil },
		"a rendition twice":                 func(e *Event) { e.Renditions = append(e.Renditions, e.Renditions[0]) },
		"a dotted rendition":                func(e *Event) { e.Renditions = []Rendition{{ID: "..", Kind: Video}} },
		"no pipelines":                      func(e *Event) { e.Regions = nil },
		"a region with a blank":             func(e *Event) { e.Regions[0].Name = "us east" },
		"a region twice":                    func(e *Event) { e.Regions[1].Name = e.Regions[0].Name },
		"a pipeline in two regions":         func(e *Event) { e.Regions[1].Pipelines = e.Regions[0].Pipelines },
		"an end before the start":           func(e *Event) { e.End = e.AvailabilityStartTime.Add(-time.Second) },
		"a publish delay of years":          func(e *Event) { e.PublishDelay = 200 * 365 * 24 * time.Hour },
		"a retry budget of years":           func(e *Event) { e.RetryBudget = 200 * 365 * 24 * time.Hour },
		"a number that no manifest can say": func(e *Event) { e.StartNumber = 1 << 32 },
		"more segments than fit": func(e *Event) {
			e.SegmentDuration, e.TimeShiftBufferDepth = 100*time.Millisecond, 24*time.Hour
			e.Renditions = append(e.Renditions, Rendition{ID: "w"})
		},
	} {
		ev := testEvent()
		change(&ev)
		if ev.Validate() == nil {
			t.Errorf("%s: accepted", why)
		}
	}
	if ev := testEvent(); ev.Validate() != nil {
		t.Error(ev.Validate())
	}
}

func TestOrderPrefersOwnRegion(t *testing.T) {
	ev := testEvent()
	if diff := cmp.Diff([]string{"b", "a"}, ev.Order("west")); diff != "" {
		t.Error(diff)
	}
}

// FuzzLiveEdge: whatever the clock says, the live edge is the newest segment whose expected publish has come.
func FuzzLiveEdge(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(2300 * time.Millisecond))
	f.Add(int64(-1))
	f.Fuzz(func(t *testing.T, offset int64) {
		ev := testEvent()
		now := start.Add(time.Duration(offset % int64(10*365*24*time.Hour)))
		n := ev.LiveEdge(now)
		if n > ev.StartNumber-1 && ev.ExpectedPublish(n).After(now) {
			t.Errorf("at %v: live edge %d is not due before %v", now, n, ev.ExpectedPublish(n))
		}
		if n < ev.LastNumber() && !ev.ExpectedPublish(n+1).After(now) {
			t.Errorf("at %v: live edge %d, but %d was due at %v", now, n, n+1, ev.ExpectedPublish(n+1))
		}
	})
}

// FuzzEventJSON: what is accepted survives a round trip.
func FuzzEventJSON(f *testing.F) {
	b, _ := json.Marshal(testEvent())
	f.Add(b)
	f.Add([]byte(`{"id":"x","segment_ms":-1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ev, back Event
		if json.Unmarshal(b, &ev) != nil {
			return
		}
		again, err := json.Marshal(ev)
		if err != nil {
			t.Fatalf("accepted %s but cannot write it: %v", b, err)
		}
		if err := json.Unmarshal(again, &back); err != nil {
			t.Fatalf("accepted %s but refuses its own %s: %v", b, again, err)
		}
	})
}

// What would wrap around to something plausible is refused.
func TestConfigurationOfYears(t *testing.T) {
	b, err := json.Marshal(testEvent())
	if err != nil {
		t.Fatal(err)
	}
	for _, ms := range []string{"18446744073711", "9223372036854775807", "-9223372036854775808"} {
		var ev Event
		if err := json.Unmarshal(bytes.Replace(b, []byte(`"retry_budget_ms":2000`), []byte(`"retry_budget_ms":`+ms), 1), &ev); err == nil {
			t.Errorf("a retry budget of %s ms is %v", ms, ev.RetryBudget)
		}
	}
}
