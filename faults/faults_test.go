package faults

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
)

// seams is everything that a fault could wrap, each doing nothing at once, and answering with one byte.
type seams struct{}

func (seams) Segment(context.Context, origin.Rendition, origin.SegmentNumber) (origin.Object, error) {
	return origin.Object{Size: 1}, nil
}
func (seams) Publish(context.Context, origin.Publication) (origin.Receipt, error) {
	return origin.Receipt{Outcome: origin.Stored}, nil
}
func (seams) Get(context.Context, origin.Request) (origin.Response, error) {
	return origin.Response{Reason: origin.Published}, nil
}

type store struct{ seams }

func (store) Put(context.Context, origin.Key, origin.Object) error { return nil }
func (store) Get(context.Context, origin.Key, uint32) (origin.Object, error) {
	return origin.Object{Size: 1}, nil
}

// probe calls every seam that the fault wraps at a place, and says by seam how long it took and what came of it.
func probe(f Fault, rt origin.Runtime, at Place) map[string]string {
	out := map[string]string{}
	ctx := context.Background()
	try := func(seam string, call func() error) {
		began := rt.Now()
		err := call()
		switch took := rt.Now().Sub(began); {
		case err != nil:
			out[seam] = err.Error()
		case took > 0:
			out[seam] = took.String()
		}
	}
	if b, ok := f.(SourceBreaker); ok {
		s := b.WrapSource(at, seams{})
		try("source", func() error { _, err := s.Segment(ctx, origin.Rendition{ID: "v"}, 1); return err })
	}
	if b, ok := f.(PublisherBreaker); ok {
		p := b.WrapPublisher(at, seams{})
		try("publisher", func() error { _, err := p.Publish(ctx, origin.Publication{}); return err })
	}
	if b, ok := f.(GetterBreaker); ok {
		g := b.WrapGetter(at, seams{})
		try("getter", func() error { _, err := g.Get(ctx, origin.Request{}); return err })
	}
	if b, ok := f.(StoreBreaker); ok {
		s := b.WrapStore(at, store{})
		try("put", func() error { return s.Put(ctx, origin.Key{}, origin.Object{}) })
		try("read", func() error { _, err := s.Get(ctx, origin.Key{}, 0); return err })
	}
	return out
}

// Every fault acts inside its window and on its target, and nowhere else.
func TestFaultsActWhereAndWhenTheyAreMeant(t *testing.T) {
	const gone, late = "unreachable", "200ms"
	east := Place{Region: "east", Pipeline: "a", Node: "east-1"}
	for _, c := range []struct {
		spec Spec
		hit  Place
		miss []Place
		want map[string]string
	}{
		{spec: Spec{Kind: "none"}, hit: east, want: map[string]string{}},
		{spec: Spec{Kind: "region-loss", Region: "east"}, hit: east,
			miss: []Place{{Region: "west", Pipeline: "b"}},
			want: map[string]string{"source": gone, "publisher": gone, "getter": gone, "put": gone, "read": gone}},
		{spec: Spec{Kind: "cache-loss", Region: "east"}, hit: Place{Region: "east", Cache: "1"},
			miss: []Place{east, {Region: "east"}, {Region: "east", Zone: "1"}, {Region: "west", Cache: "1"}},
			want: map[string]string{"put": gone, "read": gone}},
		{spec: Spec{Kind: "zone-loss", Region: "east", Zone: "2"}, hit: Place{Region: "east", Zone: "2"},
			miss: []Place{east, {Region: "east", Zone: "1"}, {Region: "west", Zone: "2"}, {Region: "east", Cache: "2"}},
			want: map[string]string{"put": gone, "read": gone}},
		{spec: Spec{Kind: "zone-crash", Region: "east", Zone: "2"}, hit: Place{Region: "east", Zone: "2"},
			miss: []Place{east, {Region: "east", Zone: "1"}, {Region: "west", Zone: "2"}},
			want: map[string]string{"put": gone, "read": gone}},
		{spec: Spec{Kind: "pipeline-stop", Pipeline: "a"}, hit: east, miss: []Place{{Region: "east", Pipeline: "b"}},
			want: map[string]string{"source": gone}},
		{spec: Spec{Kind: "late-segments", Pipeline: "a", Delay: 200 * time.Millisecond}, hit: east,
			miss: []Place{{Region: "east", Pipeline: "b"}}, want: map[string]string{"source": late}},
		{spec: Spec{Kind: "late-segments", Pipeline: "a", Rendition: "other", Delay: time.Second}, hit: east,
			want: map[string]string{}},
		{spec: Spec{Kind: "media-defect", Pipeline: "a", Defect: "missing-segment"}, hit: east,
			miss: []Place{{Region: "east", Pipeline: "b"}}, want: map[string]string{"source": origin.ErrNoSegment.Error()}},
		{spec: Spec{Kind: "slow-store", Region: "east", Delay: 200 * time.Millisecond}, hit: Place{Region: "east"},
			miss: []Place{{Region: "west"}, {Region: "east", Zone: "1"}, {Region: "east", Cache: "1"}},
			want: map[string]string{"put": late, "read": late}},
		{spec: Spec{Kind: "slow-publish", Region: "east", Delay: 200 * time.Millisecond}, hit: east,
			miss: []Place{{Region: "west"}}, want: map[string]string{"publisher": late}},
		{spec: Spec{Kind: "cut-publish", Region: "east"}, hit: east, miss: []Place{{Region: "west"}},
			want: map[string]string{"publisher": gone}},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := new(origin.Wall)
			start := rt.Now()
			spec := c.spec
			spec.At, spec.For = 10*time.Second, 5*time.Second
			f := New(spec, start, rt)
			check := func(at time.Duration, place Place, want map[string]string) {
				t.Helper()
				_ = rt.Sleep(context.Background(), start.Add(at).Sub(rt.Now()))
				if got := probe(f, rt, place); !same(got, want) {
					t.Errorf("%s at %v, %+v: got %v, want %v", spec.Kind, at, place, got, want)
				}
			}
			check(10*time.Second-1, c.hit, nil)
			if f.Affected() != 0 {
				t.Errorf("%s: affected %d calls before its window", spec.Kind, f.Affected())
			}
			check(10*time.Second, c.hit, c.want)
			for i, miss := range c.miss {
				check(11*time.Second+time.Duration(i), miss, nil)
			}
			if got := f.Affected(); got != int64(len(c.want)) {
				t.Errorf("%s: affected %d calls, want %d", spec.Kind, got, len(c.want))
			}
			check(15*time.Second, c.hit, nil)
			rt.Join()
		})
	}
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// sleeper is a Getter that takes a minute.
type sleeper struct{ rt origin.Runtime }

func (s sleeper) Get(ctx context.Context, _ origin.Request) (origin.Response, error) {
	return origin.Response{}, s.rt.Sleep(ctx, time.Minute)
}

// A request that is being held when its region goes is given up at that moment, as a pulled cable ends it.
func TestCutEndsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		start := rt.Now()
		f := New(Spec{Kind: "region-loss", Region: "east", At: time.Second, For: time.Second}, start, rt)
		g := f.(GetterBreaker).WrapGetter(Place{Region: "east"}, sleeper{rt})
		_, err := g.Get(context.Background(), origin.Request{})
		if at := rt.Now().Sub(start); !errors.Is(err, origin.ErrUnreachable) || at != time.Second {
			t.Errorf("ended at %v with %v", at, err)
		}
		rt.Join()
	})
}

// What strikes edges leaves replicas and caches alone, and the other way round.
func TestStrikersStrikeTheirTarget(t *testing.T) {
	everywhere := []Place{{Region: "west", Node: "w1"}, {Region: "east", Node: "e1"}, {Region: "east", Node: "e2"},
		{Region: "west", Zone: "2"}, {Region: "east", Zone: "1"}, {Region: "east", Zone: "2"},
		{Region: "west", Cache: AllNodes}, {Region: "east", Cache: AllNodes}}
	for _, c := range []struct {
		spec Spec
		want []Place
	}{
		{Spec{Kind: "edge-flush"}, everywhere[:3]},
		{Spec{Kind: "edge-flush", Region: "east"}, everywhere[1:3]},
		{Spec{Kind: "edge-flush", Edge: "e2"}, everywhere[2:3]},
		{Spec{Kind: "zone-crash", Region: "east", Zone: "2"}, everywhere[5:6]},
		{Spec{Kind: "cache-loss", Region: "east"}, everywhere[7:]},
	} {
		f := New(c.spec, time.Now(), new(origin.Wall))
		var struck []Place
		for _, at := range everywhere {
			before := f.Affected()
			f.(Striker).Strike(at, flusher(1))
			if f.Affected() > before {
				struck = append(struck, at)
			}
			f.(Striker).Strike(at, flusher(0)) // has nothing to forget, which nobody can feel
		}
		if !slices.Equal(struck, c.want) || f.Affected() != int64(len(c.want)) {
			t.Errorf("%+v: struck %v, %d times; want %v", c.spec, struck, f.Affected(), c.want)
		}
	}
}

// flusher has so many objects to forget.
type flusher int

func (f flusher) Flush() int { return int(f) }

// What takes a region's store leaves the store's parts to those that are aimed at them: nothing is cut twice.
func TestPartsOfAStoreAreTheirOwn(t *testing.T) {
	for _, kind := range []string{"region-loss", "slow-store"} {
		f := New(Spec{Kind: kind, Region: "east"}, time.Now(), new(origin.Wall)).(StoreBreaker)
		for at, wrapped := range map[Place]bool{{Region: "east"}: true, {Region: "east", Zone: "1"}: false,
			{Region: "east", Cache: "1"}: false} {
			if _, is := f.WrapStore(at, store{}).(doingStore); is != wrapped {
				t.Errorf("%s at %+v: wrapped %v", kind, at, is)
			}
		}
	}
}

// counter counts what is started beside the caller.
type counter struct {
	origin.Wall
	started int
}

func (c *counter) Go(fn func()) {
	c.started++
	c.Wall.Go(fn)
}

// Only a call that can still be under way when the window opens is watched; one that is, is given up at that moment.
func TestCutWatchesOnlyWhatCanLast(t *testing.T) {
	const opens = 10 * time.Minute
	for _, c := range []struct {
		why     string
		began   time.Duration
		watched int
	}{
		{"hours before, so to say", time.Minute, 0},
		{"a moment too early", opens - longestCall - 1, 0},
		{"the longest call there is", opens - longestCall, 1},
		{"a second before", opens - time.Second, 1},
		{"in it", opens, 0},
		{"after it", opens + time.Hour, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := new(counter)
			f := New(Spec{Kind: "cut-publish", Region: "east", At: opens, For: time.Hour}, rt.Now(), rt)
			p := f.(PublisherBreaker).WrapPublisher(Place{Region: "east"}, seams{})
			_ = rt.Sleep(context.Background(), c.began)
			_, _ = p.Publish(context.Background(), origin.Publication{})
			if rt.started != c.watched {
				t.Errorf("%s: started %d guards, want %d", c.why, rt.started, c.watched)
			}
			rt.Join()
		})
	}
}

// hd is the usual ladder.
var hd, _ = encoders.Ladder("hd")

// A drifting encoder is ever later, and in step again after its window.
func TestDriftGrowsAndRelocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		start := rt.Now()
		f := New(Spec{Kind: "drift", Pipeline: "a", PPM: 50_000, At: 0, For: 10 * time.Second}, start, rt)
		src := f.(SourceBreaker).WrapSource(Place{Pipeline: "a"}, seams{})
		var late []time.Duration
		for _, at := range []time.Duration{2 * time.Second, 8 * time.Second, 12 * time.Second} {
			_ = rt.Sleep(context.Background(), start.Add(at).Sub(rt.Now()))
			if _, err := src.Segment(context.Background(), hd[0], 1); err != nil {
				t.Error(err)
			}
			late = append(late, rt.Now().Sub(start)-at)
		}
		if !slices.Equal(late, []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 0}) {
			t.Errorf("late by %v", late)
		}
	})
}

// An encoder that is stopped from the start on has its headers when the stop is over; every other one always has them.
func TestHeadersOfAStoppedEncoder(t *testing.T) {
	rt := new(origin.Wall)
	start := rt.Now()
	for _, c := range []struct {
		spec Spec
		at   Place
		want bool
	}{
		{Spec{Pipeline: "a", For: 7 * time.Second}, Place{Pipeline: "a"}, true},
		{Spec{Pipeline: "a", For: 7 * time.Second}, Place{Pipeline: "b"}, false},
		{Spec{Pipeline: "a", Rendition: "v720", For: 7 * time.Second}, Place{Pipeline: "a"}, false},
		{Spec{Pipeline: "a", At: time.Second, For: 7 * time.Second}, Place{Pipeline: "a"}, false},
	} {
		c.spec.Kind = "pipeline-stop"
		from, ok := New(c.spec, start, rt).(HeaderBreaker).HeaderFrom(c.at)
		if ok != c.want || ok && !from.Equal(start.Add(7*time.Second)) {
			t.Errorf("%+v at %+v: from %v, %v", c.spec, c.at, from, ok)
		}
	}
}

// Each kind says when the history shows it at work, and does not take a healthy record for it.
func TestFelt(t *testing.T) {
	publish := origin.Record{Kind: origin.KindPublish, Region: "east", Pipeline: "a", Rendition: "v", Attempts: 1,
		Reason: string(origin.Stored), WaitUs: 20_000, LateUs: 30_000}
	with := func(change func(*origin.Record)) origin.Record {
		r := publish
		change(&r)
		return r
	}
	slow := with(func(r *origin.Record) { r.WaitUs, r.LateUs = 250_000, 260_000 })
	failed := with(func(r *origin.Record) { r.Error = "unreachable" })
	short := with(func(r *origin.Record) { r.Defects = []string{"short-segment"} })
	for _, c := range []struct {
		spec Spec
		r    origin.Record
	}{
		{Spec{Kind: "region-loss", Region: "east"}, failed},
		{Spec{Kind: "region-loss", Region: "east"},
			origin.Record{Kind: origin.KindFetch, UpstreamRegion: "east", Error: "unreachable"}},
		{Spec{Kind: "zone-loss", Region: "east", Zone: "2"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "2", Error: "unreachable"}},
		{Spec{Kind: "zone-crash", Region: "east", Zone: "2"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "2", Error: "unreachable"}},
		{Spec{Kind: "cache-loss", Region: "east"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "cache 3", Error: "unreachable"}},
		{Spec{Kind: "pipeline-stop", Pipeline: "a"}, failed},
		{Spec{Kind: "late-segments", Pipeline: "a", Delay: 200 * time.Millisecond}, slow},
		{Spec{Kind: "media-defect", Pipeline: "a", Defect: "short-segment"}, short},
		{Spec{Kind: "drift", Pipeline: "a"}, with(func(r *origin.Record) { r.Defects = []string{"epoch-lock"} })},
		{Spec{Kind: "slow-store", Region: "east", Delay: 200 * time.Millisecond}, slow},
		{Spec{Kind: "slow-publish", Region: "east", Delay: 200 * time.Millisecond}, slow},
		{Spec{Kind: "slow-publish", Region: "east", Delay: time.Minute}, with(func(r *origin.Record) { r.Attempts = 2 })},
		{Spec{Kind: "late-segments", Pipeline: "a", Delay: time.Minute}, failed},
		{Spec{Kind: "cut-publish", Region: "east"}, with(func(r *origin.Record) { r.Attempts = 3 })},
		{Spec{Kind: "not-found-storm", Region: "east"}, origin.Record{Kind: origin.KindStorm, Region: "east", Count: 3}},
		{Spec{Kind: "edge-flush"}, origin.Record{Kind: origin.KindFlush, Node: "e1", Count: 3}},
		{Spec{Kind: "zone-pause", Region: "east", Zone: "2"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "2", Error: "timeout"}},
		{Spec{Kind: "zone-slow", Region: "east", Zone: "2"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "2", Error: "deadline exceeded", WaitUs: 500_000}},
		{Spec{Kind: "disk-full", Region: "east", Zone: "2"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "2", Error: "unavailable"}},
		{Spec{Kind: "disconnect", Region: "east"},
			origin.Record{Kind: origin.KindReplica, Region: "east", Name: "3", Error: "timeout"}},
		{Spec{Kind: "cache-flush", Region: "east"}, origin.Record{Kind: origin.KindFlush, Region: "east", Name: "cache"}},
		{Spec{Kind: "process-kill", Node: "o1"}, origin.Record{Kind: origin.KindPart, Node: "o1", Region: "east", Error: "refused"}},
		{Spec{Kind: "clock-offset", Node: "o1", Offset: -time.Second},
			origin.Record{Kind: origin.KindPart, Node: "o1", Region: "east", LateUs: -990_000}},
	} {
		f := New(c.spec, time.Time{}, new(origin.Wall))
		if !f.Felt(c.r) {
			t.Errorf("%s is not felt in %+v", c.spec.Kind, c.r)
		}
		elsewhere := c.r
		elsewhere.Region, elsewhere.UpstreamRegion, elsewhere.Pipeline, elsewhere.Count = "west", "west", "b", 0
		elsewhere.Node = "o2"
		zone := origin.Record{Kind: origin.KindReplica, Region: "east", Name: "1", Error: "unreachable"}
		answered := c.r // a sign of life
		if answered.Error != "" && answered.Kind == origin.KindReplica {
			answered.Error, answered.WaitUs = "", 400_000
			if f.Felt(answered) {
				t.Errorf("%s is felt in an answer", c.spec.Kind)
			}
		}
		unsent := origin.Record{Kind: origin.KindStorm, Region: "east", Reason: "unsent", Count: 9}
		inTime := origin.Record{Kind: origin.KindPart, Node: "o1", LateUs: 1000}
		if f.Felt(publish) || f.Felt(elsewhere) || f.Felt(zone) && c.spec.Kind != "disconnect" || f.Felt(inTime) || f.Felt(unsent) {
			t.Errorf("%s is felt in a healthy record, or in one from elsewhere", c.spec.Kind)
		}
	}
}

// Where there are real parts, a fault that has some says what is to be done to which, and a real fault does nothing else.
func TestActs(t *testing.T) {
	zone, cache := Place{Region: "east", Zone: "2"}, Place{Region: "east", Zone: "2", Cache: AllNodes}
	all := Place{Region: "east", Cache: AllNodes}
	spec := Spec{Region: "east", Zone: "2", Node: "o1", Offset: time.Second}
	for kind, want := range map[string][]Act{
		"zone-loss":    {{Verb: Kill, At: zone}, {Verb: Kill, At: cache}},
		"zone-crash":   {{Verb: Kill, At: zone}, {Verb: Kill, At: cache}},
		"region-loss":  {{Verb: Kill, At: Place{Region: "east", Node: AllNodes}}, {Verb: Kill, At: Place{Region: "east"}}, {Verb: Kill, At: all}},
		"cache-loss":   {{Verb: Kill, At: all}},
		"cache-flush":  {{Verb: Flush, At: all}},
		"zone-pause":   {{Verb: Pause, At: zone}},
		"zone-restart": {{Verb: Stop, At: zone}},
		"zone-slow":    {{Verb: LimitCPU, At: zone}},
		"disconnect":   {{Verb: Disconnect, At: zone}},
		"partition":    {{Verb: Partition, At: zone}},
		"disk-full":    {{Verb: FillDisk, At: zone}},
		"process-kill": {{Verb: Kill, At: Place{Node: "o1"}}},
		"clock-offset": {{Verb: SetClock, At: Place{Node: "o1"}, Offset: time.Second}},
	} {
		spec.Kind = kind
		f := New(spec, time.Time{}, new(origin.Wall))
		if got := f.(Actor).Acts(); !slices.Equal(got, want) {
			t.Errorf("%s does %+v, want %+v", kind, got, want)
		}
		if f.(Actor).Acted(); f.Affected() != 1 {
			t.Errorf("%s acted, and affected %d", kind, f.Affected())
		}
	}
	for _, k := range Kinds() {
		_, acts := New(Spec{Kind: k.Name, Defect: "truncated"}, time.Time{}, new(origin.Wall)).(Actor)
		if k.Real && !acts {
			t.Errorf("%s needs real parts, and does nothing to them", k.Name)
		}
	}
}

func TestKindsAreNamedOnceAndSayWhatTheyDo(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Name] || k.About == "" || k.New == nil {
			t.Errorf("kind %q: seen before %v, about %q", k.Name, seen[k.Name], k.About)
		}
		seen[k.Name] = true
	}
}
