package origin

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits for a change hears of it at the instant of the change, and is told what is newer already at once.
func TestChangedWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		if s, err := w.Changed(t.Context(), "demo", 0); err != nil || s.Version != 1 {
			t.Errorf("newer already: version %d, %v", s.Version, err)
		}
		if _, err := w.Changed(t.Context(), "other", 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("unknown event: %v", err)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				asked := w.rt.Now()
				s, err := w.Changed(t.Context(), "demo", 1)
				if took := w.rt.Now().Sub(asked); err != nil || s.Version != 2 || took != 5*time.Second {
					t.Errorf("version %d after %v, %v", s.Version, took, err)
				}
			})
		}
		w.until(5 * time.Second)
		w.change(t, func(*State) {})
		all.Wait()
	})
}

// A state that is no newer than the one that somebody has, or that is refused, is no reason to answer.
func TestChangedWaitsForTheRightVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var all sync.WaitGroup
		all.Go(func() {
			s, err := w.Changed(t.Context(), "demo", 3)
			if took := w.rt.Now().Sub(w.ev.AvailabilityStartTime); err != nil || s.Version != 4 || took != 3*time.Second {
				t.Errorf("version %d after %v, %v", s.Version, took, err)
			}
		})
		for i := 1; i <= 3; i++ {
			w.until(time.Duration(i) * time.Second)
			w.change(t, func(*State) {})
		}
		all.Wait()
	})
}

// The wait is bounded in time and in number, and a client that leaves makes room.
func TestChangedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range maxWatchers - 1 {
			all.Go(func() {
				if _, err := w.Changed(ctx, "demo", 1); !errors.Is(err, context.Canceled) {
					t.Errorf("who left got %v", err)
				}
			})
		}
		synctest.Wait()
		all.Go(func() {
			if s, err := w.Changed(t.Context(), "demo", 1); err != nil || s.Version != 1 || w.rt.Now().Sub(w.ev.AvailabilityStartTime) != changeWait {
				t.Errorf("version %d after %v, %v", s.Version, w.rt.Now().Sub(w.ev.AvailabilityStartTime), err)
			}
		})
		synctest.Wait()
		if _, err := w.Changed(t.Context(), "demo", 1); !errors.Is(err, ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		cancel()
		all.Wait()
		if n := w.catalog("demo").watchers.waiting; n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// A notice's id is a token in a header.
func TestNoticeIDs(t *testing.T) {
	for id, good := range map[string]bool{"ad-1": true, "A.b_c": true, "1ad": false, "-a": false, "_a": false, "": false, "a b": false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s, _ := w.State("demo")
			s.Notices = []Notice{{ID: id, Text: "x"}}
			if err := s.Validate(); (err == nil) != good {
				t.Errorf("%q: %v", id, err)
			}
		})
	}
}
