package encoders

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// movable is a pipeline of a world whose event can be moved, with a packager and an encoder of its own for each start.
func (w *world) movable(t *testing.T) *Pipeline {
	p, err := NewPipeline(new(origin.Wall), w.ev, func(ev origin.Event) (*Packager, error) {
		w.ev, w.enc = ev, testEncoder(t, ev)
		w.source = w.enc
		return w.packager(stored), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// An event that is put off, or brought forward, is published by its new time line: every segment once, as it becomes available
// there, with one record each; and by the end that it is given later. Nobody hears of one at the time that was announced.
func TestPipelineHeeds(t *testing.T) {
	for name, row := range map[string]struct {
		moved time.Duration
		early bool // before the pipeline runs
	}{
		"put off": {7 * time.Second, false}, "put off before it runs": {7 * time.Second, true},
		"brought forward": {-3 * time.Second, false}, "not moved": {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.ev.AvailabilityStartTime = w.ev.AvailabilityStartTime.Add(5 * time.Second)
				w.ev.End = w.ev.AvailabilityStartTime.Add(20 * time.Second)
				pipeline, moved := w.movable(t), w.ev
				moved.AvailabilityStartTime = moved.AvailabilityStartTime.Add(row.moved)
				heed := func() {
					for range 2 { // it may be told again
						if err := pipeline.Heed(moved); err != nil {
							t.Error(err)
						}
					}
				}
				if row.early {
					heed()
				}
				var over bool
				go func() { pipeline.Run(t.Context()); over = true }()
				time.Sleep(time.Second)
				heed()
				time.Sleep(time.Until(moved.SegmentStart(moved.StartNumber + 2).Add(time.Second)))
				moved.End = moved.SegmentStart(moved.StartNumber + 3)
				heed()
				time.Sleep(time.Until(moved.End))
				synctest.Wait()
				if !over || len(w.records) != 6 {
					t.Fatalf("over is %v, with %d records; want the end, and three segments of two renditions", over, len(w.records))
				}
				for _, s := range w.sent {
					if n := s.p.Key.Number; n != origin.Header && !s.at.Equal(moved.AvailableAt(n)) {
						t.Errorf("%d was published at %v, available at %v", n, s.at, moved.AvailableAt(n))
					}
				}
				if got, want := w.records["v360/42"].AtUs, int64(4_000_000); got != want {
					t.Errorf("42 is recorded at %d us of the event, want %d", got, want)
				}
			})
		})
	}
}

// A pipeline that runs when its context ends leaves nothing behind; one that cannot begin again stays as it was.
func TestPipelineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, broken := newWorld(t), errors.New("no encoder")
		made := 0
		p, err := NewPipeline(new(origin.Wall), w.ev, func(origin.Event) (*Packager, error) {
			if made++; made > 1 {
				return nil, broken
			}
			return w.packager(stored), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); p.Run(ctx) }()
		time.Sleep(4500 * time.Millisecond) // one segment, and half of the next
		moved := w.ev
		moved.AvailabilityStartTime = moved.AvailabilityStartTime.Add(time.Minute)
		if err := p.Heed(moved); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Second)
		cancel()
		<-over
		if len(w.records) != 4 {
			t.Errorf("%d records, want two segments of two renditions", len(w.records))
		}
	})
}
