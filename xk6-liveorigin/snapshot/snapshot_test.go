package snapshot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

var (
	options = &player.Options{
		Buffer: 4 * time.Second,
		Edges:  []player.Edge{{Name: "east-1", Region: "us-east"}, {Name: "west-1", Region: "us-west"}},
		Phases: []player.Phase{{Name: "warm-up"}, {Name: "fault", From: 10 * time.Second}},
	}
	event = &player.Event{Segment: 2 * time.Second, Renditions: []player.Rendition{{ID: "v720"}, {ID: "a128"}}}
)

func newRecorder(t *testing.T, path string, vu uint64) *Recorder {
	t.Helper()
	r, err := NewRecorder(path, options, event, vu)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// spread is how long after a segment was available the viewer asked for it.
const spread = 50 * time.Millisecond

// got is an outcome of a live-edge latency, asked for at an intended time.
func got(intended, latency time.Duration) *player.Outcome {
	return &player.Outcome{
		Number: 7, Phase: 1, Available: intended - spread, Intended: intended, Lag: 30 * time.Microsecond, Requests: 1, Received: true,
		FirstAt: intended + latency/2, Arrived: intended - spread + latency, Bytes: 1000,
		Pipeline: "b", Region: "us-west", Checked: true,
	}
}

// line is any line of the file, as a reader sees it.
type line map[string]any

func readLines(t *testing.T, path string) (lines []line) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		lines = append(lines, l)
	}
	return lines
}

func kinds(lines []line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l["kind"].(string))
	}
	return strings.Join(all, " ")
}

func TestContract(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	o := got(12300*time.Millisecond, 5*time.Second)
	o.Requests, o.Failed, o.Early, o.Held, o.Late, o.Stall, o.Switched = 4, 2, 1, true, true, time.Second, true
	o.Defects, o.Wrong = []string{"short-segment"}, "digest"
	r.Segment(o)
	r.Segment(&player.Outcome{
		Number: 8, Rendition: 1, Edge: 1, Phase: -1, Class: player.DVR, Intended: time.Second, Requests: 1, Missed: "410 gap",
	})
	r.Tick(12*time.Second, 42) // within the second of the first
	if err := r.End(player.Result{At: 60 * time.Second, Peak: 50, PlannedPeak: 60, Requests: 5, Segments: 1, Missed: 1, Interrupted: true}); err != nil {
		t.Fatal(err)
	}
	lines := readLines(t, path)
	if got, want := kinds(lines), "interval defective missed wrong viewers interval end"; got != want {
		t.Fatalf("lines %s; want %s: the second that is over, then the viewers, then the rest", got, want)
	}
	for i, want := range []line{
		{"kind": "interval", "at_us": 1e6, "region": "us-west", "edge": "west-1", "rendition": "a128", "class": "dvr", "requests": 1.0, "missed": 1.0},
		{"kind": "defective", "at_us": 1725e4, "edge": "east-1", "region": "us-east", "rendition": "v720", "number": 7.0, "class": "live",
			"phase": "fault", "pipeline": "b", "served_region": "us-west", "defects": []any{"short-segment"}, "count": 1.0},
		{"kind": "missed", "at_us": 1e6, "edge": "west-1", "region": "us-west", "rendition": "a128", "number": 8.0, "class": "dvr",
			"reason": "410 gap", "count": 1.0},
		{"kind": "wrong", "at_us": 1725e4, "edge": "east-1", "region": "us-east", "rendition": "v720", "number": 7.0, "class": "live",
			"phase": "fault", "pipeline": "b", "served_region": "us-west", "reason": "digest", "defects": []any{"short-segment"}, "count": 1.0},
		{"kind": "viewers", "at_us": 12e6, "viewers": 42.0, "vu": 1.0, "segments_total": 1.0, "missed_total": 1.0},
		{"kind": "interval", "at_us": 12e6, "phase": "fault", "region": "us-east", "edge": "east-1", "rendition": "v720", "class": "live",
			"served_region": "us-west", "pipeline": "b", "requests": 4.0, "segments": 1.0, "bytes": 1000.0, "held": 1.0, "early": 1.0,
			"late": 1.0, "stalled": 1.0, "stall_us": 1e6, "defective": 1.0, "wrong": 1.0, "failed": 2.0, "switches": 1.0},
		{"kind": "end", "at_us": 60e6, "vu": 1.0, "viewers_peak": 50.0, "planned_peak": 60.0, "requests": 5.0, "segments": 1.0,
			"missed": 1.0, "interrupted": true},
	} {
		histograms := 0
		for _, key := range []string{"latency", "ttfb", "lag"} {
			if _, ok := lines[i][key]; ok {
				histograms++
				delete(lines[i], key)
			}
		}
		gotJSON, _ := json.Marshal(lines[i])
		wantJSON, _ := json.Marshal(want)
		if string(gotJSON) != string(wantJSON) {
			t.Errorf("line %d:\n got %s\nwant %s", i, gotJSON, wantJSON)
		}
		// A missed segment has a lag only; one received behind live has no latency.
		if want := map[int]int{0: 1, 5: 3}[i]; histograms != want {
			t.Errorf("line %d has %d histograms; want %d", i, histograms, want)
		}
	}
}

// Two VUs and two lines for one second give, put together, what one would have given.
func TestMerge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	recorders := []*Recorder{newRecorder(t, path, 1), newRecorder(t, path, 2)}
	want := hdrhistogram.New(shortest, longest, digits)
	var wg sync.WaitGroup
	for i := range 4000 {
		latency := time.Duration(i*i) * time.Microsecond
		_ = want.RecordValue(latency.Microseconds())
		wg.Go(func() { recorders[i%2].Segment(got(12*time.Second, latency)) })
		if i == 2000 {
			wg.Wait()
			recorders[0].Tick(13*time.Second, 10) // the second is over, and then some more come for it
		}
	}
	wg.Wait()
	for _, r := range recorders {
		if err := r.End(player.Result{}); err != nil {
			t.Fatal(err)
		}
	}
	merged := hdrhistogram.New(shortest, longest, digits)
	intervals, segments := 0, 0.0
	for _, l := range readLines(t, path) {
		if l["kind"] != "interval" {
			continue
		}
		intervals++
		segments += l["segments"].(float64)
		h, err := hdrhistogram.Decode([]byte(l["latency"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		if dropped := merged.Merge(h); dropped != 0 {
			t.Errorf("%d values do not fit", dropped)
		}
	}
	if intervals != 3 || segments != 4000 {
		t.Errorf("%d intervals of %v segments; want 3 of 4000", intervals, segments)
	}
	for _, q := range []float64{1, 50, 99, 99.9, 100} {
		if merged.ValueAtQuantile(q) != want.ValueAtQuantile(q) {
			t.Errorf("p%v is %d; want %d", q, merged.ValueAtQuantile(q), want.ValueAtQuantile(q))
		}
	}
	exact := int64(3980 * 3980) // of 4000 squares, the 99.5th percentile
	if p := merged.ValueAtQuantile(99.5); p < exact || float64(p) > 1.01*float64(exact) {
		t.Errorf("p99.5 is %d; want %d, at most 1 %% more", p, exact)
	}
}

// A process that is killed has written every second that was over, without waiting for what may still come.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	r.Segment(got(11999*time.Millisecond, 40*time.Millisecond))
	r.Segment(got(12*time.Second, 40*time.Millisecond))
	r.Tick(12*time.Second, 1)
	lines := readLines(t, path)
	if got := kinds(lines); got != "interval viewers" || lines[0]["at_us"] != 11e6 {
		t.Fatalf("at 12 s: %s %v; want the interval of 11 s", got, lines)
	}
	r.Tick(13*time.Second, 1)
	if lines = readLines(t, path); kinds(lines) != "interval viewers interval viewers" || lines[2]["at_us"] != 12e6 {
		t.Errorf("at 13 s: %v; want the interval of 12 s too", lines)
	}
}

// What comes late for a second that is written already has a line of its own, and all lines together say what one line
// would have said.
func TestLateLines(t *testing.T) {
	record := func(ticks bool) (lines []line, sums map[string]float64, histograms map[string]*hdrhistogram.Histogram) {
		path := filepath.Join(t.TempDir(), "audience.jsonl")
		r := newRecorder(t, path, 1)
		for second := range 8 {
			for back := range min(second+1, 6) { // an answer may take up to six seconds
				o := got(time.Duration(second-back)*time.Second, time.Duration(back)*time.Second+70*time.Millisecond)
				o.Failed, o.Requests, o.Late = back, back+1, back > 2
				r.Segment(o)
			}
			if ticks {
				r.Tick(time.Duration(second+1)*time.Second, 1)
			}
		}
		if err := r.End(player.Result{}); err != nil {
			t.Fatal(err)
		}
		sums, histograms = map[string]float64{}, map[string]*hdrhistogram.Histogram{}
		for _, l := range readLines(t, path) {
			if l["kind"] != "interval" {
				continue
			}
			lines = append(lines, l)
			for key, v := range l {
				at := fmt.Sprint(l["at_us"], l["edge"], l["rendition"], l["pipeline"], " ", key)
				switch v := v.(type) {
				case float64:
					sums[at] += v
				case string:
					h, err := hdrhistogram.Decode([]byte(v))
					if err != nil {
						continue // a coordinate
					}
					if histograms[at] == nil {
						histograms[at] = hdrhistogram.New(shortest, longest, digits)
					}
					histograms[at].Merge(h)
				}
			}
			delete(sums, fmt.Sprint(l["at_us"], l["edge"], l["rendition"], l["pipeline"], " at_us"))
		}
		return lines, sums, histograms
	}
	once, wantSums, want := record(false)
	often, gotSums, got := record(true)
	if len(once) != 8 || len(often) != 33 {
		t.Errorf("%d lines without ticks, %d with; want one a second, and one for each that came late", len(once), len(often))
	}
	if !maps.Equal(gotSums, wantSums) {
		t.Errorf("sums %v; want %v", gotSums, wantSums)
	}
	if len(want) != 3*8 || !maps.EqualFunc(got, want, (*hdrhistogram.Histogram).Equals) {
		t.Errorf("%d histograms merge to other ones than the %d that were written at once", len(got), len(want))
	}
}

// Only live viewers have a live-edge latency.
func TestClasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	for _, class := range []player.Class{player.Live, player.DVR} {
		o := got(0, time.Millisecond)
		o.Class = class
		r.Segment(o)
	}
	if err := r.End(player.Result{}); err != nil {
		t.Fatal(err)
	}
	for i, class := range []string{"live", "dvr"} {
		l := readLines(t, path)[i]
		if _, hasLatency := l["latency"]; l["class"] != class || l["ttfb"] == nil || hasLatency != (class == "live") {
			t.Errorf("line %d: %v; want class %s", i, l, class)
		}
	}
}

func TestClamped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	r.Segment(got(0, 150*time.Second)) // its first byte is beyond the histogram's end too
	if err := r.End(player.Result{}); err != nil {
		t.Fatal(err)
	}
	l := readLines(t, path)[0]
	h, err := hdrhistogram.Decode([]byte(l["latency"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	if l["clamped"] != 2.0 || h.TotalCount() != 1 || h.Max() < longest {
		t.Errorf("clamped %v, %d values up to %d; want 2, and one at the end", l["clamped"], h.TotalCount(), h.Max())
	}
}

// Unchecked says how much the check of the bytes did not see, for whatever reason.
func TestUnchecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	for i := range 10 {
		o := got(0, time.Millisecond)
		o.Checked, o.NoDigest = i == 0, i == 1
		r.Segment(o)
	}
	if err := r.End(player.Result{}); err != nil {
		t.Fatal(err)
	}
	if l := readLines(t, path)[0]; l["unchecked"] != 9.0 || l["no_digest"] != 1.0 {
		t.Errorf("%v; want 9 unchecked, 1 of them without a digest", l)
	}
}

// When everything goes wrong at once, details have a bound, and what is beyond it is told.
func TestDetailsBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	for i := range detailsMost + 5 {
		r.Segment(&player.Outcome{Number: player.Number(i), Missed: "timeout", Requests: 1})
	}
	if err := r.End(player.Result{}); err != nil {
		t.Fatal(err)
	}
	lines := readLines(t, path)
	if len(lines) != 1+detailsMost+1 || lines[0]["missed"] != float64(detailsMost+5) || lines[len(lines)-1]["details_lost"] != 5.0 {
		t.Errorf("%d lines, %v missed, end %v; want the bound, all, and 5 lost", len(lines), lines[0]["missed"], lines[len(lines)-1])
	}
}

// A record that could not be written has no end, and whoever asked for it hears of it.
func TestWriteError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	r := newRecorder(t, path, 1)
	if err := r.file.f.Close(); err != nil {
		t.Fatal(err)
	}
	r.Tick(time.Second, 1)
	if err := r.End(player.Result{}); err == nil {
		t.Error("no error from a closed file")
	}
	if _, err := NewRecorder(filepath.Join(t.TempDir(), "no", "such", "folder"), options, event, 1); err == nil {
		t.Error("no error from a folder that is not there")
	}
}

// A new process begins the file anew; within one, everybody writes to the same.
func TestFileIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	if err := os.WriteFile(path, []byte("of an earlier run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for vu := range uint64(3) {
		if err := newRecorder(t, path, vu).End(player.Result{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := kinds(readLines(t, path)); got != "end end end" {
		t.Errorf("lines %s; want three ends", got)
	}
}

// Who has left has missed nothing; what they asked is counted.
func TestLeft(t *testing.T) {
	i := &interval{}
	i.add(&player.Outcome{Requests: 2, Left: true})
	i.add(&player.Outcome{Requests: 1, Missed: "410 gap"})
	if i.Requests != 3 || i.Missed != 1 || i.Segments != 0 {
		t.Errorf("%+v; want three requests and one missed", i.counts)
	}
}
