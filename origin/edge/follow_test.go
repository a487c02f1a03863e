package edge

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// teller is an upstream that tells of one event's states: those up to the version that it has heard of.
type teller struct {
	upstream
	watchers origin.Watchers
	mu       sync.Mutex
	state    origin.State
	err      error // instead of an answer
	asked    []time.Time
}

func (u *teller) Changed(ctx context.Context, event string, after int64) (origin.State, error) {
	u.mu.Lock()
	u.asked = append(u.asked, u.rt.Now())
	err := u.err
	u.mu.Unlock()
	if err != nil {
		return origin.State{}, err
	}
	err = u.watchers.Wait(ctx, u.rt, func() bool { return u.now().Version > after })
	return u.now(), err
}

func (u *teller) now() origin.State {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state
}

func (u *teller) calls() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.asked)
}

func (u *teller) set(s origin.State, err error) {
	u.mu.Lock()
	u.state, u.err = s, err
	u.mu.Unlock()
	u.watchers.Wake()
}

// following makes an edge that follows its event at two regions, and ends with the test's bubble.
func following(t *testing.T) (w *world, east, west *teller) {
	east, west = new(teller), new(teller)
	w = newWorld()
	for i, u := range []*teller{east, west} {
		u.rt = w.rt
		u.set(w.stateOf(1), nil)
		w.Upstreams = append(w.Upstreams, Upstream{Name: string(rune('1' + i)), Region: []string{"east", "west"}[i], Getter: u})
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Follow(ctx, "demo", rand.New(rand.NewPCG(1, 2))) }()
	t.Cleanup(func() { cancel(); <-done })
	return w, east, west
}

func (w *world) knows(t *testing.T, version int64) {
	t.Helper()
	synctest.Wait()
	if s, _ := w.State("demo"); s.Version != version {
		t.Errorf("at %v the edge knows version %d, want %d", w.rt.Now().Sub(w.start), s.Version, version)
	}
}

// The edge knows of a change at the instant at which its upstream does, and asks seldom when there is none.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, east, west := following(t)
		w.knows(t, 1)
		for v := int64(2); v <= 5; v++ {
			w.until(time.Duration(v) * time.Second)
			east.set(w.stateOf(v), nil)
			w.knows(t, v)
		}
		west.set(w.stateOf(5), nil)
		before := east.calls() + west.calls()
		w.until(65 * time.Second)
		if asked := east.calls() + west.calls() - before; asked < 2 || asked > 4 {
			t.Errorf("asked %d times in a minute without a change", asked)
		}
	})
}

// A region that cannot be asked is passed over at once; one that does not hear of changes, after one wait.
func TestFollowFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, east, west := following(t)
		w.knows(t, 1)
		west.set(w.stateOf(2), nil)
		w.until(25 * time.Second) // east said for 20 s that there is nothing
		w.knows(t, 2)
		west.set(w.stateOf(2), origin.ErrUnreachable)
		east.set(w.stateOf(3), nil)
		west.watchers.Wake()
		w.until(46 * time.Second)
		w.knows(t, 3)
		east.set(w.stateOf(3), origin.ErrUnreachable)
		west.set(w.stateOf(4), nil)
		w.until(67 * time.Second)
		w.knows(t, 4)
	})
}

// With nobody to ask the edge asks less and less often, and hears of what was missed when somebody is back.
func TestFollowBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, east, west := following(t)
		w.knows(t, 1)
		east.set(w.stateOf(1), origin.ErrUnreachable)
		west.set(w.stateOf(1), origin.ErrUnreachable)
		w.until(20 * time.Second)
		before := east.calls()
		w.until(80 * time.Second)
		if asked := east.calls() - before; asked < 7 || asked > 24 { // 60 s of 2.5 to 7.5 s
			t.Errorf("asked %d times in a minute", asked)
		}
		east.set(w.stateOf(2), nil)
		w.until(88 * time.Second)
		w.knows(t, 2)
	})
}

// An upstream that answers at once with nothing new, or with another event, is not asked in a loop.
func TestFollowPacesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, east, west := following(t)
		w.knows(t, 1)
		other := w.stateOf(7)
		other.ID = "other"
		east.set(other, nil)
		west.set(other, nil)
		before := east.calls() + west.calls()
		w.until(30 * time.Second)
		if asked := east.calls() + west.calls() - before; asked > 62 {
			t.Errorf("asked %d times in half a minute", asked)
		}
		w.knows(t, 1)
		if _, known := w.State("other"); known {
			t.Errorf("learnt an event that nobody asked for")
		}
	})
}

// Where nobody tells, there is nothing to follow.
func TestFollowNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&upstream{answers: []answer{unreachable}})
		w.Follow(t.Context(), "demo", rand.New(rand.NewPCG(1, 2)))
	})
}
