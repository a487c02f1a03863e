package keyvalue

import (
	"context"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// throughWait is how long a Put that is decided waits for the cache, so that the first reader finds it there.
const throughWait = 5 * time.Millisecond

// through are the rows of one Put on their way to the cache.
type through struct {
	store *Store

	mu   sync.Mutex
	left int
	done origin.Signal // made by who waits

	decided   origin.Signal // whether row 0 is committed, which was given before; nil when it was not
	committed bool
}

// set gives the cache a row.
func (t *through) set(key origin.Key, o origin.Object) {
	if n := t.node(key, o); n != nil {
		t.later(func(ctx context.Context) { t.store.fill(ctx, n, key, o); t.one() })
	}
}

// try gives the cache the only row of an object while the table commits it. Whoever finds it there meanwhile knows its digest,
// which nobody is told before. What is not committed is taken back.
func (t *through) try(key origin.Key, o origin.Object) {
	n := t.node(key, o)
	if n == nil {
		return
	}
	decided := t.store.config.Runtime.NewSignal()
	given := t.later(func(ctx context.Context) {
		t.store.fill(ctx, n, key, o)
		t.one()
		// The Put has ended by then: its time began before this.
		until := t.store.config.Runtime.Now().Add(2 * t.store.config.Timeout)
		if decided.Wait(ctx, until) == nil && !t.committed {
			t.store.fill(ctx, n, key, origin.Object{})
			t.one()
		}
	})
	if given {
		t.decided = decided
	}
}

// decide says whether what was tried is committed; false when nothing was.
func (t *through) decide(committed bool) bool {
	if t.decided == nil {
		return false
	}
	if t.committed = committed; !committed {
		t.more() // until it is taken back
	}
	t.decided.Fire()
	return true
}

// node is where a row goes; nil when there is none, or it is taken for dead.
func (t *through) node(key origin.Key, o origin.Object) *node {
	n := t.store.cache.node(key)
	if n == nil || !t.store.admits(n, key, o.Digest) {
		return nil
	}
	return n
}

// later does something for which one has to be called when it need not be waited for any more.
func (t *through) later(do func(context.Context)) bool {
	t.more()
	if t.store.later(do) {
		return true
	}
	t.store.stats.unset.Add(1)
	t.one()
	return false
}

func (t *through) more() {
	t.mu.Lock()
	t.left++
	t.mu.Unlock()
}

func (t *through) one() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left--; t.left == 0 && t.done != nil {
		t.done.Fire()
	}
}

func (t *through) wait(ctx context.Context) {
	t.mu.Lock()
	if t.left == 0 {
		t.mu.Unlock()
		return
	}
	done := t.store.config.Runtime.NewSignal()
	t.done = done
	t.mu.Unlock()
	_ = done.Wait(ctx, t.store.config.Runtime.Now().Add(throughWait)) // the rest goes on behind the caller's back
}
