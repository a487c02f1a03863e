package audience

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// reply is a scripted answer: after so long, for so long, with that reason; or an error.
type reply struct {
	after, lasts time.Duration
	reason       origin.Reason
	err          error
}

const ms = time.Millisecond

var (
	fine        = reply{reason: origin.Published}
	unreachable = reply{err: origin.ErrUnreachable}
	never       = reply{after: time.Hour, reason: origin.Published}
)

// asked is a request as an edge saw it.
type asked struct {
	edge int
	at   time.Duration
}

// lone plays an event of so many segments to one viewer of one rendition. Each edge gives its replies in turn, the last
// one for ever.
func lone(t *testing.T, segments int, change func(c *Config), edges ...[]reply) (c counters, log []asked, w *world) {
	t.Helper()
	w = newWorld(1, len(edges), nil)
	w.config.Event = testEvent(time.Duration(segments) * 2 * time.Second)
	w.config.Audience.Ladder = "a128"
	for i, replies := range edges {
		calls := 0
		e := &w.config.Edges[i]
		e.Getter = scripted{w, func(w *world, ctx context.Context, at time.Duration, r request) (answer, error) {
			say := replies[min(calls, len(replies)-1)]
			calls++
			log = append(log, asked{i, at})
			if err := w.loop.Sleep(ctx, say.after); err != nil {
				return answer{}, err
			}
			resp := answer{Reason: say.reason, MaxAge: say.lasts}
			if resp.OK() {
				resp = object(r)
			}
			return resp, say.err
		}}
	}
	if change != nil {
		change(&w.config)
	}
	w.play(t)
	c, _, _ = w.total(t, nil)
	return c, log, w
}

// offset0 is when the one viewer of the first edge asks.
var offset0 = 2*time.Second + offset(0, 0)

func TestFetch(t *testing.T) {
	early := reply{reason: origin.Early, lasts: 700 * ms}
	ignoring := func(c *Config) { c.Audience.IgnoreLifetimes = true }
	for _, c := range []struct {
		why    string
		edges  [][]reply
		change func(c *Config)
		want   string // requests, failed, early, segments, missed and the reason; the edges that were asked
		gaps   []time.Duration
	}{
		{"at once", [][]reply{{fine}}, nil, "1 0 0 1 0  [0]", nil},
		{"too early, and back when it said", [][]reply{{early, fine}, {fine}}, nil, "2 0 1 1 0  [0 0]",
			[]time.Duration{700 * ms}},
		{"ignoring that", [][]reply{{early, early, fine}, {fine}}, ignoring, "3 0 2 1 0  [0 0 0]",
			[]time.Duration{100 * ms, 100 * ms}},
		{"a refusal without a lifetime", [][]reply{{{reason: origin.Early}, fine}}, nil, "2 0 1 1 0  [0 0]",
			[]time.Duration{100 * ms}},
		{"a lifetime that is almost over", [][]reply{{{reason: origin.Early, lasts: ms}, fine}}, nil, "2 0 1 1 0  [0 0]",
			[]time.Duration{5 * ms}},
		{"not there, but not too early", [][]reply{{{reason: origin.UnknownEvent, lasts: time.Second}, fine}}, nil,
			"2 0 0 1 0  [0 0]", []time.Duration{time.Second}},
		{"a hole is final", [][]reply{{{reason: origin.Gap, lasts: time.Second}}, {fine}}, nil, "1 0 0 0 1 410 gap [0]", nil},
		{"too early for too long", [][]reply{{{reason: origin.Early, lasts: 7 * time.Second}}}, nil,
			"1 0 1 0 1 404 early [0]", nil},
		{"overload: the next edge at once", [][]reply{{{reason: origin.StoreFailed, lasts: time.Second}}, {fine}}, nil,
			"2 1 0 1 0  [0 1]", []time.Duration{0}},
		{"dead: the next edge at once", [][]reply{{unreachable}, {fine}}, nil, "2 1 0 1 0  [0 1]", []time.Duration{0}},
		{"slow: the next edge after patience", [][]reply{{never}, {fine}}, nil, "2 1 0 1 0  [0 1]",
			[]time.Duration{3300*ms - offset(0, 0)}},
		{"all in trouble: the shortest lifetime", [][]reply{
			{{reason: origin.StoreFailed, lasts: 3 * time.Second}, fine}, {{reason: origin.StoreFailed, lasts: 2 * time.Second}},
		}, nil, "3 2 0 1 0  [0 1 0]", []time.Duration{0, 2 * time.Second}},
		{"all in trouble, ignoring it", [][]reply{
			{{reason: origin.StoreFailed, lasts: 3 * time.Second}, fine}, {{reason: origin.StoreFailed, lasts: 2 * time.Second}},
		}, ignoring, "3 2 0 1 0  [0 1 0]", []time.Duration{0, 100 * ms}},
		{"never an answer", [][]reply{{never}}, nil, "3 3 0 0 1 timeout [0 0 0]", nil},
		{"nobody there", [][]reply{{{after: 1900 * ms, err: origin.ErrUnreachable}}}, func(c *Config) {
			c.Audience.Buffer = 0
		}, "1 1 0 0 1 connection refused [0]", nil},
		{"no use any more", [][]reply{{never}}, func(c *Config) {
			c.Audience.Buffer = 0
		}, "1 1 0 0 1 timeout [0]", nil},
	} {
		got, log, w := lone(t, 1, c.change, c.edges...)
		reason, edges := "", []int{}
		for _, l := range w.lines(t) {
			reason += l.Reason
		}
		for i, a := range log {
			edges = append(edges, a.edge)
			if i == 0 && a.at != offset0 {
				t.Errorf("%s: asked at %v; want %v", c.why, a.at, offset0)
			}
			if i > 0 && i <= len(c.gaps) && a.at-log[i-1].at != c.gaps[i-1] {
				t.Errorf("%s: try %d after %v; want %v", c.why, i+1, a.at-log[i-1].at, c.gaps[i-1])
			}
		}
		said := fmt.Sprintf("%d %d %d %d %d %s %v", got.Requests, got.Failed, got.Early, got.Segments, got.Missed,
			reason, edges)
		if said != c.want {
			t.Errorf("%s: %s; want %s", c.why, said, c.want)
		}
	}
}

// Who has found an edge dead leaves it alone for five seconds; one that only had trouble is asked again at once.
func TestAvoidance(t *testing.T) {
	for _, c := range []struct {
		why  string
		dead reply
		want string
	}{
		{"dead", unreachable, "[0 1 1 1 0 1 1 1 0 1 1]"}, // at 2, 4, 6, 8, 10, 12, 14 and 16 s
		{"in trouble", reply{reason: origin.NoOrigin}, "[0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1]"},
	} {
		got, log, _ := lone(t, 8, nil, []reply{c.dead}, []reply{fine})
		edges := []int{}
		for _, a := range log {
			edges = append(edges, a.edge)
		}
		if fmt.Sprint(edges) != c.want || got.Segments != 8 {
			t.Errorf("%s: asked %v and got %d segments; want %s and 8", c.why, edges, got.Segments, c.want)
		}
	}
}

// Rounds over all edges get further apart, with jitter, up to a second.
func TestBackOff(t *testing.T) {
	patient := func(c *Config) { c.Audience.Buffer = 20 * time.Second }
	_, log, _ := lone(t, 1, patient, []reply{{reason: origin.NoOrigin, lasts: ms}})
	most := 0 * ms
	for i := 1; i < len(log); i++ {
		gap := log[i].at - log[i-1].at
		most = max(most, gap)
		if limit := min(100*ms<<min(i, 8), time.Second); gap < 100*ms || gap > limit {
			t.Errorf("round %d after %v; want 100 ms to %v", i+1, gap, limit)
		}
	}
	if most < 700*ms || len(log) < 20 {
		t.Errorf("%d rounds, the longest wait %v; want about forty, and waits of up to a second", len(log), most)
	}
}

// The region that answers is in the record, and the one that was asked carries the load.
func TestFailOverIsRecorded(t *testing.T) {
	w := newWorld(6, 2, nil)
	w.config.Audience.Ladder = "a128"
	w.config.Edges[0].Getter = scripted{w, func(*world, context.Context, time.Duration, request) (answer, error) {
		return answer{Reason: origin.NoOrigin}, nil
	}}
	w.config.Edges[1].Getter = scripted{w, instant}
	a := w.play(t)
	all, _, _ := w.total(t, nil)
	west, _, _ := w.total(t, func(l *anyLine) bool { return l.Region == "west" && l.Edge == "west-1" })
	if west.Segments != 180 || west != all || west.Failed != 90 {
		t.Errorf("%+v of %+v; want all 180 segments in the west, half of them after a failure", west, all)
	}
	want := "[{east 0 90 90 0} {west 0 180 0 5760000}]"
	if got := fmt.Sprint(a.Loads()); got != want {
		t.Errorf("loads %s; want %s", got, want)
	}
}

// An audience that is stopped stops: nothing is counted that was under way.
func TestStop(t *testing.T) {
	w := newWorld(8, 2, func(w *world, ctx context.Context, at time.Duration, r request) (answer, error) {
		if at > 20*time.Second {
			return answer{}, w.loop.Sleep(ctx, time.Hour)
		}
		return object(r), nil
	})
	a, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := w.loop.WithCancel(context.Background())
	a.Start(ctx)
	defer w.loop.Close()
	w.loop.After(21*time.Second, call(cancel))
	if err := w.loop.Run(begin.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := a.Finish(true); err != nil {
		t.Fatal(err)
	}
	lines := w.lines(t)
	if c, _, _ := w.total(t, nil); c.Segments != 9*16 || c.Missed != 0 || w.loop.Working() != 0 {
		t.Errorf("%+v, %d coroutines are left; want nine segments for each", c, w.loop.Working())
	}
	if last := lines[len(lines)-1]; last.Kind != "end" || !bytes.Contains(w.out.Bytes(), []byte(`"interrupted":true`)) {
		t.Errorf("ends with %+v; want an end that says interrupted", last)
	}
}

// One viewer's late answer does not end the wait of another, when both began in the turn before.
func TestLateAnswersAreTheirOwn(t *testing.T) {
	w := newWorld(2, 2, nil)
	w.config.Event, w.config.Audience.Ladder = testEvent(4*time.Second), "a128"
	for i, after := range []time.Duration{2500 * ms, 3 * time.Second} {
		e := &w.config.Edges[i]
		e.Getter = scripted{w, func(w *world, ctx context.Context, _ time.Duration, r request) (answer, error) {
			return object(r), w.loop.Sleep(ctx, after)
		}}
	}
	w.play(t)
	if all, _, _ := w.total(t, nil); all.Segments != 4 || all.Requests != 4 {
		t.Errorf("%+v; want each viewer to get both segments at the first try", all)
	}
}
