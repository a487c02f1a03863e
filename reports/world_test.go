package reports

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
)

// world is a run made by hand: one minute of an event in two regions, its publishes, and ten viewers in each region.
type world struct {
	plan     Plan
	history  []origin.Record
	audience []audienceLine
}

const (
	east, west = "us-east", "us-west"
	second     = int64(1_000_000) // in microseconds
)

// quiet is a run in which nothing went wrong.
func quiet() *world {
	w := &world{plan: Plan{
		Version: "test", Scenario: "by-hand", About: "Made by hand.", Seed: 7, Viewers: 20,
		Command: "liveorigin run by-hand --seed 7",
		Event: origin.Event{
			ID: "e", AvailabilityStartTime: time.Unix(1_700_000_000, 0), End: time.Unix(1_700_000_060, 0),
			SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute, PublishDelay: time.Second,
			RetryBudget: 2 * time.Second, LiveEdgeSegments: 3,
			Renditions: []origin.Rendition{{ID: "v720"}, {ID: "aac"}},
			Regions:    []origin.RegionPlan{{Name: east, Pipelines: []string{"a"}}, {Name: west, Pipelines: []string{"b"}}},
		},
		Phases: []Phase{
			{"warm-up", 0, 20 * time.Second}, {"fault", 20 * time.Second, 40 * time.Second},
			{"recovery", 40 * time.Second, 66 * time.Second},
		},
	}}
	w.record(origin.Record{Kind: origin.KindRun, Step: origin.Begin})
	for n := range origin.SegmentNumber(30) {
		for _, pipeline := range []string{"a", "b"} {
			for i, rendition := range []string{"v720", "aac"} {
				late := 300_000 + int64(i)*50_000
				w.record(origin.Record{
					Kind: origin.KindPublish, AtUs: int64(n+1)*2*second + late, Region: map[string]string{"a": east, "b": west}[pipeline],
					Pipeline: pipeline, Rendition: rendition, Number: n, Reason: string(origin.Stored), LateUs: late, WaitUs: 40_000,
				})
			}
		}
	}
	w.record(origin.Record{Kind: origin.KindUsage, AtUs: 66 * second, Name: "harness", CPUUs: 33 * second, Count: 200 << 20})
	w.record(origin.Record{Kind: origin.KindUsage, AtUs: 66 * second, Name: "k6", CPUUs: 66 * second, Count: 300 << 20})
	w.record(origin.Record{Kind: origin.KindRun, Step: origin.End, AtUs: 66 * second})
	for s := range int64(64) {
		w.line(audienceLine{Kind: "viewers", AtUs: s * second, Viewers: 20, VU: 1})
		for _, region := range []string{east, west} {
			w.line(audienceLine{
				Kind: "interval", AtUs: s * second, Region: region, Rendition: "v720",
				ServedRegion: region, Pipeline: map[string]string{east: "a", west: "b"}[region],
				Requests: 10, Segments: 10, Bytes: 1000, Held: 4,
				Latency: histogram(400_000, 10), TTFB: histogram(20_000, 10), Lag: histogram(900, 10),
			})
		}
	}
	w.line(audienceLine{Kind: "end", AtUs: 64 * second, VU: 1, ViewersPeak: 20})
	return w
}

// regionLoss is a run in which us-east lost its pipeline from 20 s to 34 s, and was served from us-west meanwhile.
func regionLoss() *world {
	w := quiet()
	w.plan.Scenario, w.plan.Command = "region-loss", "liveorigin run region-loss --seed 7"
	w.plan.Faults = []FaultPlan{{
		ID: "region-loss-1", Kind: "region-loss", Target: east, From: 20 * time.Second, Until: 34 * time.Second,
		Pipelines: []string{"a"},
		Felt:      func(r origin.Record) bool { return r.Kind == origin.KindFetch && r.Error != "" },
	}}
	w.record(origin.Record{Kind: origin.KindFault, Step: origin.Begin, Name: "region-loss-1", What: "region-loss", AtUs: 20 * second})
	w.record(origin.Record{Kind: origin.KindFetch, Node: "edge-1", Region: east, Error: "connection refused", AtUs: 21 * second})
	w.record(origin.Record{Kind: origin.KindFault, Step: origin.End, Name: "region-loss-1", AtUs: 34 * second, Count: 41})
	w.drop(func(r origin.Record) bool {
		return r.Kind == origin.KindPublish && r.Pipeline == "a" && r.AtUs >= 20*second && r.AtUs < 34*second
	})
	w.each("interval", func(l *audienceLine) {
		if l.Region == east && l.AtUs >= 20*second && l.AtUs < 36*second {
			l.ServedRegion, l.Pipeline, l.Switches = west, "b", 1
		}
	})
	return w
}

func (w *world) record(r origin.Record) { w.history = append(w.history, r) }
func (w *world) line(l audienceLine)    { w.audience = append(w.audience, l) }

// stall has the harness not run for so many milliseconds, up to at.
func (w *world) stall(at, ms int64) {
	w.record(origin.Record{Kind: origin.KindStall, Name: "harness", AtUs: at, WaitUs: ms * 1000})
}

func (w *world) drop(which func(origin.Record) bool) { w.history = slices.DeleteFunc(w.history, which) }

func (w *world) dropLines(kind string) {
	w.audience = slices.DeleteFunc(w.audience, func(l audienceLine) bool { return l.Kind == kind })
}

// each changes the lines of a kind.
func (w *world) each(kind string, change func(*audienceLine)) {
	for i := range w.audience {
		if w.audience[i].Kind == kind {
			change(&w.audience[i])
		}
	}
}

// at changes one region's interval that begins at second s.
func (w *world) at(s int64, region string, change func(*audienceLine)) {
	w.each("interval", func(l *audienceLine) {
		if l.AtUs == s*second && l.Region == region {
			change(l)
		}
	})
}

// publish changes the publishes of a pipeline.
func (w *world) publish(pipeline string, change func(*origin.Record)) {
	for i := range w.history {
		if r := &w.history[i]; r.Kind == origin.KindPublish && r.Pipeline == pipeline {
			change(r)
		}
	}
}

// fault changes the begin or end records of faults.
func (w *world) fault(step string, change func(*origin.Record)) {
	for i := range w.history {
		if r := &w.history[i]; r.Kind == origin.KindFault && r.Step == step {
			change(r)
		}
	}
}

func (w *world) objective(o Objective) *world {
	o.File, o.Line = "by-hand.yaml", 10+len(w.plan.Objectives)
	w.plan.Objectives = append(w.plan.Objectives, o)
	return w
}

// defect serves one defective segment to a region at second s, and names it.
func (w *world) defect(s int64, region string, n origin.SegmentNumber) {
	w.at(s, region, func(l *audienceLine) { l.Defective++ })
	w.line(audienceLine{Kind: "defective", Defects: []string{"short-segment"}, Pipeline: "a", AtUs: s * second, Region: region, Rendition: "v720", Number: n, Count: 1})
}

func (w *world) files(t testing.TB) (history, audience []byte) {
	t.Helper()
	return jsonLines(t, w.history), jsonLines(t, w.audience)
}

func jsonLines[T any](t testing.TB, lines []T) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func (w *world) judge(t testing.TB) *Report {
	t.Helper()
	history, audience := w.files(t)
	r, err := Judge(w.plan, bytes.NewReader(history), bytes.NewReader(audience))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// histogram encodes one value a number of times, as the generator does. Making the encoder costs a megabyte, so equal
// ones are made once.
func histogram(us, times int64) string {
	if encoded[[2]int64{us, times}] == "" {
		h := hdrhistogram.New(1, 120*second, 2)
		if err := h.RecordValues(us, times); err != nil {
			panic(err)
		}
		encoded[[2]int64{us, times}] = encode(h)
	}
	return encoded[[2]int64{us, times}]
}

var encoded = map[[2]int64]string{}

func encode(h *hdrhistogram.Histogram) string {
	b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func ms(n int64) Limit { return Limit{Duration: time.Duration(n) * time.Millisecond} }
