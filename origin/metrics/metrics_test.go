package metrics_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/metrics"
)

// everything lets a world see each reason, class, outcome and defect, so often as its place in the list says.
func (w *world) everything() {
	for i, reason := range origin.Reasons() {
		for range i + 1 {
			for _, class := range origin.Classes() {
				w.Answered(origin.Ask{Event: "cup", Class: class}, origin.Response{Reason: reason, Hold: 1, Store: 1}, time.Millisecond)
			}
		}
	}
	for i, outcome := range origin.Outcomes() {
		for range i + 1 {
			w.Taken("cup", "a", origin.Receipt{Outcome: outcome}, 1, time.Millisecond)
		}
	}
	for i := range origin.DefectNames() {
		for range i + 1 {
			w.Taken("cup", "b", origin.Receipt{Outcome: origin.Stored, Defects: 1 << i}, 1, time.Millisecond)
			w.Answered(origin.Ask{Event: "cup", Class: origin.DVR},
				origin.Response{Reason: origin.Defective, Pipeline: "c", Defects: 1 << i}, time.Millisecond)
		}
	}
	for _, level := range []origin.Level{origin.EventLevel, origin.SegmentLevel} {
		w.LookedUp(level, true)
		w.LookedUp(level, false)
	}
}

func TestEveryWordHasItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		w.everything()
		got := w.values()
		expect := func(key string, want int) {
			t.Helper()
			if got[key] != float64(want) {
				t.Errorf("%s is %v, want %d", key, got[key], want)
			}
		}
		for i, reason := range origin.Reasons() {
			want := i + 1
			if reason == origin.Defective {
				n := len(origin.DefectNames())
				expect(`liveorigin_requests_total{class="dvr",event="cup",reason="defective",status="200"}`, want+n*(n+1)/2)
			} else {
				expect(fmt.Sprintf(`liveorigin_requests_total{class="dvr",event="cup",reason="%s",status="%d"}`, reason, reason.Status()), want)
			}
			expect(fmt.Sprintf(`liveorigin_requests_total{class="live",event="cup",reason="%s",status="%d"}`, reason, reason.Status()), want)
			expect(fmt.Sprintf(`liveorigin_request_duration_seconds_count{class="background",event="cup",reason="%s"}`, reason), want)
		}
		for i, outcome := range origin.Outcomes() {
			expect(fmt.Sprintf(`liveorigin_publications_total{event="cup",outcome="%s",pipeline="a",status="%d"}`, outcome, outcome.Status()), i+1)
			expect(fmt.Sprintf(`liveorigin_publication_duration_seconds_count{event="cup",outcome="%s",pipeline="a"}`, outcome), i+1)
		}
		for i, defect := range origin.DefectNames() {
			expect(fmt.Sprintf(`liveorigin_taken_defects_total{defect="%s",event="cup",pipeline="b"}`, defect), i+1)
			expect(fmt.Sprintf(`liveorigin_served_defects_total{defect="%s",event="cup",pipeline="c"}`, defect), i+1)
		}
		for _, result := range []string{"hit", "miss"} {
			expect(`liveorigin_event_lookups_total{result="`+result+`"}`, 1)
		}
		expect(`liveorigin_segment_lookups_total{}`, 2)
	})
}

func TestLint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		w.everything()
		w.WatchStore("publish", func() keyvalue.Stats { return keyvalue.Stats{} })
		w.WatchLog(metrics.NewLog(nil))
		w.WatchEdge()(&origin.Response{}, 0)
		problems, err := testutil.GatherAndLint(w.Registry)
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
	})
}

func TestWhatAnAnswerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		live := origin.Ask{Event: "cup", Class: origin.LiveEdge}
		w.Answered(live, origin.Response{Reason: origin.Published, Hold: 1500 * time.Millisecond, Store: 250 * time.Millisecond,
			Object: origin.Object{Size: 1000}}, 2*time.Second)
		live.Remembered = true
		for range 2 {
			w.Answered(live, origin.Response{Reason: origin.Published, Object: origin.Object{Size: 250}}, 0)
		}
		w.Answered(live, origin.Response{Reason: origin.Gap, Hold: 2 * time.Second}, time.Second) // clocks may differ
		w.want(`liveorigin_request_duration_seconds_sum{class="live",event="cup",reason="published"}`, 0.5)
		w.want(`liveorigin_request_duration_seconds_sum{class="live",event="cup",reason="gap"}`, 0)
		w.want(`liveorigin_hold_duration_seconds_count{event="cup"}`, 2)
		w.want(`liveorigin_hold_duration_seconds_sum{event="cup"}`, 3.5)
		w.want(`liveorigin_store_wait_seconds_count{event="cup"}`, 1)
		w.want(`liveorigin_store_wait_seconds_sum{event="cup"}`, 0.25)
		w.want(`liveorigin_sent_bytes_total{class="live",event="cup"}`, 1500)
		w.want(`liveorigin_reads_total{event="cup",from="memory"}`, 2)
		w.want(`liveorigin_reads_total{event="cup",from="store"}`, 1)
	})
}

func TestWhatAPublicationCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		for outcome, took := range map[origin.Outcome]time.Duration{ // any order: sums
			origin.Stored: metrics.SlowPublish, origin.Repeated: metrics.SlowPublish + 1, origin.Conflict: time.Second,
		} {
			w.Taken("cup", "a", origin.Receipt{Outcome: outcome, Defects: origin.NotSync}, 700, took)
		}
		w.want(`liveorigin_slow_publications_total{event="cup",pipeline="a"}`, 2)
		w.want(`liveorigin_taken_bytes_total{event="cup",pipeline="a"}`, 700)
		w.want(`liveorigin_taken_defects_total{defect="not-sync",event="cup",pipeline="a"}`, 1)
	})
}

// A word that a newer origin has, and these metrics' sets do not, is counted as another.
func TestOtherWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		w.Answered(origin.Ask{Event: "cup", Class: "new"}, origin.Response{Reason: "new", Defects: 1 << 15}, 0)
		w.Taken("cup", "a", origin.Receipt{Outcome: "new"}, 0, 0)
		w.Taken("cup", "a", origin.Receipt{Outcome: origin.Stored, Defects: 1 << 15}, 0, 0)
		w.want(`liveorigin_requests_total{class="other",event="cup",reason="other",status="500"}`, 1)
		w.want(`liveorigin_publications_total{event="cup",outcome="other",pipeline="a",status="500"}`, 1)
		w.want(`liveorigin_taken_defects_total{defect="other",event="cup",pipeline="a"}`, 1)
	})
}

func TestStrangersMakeNoLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		w.everything()
		w.Taken("", "", origin.Receipt{Outcome: origin.NoSuchPlace}, 1, 0)
		w.Taken("cup", "", origin.Receipt{Outcome: origin.Forbidden}, 1, 0)
		w.Answered(origin.Ask{Event: "x", Class: origin.DVR}, origin.Response{Reason: origin.UnknownEvent}, 0)
		w.get("x", "v1", 1)
		before := len(w.values())
		for i := range 5000 {
			name := "made-up-" + strconv.Itoa(i)
			w.get(name, "v1", 1)
			w.get("cup", name, origin.SegmentNumber(i))
			w.Answered(origin.Ask{Event: name, Class: origin.DVR}, origin.Response{Reason: origin.UnknownEvent}, 0)
			w.Answered(origin.Ask{Event: "cup", Class: origin.DVR}, origin.Response{Reason: origin.Defective, Pipeline: name, Defects: 1}, 0)
			w.Taken(name, "a", origin.Receipt{Outcome: origin.NoSuchPlace}, 1, 0)
			w.Taken("cup", name, origin.Receipt{Outcome: origin.Forbidden}, 1, 0)
		}
		if after := len(w.values()); after != before {
			t.Errorf("a storm of made-up names made %d series of %d", after, before)
		}
		w.want(`liveorigin_publications_total{event="cup",outcome="forbidden",pipeline="",status="403"}`, 5001)
	})
}

func TestProcess(t *testing.T) {
	m := metrics.New()
	m.Process()
	for _, name := range []string{"go_goroutines", "go_build_info", "process_open_fds"} {
		if n, err := testutil.GatherAndCount(m.Registry, name); n != 1 || err != nil {
			t.Errorf("%d of %s, %v", n, name, err)
		}
	}
}

// For the race detector: all at once, while events come and go.
func TestAllAtOnce(t *testing.T) {
	w := newWorld(t, func(c *origin.NodeConfig) { c.MaxEvents = 1 })
	w.apply(cup())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				w.everything()
			}
		})
	}
	all.Go(func() {
		for range 20 {
			w.values()
		}
	})
	all.Go(func() {
		for i := range int64(10) {
			gone, next := cup(), cup()
			gone.Version, gone.Removed, next.ID = 2+i, true, "final"
			_ = w.node.Apply(gone) // refused when it has gone already
			_ = w.node.Apply(next)
			next.Version, next.Removed = 2+i, true
			_ = w.node.Apply(next)
			_ = w.node.Apply(cup())
		}
	})
	all.Wait()
}

func TestCountingAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		ask, resp, receipt := origin.Ask{Event: "cup", Class: origin.LiveEdge}, served, origin.Receipt{Outcome: origin.Stored, Defects: 3}
		count := func() {
			w.Answered(ask, resp, 3*time.Millisecond)
			w.Taken("cup", "a", receipt, 1000, 40*time.Millisecond)
			w.LookedUp(origin.SegmentLevel, true)
			w.Answered(origin.Ask{Class: origin.Background}, unknown, 5*time.Microsecond)
		}
		if n := testing.AllocsPerRun(1000, count); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

var (
	served = origin.Response{Reason: origin.Published, Pipeline: "a", Hold: time.Millisecond, Store: time.Millisecond,
		Object: origin.Object{Size: 500_000}}
	unknown = origin.Response{Reason: origin.UnknownEvent}
)

func BenchmarkAnswered(b *testing.B) {
	for name, resp := range map[string]origin.Response{"served": served, "unknown": unknown} {
		b.Run(name, func(b *testing.B) {
			m, clock := metrics.New(), &origin.Wall{}
			n := origin.NewNode(origin.NodeConfig{Region: "us-east", Runtime: clock, Store: origin.NewMemory(clock, 1), Observer: m})
			if err := n.Apply(cup()); err != nil {
				b.Fatal(err)
			}
			m.Watch(n)
			ask := origin.Ask{Event: "cup", Class: origin.LiveEdge}
			if !resp.OK() {
				ask = origin.Ask{Class: origin.Background}
			}
			b.ReportAllocs()
			for b.Loop() {
				m.Answered(ask, resp, 3*time.Millisecond)
			}
		})
	}
}
