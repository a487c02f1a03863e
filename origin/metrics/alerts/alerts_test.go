package alerts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/metrics/alerts"
)

// plant is an origin whose every second is made up: what its metrics are told, and what a fault changes of it.
type plant struct {
	t       *testing.T
	metrics *metrics.Metrics
	node    *origin.Node
	config  origin.Directory
	states  []origin.State
	stats   keyvalue.Stats
	fault   fault
}

// fault is what is not as it should be; zero is all well.
type fault struct {
	stopped    bool          // pipeline a
	publish    time.Duration // how long a publication of pipeline a takes
	refused    bool          // those of pipeline a
	ended      bool          // early, and for good; nobody told the pipelines
	defects    origin.Defects
	get        time.Duration // how long an answer at the live edge takes, besides being held
	hold       time.Duration
	storeFails bool // reads
	putsFail   bool
	misses     int // of metadata, a second
	holders    int
	directory  error
}

// Events implements origin.Directory.
func (p *plant) Events(context.Context) ([]origin.State, error) { return p.states, p.fault.directory }

// cup is an event of two pipelines in one region.
func cup(start time.Time) origin.Event {
	return origin.Event{
		ID: "cup", AvailabilityStartTime: start, SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute,
		PublishDelay: time.Second, RetryBudget: time.Minute, Patience: time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v1", Kind: origin.Video, Codecs: "avc1", Bandwidth: 1_000_000, Timescale: 30, SampleTicks: 1, TrackID: 1}},
		Regions:    []origin.RegionPlan{{Name: "us-east", Pipelines: []string{"a", "c"}}},
	}
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	clock := &origin.Wall{}
	t.Cleanup(clock.Join)
	p := &plant{t: t, metrics: metrics.New()}
	p.states = []origin.State{{Version: 1, Event: cup(time.Now())}}
	p.node = origin.NewNode(origin.NodeConfig{Region: "us-east", Runtime: clock, Store: origin.NewMemory(clock, 1), MaxHolders: 10})
	if err := p.node.Apply(p.states[0]); err != nil {
		t.Fatal(err)
	}
	p.metrics.Watch(p.node)
	p.metrics.WatchStore("publish", func() keyvalue.Stats { return p.stats })
	p.config = p.metrics.Directory(p)
	return p
}

// second is one of the event's.
func (p *plant) second(i int) {
	_, _ = p.config.Events(p.t.Context())
	if p.fault.ended && p.states[0].End.IsZero() {
		p.end()
	}
	p.metrics.LookedUp(origin.EventLevel, false)
	for range 25 {
		p.metrics.LookedUp(origin.EventLevel, true)
		p.answer()
	}
	for range p.fault.misses {
		p.metrics.LookedUp(origin.EventLevel, false)
	}
	if i%2 == 0 {
		r := origin.Receipt{Outcome: origin.Stored}
		if !p.states[0].End.IsZero() {
			r.Outcome = origin.Outside
		}
		p.metrics.Taken("cup", "c", r, 1000, 40*time.Millisecond)
		if !p.fault.stopped {
			if p.fault.refused {
				r.Outcome = origin.Conflict
			}
			p.metrics.Taken("cup", "a", r, 1000, max(p.fault.publish, 40*time.Millisecond))
		}
		p.stats.Puts += 2
		if p.fault.putsFail {
			p.stats.Unstored++
		}
		p.metrics.Taken("made-up", "stranger", origin.Receipt{Outcome: origin.NoSuchPlace}, 1, time.Second)
	}
}

// end lets operators end the event now.
func (p *plant) end() {
	p.states[0].Version++
	p.states[0].End = time.Now()
	if err := p.node.Apply(p.states[0]); err != nil {
		p.t.Error(err)
	}
}

func (p *plant) answer() {
	r := origin.Response{Reason: origin.Published, Pipeline: "a", Defects: p.fault.defects, Hold: p.fault.hold}
	switch {
	case p.fault.storeFails:
		r.Reason = origin.StoreFailed
	case r.Defects != 0:
		r.Reason = origin.Defective
	}
	p.metrics.Answered(origin.Ask{Event: "cup", Class: origin.LiveEdge}, r, r.Hold+max(p.fault.get, 5*time.Millisecond))
}

// The seconds at which the fault begins and ends, and the run.
const from, until, length = 60, 120, 170

// run lets a fault happen, and says what fired: how long after the fault began, and until how long after it ended.
func run(t *testing.T, broken fault, native bool) []string {
	t.Helper()
	rules, err := alerts.Parse(metrics.Alerts)
	if err != nil {
		t.Fatal(err)
	}
	history, err := alerts.NewHistory(rules, native)
	if err != nil {
		t.Fatal(err)
	}
	p, began := newPlant(t), time.Now()
	ctx, release := context.WithCancel(t.Context())
	defer release()
	for i := range length {
		p.fault = fault{}
		if from <= i && i < until {
			p.fault = broken
		}
		if i == from {
			for range broken.holders {
				go p.node.Get(ctx, origin.Request{Event: "cup", Rendition: "v1", Number: p.states[0].SegmentAt(time.Now()) - 1})
			}
		}
		if i == until {
			release()
		}
		p.second(i)
		synctest.Wait()
		if i%5 == 4 {
			if err := history.Scrape(p.node.Runtime.Now(), "e1", p.metrics.Registry); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
	}
	firings, err := history.Detect(t.Context(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range firings {
		seconds := func(at time.Time, since int) string {
			if at.IsZero() {
				return "never"
			}
			return fmt.Sprintf("%+.0fs", at.Sub(began).Seconds()-float64(since))
		}
		out = append(out, fmt.Sprintf("%s%s %s..%s", f.Alert, f.Labels, seconds(f.Fired, from), seconds(f.Resolved, until)))
	}
	return out
}

// Each fault makes its alert fire, soon, and no other; and when it is over, so is the alert. The figures are how long after
// the fault's beginning each fired, and how long after its end it was resolved, at a scrape every 5 s: time to detect.
func TestTimeToDetect(t *testing.T) {
	tests := []struct {
		name  string
		fault fault
		want  []string
	}{
		{name: "all is well"},
		{"holding is not slow", fault{hold: 2 * time.Second}, nil},
		{"a pipeline stops", fault{stopped: true}, []string{`PipelineStopped{event="cup", pipeline="a"} +9s..+4s`}},
		{"a defect is served", fault{defects: origin.NotSync}, []string{`DefectsServed{defect="not-sync", event="cup", pipeline="a"} +4s..+24s`}},
		{"publishing is slow", fault{publish: 600 * time.Millisecond}, []string{`PublishesSlow{event="cup", pipeline="a"} +9s..+24s`}},
		{"publications are refused", fault{refused: true}, []string{`PipelineStopped{event="cup", pipeline="a"} +9s..+4s`, `PublishesRefused{event="cup", pipeline="a"} +9s..+24s`}},
		{"publications go on after an early end", fault{ended: true}, nil},
		{"answers are slow", fault{get: time.Second}, []string{`LiveEdgeSlow{event="cup"} +9s..+24s`}},
		{"the store cannot be read", fault{storeFails: true}, []string{`StoreFailing{event="cup"} +9s..+24s`}},
		{"the store cannot be written", fault{putsFail: true}, []string{`StoreFailing{store="publish"} +9s..+24s`}},
		{"memory has no answers", fault{misses: 100}, []string{`MetadataHitRatioLow{} +14s..+24s`}},
		{"many are held", fault{holders: 10}, []string{`HoldersNearLimit{instance="e1"} +4s..+4s`}},
		{"the control plane is away", fault{directory: errors.New("away")}, []string{`ConfigOld{event="cup"} +19s..+4s`}},
	}
	for _, test := range tests {
		for _, native := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/native=%v", test.name, native), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := run(t, test.fault, native)
					if slices.Sort(got); !slices.Equal(got, test.want) {
						t.Errorf("got %q, want %q", got, test.want)
					}
				})
			})
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, file := range map[string]string{
		"an expression that is none": "groups: [{name: g, rules: [{alert: A, expr: 'sum by('}]}]",
		"a key that is none":         "groups: [{name: g, rules: [{alert: A, expr: up, four: 5s}]}]",
		"a template that is none":    "groups: [{name: g, rules: [{alert: A, expr: up, annotations: {summary: '{{ $x }}'}}]}]",
		"a recording rule":           "groups: [{name: g, rules: [{record: a, expr: up}]}]",
		"keep_firing_for":            "groups: [{name: g, rules: [{alert: A, expr: up, keep_firing_for: 5s}]}]",
	} {
		if rules, err := alerts.Parse([]byte(file)); err == nil {
			t.Errorf("%s: got %v, want an error", name, rules)
		}
	}
}

// For says for how long without a gap; what an instance does not tell any more is stale at once.
func TestDetect(t *testing.T) {
	const every = time.Second
	start := time.Unix(1_000_000, 0).UTC()
	tests := []struct {
		name, values string // one for each second: - is none
		long         time.Duration
		want         string
	}{
		{"never", "00000", 0, ""},
		{"at once", "00110", 0, "2:2-4"},
		{"twice", "01011", 0, "1:1-2 3:3-"},
		{"not long enough", "011000", 2 * time.Second, ""},
		{"just long enough", "011100", 2 * time.Second, "1:3-4"},
		{"not without a gap", "0110110", 2 * time.Second, ""},
		{"until the end", "00111", time.Second, "2:3-"},
		{"gone is over", "011--", 0, "1:1-3"},
		{"gone and back", "01-1", 0, "1:1-2 3:3-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			history, err := alerts.NewHistory([]alerts.Rule{{Alert: "A", Expr: "up == 1", For: test.long}}, false)
			if err != nil {
				t.Fatal(err)
			}
			for i, value := range test.values {
				registry := prometheus.NewRegistry()
				if value != '-' {
					registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "up"}, func() float64 { return float64(value - '0') }))
				}
				if err := history.Scrape(start.Add(time.Duration(i)*every), "e1", registry); err != nil {
					t.Fatal(err)
				}
			}
			firings, err := history.Detect(t.Context(), every)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range firings {
				line := fmt.Sprintf("%.0f:%.0f-", f.Pending.Sub(start).Seconds(), f.Fired.Sub(start).Seconds())
				if !f.Resolved.IsZero() {
					line += fmt.Sprintf("%.0f", f.Resolved.Sub(start).Seconds())
				}
				if got = append(got, line); f.Labels != `{instance="e1"}` || f.Alert != "A" {
					t.Errorf("got alert %s%s", f.Alert, f.Labels)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%s: got %q, want %q", test.values, strings.Join(got, " "), test.want)
			}
		})
	}
}

func TestHistoryRefuses(t *testing.T) {
	if _, err := alerts.NewHistory([]alerts.Rule{{Alert: "A", Expr: "sum("}}, false); err == nil {
		t.Error("took an expression that is none")
	}
	history, err := alerts.NewHistory(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	if err := history.Scrape(time.Unix(10, 0), "e1", registry); err != nil {
		t.Error(err)
	}
	if err := history.Scrape(time.Unix(10, 0), "e2", registry); err != nil {
		t.Error(err)
	}
	if err := history.Scrape(time.Unix(9, 0), "e1", registry); err == nil {
		t.Error("took a scrape of the past")
	}
	if _, err := history.Detect(t.Context(), 0); err == nil {
		t.Error("evaluated all the time")
	}
}
