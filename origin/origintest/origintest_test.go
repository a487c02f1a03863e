package origintest_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/origintest"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func memory(_ *testing.T, rt origin.Runtime) origin.Store { return origin.NewMemory(rt, 1<<30) }

// The simplest store there is passes on every clock.
func TestMemory(t *testing.T) {
	t.Run("bubble", func(t *testing.T) { origintest.Run(t, origintest.Subject{New: memory, Rows: true, Clock: bubble}) })
	t.Run("loop", func(t *testing.T) { origintest.Run(t, origintest.Subject{New: memory, Rows: true, Clock: virtual}) })
	t.Run("sizes", func(t *testing.T) {
		origintest.Run(t, origintest.Subject{New: memory, Rows: true, Clock: virtual, Bodiless: true})
	})
	t.Run("cache", func(t *testing.T) {
		forgets := func(_ *testing.T, rt origin.Runtime) origin.Store { return &newest{clock: rt} }
		origintest.Run(t, origintest.Subject{New: forgets, Rows: true, Clock: virtual, Cache: true})
	})
}

func bubble(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		test(t, rt)
		rt.Join()
	})
}

func virtual(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	l := loop.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	defer l.Close()
	l.Go(func() { test(t, l) })
	if err := l.Settle(1_000_000); err != nil {
		t.Error(err)
	}
}

// newest is a cache with room for one row.
type newest struct {
	clock  origin.Clock
	mu     sync.Mutex
	key    origin.Key
	object origin.Object
}

func (n *newest) Put(_ context.Context, key origin.Key, o origin.Object) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.key, n.object = key, o
	return nil
}

func (n *newest) Get(_ context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if key != n.key || digest != n.object.Digest || n.object.Body == nil {
		return origin.Object{}, origin.ErrNotFound
	}
	return n.object, nil
}
