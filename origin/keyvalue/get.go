package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/liveorigin/liveorigin/origin"
)

// Get implements origin.Store. Its errors, besides those of the seam: ErrDamaged when a row of the object is lost.
func (s *Store) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	s.stats.gets.Add(1)
	if o, ok := s.recent.get(key, digest); ok {
		s.stats.recent.Add(1)
		return o, nil
	}
	o, from, err := s.share(ctx, wanted{key, digest})
	switch {
	case err == nil:
		s.stats.from[from].Add(1)
	case errors.Is(err, origin.ErrNotFound):
		s.stats.notFound.Add(1)
	default:
		s.stats.failed.Add(1)
	}
	return o, err
}

// Remembers implements origin.Remembering.
func (s *Store) Remembers(key origin.Key, digest uint32) bool {
	_, ok := s.recent.get(key, digest)
	return ok
}

// Remembered implements origin.Remembering.
func (s *Store) Remembered(key origin.Key, digest uint32) (origin.Object, bool) {
	o, ok := s.recent.get(key, digest)
	if ok {
		s.stats.gets.Add(1)
		s.stats.recent.Add(1)
	}
	return o, ok
}

var _ origin.Remembering = (*Store)(nil)

// source is who answered a Get.
type source int

const (
	fromCache source = iota
	fromTable
	fromOther // a Get of the same object
	sources
)

// fetch reads an object from the cache, and from the table what is not there.
func (s *Store) fetch(ctx context.Context, w wanted) (origin.Object, source, error) {
	switch {
	case ctx.Err() != nil:
		return origin.Object{}, 0, ctx.Err()
	case s.config.Context.Err() != nil:
		return origin.Object{}, 0, s.config.Context.Err()
	case w.key.Part != 0:
		return origin.Object{}, 0, origin.ErrNotFound
	}
	c := s.begin(ctx)
	defer c.end()
	first, from, err := s.find(c.ctx, w, nil, nil)
	o := first.Object
	if err == nil && first.index != nil {
		o, from, err = s.gather(c, w, first, from)
	}
	if err != nil {
		return origin.Object{}, 0, c.error(err)
	}
	s.recent.keep(w.key, o)
	return o, from, nil
}

// find gets a row from the cache, perhaps into a buffer, or else from the table. The node of the cache is then given it,
// if it has answered.
func (s *Store) find(ctx context.Context, w wanted, of *index, into []byte) (row, source, error) {
	n := s.cache.node(w.key)
	there := n != nil && s.admits(n, w.key, w.digest)
	if there {
		r, found, err := s.look(ctx, n, w, of, into)
		if found {
			return r, fromCache, nil
		}
		there = answered(err)
	}
	r, err := s.read(ctx, w, of)
	if err == nil && there && !s.later(func(ctx context.Context) { s.fill(ctx, n, w.key, r.Object) }) {
		s.stats.unset.Add(1)
	}
	return r, fromTable, err
}

// gather reads an object's chunks side by side, from the cache straight to their places. It comes from the table when one
// of its rows did. The body is handed out only when all of these calls have returned, so that none writes to it any more.
func (s *Store) gather(c *call, w wanted, first row, from source) (origin.Object, source, error) {
	x := first.index
	o := first.Object
	o.Body, o.Size, o.Digest, o.Flaws = nil, x.size, x.digest, x.flaws
	if !x.bodiless {
		o.Body = make([]byte, x.size)
	}
	var missed atomic.Bool
	err := c.beside(len(x.chunks), func(ctx context.Context, i int) error {
		k := w.key
		k.Part = i + 1
		var place []byte // the chunk's own: what a node takes for the chunk cannot run over into the next
		if !x.bodiless {
			from, to := x.span(i)
			place = o.Body[from:to:to]
		}
		r, source, err := s.find(ctx, wanted{k, x.chunks[i]}, x, place)
		if err != nil {
			return err
		}
		if source == fromTable {
			missed.Store(true)
		}
		if len(place) > 0 && &r.Body[0] != &place[0] {
			copy(place, r.Body)
		}
		return nil
	})
	if missed.Load() {
		from = fromTable
	}
	if err == nil && !x.bodiless && origin.Checksum(o.Body) != w.digest {
		err = fmt.Errorf("%d chunks that are not the object's: %w", len(x.chunks), ErrDamaged)
	}
	return o, from, err
}
