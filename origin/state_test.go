package origin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// change applies the next version of the world's event.
func (w *world) change(t *testing.T, fn func(*State)) {
	t.Helper()
	s, ok := w.State("demo")
	if !ok {
		t.Fatal("no event")
	}
	s.Version++
	s.Masks, s.Invalidations, s.Notices = slices.Clone(s.Masks), slices.Clone(s.Invalidations), slices.Clone(s.Notices)
	fn(&s)
	if err := w.Apply(s); err != nil {
		t.Fatal(err)
	}
}

// What is masked is not served; with another candidate that one is, and with none it is gone, until it is unmasked.
func TestMasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(4100 * time.Millisecond)
		w.publish(1, "a", 0, "from a")
		w.publish(2, "a", 0, "from a")
		w.copied(t, 1, "b", "from b")
		w.change(t, func(s *State) { s.Masks = append(s.Masks, Mask{ID: "m", Pipeline: "a", From: 1, To: 1}) })
		if r := w.get(1); r.Pipeline != "b" {
			t.Errorf("with another candidate: %s from %q", r.Reason, r.Pipeline)
		}
		if r := w.get(2); r.Pipeline != "a" {
			t.Errorf("beside the mask: %s from %q", r.Reason, r.Pipeline)
		}
		w.change(t, func(s *State) { s.Masks[0].Region = "west" })
		if r := w.get(1); r.Pipeline != "a" {
			t.Errorf("masked in the other region: %s from %q", r.Reason, r.Pipeline)
		}
		w.change(t, func(s *State) { s.Masks[0] = Mask{ID: "m", Pipeline: "a", From: 2, To: 5} })
		w.until(6300 * time.Millisecond) // the retry deadline of segment 2
		if r := w.get(2); r.Reason != Masked || r.MaxAge != CreatedSoon {
			t.Errorf("nothing else there: %s for %v", r.Reason, r.MaxAge)
		}
		w.change(t, func(s *State) { s.Masks = nil })
		if r := w.get(2); r.Pipeline != "a" {
			t.Errorf("unmasked: %s from %q", r.Reason, r.Pipeline)
		}
		w.rt.Join()
	})
}

// Who is held hears of a mask that is taken away.
func TestUnmaskWakesHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2100 * time.Millisecond)
		w.publish(1, "a", 0, "from a")
		w.change(t, func(s *State) { s.Masks = append(s.Masks, Mask{ID: "m", Pipeline: "a", From: 1, To: 1}) })
		var got sync.WaitGroup
		got.Go(func() {
			asked := w.rt.Now()
			if r := w.get(1); r.Pipeline != "a" || r.Hold != time.Second || w.rt.Now().Sub(asked) != time.Second {
				t.Errorf("%s from %q, held for %v", r.Reason, r.Pipeline, r.Hold)
			}
		})
		w.until(3100 * time.Millisecond)
		w.change(t, func(s *State) { s.Masks = nil })
		got.Wait()
	})
}

// Operators send viewers to another pipeline: its candidate is waited for as long as for a clean one, and not longer.
func TestRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.change(t, func(s *State) { s.Redirect = "b" })
		w.until(2100 * time.Millisecond)
		w.publish(1, "a", 0, "from a")
		if r := w.get(1); r.Pipeline != "a" || r.Hold != 700*time.Millisecond { // until the expected publish and patience
			t.Errorf("b does not come: %s from %q, held for %v", r.Reason, r.Pipeline, r.Hold)
		}
		w.copied(t, 1, "b", "from b")
		if r := w.get(1); r.Pipeline != "b" {
			t.Errorf("both are there: from %q", r.Pipeline)
		}
		w.rt.Join()
	})
}

// An older state changes nothing, an impossible one is refused, and a longer buffer keeps what there is.
func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.until(2100 * time.Millisecond)
		w.publish(1, "a", 0, "from a")
		before, _ := w.State("demo")
		w.change(t, func(s *State) { s.TimeShiftBufferDepth *= 3 })
		if err := w.Apply(before); err != nil {
			t.Error(err)
		}
		if s, _ := w.State("demo"); s.Version != 2 || s.TimeShiftBufferDepth == before.TimeShiftBufferDepth {
			t.Errorf("an older state was taken: %d", s.Version)
		}
		if r := w.get(1); r.Reason != Published || r.Bulletin.Version != 2 {
			t.Errorf("after the change: %s, %+v", r.Reason, r.Bulletin)
		}
		for why, fn := range map[string]func(*State){ // any order: each alone
			"start number": func(s *State) { s.StartNumber++ },
			"start":        func(s *State) { s.AvailabilityStartTime = s.AvailabilityStartTime.Add(time.Hour) },
			"renditions": func(s *State) {
				s.Renditions = append(slices.Clone(s.Renditions), s.Renditions[0])
				s.Renditions[1].ID = "x"
			},
			"no pipeline":    func(s *State) { s.Redirect = "z" },
			"mask of none":   func(s *State) { s.Masks = []Mask{{ID: "m", Pipeline: "z", From: 1, To: 2}} },
			"mask backwards": func(s *State) { s.Masks = []Mask{{ID: "m", Pipeline: "a", From: 3, To: 2}} },
			"notice":         func(s *State) { s.Notices = []Notice{{ID: "n", Text: "line\nbreak"}} },
		} {
			s, _ := w.State("demo")
			s.Version++
			fn(&s)
			if err := w.Apply(s); err == nil {
				t.Errorf("%s: taken", why)
			}
		}
		w.change(t, func(s *State) { s.Removed = true })
		if r := w.get(1); r.Reason != EventRemoved {
			t.Errorf("removed: %s", r.Reason)
		}
		if r := w.publish(2, "a", 0, "x"); r.Outcome != NoSuchPlace {
			t.Errorf("published to a removed event: %s", r.Outcome)
		}
		w.rt.Join()
	})
}

func TestPhases(t *testing.T) {
	ev := testEvent()
	s := State{Event: ev, Version: 1, OnAir: start.Add(10 * time.Second)}
	s.End = start.Add(time.Minute)
	for _, c := range []struct {
		at   time.Duration
		want Phase
	}{
		{-1, Scheduled}, {0, PreShow}, {10*time.Second - 1, PreShow}, {10 * time.Second, OnAir},
		{time.Minute - 1, OnAir}, {time.Minute, Ended}, {time.Minute + s.TimeShiftBufferDepth - 1, Ended},
		{time.Minute + s.TimeShiftBufferDepth, Removed},
	} {
		if got := s.Phase(start.Add(c.at)); got != c.want {
			t.Errorf("at %v: %s, want %s", c.at, got, c.want)
		}
	}
}

// The events that a node knows are bounded; those that are over make room.
func TestMaxEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.MaxEvents = 2
		for _, id := range []string{"second", "third"} {
			ev := w.ev
			ev.ID = id
			if err := w.AddEvent(ev); (err == nil) != (id == "second") {
				t.Errorf("%s: %v", id, err)
			}
		}
		w.change(t, func(s *State) { s.Removed = true })
		ev := w.ev
		ev.ID = "third"
		if err := w.AddEvent(ev); err != nil {
			t.Error(err)
		}
		if len(w.States()) != 2 {
			t.Errorf("%d events", len(w.States()))
		}
	})
}

// counting counts what is looked up, and what admission is asked.
type counting struct {
	unobserved
	mu     sync.Mutex
	looked map[Level]int
	missed int
}

func (c *counting) LookedUp(of Level, hit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked[of]++
	if !hit {
		c.missed++
	}
}

type directory struct {
	states []State
	err    error
}

func (d *directory) Events(context.Context) ([]State, error) { return d.states, d.err }

// A storm of requests for what is not there asks memory alone: of ten thousand, no segment is looked up, and the
// directory is asked about once a second.
func TestStormIsAnsweredFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		seen := &counting{looked: map[Level]int{}}
		w.Observer = seen
		ev := w.ev
		ev.ID = "other"
		d := &directory{states: []State{{Event: ev, Version: 1}}, err: errors.New("half of it")}
		ctx, cancel := context.WithCancel(context.Background())
		failures := 0
		w.rt.Go(func() { w.Follow(ctx, d, 1, func(error) { failures++ }) })
		w.until(10 * time.Second)
		for i := range 10_000 {
			req := Request{Event: "demo", Rendition: "v", Number: SegmentNumber(1000 + i)}
			switch i % 3 {
			case 1:
				req.Event = "nobody-" + strings.Repeat("x", i%50)
			case 2:
				req.Rendition = "none"
			}
			if r, err := w.Get(ctx, req); err != nil || r.OK() {
				t.Fatalf("%+v: %s, %v", req, r.Reason, err)
			}
			if i%100 == 0 {
				_ = w.rt.Sleep(ctx, 100*time.Millisecond)
			}
		}
		cancel()
		w.rt.Join()
		if seen.looked[SegmentLevel] != 0 || seen.missed < 15 || seen.missed > 27 || seen.looked[EventLevel] < 10_000 {
			t.Errorf("in 20 s: looked up %v, of which the directory was asked %d times", seen.looked, seen.missed)
		}
		if _, ok := w.Event("other"); !ok || failures != seen.missed {
			t.Errorf("the other event is known: %v; told of %d failures", ok, failures)
		}
	})
}

// gate is an Admission that refuses what is not in memory.
type gate struct {
	asked []Ask
	done  int
}

func (g *gate) Admit(a Ask) bool              { g.asked = append(g.asked, a); return a.Remembered }
func (g *gate) Done(Ask, time.Duration, bool) { g.done++ }

// Who is not admitted costs the store nothing, and may come again in five seconds.
func TestNotAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Store: NewMemory(new(Wall), 1<<20)}
		w := newWorld(t, store)
		g := new(gate)
		w.Admission = g
		w.until(2100 * time.Millisecond)
		w.publish(1, "a", 0, "from a")
		store.times = 1 << 30
		r := w.get(1)
		if r.Reason != Overloaded || r.MaxAge != 5*time.Second || len(g.asked) != 1 || g.done != 0 || store.times != 1<<30 {
			t.Errorf("%s for %v; asked %+v, %d done, %d store operations", r.Reason, r.MaxAge, g.asked, g.done, 1<<30-store.times)
		}
		if want := (Ask{Event: "demo", Class: LiveEdge, Bytes: 6, LookedUp: true}); g.asked[0] != want {
			t.Errorf("asked %+v, want %+v", g.asked[0], want)
		}
		w.rt.Join()
	})
}

// One event's holders do not take all of a node's places.
func TestHoldersOfAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.MaxHolders, w.EventHolders = 3, 2
		ev := w.ev
		ev.ID = "other"
		if err := w.AddEvent(ev); err != nil {
			t.Fatal(err)
		}
		w.until(2100 * time.Millisecond)
		ctx, cancel := context.WithCancel(context.Background())
		var left sync.WaitGroup
		for range 2 {
			left.Go(func() { _, _ = w.Get(ctx, Request{Event: "demo", Rendition: "v", Number: 1}) })
		}
		synctest.Wait()
		if r := w.get(1); r.Reason != TooManyHolders {
			t.Errorf("a third of the same event: %s", r.Reason)
		}
		left.Go(func() { _, _ = w.Get(ctx, Request{Event: "other", Rendition: "v", Number: 1}) })
		synctest.Wait()
		if w.Holders() != 3 {
			t.Errorf("%d held, with one of the other event", w.Holders())
		}
		cancel()
		left.Wait()
	})
}

func TestBulletin(t *testing.T) {
	s := State{Event: testEvent(), Version: 7, CacheVersion: 2, Notices: []Notice{
		{ID: "ad-1", At: time.Unix(1763500000, 0), Text: `say "hello" \ wave`}, {ID: "weather", At: time.Unix(5, 0), Text: "storm"}}}
	want := Bulletin{7, 2, `ad-1;at=@1763500000;text="say \"hello\" \\ wave", weather;at=@5;text="storm"`}
	if got := s.Bulletin(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// taking remembers what an Observer was told of publications.
type taking struct {
	unobserved
	outcomes []Outcome
	bytes    int
}

func (o *taking) Taken(_, _ string, r Receipt, bytes int, _ time.Duration) {
	o.outcomes = append(o.outcomes, r.Outcome)
	o.bytes += bytes
}

// Every publication that got a receipt is told of, whatever the receipt says.
func TestPublicationsAreObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		seen := new(taking)
		w.Observer = seen
		w.until(2100 * time.Millisecond)
		w.publish(1, "a", 0, "one")
		w.publish(1, "a", 0, "one")
		w.publish(1, "a", 0, "two")
		w.publish(1, "z", 0, "x")
		unknown := pub(1, "a", 0, "y")
		unknown.Key.Event = "other"
		_, _ = w.Publish(context.Background(), unknown)
		want := []Outcome{Stored, Repeated, Conflict, Forbidden, NoSuchPlace}
		if !slices.Equal(seen.outcomes, want) || seen.bytes != 11 {
			t.Errorf("told of %v with %d bytes, want %v", seen.outcomes, seen.bytes, want)
		}
	})
}
