package origintest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/liveorigin/liveorigin/origin"
)

// collector takes down what the suite complains about.
type collector struct {
	mu   sync.Mutex
	said []string
}

func (*collector) Helper() {}

func (c *collector) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// bug is a store of rows with something wrong with it.
type bug struct {
	origin.Store
	put func(s origin.Store, key origin.Key, o origin.Object) error
	get func(s origin.Store, key origin.Key, digest uint32) (origin.Object, error)
}

func (b *bug) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if b.put != nil {
		return b.put(b.Store, key, o)
	}
	return b.Store.Put(ctx, key, o)
}

func (b *bug) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if b.get != nil {
		return b.get(b.Store, key, digest)
	}
	return b.Store.Get(ctx, key, digest)
}

// put and get call a store under a context that does not end.
func put(s origin.Store, key origin.Key, o origin.Object) error {
	return s.Put(context.Background(), key, o)
}

func get(s origin.Store, key origin.Key, digest uint32) (origin.Object, error) {
	return s.Get(context.Background(), key, digest)
}

// renamed is a store that takes some keys for others.
func renamed(same func(k *origin.Key)) *bug {
	return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error { same(&k); return put(s, k, o) },
		get: func(s origin.Store, k origin.Key, d uint32) (origin.Object, error) { same(&k); return get(s, k, d) }}
}

// given is a store that gives what was put changed.
func given(change func(o *origin.Object)) *bug {
	return &bug{get: func(s origin.Store, k origin.Key, d uint32) (origin.Object, error) {
		o, err := get(s, k, d)
		if err == nil {
			change(&o)
		}
		return o, err
	}}
}

// bugs are planted, each for a check that has to notice it.
var bugs = []struct {
	what  string
	check string
	plant func() *bug
}{
	{"a bit turned over", "what was put is read", func() *bug {
		return given(func(o *origin.Object) { o.Body = append([]byte(nil), o.Body...); o.Body[len(o.Body)-1] ^= 1 })
	}},
	{"a byte too few", "what was put is read", func() *bug {
		return given(func(o *origin.Object) { o.Body, o.Size = o.Body[1:], o.Size-1 })
	}},
	{"large bodies get lost", "what was put is read", func() *bug {
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error {
			if o.Size > 512<<10 {
				return nil
			}
			return put(s, k, o)
		}}
	}},
	{"the same again is refused", "the same again is welcome", func() *bug {
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error {
			if _, err := get(s, k, o.Digest); err == nil {
				return origin.ErrExists
			}
			return put(s, k, o)
		}}
	}},
	{"any digest will do", "what nobody put is not found", func() *bug {
		last := map[origin.Key]uint32{}
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error { last[k] = o.Digest; return put(s, k, o) },
			get: func(s origin.Store, k origin.Key, _ uint32) (origin.Object, error) { return get(s, k, last[k]) }}
	}},
	{"the last writer wins", "other bytes are refused", overwrites},
	{"the last writer wins", "of two writers at most one is told yes", overwrites},
	{"the last writer wins", "of sixteen writers at most one is told yes", overwrites},
	{"other bytes are dropped without a word", "other bytes are refused", func() *bug {
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error { _ = put(s, k, o); return nil }}
	}},
	{"the winner's bytes get lost", "of two writers at most one is told yes", func() *bug {
		var mu sync.Mutex
		told := map[origin.Key]bool{}
		return &bug{put: func(_ origin.Store, k origin.Key, _ origin.Object) error {
			mu.Lock()
			defer mu.Unlock()
			if told[k] {
				return origin.ErrExists
			}
			told[k] = true
			return nil
		}}
	}},
	{"other writers of the same are refused", "writers of the same agree", func() *bug {
		var mu sync.Mutex
		nonces := map[origin.Key]uint64{}
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error {
			mu.Lock()
			defer mu.Unlock()
			if n, ok := nonces[k]; ok && n != o.Token.Nonce {
				return origin.ErrExists
			}
			nonces[k] = o.Token.Nonce
			return put(s, k, o)
		}}
	}},
	{"events are one", "every field of a key counts", func() *bug { return renamed(func(k *origin.Key) { k.Event = "" }) }},
	{"renditions are one", "every field of a key counts", func() *bug { return renamed(func(k *origin.Key) { k.Rendition = "" }) }},
	{"pipelines are one", "every field of a key counts", func() *bug { return renamed(func(k *origin.Key) { k.Pipeline = "" }) }},
	{"numbers of 32 bits", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Number = origin.SegmentNumber(int32(k.Number)) })
	}},
	{"the header is segment 0", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Number = max(k.Number, 0) })
	}},
	{"names with nothing between", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Event, k.Rendition, k.Pipeline = k.Event+k.Rendition+k.Pipeline, "", "" })
	}},
	{"names in another order, with nothing between", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Rendition, k.Pipeline = k.Pipeline+k.Rendition, "" })
	}},
	{"a number right behind a name", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Pipeline, k.Number = k.Pipeline+strconv.Itoa(int(k.Number)), 0 })
	}},
	{"fields strung together", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Event, k.Rendition, k.Pipeline = k.Event+"/"+k.Rendition+"/"+k.Pipeline, "", "" })
	}},
	{"long names cut", "every field of a key counts", func() *bug {
		return renamed(func(k *origin.Key) { k.Rendition = k.Rendition[:min(len(k.Rendition), 255)] })
	}},
	{"parts are one", "parts are apart", func() *bug { return renamed(func(k *origin.Key) { k.Part = 0 }) }},
	{"indexes under their own digest", "an index has its object's digest", func() *bug {
		return given(func(o *origin.Object) { o.Digest = origin.Checksum(o.Body) })
	}},
	{"expires early", "nothing expires early or turns into something else", func() *bug {
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error {
			if !o.ExpiresAt.IsZero() {
				return nil
			}
			return put(s, k, o)
		}}
	}},
	{"stuck by a cancelled call", "a cancelled call breaks nothing", func() *bug {
		var mu sync.Mutex
		puts := 0
		return &bug{put: func(s origin.Store, k origin.Key, o origin.Object) error {
			mu.Lock()
			defer mu.Unlock()
			if puts++; puts > 2 {
				return origin.ErrTimeout
			}
			return put(s, k, o)
		}}
	}},
	{"slow to show", "many at once", func() *bug {
		var mu sync.Mutex
		gets := 0
		return &bug{get: func(s origin.Store, k origin.Key, d uint32) (origin.Object, error) {
			mu.Lock()
			defer mu.Unlock()
			if gets++; gets%13 == 0 { // often enough to meet a row that is there, whatever the order
				return origin.Object{}, origin.ErrNotFound
			}
			return get(s, k, d)
		}}
	}},
}

func overwrites() *bug {
	var mu sync.Mutex
	rows := map[origin.Key]origin.Object{}
	return &bug{
		put: func(_ origin.Store, k origin.Key, o origin.Object) error {
			mu.Lock()
			defer mu.Unlock()
			rows[k] = o
			return nil
		},
		get: func(_ origin.Store, k origin.Key, d uint32) (origin.Object, error) {
			mu.Lock()
			defer mu.Unlock()
			if o, ok := rows[k]; ok && o.Digest == d {
				return o, nil
			}
			return origin.Object{}, origin.ErrNotFound
		}}
}

// The suite notices every planted bug, and by the check that it is for.
func TestPlantedBugs(t *testing.T) {
	noticed := map[string]bool{}
	for _, b := range bugs {
		t.Run(b.what+"/"+b.check, func(t *testing.T) {
			if said := complaints(t, b.check, Subject{Rows: true, New: func(_ *testing.T, rt origin.Runtime) origin.Store {
				s := b.plant()
				s.Store = origin.NewMemory(rt, 1<<30)
				return s
			}}); len(said) == 0 {
				t.Error("nobody complains")
			}
		})
		noticed[b.check] = true
	}
	// A second client that sees nothing of what the first does, and a cache that is none.
	if said := complaints(t, "another client reads what was written", Subject{Rows: true, New: memory,
		Again: func(t *testing.T, _ origin.Store) origin.Store { return memory(t, new(origin.Wall)) }}); len(said) == 0 {
		t.Error("nobody complains about two stores that are said to be one")
	}
	forgets := func(t *testing.T, rt origin.Runtime) origin.Store {
		return &bug{Store: memory(t, rt), put: func(origin.Store, origin.Key, origin.Object) error { return nil }}
	}
	if said := complaints(t, "what was put is read", Subject{Cache: true, New: forgets}); len(said) == 0 {
		t.Error("nobody complains about a cache that forgets everything")
	}
	if said := complaints(t, "a cache takes the newer", Subject{Cache: true, New: memory}); len(said) == 0 {
		t.Error("nobody complains about a cache that refuses")
	}
	noticed["another client reads what was written"], noticed["a cache takes the newer"] = true, true
	for _, c := range checks {
		if !noticed[c.name] {
			t.Errorf("no bug is planted for %q", c.name)
		}
	}
}

func memory(_ *testing.T, rt origin.Runtime) origin.Store { return origin.NewMemory(rt, 1<<30) }

// complaints runs one check of the suite against a subject, and returns what it complains about.
func complaints(t *testing.T, name string, s Subject) []string {
	s.MaxBody, s.Clock = 2<<20, func(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
		synctest.Test(t, func(t *testing.T) {
			rt := new(origin.Wall)
			test(t, rt)
			rt.Join()
		})
	}
	for _, c := range checks {
		if c.name == name {
			said := new(collector)
			s.clock(t, func(t *testing.T, rt origin.Runtime) { c.test(s.world(t, rt, said)) })
			return said.said
		}
	}
	t.Fatalf("no check is called %q", name)
	return nil
}
