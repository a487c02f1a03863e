package origin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ledger is one in memory, that can fail and be slow.
type ledger struct {
	all   []Announcement
	until []time.Time
	err   error
	slow  time.Duration
	clock Clock
	lists int
}

func (l *ledger) Enter(ctx context.Context, a Announcement, until time.Time) error {
	if l.slow > 0 {
		_ = l.clock.Sleep(ctx, l.slow)
	}
	if l.err == nil {
		l.all, l.until = append(l.all, a), append(l.until, until)
	}
	return l.err
}

func (l *ledger) List(_ context.Context, event, rendition, pipeline string, from, to SegmentNumber) (some []Announcement, err error) {
	l.lists++
	for _, a := range l.all {
		if k := a.Key; k.Event == event && k.Rendition == rendition && k.Pipeline == pipeline && from <= k.Number && k.Number <= to {
			some = append(some, a)
		}
	}
	return some, l.err
}

// What was acknowledged is in the ledger, holes too; what was refused is not.
func TestLedgerHasWhatWasAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		l := &ledger{clock: w.rt}
		w.Ledger = l
		w.until(4100 * time.Millisecond) // segment 2 is available at 4 s, its deadline is 6.3 s
		w.publish(2, "a", 0, "one")
		w.publish(2, "a", 0, "two")           // a conflict
		w.publish(4, "a", 0, "one")           // too early
		w.publish(1, "a", MissingSegment, "") // declared
		w.publish(Header, "a", 0, "the header")
		var got []SegmentNumber
		for i, a := range l.all {
			got = append(got, a.Key.Number)
			if (a.Key.Number == Header) != l.until[i].IsZero() {
				t.Errorf("%d is kept until %v", a.Key.Number, l.until[i])
			}
		}
		if !slices.Equal(got, []SegmentNumber{2, 1, Header}) || len(w.Known("demo")) != 3 {
			t.Errorf("entered: %v", l.all)
		}

		l.err = errors.New("no quorum")
		w.until(6100 * time.Millisecond)
		if r := w.publish(3, "a", 0, "three"); r.Outcome != Unavailable || !strings.Contains(r.Detail, "no quorum") || len(w.Known("demo")) != 3 {
			t.Errorf("not remembered: %+v, known %v", r, w.Known("demo"))
		}
		l.err = nil
		if r := w.publish(3, "a", 0, "three"); r.Outcome != Stored {
			t.Errorf("tried again: %+v", r)
		}
		l.slow = 3 * time.Second // beyond segment 3's successor's deadline at 10.3 s
		w.until(8100 * time.Millisecond)
		if r := w.publish(4, "a", 0, "four"); r.Outcome != TooLate || len(w.Known("demo")) != 4 {
			t.Errorf("remembered too late: %+v", r)
		}
	})
}

// A node that starts over the same store and ledger answers as the one before; what was published elsewhere goes by way of
// arrivals.
func TestRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewMemory(new(Wall), 1<<20)
		before := newWorld(t, store)
		l := &ledger{clock: before.rt}
		before.Ledger = l
		before.until(4100 * time.Millisecond)
		before.publish(Header, "a", 0, "the header")
		before.publish(1, "a", MissingSegment, "")
		before.publish(2, "a", ShortSegment, "one")
		foreign := Announcement{Key{Event: "demo", Rendition: "v", Number: 2, Pipeline: "b"}, Candidate{Pipeline: "b", Region: "west"}}
		future := Announcement{Key{Event: "demo", Rendition: "v", Number: 9, Pipeline: "a"}, Candidate{Pipeline: "a", Region: "east"}}
		l.all = append(l.all, foreign, future) // of another event by this name, that was
		ev := before.ev

		again := NewNode(NodeConfig{Name: "east-1", Region: "east", Runtime: before.rt, Store: store, Ledger: l})
		if err := again.AddEvent(ev); err != nil {
			t.Fatal(err)
		}
		var told heard
		found, err := again.Recall(t.Context(), &told)
		if err != nil || found != 4 || !slices.Equal(told, heard{foreign}) {
			t.Errorf("found %d, %v, arrivals %v", found, err, told)
		}
		if !slices.Equal(again.Known("demo"), before.Known("demo")) {
			t.Errorf("known again: %v, before: %v", again.Known("demo"), before.Known("demo"))
		}
		r, err := again.Publish(t.Context(), pub(2, "a", ShortSegment, "one"))
		if err != nil || r.Outcome != Repeated {
			t.Errorf("the same again: %+v, %v", r, err)
		}
		l.err = errors.New("no quorum")
		if _, err := again.Recall(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "candidates of demo: no quorum") {
			t.Errorf("a ledger that fails: %v", err)
		}
		l.err, l.lists = nil, 0
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := again.Recall(ended, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// heard is a Peer that remembers.
type heard []Announcement

func (h *heard) Announce(a Announcement) { *h = append(*h, a) }
