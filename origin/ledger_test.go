package origin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// ledger is a store in memory that says what it has, and can fail to.
type ledger struct {
	*Memory
	mu    sync.Mutex
	all   []Announcement
	asked []string // ranges, in the order in which they were asked for
	fails func(from SegmentNumber) error
}

func newLedger() *ledger { return &ledger{Memory: NewMemory(new(Wall), 1<<20)} }

func (l *ledger) Put(ctx context.Context, key Key, o Object) error {
	err := l.Memory.Put(ctx, key, o)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && o.Candidate != nil {
		l.all = append(l.all, Announcement{key, *o.Candidate})
	}
	return err
}

func (l *ledger) List(_ context.Context, event, rendition, pipeline string, from, to SegmentNumber) (some []Announcement, err error) {
	if pipeline == "a" {
		l.asked = append(l.asked, fmt.Sprintf("%d-%d", from, to))
	}
	for _, a := range l.all {
		if k := a.Key; k.Event == event && k.Rendition == rendition && k.Pipeline == pipeline && from <= k.Number && k.Number <= to {
			some = append(some, a)
		}
	}
	if l.fails != nil {
		err = l.fails(from)
	}
	return some, err
}

// again is a node that starts over the same store, as one that was there before.
func (w *world) again(t *testing.T, l *ledger) *Node {
	t.Helper()
	n := NewNode(NodeConfig{Name: "east-1", Region: "east", Runtime: w.rt, Store: l, Ledger: l})
	if err := n.AddEvent(w.ev); err != nil {
		t.Fatal(err)
	}
	return n
}

// A node that starts over the same store answers as the one before, but for holes, which have nothing stored; what the
// store has of other regions is there too.
func TestRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		before := newWorld(t, l)
		before.until(6100e6) // segment 2 is available at 4 s, its deadline is 6.3 s
		before.publish(Header, "a", 0, "the header")
		before.publish(2, "a", ShortSegment, "one")
		before.publish(2, "a", 0, "two")           // a conflict
		before.publish(5, "a", 0, "five")          // too early
		before.publish(3, "a", MissingSegment, "") // declared
		foreign := Announcement{Key{Event: "demo", Rendition: "v", Number: 2, Pipeline: "b"}, Candidate{Pipeline: "b", Region: "west"}}
		future := Announcement{Key{Event: "demo", Rendition: "v", Number: 9, Pipeline: "a"}, Candidate{Pipeline: "a", Region: "east"}}
		l.all = append(l.all, foreign, future) // of another event by this name, that was

		again := before.again(t, l)
		if found, err := again.Recall(t.Context()); err != nil || found != 3 {
			t.Errorf("found %d, %v", found, err)
		}
		want := slices.DeleteFunc(before.Known("demo"), func(a Announcement) bool { return a.Candidate.Defects == MissingSegment })
		if got := again.Known("demo"); !slices.Equal(got, append(want, foreign)) {
			t.Errorf("known again: %v, before: %v", got, want)
		}
		if r, err := again.Publish(t.Context(), pub(2, "a", ShortSegment, "one")); err != nil || r.Outcome != Repeated {
			t.Errorf("the same again: %+v, %v", r, err)
		}
		if r, err := again.Publish(t.Context(), pub(2, "a", 0, "two")); err != nil || r.Outcome != Conflict {
			t.Errorf("other bytes: %+v, %v", r, err)
		}
	})
}

// The whole time-shift buffer is asked for, no number twice, the newest first; so what a failure leaves out is the oldest.
func TestRecallBeginsWithTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		w := newWorld(t, l)
		w.ev.TimeShiftBufferDepth, w.ev.End = 600e9, w.ev.End.Add(1000e9)
		w.until(700e9) // in segment 351, and 300 are kept
		for n := SegmentNumber(1); n <= 352; n++ {
			l.all = append(l.all, Announcement{Key{"demo", "v", n, "a", 0}, Candidate{Pipeline: "a", Region: "east", Size: 1}})
		}
		again := w.again(t, l)
		found, err := again.Recall(t.Context())
		if want := "[-1--1 224-351 96-223 51-95]"; err != nil || found != 301 || fmt.Sprint(l.asked) != want {
			t.Errorf("found %d, %v; asked for %v, want %s", found, err, l.asked, want)
		}
		again = w.again(t, l)
		l.fails = func(from SegmentNumber) error {
			if from != Header && from < 200 {
				return errors.New("no quorum")
			}
			return nil
		}
		found, err = again.Recall(t.Context())
		if err == nil || !strings.Contains(err.Error(), "candidates of demo: no quorum") || found != 128 || len(again.Known("demo")) != 128 {
			t.Errorf("of a ledger that fails: %d, %v", found, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := again.Recall(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}
