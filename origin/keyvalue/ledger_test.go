package keyvalue_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// List makes the table a ledger, as the one on Cassandra is.
func (t *table) List(_ context.Context, event, rendition, pipeline string, from, to origin.SegmentNumber) (all []origin.Announcement, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, o := range t.copies[0] { // any order: sorted below
		if key.Event == event && key.Rendition == rendition && key.Pipeline == pipeline && from <= key.Number && key.Number <= to && o.Candidate != nil {
			all = append(all, origin.Announcement{Key: key, Candidate: *o.Candidate})
		}
	}
	slices.SortFunc(all, func(a, b origin.Announcement) int { return cmp.Compare(a.Key.Number, b.Key.Number) })
	return all, nil
}

// mortal is a process's way to its table, which ends with the process: what is under way may still come to something, but
// nobody hears of it.
type mortal struct {
	*table
	dies time.Time
}

func (m mortal) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if m.dead() {
		return origin.ErrUnreachable
	}
	return m.table.Put(ctx, key, o)
}

func (m mortal) dead() bool { return !m.rt.Now().Before(m.dies) }

// A node dies at any moment, and another one starts over the same table, with nobody to ask. What was acknowledged is known
// again, as it was, and what is known can be read whole.
func TestCrashLosesNothing(t *testing.T) {
	cutOff, acknowledged := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := crash{dies: time.Duration(rapid.IntRange(0, 6000).Draw(t, "dies")) * ms, takes: time.Duration(rapid.IntRange(1, 60).Draw(t, "takes")) * ms,
			sizes: rapid.SliceOfN(rapid.IntRange(1, 4000), 6, 6).Draw(t, "sizes"), broken: rapid.IntRange(0, 30).Draw(t, "broken")}
		l := loop.New(epoch)
		defer l.Close()
		over := false
		l.Go(func() { c.run(l); over = true })
		if l.Run(epoch.Add(time.Hour)); !over {
			t.Fatal("it hangs")
		}
		if c.bad != "" {
			t.Fatal(c.bad)
		}
		cutOff += c.cutOff
		acknowledged += c.acknowledged
	})
	if cutOff == 0 || acknowledged == 0 {
		t.Errorf("crashes cut off %d publications and came after %d: nothing was tried", cutOff, acknowledged)
	}
}

// crash is a node that publishes a segment of each size, a second apart, and dies.
type crash struct {
	dies, takes time.Duration // when; how long a row takes
	sizes       []int         // chunks are of 1000 bytes
	broken      int           // the call of the table that says that it failed, and did not

	cutOff, acknowledged int
	bad                  string
}

func (c *crash) run(l *loop.Loop) {
	rows := newTable(l)
	rows.takes = c.takes
	calls := 0
	rows.script = func(tableCall) (o outcome) {
		if calls++; calls == c.broken {
			o.fails, o.done = errBroken, true
		}
		return o
	}
	own := mortal{rows, epoch.Add(c.dies)}
	before, acked := startOver(l, own, rows), map[origin.SegmentNumber]bool{}
	for i := range c.sizes {
		p := c.publication(i)
		l.Go(func() {
			_ = l.Sleep(context.Background(), time.Duration(i)*time.Second)
			r, err := before.Publish(context.Background(), p)
			switch {
			case own.dead():
				c.cutOff++
			case err == nil && r.Outcome == origin.Stored:
				acked[p.Key.Number] = true
			}
		})
	}
	_ = l.Sleep(context.Background(), 8*time.Second)
	c.acknowledged = len(acked)
	again := startOver(l, rows, rows)
	if _, err := again.Recall(context.Background()); err != nil {
		c.bad = err.Error()
	}
	for _, a := range again.Known("live") {
		p := c.publication(int(a.Key.Number) - 1)
		r, err := again.Get(context.Background(), origin.Request{Event: "live", Rendition: "v", Number: a.Key.Number})
		if err != nil || !r.OK() || string(r.Object.Body) != string(p.Object.Body) || r.Defects != p.Defects {
			c.bad = fmt.Sprintf("%d is known, and answered %s, %v", a.Key.Number, r.Reason, err)
		}
		delete(acked, a.Key.Number)
	}
	if len(acked) > 0 {
		c.bad = fmt.Sprintf("acknowledged and forgotten: %v", acked)
	}
}

// publication is of segment i+1, every other one flawed.
func (c *crash) publication(i int) origin.Publication {
	p := origin.Publication{Object: object(c.sizes[i], byte(i)), Inspected: true,
		Key: origin.Key{Event: "live", Rendition: "v", Number: origin.SegmentNumber(i + 1), Pipeline: "a"}}
	if i%2 == 1 {
		p.Defects = origin.ShortSegment
	}
	return p
}

// startOver is a node of a process that has nothing but its table.
func startOver(rt origin.Runtime, t origin.Store, ledger origin.Ledger) *origin.Node {
	store := keyvalue.New(keyvalue.Config{Table: t, Runtime: rt, Context: context.Background(), ChunkBytes: 1000, Recent: 2})
	n := origin.NewNode(origin.NodeConfig{Name: "o", Region: "east", Runtime: rt, Store: store, Ledger: ledger})
	if err := n.AddEvent(liveEvent(epoch)); err != nil {
		panic(err)
	}
	return n
}

// liveEvent has segments of a second, of one pipeline.
func liveEvent(start time.Time) origin.Event {
	return origin.Event{ID: "live", AvailabilityStartTime: start, StartNumber: 1, SegmentDuration: time.Second,
		TimeShiftBufferDepth: time.Minute, PublishDelay: time.Second, RetryBudget: time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v", Kind: origin.Video, Timescale: 1000, SampleTicks: 40}},
		Regions:    []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}}}
}
