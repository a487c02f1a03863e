package audience

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an audience over scripted edges.
type world struct {
	loop     *loop.Loop
	config   Config
	audience *Audience // once it plays
	out      bytes.Buffer
	parsed   []anyLine // of out, once it is complete
}

var begin = time.Date(2024, 11, 15, 20, 0, 0, 0, time.UTC)

func testEvent(d time.Duration) origin.Event {
	return origin.Event{
		ID: "demo", AvailabilityStartTime: begin, StartNumber: 1000, End: begin.Add(d), SegmentDuration: 2 * time.Second,
		TimeShiftBufferDepth: time.Minute, PublishDelay: 300 * time.Millisecond, RetryBudget: 2 * time.Second,
		Patience: 500 * time.Millisecond, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{
			{ID: "v1080", Kind: origin.Video, Bandwidth: 6_000_000}, {ID: "v720", Kind: origin.Video, Bandwidth: 3_000_000},
			{ID: "v360", Kind: origin.Video, Bandwidth: 800_000}, {ID: "a128", Kind: origin.Audio, Bandwidth: 128_000},
		},
		Regions: []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}},
	}
}

// request and answer are what passes between viewers and edges.
type (
	request = origin.Request
	answer  = origin.Response
)

// script answers requests that come at an instant of the event.
type script func(w *world, ctx context.Context, at time.Duration, r origin.Request) (origin.Response, error)

type scripted struct {
	world *world
	script
}

func (s scripted) Get(ctx context.Context, r origin.Request) (origin.Response, error) {
	return s.script(s.world, ctx, s.world.at(), r)
}

func (w *world) at() time.Duration { return w.loop.Now().Sub(begin) }

// newWorld has an audience of so many viewers for a minute, on edges east-1, west-1 and so on in turn.
func newWorld(viewers, edges int, s script) *world {
	w := &world{loop: loop.New(begin)}
	w.config = Config{Loop: w.loop, Event: testEvent(time.Minute), Seed: 1, Out: &w.out, Audience: scenarios.Audience{
		Viewers: scenarios.Viewers{Start: viewers, Peak: viewers}, Ladder: "spread", Buffer: 4 * time.Second,
	}}
	for i := range edges {
		w.config.Edges = append(w.config.Edges, Edge{
			Name: []string{"east-", "west-"}[i%2] + string(rune('1'+i/2)), Region: []string{"east", "west"}[i%2],
			Getter: scripted{w, s}, Alike: 1,
		})
	}
	return w
}

// play runs the event to its end.
func (w *world) play(t rapid.TB) *Audience {
	t.Helper()
	a, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.audience = a
	a.Start(context.Background())
	if err := w.loop.Run(w.config.Event.End.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := a.Finish(false); err != nil {
		t.Fatal(err)
	}
	if n := w.loop.Close(); n > 0 {
		t.Errorf("%d coroutines were still waiting", n)
	}
	return a
}

// anyLine is one line of audience.jsonl, of any kind.
type anyLine struct {
	interval
	Number      int64    `json:"number"`
	Reason      string   `json:"reason"`
	Count       int64    `json:"count"`
	Defects     []string `json:"defects"`
	Viewers     int64    `json:"viewers"`
	ViewersPeak int64    `json:"viewers_peak"`
	PlannedPeak int64    `json:"planned_peak"`
}

// lines are what a world that is over has written.
func (w *world) lines(t rapid.TB) []anyLine {
	t.Helper()
	if w.parsed != nil {
		return w.parsed
	}
	for d := json.NewDecoder(bytes.NewReader(w.out.Bytes())); d.More(); {
		var l anyLine
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		w.parsed = append(w.parsed, l)
	}
	return w.parsed
}

// total adds up the intervals that are wanted; all with nil.
func (w *world) total(t rapid.TB, want func(*anyLine) bool,
) (sum counters, latency, ttfb *hdrhistogram.PackedHistogram) {
	t.Helper()
	latency, ttfb = hdrhistogram.NewPacked(shortest, longest, digits), hdrhistogram.NewPacked(shortest, longest, digits)
	for _, l := range w.lines(t) {
		if l.Kind != "interval" || want != nil && !want(&l) {
			continue
		}
		sum.add(&l.counters)
		merge(t, latency, l.Latency)
		merge(t, ttfb, l.TTFB)
	}
	return sum, latency, ttfb
}

func merge(t rapid.TB, into *hdrhistogram.PackedHistogram, encoded string) {
	t.Helper()
	if encoded == "" {
		return
	}
	h, err := hdrhistogram.DecodePacked([]byte(encoded))
	if err != nil {
		t.Fatal(err)
	}
	into.Merge(h)
}

func (c *counters) add(o *counters) {
	c.Requests += o.Requests
	c.Segments += o.Segments
	c.Bytes += o.Bytes
	c.Held += o.Held
	c.Early += o.Early
	c.Late += o.Late
	c.Stalled += o.Stalled
	c.StallUs += o.StallUs
	c.Missed += o.Missed
	c.Defective += o.Defective
	c.Wrong += o.Wrong
	c.Unchecked += o.Unchecked
	c.Failed += o.Failed
	c.Switches += o.Switches
}

var videos = []string{"v1080", "v720", "v360"}

// object is a segment as large as its bandwidth says.
func object(r origin.Request) origin.Response {
	size := 32_000
	if i := slices.Index(videos, r.Rendition); i >= 0 {
		size = [...]int{1_500_000, 750_000, 200_000}[i]
	}
	return answer{Reason: origin.Published, MaxAge: time.Minute, Pipeline: "a", Region: "east",
		Object: origin.Object{Size: size}}
}

// well is an edge that holds what is too new until it is published, and has all the rest.
func well(w *world, ctx context.Context, at time.Duration, r origin.Request) (origin.Response, error) {
	resp := object(r)
	published := time.Duration(r.Number-1000+1)*2*time.Second + 200*time.Millisecond
	if at < published {
		if err := w.loop.Sleep(ctx, published-at); err != nil {
			return resp, err
		}
		resp.Hold = published - at
	}
	return resp, nil
}

// instant is an edge that has everything.
func instant(_ *world, _ context.Context, _ time.Duration, r origin.Request) (origin.Response, error) {
	return object(r), nil
}
