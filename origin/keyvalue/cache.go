package keyvalue

import (
	"context"
	"errors"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
)

// cache is some nodes, among which rows are spread.
type cache struct {
	nodes []*node
	ring  ring
}

// node is one of them, and what is known of its health.
type node struct {
	store origin.Store

	mu      sync.Mutex
	breaker breaker
}

func newCache(stores []origin.Store) cache {
	c := cache{ring: newRing(len(stores))}
	for _, store := range stores {
		c.nodes = append(c.nodes, &node{store: store})
	}
	return c
}

// node is where a row belongs; nil when there is no cache. It stays there when the node is dead: the others keep what
// they have, and the table, which was made for it, bears the rest.
func (c *cache) node(key origin.Key) *node {
	if len(c.nodes) == 0 {
		return nil
	}
	return c.nodes[c.ring.owner(key)]
}

// admits says whether a node may be asked for a row. One that is taken for dead is spared, and now and then asked behind
// the caller's back whether it is there again.
func (s *Store) admits(n *node, key origin.Key, digest uint32) bool {
	n.mu.Lock()
	ok, probe := n.breaker.admits(s.config.Runtime.Now())
	n.mu.Unlock()
	if !ok {
		s.stats.away.Add(1)
	}
	if probe {
		s.later(func(ctx context.Context) {
			_ = s.ask(ctx, n, func(ctx context.Context) error {
				_, err := n.store.Get(ctx, key, digest)
				return err
			})
		})
	}
	return ok
}

// ask calls a node, for as long as the cache is waited for, and takes in what that says of its health. It returns when the
// call has: one that was given up may be writing to a buffer until then.
func (s *Store) ask(parent context.Context, n *node, call func(context.Context) error) error {
	began := s.config.Runtime.Now()
	ctx, cancel := s.config.Runtime.WithCancel(parent)
	var a alarm
	s.patience.set(&a, cancel)
	err := call(ctx)
	s.patience.stop(&a)
	cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case answered(err):
		n.breaker.succeeded()
	case parent.Err() == nil: // else the caller has left, which says nothing of the node
		n.breaker.failed(began, s.config.Runtime.Now())
	}
	return err
}

// look asks a node for a row, perhaps into a buffer. What it has that is not right counts as not there.
func (s *Store) look(ctx context.Context, n *node, w wanted, of *index, into []byte) (r row, found bool, err error) {
	var o origin.Object
	err = s.ask(ctx, n, func(ctx context.Context) (err error) {
		if filler, ok := n.store.(Filler); ok && len(into) > 0 {
			o, err = filler.GetInto(ctx, w.key, w.digest, into)
		} else {
			o, err = n.store.Get(ctx, w.key, w.digest)
		}
		return err
	})
	if err != nil {
		return row{}, false, err
	}
	if r, found = w.open(o, of); !found {
		s.stats.wrong.Add(1)
	}
	return r, found, nil
}

// fill gives a node a row.
func (s *Store) fill(ctx context.Context, n *node, key origin.Key, o origin.Object) {
	_ = s.ask(ctx, n, func(ctx context.Context) error {
		err := n.store.Put(ctx, key, o)
		if err == nil || errors.Is(err, origin.ErrTimeout) || errors.Is(err, origin.ErrUnreachable) || ctx.Err() != nil {
			return err
		}
		s.stats.unset.Add(1)
		return nil // it is there, and does not want this row
	})
}
