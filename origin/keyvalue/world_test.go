package keyvalue_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// shelf is a node of a cache, as many ways as there are to break one.
type shelf struct {
	rt origin.Runtime

	mu    sync.Mutex
	rows  map[origin.Key]origin.Object
	room  int                 // rows; zero is without limit
	takes time.Duration       // of every call
	fails error               // of every call
	wrong bool                // gives bytes that are not what was put
	quick map[origin.Key]bool // rows that take no time and do not fail
	calls int
}

func newShelf(rt origin.Runtime) *shelf { return &shelf{rt: rt, rows: map[origin.Key]origin.Object{}} }

func (s *shelf) enter(ctx context.Context, key origin.Key) error {
	s.mu.Lock()
	s.calls++
	takes, fails := s.takes, s.fails
	if s.quick[key] {
		takes, fails = 0, nil
	}
	s.mu.Unlock()
	if err := s.rt.Sleep(ctx, takes); err != nil {
		return err
	}
	return fails
}

func (s *shelf) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := s.enter(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room > 0 && len(s.rows) >= s.room {
		clear(s.rows)
	}
	s.rows[key] = o
	return nil
}

func (s *shelf) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if err := s.enter(ctx, key); err != nil {
		return origin.Object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.rows[key]
	if !ok || o.Digest != digest {
		return origin.Object{}, origin.ErrNotFound
	}
	if s.wrong {
		return damage(o), nil
	}
	return o, nil
}

// damage turns a bit in the middle over, or where there are no bytes, the digest.
func damage(o origin.Object) origin.Object {
	if o.Body == nil {
		o.Digest++
		return o
	}
	o.Body = append([]byte(nil), o.Body...)
	o.Body[len(o.Body)/2] ^= 1
	return o
}

// object has so many bytes, which follow from a seed.
func object(size int, seed byte) origin.Object {
	var key [32]byte
	key[0] = seed
	o := origin.Object{Size: size, Body: make([]byte, size)}
	_, _ = rand.NewChaCha8(key).Read(o.Body)
	o.Digest = origin.Checksum(o.Body)
	return o
}

// slow is a table that takes its time.
type slow struct {
	origin.Store
	rt    origin.Clock
	takes time.Duration
}

func (s *slow) Put(ctx context.Context, k origin.Key, o origin.Object) error {
	if err := s.rt.Sleep(ctx, s.takes); err != nil {
		return err
	}
	return s.Store.Put(ctx, k, o)
}

func (s *slow) Get(ctx context.Context, k origin.Key, digest uint32) (origin.Object, error) {
	if err := s.rt.Sleep(ctx, s.takes); err != nil {
		return origin.Object{}, err
	}
	return s.Store.Get(ctx, k, digest)
}

// table is three replicas of rows, of which the first answers, and a script of what goes wrong.
type table struct {
	rt    origin.Runtime
	takes time.Duration // of every call

	// script says what becomes of a call: the nth of its kind for the row. Nil is nothing special.
	script func(c tableCall) outcome

	mu     sync.Mutex
	copies [3]map[origin.Key]origin.Object
	counts map[tableCall]int // with n zero
	tokens map[origin.Key]map[origin.Token]bool
	active int
	most   int // that were under way at once
}

type tableCall struct {
	kind string // put, get, from or repair
	key  origin.Key
	n    int // counted from 1
}

// outcome is what a call is to come to.
type outcome struct {
	takes  time.Duration // besides the table's time
	fails  error
	done   bool // though it fails
	hangs  bool // until its context ends
	damage bool // what is read
}

func newTable(rt origin.Runtime) *table {
	t := &table{rt: rt, takes: 10 * time.Millisecond, counts: map[tableCall]int{},
		tokens: map[origin.Key]map[origin.Token]bool{}}
	for i := range t.copies {
		t.copies[i] = map[origin.Key]origin.Object{}
	}
	return t
}

// calls is how many of a kind there were, for rows of a segment.
func (t *table) calls(kind string, key origin.Key) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[tableCall{kind, key, 0}]
}

// busy is how many calls are under way.
func (t *table) busy() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.active
}

func (t *table) call(ctx context.Context, kind string, key origin.Key, do func(o outcome) error) error {
	t.mu.Lock()
	c := tableCall{kind, key, 0}
	t.counts[c]++
	c.n = t.counts[c]
	t.active++
	t.most = max(t.most, t.active)
	var o outcome
	if t.script != nil {
		o = t.script(c)
	}
	takes := t.takes
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.active--
		t.mu.Unlock()
	}()
	if o.hangs {
		o.takes = 1000 * time.Hour
	}
	if err := t.rt.Sleep(ctx, takes+o.takes); err != nil {
		return err
	}
	if o.fails != nil && !o.done {
		return o.fails
	}
	t.mu.Lock()
	err := do(o)
	t.mu.Unlock()
	if o.fails != nil {
		return o.fails
	}
	return err
}

func (t *table) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	return t.call(ctx, "put", key, func(outcome) error {
		if t.tokens[key] == nil {
			t.tokens[key] = map[origin.Token]bool{}
		}
		t.tokens[key][o.Token] = true
		if old, ok := t.copies[0][key]; ok {
			if old.Digest != o.Digest || old.Size != o.Size {
				return origin.ErrExists
			}
			return nil
		}
		for i := range t.copies {
			t.copies[i][key] = o
		}
		return nil
	})
}

func (t *table) Get(ctx context.Context, key origin.Key, digest uint32) (o origin.Object, err error) {
	return t.read(ctx, "get", 0, key, digest)
}

func (t *table) read(ctx context.Context, kind string, from int, key origin.Key, digest uint32,
) (o origin.Object, err error) {
	err = t.call(ctx, kind, key, func(c outcome) error {
		got, ok := t.copies[from][key]
		if !ok || got.Digest != digest {
			return origin.ErrNotFound
		}
		if o = got; c.damage {
			o = damage(o)
		}
		return nil
	})
	return o, err
}

// replicated is a table whose replicas can be asked one by one.
type replicated struct{ *table }

func (r replicated) GetFrom(ctx context.Context, i int, key origin.Key, digest uint32) (origin.Object, error) {
	if i >= len(r.copies) {
		return origin.Object{}, origin.ErrNotFound
	}
	return r.read(ctx, "from", i, key, digest)
}

func (r replicated) Repair(ctx context.Context, key origin.Key, o origin.Object) error {
	return r.call(ctx, "repair", key, func(outcome) error {
		for i := range r.copies {
			r.copies[i][key] = o
		}
		return nil
	})
}
