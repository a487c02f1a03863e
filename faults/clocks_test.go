package faults

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small is a region in which everything that a fault can wrap is a few lines: a packager of segments without bytes, a
// node, its store with one zone, and someone who asks. Their records are the history.
type small struct {
	rt    origin.Runtime
	event origin.Event
	fault Fault

	mu      sync.Mutex
	records []origin.Record
}

var here = Place{Region: "east", Pipeline: "a", Node: "east-1"}

func (w *small) Record(r origin.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, r)
}

// Put implements origin.Store, and Get origin.Getter: both take their time.
func (w *small) Put(ctx context.Context, _ origin.Key, _ origin.Object) error {
	return w.rt.Sleep(ctx, 10*time.Millisecond)
}

func (w *small) Get(ctx context.Context, _ origin.Request) (origin.Response, error) {
	return origin.Response{}, w.rt.Sleep(ctx, 1300*time.Millisecond)
}

// zone is the store's one replica.
type zone struct{ *small }

func (zone) Get(context.Context, origin.Key, uint32) (origin.Object, error) {
	return origin.Object{}, origin.ErrNotFound
}

// node stores what it is given.
type node struct{ store origin.Store }

func (n node) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	if err := n.store.Put(ctx, p.Key, p.Object); err != nil {
		return origin.Receipt{Outcome: origin.Unavailable, Detail: err.Error()}, nil
	}
	return origin.Receipt{Outcome: origin.Stored}, nil
}

// happen lets the event happen, with the fault wrapped around every seam that it can break.
func (w *small) happen() []origin.Record {
	sizes, ctx := encoders.NewSizes(w.event, w.rt), context.Background()
	var source origin.Source = sizes
	var store origin.Store = zone{w}
	var getter origin.Getter = w
	if b, ok := w.fault.(StoreBreaker); ok {
		store = b.WrapStore(here, b.WrapStore(Place{Region: here.Region, Zone: "1"},
			b.WrapStore(Place{Region: here.Region, Cache: "1"}, store)))
	}
	var publisher origin.Publisher = node{store}
	if b, ok := w.fault.(SourceBreaker); ok {
		source = b.WrapSource(here, source)
	}
	if b, ok := w.fault.(PublisherBreaker); ok {
		publisher = b.WrapPublisher(here, publisher)
	}
	if b, ok := w.fault.(GetterBreaker); ok {
		getter = b.WrapGetter(here, getter)
	}
	w.rt.Go(func() { w.ask(ctx, getter) })
	encoders.NewPackager(encoders.PackagerConfig{Runtime: w.rt, Event: w.event, Pipeline: "a", Region: "east",
		Source: source, Header: sizes.Header, Publishers: []origin.Publisher{publisher}, Recorder: w,
		Rand: rand.New(rand.NewPCG(1, 2)), Inspect: encoders.Known}).Run(ctx)
	_ = w.rt.Sleep(ctx, 5*time.Second) // whoever asked is answered
	slices.SortFunc(w.records, func(a, b origin.Record) int {
		return cmp.Or(cmp.Compare(a.AtUs, b.AtUs), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number))
	})
	return w.records
}

func (w *small) ask(ctx context.Context, g origin.Getter) {
	for w.rt.Now().Before(w.event.End) {
		asked := w.rt.Now()
		_, err := g.Get(ctx, origin.Request{})
		now := w.rt.Now()
		r := origin.Record{Kind: origin.KindFetch, AtUs: now.Sub(w.event.AvailabilityStartTime).Microseconds(),
			UpstreamRegion: "east", WaitUs: now.Sub(asked).Microseconds()}
		if err != nil {
			r.Error = err.Error()
		}
		w.Record(r)
		_ = w.rt.Sleep(ctx, 100*time.Millisecond)
	}
}

// newSmall is an event of one rendition and ten segments, with a fault from 5 s to 11 s.
func newSmall(rt origin.Runtime, spec Spec) *small {
	ev := origin.Event{ID: "small", AvailabilityStartTime: rt.Now().Add(time.Second), StartNumber: 1,
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute, RetryBudget: 2 * time.Second,
		Renditions: hd[2:3]}
	ev.End = ev.AvailabilityStartTime.Add(20 * time.Second)
	spec.At, spec.For = 5*time.Second, 6*time.Second
	return &small{rt: rt, event: ev, fault: New(spec, ev.AvailabilityStartTime, rt)}
}

// Every fault leaves the same history on both clocks, is felt in it, and changed the same number of calls.
func TestFaultsOnBothClocks(t *testing.T) {
	for _, spec := range []Spec{
		{Kind: "region-loss", Region: "east"},
		{Kind: "zone-loss", Region: "east", Zone: "1"},
		{Kind: "zone-crash", Region: "east", Zone: "1"},
		{Kind: "cache-loss", Region: "east"},
		{Kind: "pipeline-stop", Pipeline: "a"},
		{Kind: "late-segments", Pipeline: "a", Delay: 1500 * time.Millisecond},
		{Kind: "media-defect", Pipeline: "a", Defect: "truncated"},
		{Kind: "media-defect", Pipeline: "a", Defect: "missing-segment"},
		{Kind: "drift", Pipeline: "a", PPM: 20_000},
		{Kind: "drift", Pipeline: "a", PPM: -20_000},
		{Kind: "slow-store", Region: "east", Delay: 700 * time.Millisecond},
		{Kind: "slow-publish", Region: "east", Delay: 700 * time.Millisecond},
		{Kind: "cut-publish", Region: "east"},
	} {
		var wall, virtual *small
		synctest.Test(t, func(t *testing.T) {
			rt := new(origin.Wall)
			wall = newSmall(rt, spec)
			wall.happen()
			rt.Join()
		})
		l := loop.New(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // where synctest's clock starts
		virtual = newSmall(l, spec)
		l.Go(func() { virtual.happen() })
		if err := l.Run(l.Now().Add(time.Minute)); err != nil || l.Close() != 0 {
			t.Fatalf("%+v: %v, or coroutines were left", spec, err)
		}
		if d := gocmp.Diff(wall.records, virtual.records); d != "" {
			t.Errorf("%+v: the clocks differ (-wall +virtual):\n%s", spec, d)
		}
		if a, b := wall.fault.Affected(), virtual.fault.Affected(); a != b || a == 0 {
			t.Errorf("%+v: affected %d calls on the wall clock, %d in virtual time", spec, a, b)
		}
		ofReplica := spec.Zone != "" || spec.Kind == "cache-loss" // whose records only a real store writes
		if felt := slices.ContainsFunc(virtual.records, virtual.fault.Felt); !felt && !ofReplica {
			t.Errorf("%+v is not felt in %+v", spec, virtual.records)
		}
		if len(virtual.records) < 20 {
			t.Errorf("%+v: only %d records", spec, len(virtual.records))
		}
	}
}
