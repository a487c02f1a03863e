package origintest

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// roundTrip puts objects around every size at which something may begin to be cut, and reads them twice.
func roundTrip(w *world) {
	const chunk = 512 << 10
	found := 0
	sizes := []int{1, 2, 255, 1000, 64 << 10, chunk - 1, chunk, chunk + 1, 3 << 20, 20 << 20}
	for i, size := range sizes {
		if size > w.MaxBody {
			break
		}
		o := w.object(size, uint64(i))
		w.put(w.store, w.key(i), o)
		first := w.get(w.store, w.key(i), o)
		if again := w.get(w.store, w.key(i), o); first && again {
			found++
		}
	}
	if found == 0 {
		w.Errorf("nothing that was put was read")
	}
}

func sameAgain(w *world) {
	o := w.object(1000, 1)
	again := o
	again.Token.Nonce++ // that of another write
	for _, o := range []origin.Object{o, o, again} {
		w.put(w.store, w.key(1), o)
	}
	w.get(w.store, w.key(1), o)
}

func notFound(w *world) {
	o := w.object(1000, 1)
	w.gone(w.store, w.key(1), o.Digest)
	w.put(w.store, w.key(1), o)
	w.gone(w.store, w.key(1), o.Digest+1)
	w.gone(w.store, w.key(1), 0)
	w.gone(w.store, w.key(2), o.Digest)
	w.get(w.store, w.key(1), o)
}

// otherBytes are refused, whatever their size and whoever brings them, and what was there first stays.
func otherBytes(w *world) {
	for i, size := range []int{1000, 1 << 20} {
		first := w.object(size, 1)
		w.put(w.store, w.key(i), first)
		for seed, size := range []int{1000, 1, 1 << 20} {
			other := w.object(size, uint64(seed+2))
			for _, s := range []origin.Store{w.store, w.other} {
				if err := s.Put(context.Background(), w.key(i), other); !errors.Is(err, origin.ErrExists) {
					w.Errorf("put of %d other bytes over %d: %v, want ErrExists", other.Size, first.Size, err)
				}
			}
			w.gone(w.store, w.key(i), other.Digest)
		}
		w.get(w.store, w.key(i), first)
		w.put(w.other, w.key(i), first)
	}
}

// newerBytes may be taken or not, but what is read is what was asked for.
func newerBytes(w *world) {
	first, second := w.object(1000, 1), w.object(2000, 2)
	w.put(w.store, w.key(1), first)
	err := w.store.Put(context.Background(), w.key(1), second)
	switch {
	case w.Cache && err != nil:
		w.Errorf("put of newer bytes: %v; a cache refuses nothing", err)
	case !w.Cache && !errors.Is(err, origin.ErrExists):
		w.Errorf("put of newer bytes: %v, want ErrExists", err)
	}
	for _, o := range []origin.Object{first, second} {
		got, err := w.store.Get(context.Background(), w.key(1), o.Digest)
		if err == nil && !same(got, o) {
			w.Errorf("asked for %s, got %s", describe(o), describe(got))
		}
	}
}

// writers with different bytes for one key come at once, by way of two clients. Nobody has to win, but whoever was told
// yes is the only one, is read by both, and stays.
func writers(n int) func(w *world) {
	return func(w *world) {
		for round, size := range []int{1, 1000, 1 << 20} {
			key, told := w.key(round), make([]error, n)
			clients := []origin.Store{w.store, w.other}
			w.beside(n, func(i int) {
				told[i] = clients[i%2].Put(context.Background(), key, w.object(size+i, uint64(i)))
			})
			winner := -1
			for i, err := range told {
				switch {
				case err == nil && winner >= 0:
					w.Errorf("writers %d and %d of %d were both told yes", winner, i, n)
				case err == nil:
					winner = i
				}
			}
			if winner < 0 {
				continue
			}
			won := w.object(size+winner, uint64(winner))
			for _, s := range clients {
				w.get(s, key, won)
				w.put(s, key, won)
				if err := s.Put(context.Background(), key, w.object(size, 99)); !errors.Is(err, origin.ErrExists) {
					w.Errorf("put over the winner's bytes: %v, want ErrExists", err)
				}
			}
		}
	}
}

func sameWriters(w *world) {
	clients := []origin.Store{w.store, w.other}
	for round, size := range []int{1000, 1 << 20} {
		o := w.object(size, 1)
		w.beside(8, func(i int) {
			mine := o
			mine.Token.Nonce += uint64(i)
			w.put(clients[i%2], w.key(round), mine)
			w.get(clients[i%2], w.key(round), o)
		})
	}
}

// keys that differ in one field only, or that would be the same if their fields were strung together, name different
// objects. Names may have any characters, and numbers any size.
func keys(w *world) {
	var all []origin.Key
	add := func(event, rendition, pipeline string, n origin.SegmentNumber) {
		all = append(all, origin.Key{Event: w.event + event, Rendition: rendition, Pipeline: pipeline, Number: n})
	}
	for _, s := range []string{"x", "X", "x/y", "x y", "x:y", "x\ny", "x\x00y", "x'y\"", "%s", "ü", "日本", "x\u0301",
		strings.Repeat("x", 300), strings.Repeat("x", 299) + "y"} {
		add(s, "v", "a", 1)
		add("", s, "a", 1)
		add("", "v", s, 1)
	}
	for _, joint := range []string{"/", ":", "-", "_", ".", "\x00", " ", "1"} {
		add("", "p"+joint+"q", "r", 1)
		add("", "p", "q"+joint+"r", 1)
		add(joint+"p", "q", "r", 1)
	}
	for _, s := range [][2]string{{"ab", "c"}, {"a", "bc"}} { // which nothing between fields does not tell apart
		add("/"+s[0], s[1], "p", 1)
		add("/", s[0], s[1], 1)
		add("/", s[1], s[0], 1)
	}
	add("/", "v", "a1", 2)
	add("/", "v", "a", 12)
	for _, n := range []origin.SegmentNumber{origin.Header, 0, 2, 10, 4095, 4096, math.MaxInt32, math.MaxInt32 + 1,
		math.MaxUint32, math.MaxUint32 + 1, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64} {
		add("", "v", "a", n)
	}
	w.apart(all)
}

func parts(w *world) {
	var all []origin.Key
	for part := range 41 {
		for n := range 2 {
			k := w.key(n)
			k.Part = part
			all = append(all, k)
		}
	}
	w.apart(all)
}

// apart puts different bytes under every key, and expects them there and nowhere else.
func (w *world) apart(all []origin.Key) {
	w.Helper()
	objects := make([]origin.Object, len(all))
	for i, k := range all {
		objects[i] = w.object(100+i%3, uint64(i))
		w.put(w.store, k, objects[i])
	}
	found := 0
	for i, k := range all {
		if w.get(w.store, k, objects[i]) {
			found++
		}
		w.gone(w.store, k, objects[(i+1)%len(all)].Digest)
	}
	if found == 0 {
		w.Errorf("nothing that was put was read")
	}
}

// index is a row whose digest is that of what it is an index of, and whose bytes are its own. In virtual time it has
// bytes too, and the object's flaws.
func index(w *world) {
	o := w.object(1000, 1)
	o.Body, o.Size = []byte("chunks and their digests"), len("chunks and their digests")
	w.put(w.store, w.key(1), o)
	w.get(w.store, w.key(1), o)
}

// expiry: an object is there until it expires, and then it may be gone and may come again, but it is never another. Of some
// stores it has to be gone.
func expiry(w *world) {
	const life = 3 * time.Second
	o, other := w.object(1000, 1), w.object(1001, 2)
	o.ExpiresAt = w.rt.Now().Add(life)
	other.ExpiresAt = o.ExpiresAt.Add(time.Hour)
	w.put(w.store, w.key(1), o)
	_ = w.rt.Sleep(context.Background(), life/3)
	w.get(w.store, w.key(1), o)
	_ = w.rt.Sleep(context.Background(), life+time.Second) // two seconds too many, for what counts whole ones
	got, err := w.store.Get(context.Background(), w.key(1), o.Digest)
	if err == nil && !same(got, o) || err != nil && !errors.Is(err, origin.ErrNotFound) {
		w.Errorf("expired: %s, %v", describe(got), err)
	}
	if w.Expires && err == nil {
		w.Errorf("expired two seconds ago, and still there: %s", describe(got))
	}
	if err := w.store.Put(context.Background(), w.key(1), other); err == nil {
		w.get(w.store, w.key(1), other)
	} else if !errors.Is(err, origin.ErrExists) {
		w.Errorf("put over expired bytes: %v", err)
	}
}

// cancelled calls come back, with an error or with what is right, whenever they are cancelled; and the store is none the
// worse.
func cancelled(w *world) {
	there := w.object(1000, 1)
	w.put(w.store, w.key(0), there)
	for i, wait := range []time.Duration{-1, 0, time.Microsecond, 100 * time.Microsecond, time.Millisecond} {
		key, o := w.key(i+1), w.object(1<<20, uint64(i+2))
		ctx, cancel := w.rt.WithCancel(context.Background())
		if wait < 0 {
			cancel()
		}
		var took atomic.Bool
		began := w.rt.Now()
		w.beside(3, func(i int) {
			switch i {
			case 0:
				took.Store(w.store.Put(ctx, key, o) == nil)
			case 1:
				if got, err := w.store.Get(ctx, w.key(0), there.Digest); err == nil && !same(got, there) {
					w.Errorf("a cancelled get gives %s", describe(got))
				}
			default:
				_ = w.rt.Sleep(context.Background(), wait)
				cancel()
			}
		})
		if late := w.rt.Now().Sub(began); late > patience/4 {
			w.Errorf("cancelled after %v, and back after %v", wait, late)
		}
		if took.Load() {
			w.get(w.store, key, o)
		}
		w.put(w.store, key, o)
		w.get(w.store, key, o)
	}
	w.get(w.store, w.key(0), there)
}

func secondHandle(w *world) {
	found := 0
	for i := range 20 {
		from, to := w.store, w.other
		if i%2 == 1 {
			from, to = to, from
		}
		o := w.object(1000+i*50_000, uint64(i))
		w.put(from, w.key(i), o)
		if w.get(to, w.key(i), o) {
			found++
		}
	}
	if found == 0 {
		w.Errorf("nothing that one client put was read by the other")
	}
}

// crowd writes and reads at once, everybody everything.
func crowd(w *world) {
	const objects, callers = 16, 8
	clients := []origin.Store{w.store, w.other}
	w.beside(callers, func(i int) {
		for n := range objects {
			n = (n + 3*i) % objects
			o := w.object(1000+n*60_000, uint64(n))
			w.put(clients[i%2], w.key(n), o)
			w.get(clients[(i+n)%2], w.key(n), o)
			w.gone(clients[(i+n)%2], w.key(n+objects), o.Digest)
		}
	})
}
