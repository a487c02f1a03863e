package origin

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is a region's node over a store in memory, inside a synctest bubble in which the event starts now.
type world struct {
	*Node
	rt *Wall
	ev Event
}

func newWorld(t *testing.T, store Store) *world {
	t.Helper()
	rt := new(Wall)
	ev := testEvent()
	ev.AvailabilityStartTime = rt.Now()
	ev.End = rt.Now().Add(time.Minute)
	if store == nil {
		store = NewMemory(rt, 1<<20)
	}
	n := NewNode(NodeConfig{Name: "east-1", Region: "east", Runtime: rt, Store: store})
	if err := n.AddEvent(ev); err != nil {
		t.Fatal(err)
	}
	return &world{n, rt, ev}
}

func (w *world) until(d time.Duration) {
	_ = w.rt.Sleep(context.Background(), w.ev.AvailabilityStartTime.Add(d).Sub(w.rt.Now()))
}

func (w *world) publish(n SegmentNumber, pipeline string, d Defects, body string) Receipt {
	r, err := w.Publish(context.Background(), pub(n, pipeline, d, body))
	if err != nil {
		return Receipt{Outcome: Outcome(err.Error())}
	}
	return r
}

func pub(n SegmentNumber, pipeline string, d Defects, body string) Publication {
	var digest uint32
	for _, c := range body {
		digest = digest*31 + uint32(c)
	}
	return Publication{Key: Key{Event: "demo", Rendition: "v", Number: n, Pipeline: pipeline}, Defects: d, Inspected: true,
		Object: Object{Body: []byte(body), Size: len(body), Digest: digest}}
}

func (w *world) get(n SegmentNumber) Response {
	r, err := w.Get(context.Background(), Request{Event: "demo", Rendition: "v", Number: n})
	if err != nil {
		return Response{Reason: Reason(err.Error())}
	}
	return r
}

func TestPublishOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(4100 * time.Millisecond) // segment 2 is available at 4 s, its deadline is 6.3 s
		for _, c := range []struct {
			why  string
			p    Publication
			want Outcome
		}{
			{"first", pub(2, "a", 0, "one"), Stored},
			{"same bytes again", pub(2, "a", 0, "one"), Repeated},
			{"other bytes", pub(2, "a", 0, "two"), Conflict},
			{"the other region's pipeline", pub(2, "b", 0, "two"), Forbidden},
			{"a pipeline that the event does not have", pub(2, "z", 0, "one"), Forbidden},
			{"the next one cannot have been captured yet", pub(4, "a", 0, "one"), TooEarly},
			{"below the first", pub(0, "a", 0, "one"), Outside},
			{"above the last", pub(31, "a", 0, "one"), Outside},
			{"empty", pub(1, "a", 0, ""), Unparseable},
			{"a hole with bytes", pub(1, "a", MissingSegment, "x"), Unparseable},
			{"a declared hole", pub(1, "a", MissingSegment, ""), Stored},
			{"bytes for a declared hole", pub(1, "a", 0, "one"), Conflict},
		} {
			got, err := w.Publish(context.Background(), c.p)
			if err != nil || got.Outcome != c.want {
				t.Errorf("%s: %s (%s), %v; want %s", c.why, got.Outcome, got.Detail, err, c.want)
			}
		}
		unknown := pub(2, "a", 0, "one")
		unknown.Key.Event = "other"
		if got, _ := w.Publish(context.Background(), unknown); got.Outcome != NoSuchPlace {
			t.Errorf("unknown event: %s", got.Outcome)
		}
		w.until(6300 * time.Millisecond)
		if got := w.publish(3, "a", 0, "ok"); got.Outcome != Stored {
			t.Errorf("segment 3 at its expected publish: %s", got.Outcome)
		}
		if got := w.publish(2, "a", 0, "one"); got.Outcome != Repeated {
			t.Errorf("same bytes after the deadline: %s", got.Outcome)
		}
		w.until(10300 * time.Millisecond)
		if got := w.publish(4, "a", 0, "four"); got.Outcome != TooLate {
			t.Errorf("first bytes after the deadline: %s", got.Outcome)
		}
	})
}

// What comes before its time is refused and forgotten, however far ahead it is, and takes nobody's place: neither in what is
// asked for now nor among what cannot be reckoned any more.
func TestEarlyPublicationTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		open := w.ev
		open.ID, open.End = "open", time.Time{}
		if err := w.AddEvent(open); err != nil {
			t.Fatal(err)
		}
		w.until(2100 * time.Millisecond)
		p := pub(1, "a", 0, "one")
		p.Key.Event = "open"
		if r, err := w.Publish(context.Background(), p); err != nil || r.Outcome != Stored {
			t.Fatal(r, err)
		}
		ring := SegmentNumber(ringSize(&open))
		for _, ahead := range []SegmentNumber{ring, 5 * ring, maxAhead, maxAhead + 1, 1 << 54, 1<<62 - 2} {
			early := p
			early.Key.Number += ahead
			if r, err := w.Publish(context.Background(), early); err != nil || r.Outcome != TooEarly {
				t.Errorf("%d ahead: %s, %v", ahead, r.Outcome, err)
			}
			w.Announce(Announcement{early.Key, cand("a", 0)})
			w.Announce(Announcement{Key{Event: "open", Rendition: "v", Number: -ahead, Pipeline: "a"}, cand("a", 0)})
		}
		if r, err := w.Get(context.Background(), Request{Event: "open", Rendition: "v", Number: 1}); err != nil || r.Reason != Published {
			t.Errorf("what was published is %s, %v", r.Reason, err)
		}
	})
}

// A request for a segment whose place a newer one has is answered, not held: two nodes' clocks may differ by more than slack.
func TestTakenPlaceIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2100 * time.Millisecond)
		key := pub(1, "a", 0, "x").Key
		key.Number += SegmentNumber(ringSize(&w.ev))
		w.catalog("demo").add(key, cand("a", 0))
		if r := w.get(1); r.Reason != Expired || r.Hold != 0 || r.MaxAge != shortly {
			t.Errorf("%+v", r)
		}
	})
}

func TestUninspectedIsNeverClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2100 * time.Millisecond)
		p := pub(1, "a", 0, "one")
		p.Inspected = false
		if got, _ := w.Publish(context.Background(), p); got.Defects != Uninspected {
			t.Errorf("stored as %v", got.Defects)
		}
	})
}

// Holders of the next segment are all answered the moment it is published, and none sooner.
func TestHoldUntilPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2500 * time.Millisecond)
		var done sync.WaitGroup
		for range 50 {
			done.Go(func() {
				r := w.get(2)
				at := w.rt.Now().Sub(w.ev.AvailabilityStartTime)
				if r.Reason != Published || at != 4200*time.Millisecond || r.Hold != 1700*time.Millisecond {
					t.Errorf("answered %s at %v after holding %v", r.Reason, at, r.Hold)
				}
			})
		}
		w.until(4200 * time.Millisecond)
		if w.Holders() != 50 {
			t.Errorf("%d are held", w.Holders())
		}
		w.publish(2, "a", 0, "two")
		done.Wait()
		if w.Holders() != 0 {
			t.Errorf("%d are still held", w.Holders())
		}
	})
}

func TestHoldEndsInAGapAtTheRetryDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(3 * time.Second)
		r := w.get(2)
		if at := w.rt.Now().Sub(w.ev.AvailabilityStartTime); r.Reason != Gap || at != 6300*time.Millisecond {
			t.Errorf("%s at %v", r.Reason, at)
		}
	})
}

// A hole that was announced stays one, also for a candidate that the store took too long to take.
func TestHoleStaysAHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(Wall)
		w := newWorld(t, slowStore{NewMemory(rt, 1<<20), rt, 900 * time.Millisecond})
		w.until(5500 * time.Millisecond) // the deadline of 2 is 6.3 s
		if got := w.publish(2, "a", 0, "two"); got.Outcome != TooLate {
			t.Errorf("acknowledged as %s at %v", got.Outcome, rt.Now().Sub(w.ev.AvailabilityStartTime))
		}
		if r := w.get(2); r.Reason != Gap {
			t.Errorf("served as %s", r.Reason)
		}
	})
}

type slowStore struct {
	Store
	rt *Wall
	by time.Duration
}

func (s slowStore) Put(ctx context.Context, key Key, o Object) error {
	if err := s.rt.Sleep(ctx, s.by); err != nil {
		return err
	}
	return s.Store.Put(ctx, key, o)
}

// Two writers of one candidate: one is stored, the other is never acknowledged with other bytes.
func TestTwoWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(Wall)
		w := newWorld(t, slowStore{NewMemory(rt, 1<<20), rt, 100 * time.Millisecond})
		w.until(2100 * time.Millisecond)
		outcomes := make(chan Outcome, 3)
		var done sync.WaitGroup
		for _, body := range []string{"one", "one", "two"} {
			done.Go(func() { outcomes <- w.publish(1, "a", 0, body).Outcome })
			synctest.Wait()
		}
		done.Wait()
		close(outcomes)
		seen := map[Outcome]int{}
		for o := range outcomes {
			seen[o]++
		}
		if seen[Stored] != 1 || seen[Repeated] != 1 || seen[Unavailable] != 1 {
			t.Errorf("outcomes %v", seen)
		}
		if got := string(w.get(1).Object.Body); got != "one" {
			t.Errorf("served %q", got)
		}
	})
}

// A client that leaves frees its place; one beyond the cap is told to come back.
func TestHoldersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.MaxHolders = 1
		w.until(2500 * time.Millisecond)
		ctx, cancel := context.WithCancel(context.Background())
		var left sync.WaitGroup
		left.Go(func() {
			if _, err := w.Get(ctx, Request{Event: "demo", Rendition: "v", Number: 2}); !errors.Is(err, context.Canceled) {
				t.Errorf("left with %v", err)
			}
		})
		synctest.Wait()
		if r := w.get(2); r.Reason != TooManyHolders {
			t.Errorf("the second is answered %s", r.Reason)
		}
		cancel()
		left.Wait()
		if w.Holders() != 0 {
			t.Errorf("%d held after everyone left", w.Holders())
		}
	})
}

// The other region's clean candidate wins over one's own defective one, although it arrives later.
func TestPatienceForTheOtherRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		other := newWorld(t, nil)
		other.Region = "west"
		ctx, cancel := context.WithCancel(context.Background())
		other.AddPeers(&Replication{Runtime: w.rt, From: other.Store, To: w.Store, Lag: 100 * time.Millisecond,
			Peers: []Peer{w.Node}, Context: ctx, Recorder: Discard})
		w.until(2100 * time.Millisecond)
		w.publish(1, "a", ShortSegment, "short")
		other.publish(1, "b", 0, "whole")
		r := w.get(1)
		if r.Reason != Published || r.Pipeline != "b" || r.Region != "west" || string(r.Object.Body) != "whole" {
			t.Errorf("got %s from %s in %s: %q", r.Reason, r.Pipeline, r.Region, r.Object.Body)
		}
		cancel()
		w.rt.Join()
	})
}

// copied has the other region's candidate arrive, as replication would.
func (w *world) copied(t *testing.T, n SegmentNumber, pipeline, body string) {
	t.Helper()
	p := pub(n, pipeline, 0, body)
	if err := w.Store.Put(context.Background(), p.Key, p.Object); err != nil {
		t.Fatal(err)
	}
	w.Announce(Announcement{p.Key, Candidate{Pipeline: pipeline, Region: "west", Digest: p.Object.Digest, Size: p.Object.Size}})
}

// Two nodes of one region over one store: of two writers with different bytes one is acknowledged, the other is told, and
// both nodes serve the same. Found by two PUTs at once; each node used to decide for itself.
func TestTwoNodesAgreeOnACandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(Wall)
		first := newWorld(t, slowStore{NewMemory(rt, 1<<20), rt, 10 * time.Millisecond})
		second := newWorld(t, first.Store)
		first.AddPeers(second.Node)
		second.AddPeers(first.Node)
		first.until(2100 * time.Millisecond)
		outcomes := map[Outcome]int{}
		var lock sync.Mutex
		var done sync.WaitGroup
		for i, w := range []*world{first, second, second} {
			body := []string{"one", "two", "one"}[i]
			done.Go(func() {
				r := w.publish(1, "a", 0, body)
				lock.Lock()
				outcomes[r.Outcome]++
				lock.Unlock()
			})
			synctest.Wait()
		}
		done.Wait()
		if outcomes[Stored] != 1 || outcomes[Stored]+outcomes[Repeated]+outcomes[Conflict]+outcomes[Unavailable] != 3 {
			t.Errorf("outcomes %v", outcomes)
		}
		if a, b := first.get(1), second.get(1); string(a.Object.Body) != string(b.Object.Body) || !a.OK() {
			t.Errorf("the nodes serve %q and %q", a.Object.Body, b.Object.Body)
		}
	})
}

// Bytes that are not the chosen candidate's are not served in its name.
func TestOnlyTheCandidatesBytesAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2100 * time.Millisecond)
		p := pub(1, "a", 0, "other")
		if err := w.Store.Put(context.Background(), p.Key, p.Object); err != nil {
			t.Fatal(err)
		}
		w.Announce(Announcement{p.Key, Candidate{Pipeline: "a", Region: "east", Digest: p.Object.Digest + 1, Size: 5}})
		if r := w.get(1); r.Reason != StoreFailed {
			t.Errorf("served %s %q", r.Reason, r.Object.Body)
		}
	})
}

// Of two clean candidates a node takes its own region's, whichever came first.
func TestOwnRegionFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2100 * time.Millisecond)
		w.copied(t, 1, "b", "from b")
		if r := w.get(1); r.Pipeline != "b" {
			t.Errorf("alone: from %s", r.Pipeline)
		}
		w.publish(1, "a", 0, "from a")
		if r := w.get(1); r.Pipeline != "a" || string(r.Object.Body) != "from a" {
			t.Errorf("both: from %s", r.Pipeline)
		}
	})
}

// A store that fails once is asked again; one that fails twice is somebody else's turn.
func TestReadIsTriedTwice(t *testing.T) {
	for fails, want := range map[int]Reason{1: Published, 2: StoreFailed} {
		synctest.Test(t, func(t *testing.T) {
			store := &failing{Store: NewMemory(new(Wall), 1<<20)}
			w := newWorld(t, store)
			w.until(2100 * time.Millisecond)
			w.publish(1, "a", 0, "one")
			store.times = fails
			if r := w.get(1); r.Reason != want {
				t.Errorf("after %d failures: %s, want %s", fails, r.Reason, want)
			}
		})
	}
}

// A candidate that comes between looking and watching must not be waited for.
func TestWatchMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(Wall)
		c := newCatalog(State{Event: testEvent(), Version: 1}, "east")
		key := Key{Event: "demo", Rendition: "v", Number: 5, Pipeline: "a"}
		if err := c.watch(rt, c.state.Load(), "v", 5, 0).Wait(context.Background(), rt.Now().Add(time.Second)); !errors.Is(err, ErrTimeout) {
			t.Errorf("nothing came: %v", err)
		}
		c.add(key, cand("a", 0))
		began := rt.Now()
		if err := c.watch(rt, c.state.Load(), "v", 5, 0).Wait(context.Background(), rt.Now().Add(time.Second)); err != nil || rt.Now() != began {
			t.Errorf("it had come already: %v after %v", err, rt.Now().Sub(began))
		}
	})
}

// The ring forgets a segment when a newer one takes its place, and never the other way round.
func TestCatalogMovesOn(t *testing.T) {
	c := newCatalog(State{Event: testEvent(), Version: 1}, "east")
	key := Key{Event: "demo", Rendition: "v", Number: 5, Pipeline: "a"}
	newer := key
	newer.Number += SegmentNumber(len(c.tracks["v"].ring))
	c.add(key, cand("a", 0))
	c.add(newer, cand("a", 0))
	if got, kept := c.look(c.state.Load(), "v", key.Number, nil); got != nil || kept {
		t.Errorf("the old one is still there: %v", got)
	}
	if _, added := c.add(key, cand("b", 0)); added || !c.claim(key, 1, nil).gone {
		t.Error("the old one took the newer one's place")
	}
	if got, kept := c.look(c.state.Load(), "v", newer.Number, nil); len(got) != 1 || !kept {
		t.Errorf("the newer one is %v", got)
	}
}

// failing is a store that fails its first calls.
type failing struct {
	Store
	mu    sync.Mutex
	times int
}

func (f *failing) fail() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times > 0 {
		f.times--
		return ErrUnreachable
	}
	return nil
}

func (f *failing) Put(ctx context.Context, key Key, o Object) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.Put(ctx, key, o)
}

func (f *failing) Get(ctx context.Context, key Key, digest uint32) (Object, error) {
	if err := f.fail(); err != nil {
		return Object{}, err
	}
	return f.Store.Get(ctx, key, digest)
}

// A region that cannot be reached gets its copies when it can be again.
func TestReplicationCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(Wall)
		gone := &failing{Store: NewMemory(rt, 1<<20), times: 5}
		w := newWorld(t, gone)
		from := NewMemory(rt, 1<<20)
		p := pub(1, "b", 0, "whole")
		if err := from.Put(context.Background(), p.Key, p.Object); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r := &Replication{Runtime: rt, From: from, To: gone, Lag: time.Millisecond, Keep: time.Minute, Peers: []Peer{w.Node}, Context: ctx,
			Recorder: Discard}
		r.Announce(Announcement{p.Key, Candidate{Pipeline: "b", Digest: p.Object.Digest, Size: p.Object.Size}})
		rt.Join()
		if r := w.get(1); r.Reason != Published || string(r.Object.Body) != "whole" {
			t.Errorf("got %s %q", r.Reason, r.Object.Body)
		}
	})
}

// A copy that never comes is given up when nobody can ask for it any more, and leaves a trace.
func TestReplicationGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt, rec := new(Wall), new(recorded)
		gone := &failing{Store: NewMemory(rt, 1<<20), times: 1 << 30}
		p := pub(1, "b", 0, "whole")
		from := NewMemory(rt, 1<<20)
		if err := from.Put(context.Background(), p.Key, p.Object); err != nil {
			t.Fatal(err)
		}
		start := rt.Now()
		r := &Replication{Runtime: rt, From: from, To: gone, Keep: 20 * time.Second, Context: context.Background(),
			Region: "east", Start: start, Recorder: rec}
		r.Announce(Announcement{p.Key, Candidate{Pipeline: "b", Digest: p.Object.Digest, Size: p.Object.Size}})
		rt.Join()
		took := rt.Now().Sub(start)
		if took < 20*time.Second || took > 22*time.Second || len(rec.all) != 1 || rec.all[0].Region != "east" ||
			rec.all[0].AtUs != took.Microseconds() {
			t.Errorf("gave up after %v: %+v", took, rec.all)
		}
	})
}

// recorded is a Recorder for one goroutine.
type recorded struct{ all []Record }

func (r *recorded) Record(rec Record) { r.all = append(r.all, rec) }

func TestPublishWithoutQuorumIsNeverAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &failing{Store: NewMemory(new(Wall), 1<<20), times: 1})
		w.until(2100 * time.Millisecond)
		if got := w.publish(1, "a", 0, "one"); got.Outcome != Unavailable {
			t.Errorf("first try: %s", got.Outcome)
		}
		if got := w.publish(1, "a", 0, "one"); got.Outcome != Stored {
			t.Errorf("second try: %s", got.Outcome)
		}
	})
}

func TestMemoryExpiresAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt, ctx := new(Wall), context.Background()
		m := NewMemory(rt, 100)
		put := func(n SegmentNumber, size int, lives time.Duration) {
			o := Object{Size: size}
			if lives > 0 {
				o.ExpiresAt = rt.Now().Add(lives)
			}
			if err := m.Put(ctx, Key{Number: n}, o); err != nil {
				t.Fatal(err)
			}
		}
		has := func(n SegmentNumber) bool {
			_, err := m.Get(ctx, Key{Number: n}, 0)
			return err == nil
		}
		put(Header, 10, 0)
		put(1, 40, time.Second)
		put(2, 40, time.Minute)
		put(3, 40, time.Minute) // over the limit: the oldest goes
		if has(1) || !has(2) || !has(3) || !has(Header) {
			t.Error("over the limit, the oldest should have gone, and only it")
		}
		_ = rt.Sleep(ctx, time.Minute)
		put(4, 1, time.Minute)
		if has(2) || has(3) || !has(4) || !has(Header) {
			t.Error("what has expired should have gone, and only that")
		}
	})
}
