package metrics_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

func TestForgottenEventsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *origin.NodeConfig) { c.MaxEvents = 1 })
		empty := len(w.values())
		w.apply(cup())
		w.everything()
		w.want(`liveorigin_config_version{event="cup"}`, 1)
		gone, next := cup(), cup()
		gone.Version, gone.Removed, next.ID = 2, true, "final"
		w.apply(gone)
		w.want(`liveorigin_config_version{event="cup"}`, 2)
		w.apply(next)
		w.values() // makes the next one's, and forgets the old one's
		for key := range w.values() {
			if strings.Contains(key, `event="cup"`) {
				t.Fatalf("%s is left of an event that is gone", key)
			}
		}
		if len(w.values()) <= empty {
			t.Error("the next event has no numbers")
		}
		next.Version, next.Removed = 2, true
		w.apply(next)
		w.apply(cup())
		w.Answered(origin.Ask{Event: "cup", Class: origin.DVR}, origin.Response{Reason: origin.Gap}, 0)
		w.want(`liveorigin_requests_total{class="dvr",event="cup",reason="gap",status="410"}`, 1) // it begins anew
	})
}

func TestPipelineAge(t *testing.T) {
	const a, b = `liveorigin_pipeline_age_seconds{event="cup",pipeline="a"}`, `liveorigin_pipeline_age_seconds{event="cup",pipeline="b"}`
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		time.Sleep(time.Hour)
		ev := cup()
		ev.AvailabilityStartTime = time.Now().Add(10 * time.Second)
		ev.End = time.Now().Add(100 * time.Second)
		w.apply(ev)
		w.want(a, math.NaN()) // scheduled
		w.want("liveorigin_holders_limit{}", origin.DefaultHolders)
		time.Sleep(13 * time.Second)
		w.want(a, 3) // since it began
		w.Taken("cup", "a", origin.Receipt{Outcome: origin.Stored}, 1, 0)
		time.Sleep(5 * time.Second)
		w.Taken("cup", "a", origin.Receipt{Outcome: origin.Repeated}, 1, 0)
		w.Taken("cup", "a", origin.Receipt{Outcome: origin.Unavailable}, 1, 0)
		w.Taken("cup", "a", origin.Receipt{Outcome: origin.Stored, Defects: origin.MissingSegment}, 0, 0)
		w.want(a, 5)
		w.Taken("cup", "a", origin.Receipt{Outcome: origin.Stored, Defects: origin.NotSync}, 1, 0)
		w.want(a, 0)
		w.want(b, math.NaN()) // it publishes elsewhere
		time.Sleep(time.Until(ev.End))
		w.want(a, math.NaN())
	})
	synctest.Test(t, func(t *testing.T) {
		ev := cup()
		ev.CrossPublish = true
		time.Sleep(time.Minute)
		w := newWorld(t, nil) // a node that starts late counts from then on
		w.apply(ev)
		time.Sleep(7 * time.Second)
		w.want(b, 7)
	})
}

func TestMaskedSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 0))
		w := newWorld(t, nil)
		st := cup()
		for range 80 {
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
			st.Version++
			st.Masks = nil
			for i := range rng.IntN(6) {
				from := origin.SegmentNumber(rng.IntN(70))
				st.Masks = append(st.Masks, origin.Mask{ID: "m" + strconv.Itoa(i), Pipeline: []string{"a", "b"}[rng.IntN(2)],
					Region: []string{"", "us-east", "us-west"}[rng.IntN(3)], From: from, To: from + origin.SegmentNumber(rng.IntN(40))})
			}
			w.apply(st)
			now := time.Now()
			for _, pipeline := range []string{"a", "b"} {
				want := 0
				for n := st.StartNumber; n <= st.SegmentAt(now); n++ {
					covered := slices.ContainsFunc(st.Masks, func(m origin.Mask) bool { return m.Covers("us-east", pipeline, n) })
					if covered && !st.AvailableAt(n).Add(st.TimeShiftBufferDepth).Before(now) {
						want++
					}
				}
				w.want(`liveorigin_masked_segments{event="cup",pipeline="`+pipeline+`"}`, float64(want))
			}
		}
	})
}

// Every counter of a store is told: with a value of its own each, all are among what is gathered.
func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var s keyvalue.Stats
		fields := reflect.ValueOf(&s).Elem()
		for i := range fields.NumField() {
			fields.Field(i).SetInt(int64(1000 + i))
		}
		w.WatchStore("publish", func() keyvalue.Stats { return s })
		w.WatchStore("read", func() keyvalue.Stats { return keyvalue.Stats{} })
		w.WatchCopies("publish", func() (made, failed, unmade int64) { return 3, 2, 1 })
		told := map[float64]bool{}
		for _, v := range w.values() { // any order: a set
			told[v] = true
		}
		for i := range fields.NumField() {
			if name := fields.Type().Field(i).Name; !told[float64(1000+i)] && name != "Gets" { // the sum of the others
				t.Errorf("%s is not told", name)
			}
		}
		w.want(`liveorigin_store_put_failures_total{result="failed",store="publish"}`, float64(s.Unstored))
		w.want(`liveorigin_store_gets_total{result="cache",store="publish"}`, float64(s.CacheHits))
		w.want(`liveorigin_store_damaged_rows_total{store="publish"}`, float64(s.Damaged))
		for result, n := range map[string]float64{"made": 3, "failed": 2, "unmade": 1} {
			w.want(`liveorigin_store_copied_rows_total{result="`+result+`",store="publish"}`, n)
		}
	})
}
