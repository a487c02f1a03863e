package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// wanted names a row, or the object of which it is the first.
type wanted struct {
	key    origin.Key
	digest uint32
}

// row is one that was read and found to be right. Of row 0, index says what it is an index of; nil when it is the object.
type row struct {
	origin.Object
	index *index
}

// open looks whether a row is what was wanted: row 0, or a chunk of the object with an index.
func (w wanted) open(o origin.Object, of *index) (row, bool) {
	if of != nil {
		from, to := of.span(w.key.Part - 1)
		return row{Object: o}, o.Size == to-from && w.sound(o) && (o.Body == nil) == of.bodiless
	}
	if x, err := decode(o.Body); err == nil && x.digest == w.digest {
		return row{o, x}, true
	}
	return row{Object: o}, w.sound(o)
}

// sound says whether a row's bytes are those of the digest. What has no bytes, only a size, has to be believed.
func (w wanted) sound(o origin.Object) bool {
	if o.Body == nil {
		return o.Digest == w.digest
	}
	return o.Size == len(o.Body) && origin.Checksum(o.Body) == w.digest
}

// A row is tried so often within the time of its call, with pauses that double.
const (
	mostTries  = 8
	firstPause = 5 * time.Millisecond
)

// answered says whether an attempt has settled a matter, be it to refuse.
func answered(err error) bool {
	return err == nil || errors.Is(err, origin.ErrExists) || errors.Is(err, origin.ErrNotFound)
}

// insist makes attempts at a row of the table until one of them is answered. All write or read the same.
func (s *Store) insist(ctx context.Context, attempt func(context.Context) (row, error)) (r row, err error) {
	pause := firstPause
	for try := 1; ; try++ {
		r, err = s.hedged(ctx, attempt)
		if answered(err) || ctx.Err() != nil || try == mostTries {
			return r, err
		}
		if wait := s.config.Runtime.Sleep(ctx, pause); wait != nil {
			return row{}, wait
		}
		pause *= 2
		s.stats.retries.Add(1)
	}
}

// hedge is a first attempt that goes on in its caller's coroutine, and perhaps a second beside it.
type hedge struct {
	store   *Store
	parent  context.Context
	attempt func(context.Context) (row, error)
	alarm   alarm
	yield   context.CancelFunc // ends the first

	mu     sync.Mutex
	over   bool          // too late for a second
	done   origin.Signal // of the second; nil when there is none
	cancel context.CancelFunc
	row    row
	err    error
}

// hedged makes an attempt, and a second beside it when the first takes long. The first to be answered wins, and ends the
// other.
func (s *Store) hedged(ctx context.Context, attempt func(context.Context) (row, error)) (row, error) {
	if s.config.HedgeAfter < 0 {
		return attempt(ctx)
	}
	h := &hedge{store: s, parent: ctx, attempt: attempt}
	first, yield := s.config.Runtime.WithCancel(ctx)
	h.yield = yield
	s.hedges.set(&h.alarm, h.begin)
	r, err := attempt(first)
	s.hedges.stop(&h.alarm)
	yield()
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	if h.done == nil {
		return r, err
	}
	defer h.cancel()
	if answered(err) {
		return r, err
	}
	// The first has failed, or it was ended by the second, which the call's time limit ends too.
	if late := h.done.Wait(ctx, s.config.Runtime.Now().Add(s.config.Timeout)); late != nil {
		return row{}, late
	}
	return h.row, h.err
}

// begin starts the second attempt.
func (h *hedge) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.parent.Err() != nil || h.store.config.Context.Err() != nil {
		return
	}
	h.store.stats.hedges.Add(1)
	var ctx context.Context
	ctx, h.cancel = h.store.config.Runtime.WithCancel(h.parent)
	h.done = h.store.config.Runtime.NewSignal()
	h.store.config.Runtime.Go(func() {
		h.row, h.err = h.attempt(ctx)
		if answered(h.err) {
			h.yield()
		}
		h.done.Fire()
	})
}

// write puts a row into the table.
func (s *Store) write(ctx context.Context, key origin.Key, o origin.Object) error {
	_, err := s.insist(ctx, func(ctx context.Context) (row, error) { return row{}, s.config.Table.Put(ctx, key, o) })
	return err
}

// read gets a row from the table. Row 0 may be missing; a chunk of an object with an index may not.
func (s *Store) read(ctx context.Context, w wanted, of *index) (row, error) {
	return s.insist(ctx, func(ctx context.Context) (row, error) {
		o, err := s.config.Table.Get(ctx, w.key, w.digest)
		if err == nil {
			if r, ok := w.open(o, of); ok {
				return r, nil
			}
			s.stats.damaged.Add(1)
		} else if of == nil || !errors.Is(err, origin.ErrNotFound) {
			return row{}, err
		}
		return s.mend(ctx, w, of)
	})
}

// mostReplicas is how many replicas of a row are asked for it, if there are so many.
const mostReplicas = 5

// mend looks for a row that is missing or damaged on every replica, and lets a good copy be written over the others.
func (s *Store) mend(ctx context.Context, w wanted, of *index) (row, error) {
	if table, ok := s.config.Table.(Replicated); ok {
		for i := range mostReplicas {
			o, err := table.GetFrom(ctx, i, w.key, w.digest)
			if err != nil {
				continue // the next may have it
			}
			if r, ok := w.open(o, of); ok {
				s.repair(table, w.key, o)
				return r, nil
			}
		}
	}
	return row{}, fmt.Errorf("row %d: %w", w.key.Part, ErrDamaged)
}

func (s *Store) repair(table Replicated, key origin.Key, o origin.Object) {
	s.later(func(ctx context.Context) {
		c := s.begin(ctx)
		defer c.end()
		if table.Repair(c.ctx, key, o) == nil {
			s.stats.repaired.Add(1)
		}
	})
}
