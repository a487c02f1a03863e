package origin

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a Store that answers nobody, until its caller gives up.
type stuck struct{ Store }

func (s stuck) Get(ctx context.Context, _ Key, _ uint32) (Object, error) {
	<-ctx.Done()
	return Object{}, ctx.Err()
}

func (s stuck) Put(ctx context.Context, _ Key, _ Object) error {
	<-ctx.Done()
	return ctx.Err()
}

// east is a node whose own store is given, beside a west that has segment 1 of pipeline b, and perhaps of a.
func east(t *testing.T, own Store, west ...Publication) *world {
	t.Helper()
	w := newWorld(t, own)
	there := NewMemory(w.rt, 1<<20)
	for _, p := range west {
		if err := there.Put(context.Background(), p.Key, p.Object); err != nil {
			t.Fatal(err)
		}
	}
	w.AddElsewhere("west", there)
	return w
}

func (w *world) hear(p Publication, region string, away bool) {
	w.Announce(Announcement{p.Key, Candidate{Pipeline: p.Key.Pipeline, Region: region, Defects: p.Defects,
		Digest: p.Object.Digest, Size: p.Object.Size, Away: away}})
}

// Where a segment comes from when its best place has it, has not, fails, or says nothing; and how long that takes.
func TestReadFromWhereItIs(t *testing.T) {
	a, b, bad := pub(1, "a", 0, "from a"), pub(1, "b", 0, "from b"), pub(1, "b", ShortSegment, "short")
	none := func() Store { return NewMemory(new(Wall), 1<<20) }
	refusing := func() Store { return &failing{Store: none(), times: 1 << 30} }
	silent := func() Store { return stuck{} }
	for _, c := range []struct {
		why     string
		own     func() Store
		west    []Publication
		known   func(*world)
		reason  Reason
		from    string
		elapsed time.Duration
	}{
		{"away: straight from the other region", silent, []Publication{b},
			func(w *world) { w.hear(b, "west", true) }, Published, "b", 0},
		{"the copy is lost here", none, []Publication{b},
			func(w *world) { w.hear(b, "west", false) }, Published, "b", 0},
		{"the own store fails, and the other region has a copy", refusing, []Publication{a, b},
			func(w *world) { w.hear(a, "east", false); w.hear(b, "west", false) }, Published, "a", 0},
		{"the own store fails, and there is another pipeline", refusing, []Publication{b},
			func(w *world) { w.hear(a, "east", false); w.hear(b, "west", true) }, Published, "b", 0},
		{"the own store says nothing", silent, []Publication{a},
			func(w *world) { w.hear(a, "east", false) }, Published, "a", RegionPatience},
		{"it says nothing, and only the other pipeline is there", silent, []Publication{b},
			func(w *world) { w.hear(a, "east", false); w.hear(b, "west", true) }, Published, "b", RegionPatience},
		{"nobody has it", refusing, nil,
			func(w *world) { w.hear(a, "east", false); w.hear(b, "west", true) }, StoreFailed, "", 0},
		{"another pipeline's is no better than none when it is defective", refusing, []Publication{bad},
			func(w *world) { w.hear(a, "east", false); w.hear(bad, "west", true) }, StoreFailed, "", 0},
		{"away in a region that cannot be read: as if it were not there", none, nil,
			func(w *world) { w.hear(b, "north", true) }, Gap, "", 6300*time.Millisecond - 4100*time.Millisecond - 2*time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := east(t, c.own(), c.west...)
			w.until(4100 * time.Millisecond)
			c.known(w)
			asked := w.rt.Now()
			r := w.get(1)
			if took := w.rt.Now().Sub(asked); r.Reason != c.reason || r.Pipeline != c.from || took != c.elapsed {
				t.Errorf("%s: %s from %q after %v; want %s from %q after %v", c.why, r.Reason, r.Pipeline, took, c.reason, c.from, c.elapsed)
			}
			if r.OK() && string(r.Object.Body) != "from "+c.from {
				t.Errorf("%s: got %q", c.why, r.Object.Body)
			}
			w.rt.Join()
		})
	}
}

// Who has gone is not read for any more.
func TestReadEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stuck{})
		w.AddElsewhere("west", stuck{})
		w.until(2500 * time.Millisecond)
		w.hear(pub(1, "b", 0, "from b"), "west", false)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		asked := w.rt.Now()
		if r, err := w.Get(ctx, Request{Event: "demo", Rendition: "v", Number: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %s, %v: no store failed, and nobody is there to be told of one", r.Reason, err)
		}
		w.rt.Join()
		if took := w.rt.Now().Sub(asked); took != time.Second {
			t.Errorf("reading ended after %v", took)
		}
	})
}

// A region whose store takes nothing hears of the other's segments all the same, a moment later, and serves them. It asks
// its own store for them once they are there.
func TestCandidateBeforeItsCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := &failing{Store: NewMemory(new(Wall), 1<<20), times: 1 << 30}
		p := pub(1, "b", 0, "from b")
		w := east(t, own, p)
		ctx, cancel := context.WithCancel(context.Background())
		r := &Replication{Runtime: w.rt, From: w.elsewhere("west"), To: own, Keep: time.Minute, Wait: RegionPatience, Peers: []Peer{w.Node},
			Context: ctx, Region: "east", Recorder: Discard}
		w.until(2100 * time.Millisecond)
		// Away where it comes from says nothing about here.
		r.Announce(Announcement{p.Key, Candidate{Pipeline: "b", Region: "west", Digest: p.Object.Digest, Size: p.Object.Size, Away: true}})
		asked := w.rt.Now()
		got := w.get(1)
		if took := w.rt.Now().Sub(asked); got.Reason != Published || got.Region != "west" || took != RegionPatience {
			t.Errorf("%s in %s after %v", got.Reason, got.Region, took)
		}
		if cs, _ := w.catalog("demo").look(new(known), "v", 1, nil); len(cs) != 1 || !cs[0].Away || cs[0].String() != "b:clean@west" {
			t.Errorf("known: %v", cs)
		}
		own.mu.Lock()
		own.times = 0
		own.mu.Unlock()
		w.until(4 * time.Second)
		if cs, _ := w.catalog("demo").look(new(known), "v", 1, nil); len(cs) != 1 || cs[0].Away {
			t.Errorf("known when the copy has come: %v", cs)
		}
		if o, err := own.Get(ctx, p.Key, p.Object.Digest); err != nil || string(o.Body) != "from b" {
			t.Errorf("copied: %q, %v", o.Body, err)
		}
		cancel()
		w.rt.Join()
	})
}

// What was published here and is not readable here is not away: there is no other region to read it from.
func TestOwnCandidateIsNeverAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := &failing{Store: NewMemory(new(Wall), 1<<20), times: 1 << 30}
		w := east(t, own)
		ctx, cancel := context.WithCancelCause(context.Background())
		p := pub(1, "a", 0, "from a")
		r := &Replication{Runtime: w.rt, From: w.elsewhere("west"), To: own, Keep: time.Minute, Wait: RegionPatience, Peers: []Peer{w.Node},
			Context: ctx, Region: "east", Recorder: Discard}
		w.until(2100 * time.Millisecond)
		r.Announce(Announcement{p.Key, Candidate{Pipeline: "a", Region: "east", Digest: p.Object.Digest, Size: p.Object.Size}})
		w.until(4 * time.Second)
		if cs, _ := w.catalog("demo").look(new(known), "v", 1, nil); len(cs) != 0 {
			t.Errorf("known: %v", cs)
		}
		cancel(errors.New("over"))
		w.rt.Join()
	})
}

// A masked segment is not served in place of one that cannot be read.
func TestMaskedIsNoWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pub(1, "a", 0, "from a"), pub(1, "b", 0, "from b")
		w := east(t, &failing{Store: NewMemory(new(Wall), 1<<20), times: 1 << 30}, b)
		w.change(t, func(s *State) { s.Masks = append(s.Masks, Mask{ID: "m", Pipeline: "b", From: 1, To: 1}) })
		w.until(4100 * time.Millisecond)
		w.hear(a, "east", false)
		w.hear(b, "west", true)
		if r := w.get(1); r.Reason != StoreFailed {
			t.Errorf("%s from %q", r.Reason, r.Pipeline)
		}
		w.rt.Join()
	})
}
