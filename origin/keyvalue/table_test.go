package keyvalue_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/bits"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

var errBroken = errors.New("broken")

// Rows are what the package comment says, and take the time of those that have to wait for each other.
func TestRows(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.put("one row", number(1), small, 10*ms, nil)
		w.put("chunks, then the index", number(2), large, 20*ms, nil)
		w.get("one row", number(1), small, 10*ms, nil)
		w.get("the index, then chunks", number(2), large, 20*ms, nil)
		w.get("unknown", number(3), large, 10*ms, origin.ErrNotFound)
		w.get("other bytes", number(2), small, 10*ms, origin.ErrNotFound)
		w.put("other bytes", number(1), large, 30*ms, origin.ErrExists) // chunks, index, and a look at what is there
		w.put("the same", number(1), small, 10*ms, nil)
		if n := keyvalue.Alarms(w.store); n != 0 {
			t.Errorf("%d alarms are set, and nothing is under way", n)
		}
		rows := w.table.copies[0]
		if got := rows[number(1)]; !equal(got, small) {
			t.Errorf("inline: %d bytes", got.Size)
		}
		if got := rows[part(number(2), 4)]; got.Size != 1 || got.Body[0] != large.Body[3000] {
			t.Errorf("the last chunk: %d bytes", got.Size)
		}
		if got := rows[number(2)]; got.Digest != large.Digest || got.Size != len(got.Body) || got.Size == large.Size {
			t.Errorf("the index: %d bytes with digest %08x", got.Size, got.Digest)
		}
		w.expect(keyvalue.Stats{Puts: 4, Refused: 1, Gets: 4, TableReads: 2, NotFound: 2})
	})
}

// All rows of a write, and all its tries, bear one token; another write bears another; one that the caller made stays.
func TestTokens(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.table.script = func(c tableCall) outcome {
			if c.n == 1 {
				return outcome{fails: errBroken, done: c.key.Part%2 == 0}
			}
			return outcome{}
		}
		w.put("tried twice", number(1), large, 50*ms, nil)
		theirs := large
		theirs.Token = origin.Token{Time: epoch, Nonce: 1}
		w.put("the caller's", number(2), theirs, 50*ms, nil)
		w.table.script = nil
		w.put("once more", number(1), large, 20*ms, nil)
		first := map[origin.Token]int{}
		for i := range 5 {
			of := w.table.tokens[part(number(1), i)]
			for token := range of {
				if first[token]++; token.Time.IsZero() || token.Nonce == 0 {
					t.Errorf("token %+v", token)
				}
			}
			if theirs := w.table.tokens[part(number(2), i)]; len(of) != 2 || len(theirs) != 1 || !theirs[origin.Token{Time: epoch, Nonce: 1}] {
				t.Errorf("part %d: tokens %v of two writes, %v of one", i, of, theirs)
			}
		}
		if len(first) != 2 {
			t.Errorf("%d tokens of two writes: %v", len(first), first)
		}
		w.expect(keyvalue.Stats{Puts: 3, Retries: 10})
	})
}

// A row that fails is tried again, with pauses that double, and not for ever.
func TestRetries(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		failing := 3
		w.table.script = func(c tableCall) outcome {
			if c.n <= failing {
				return outcome{fails: errBroken}
			}
			return outcome{}
		}
		w.put("three failures", number(1), small, 4*10*ms+(5+10+20)*ms, nil)
		w.get("three failures", number(1), small, 4*10*ms+(5+10+20)*ms, nil)
		failing = 1000
		w.put("nothing but failures", number(2), small, 8*10*ms+635*ms, errBroken)
		w.get("nothing but failures", number(2), small, 8*10*ms+635*ms, errBroken)
		if puts, gets := w.table.calls("put", number(2)), w.table.calls("get", number(2)); puts != 8 || gets != 8 {
			t.Errorf("tried %d and %d times", puts, gets)
		}
		w.table.takes = 400 * ms // and 400 more for the hedges, which fail alike
		w.get("no time for more", number(3), small, time.Second, origin.ErrTimeout)
		s := w.store.Stats()
		if s.Unstored != 1 || s.Failed != 2 || s.Retries != 3+3+7+7+1 {
			t.Errorf("counters %+v", s)
		}
	})
}

// What is not answered is asked a second time; the first good answer wins, and the loser is ended.
func TestHedges(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.table.script = func(c tableCall) outcome { return outcome{hangs: c.n == 1} }
		w.put("the first hangs", number(1), small, 110*ms, nil)
		w.get("the first hangs", number(1), small, 110*ms, nil)
		w.put("the first of each row hangs", number(2), large, 220*ms, nil)
		w.get("nothing there, as the second says", number(3), small, 110*ms, origin.ErrNotFound)
		if n := w.table.busy(); n != 0 {
			t.Errorf("%d calls to the table are still under way", n)
		}
		w.table.script = func(c tableCall) outcome { return outcome{takes: 140 * ms} }
		w.put("the first is slow, and first all the same", number(4), small, 150*ms, nil)
		w.table.script = func(c tableCall) outcome {
			if c.n%2 == 0 {
				return outcome{fails: errBroken}
			}
			return outcome{takes: 140 * ms}
		}
		w.put("the second fails, the first does not", number(5), small, 150*ms, nil)
		w.table.script = func(c tableCall) outcome {
			if c.n%2 == 1 {
				return outcome{takes: 100 * ms, fails: errBroken}
			}
			return outcome{takes: 140 * ms}
		}
		w.put("the first fails, the second does not", number(6), small, 250*ms, nil)
		w.table.script = func(c tableCall) outcome { return outcome{hangs: true} }
		w.put("both hang", number(7), large, time.Second, origin.ErrTimeout)
		w.get("both hang", number(7), large, time.Second, origin.ErrTimeout)
		w.sleep(ms)
		if n := w.table.busy(); n != 0 {
			t.Errorf("%d calls to the table are still under way", n)
		}
		w.expect(keyvalue.Stats{Puts: 6, Unstored: 1, Gets: 3, TableReads: 1, NotFound: 1, Failed: 1,
			Hedges: 1 + 1 + 5 + 1 + 1 + 1 + 1 + 4 + 1})
	})
}

// A row's loser ends with the row, and not with the call.
func TestLosersHoldNothing(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.table.script = func(c tableCall) outcome {
			switch {
			case c.key.Part == 0:
				return outcome{takes: 300 * ms}
			case c.n == 1:
				return outcome{takes: 140 * ms}
			}
			return outcome{hangs: true}
		}
		rt.Go(func() {
			w.sleep(200 * ms)
			if n := w.table.busy(); n != 1 {
				t.Errorf("%d calls to the table, want that for the index", n)
			}
		})
		w.put("hedges of chunks hang", number(1), large, 150*ms+310*ms, nil)
	})
}

func TestNoHedges(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, func(c *keyvalue.Config) { c.HedgeAfter = -1 })
		w.table.script = func(c tableCall) outcome { return outcome{takes: 500 * ms} }
		w.put("slow", number(1), small, 510*ms, nil)
		w.table.script = func(c tableCall) outcome { return outcome{hangs: true} }
		w.get("hanging", number(1), small, time.Second, origin.ErrTimeout)
		w.expect(keyvalue.Stats{Puts: 1, Gets: 1, Failed: 1})
	})
}

// A damaged row is read from another replica, if the table has such, and written again; else it is read again. What is
// damaged for good is an error.
func TestDamage(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		for _, o := range []origin.Object{small, large} {
			w := newWorld(t, rt, 0, nil)
			w.Config.Table = replicated{w.table}
			w.store = keyvalue.New(w.Config)
			w.put("well", number(1), o, w.took(o), nil)
			for i := range 2 {
				for key, row := range w.table.copies[i] {
					w.table.copies[i][key] = damage(row)
				}
			}
			rows := int64(len(w.table.copies[0]))
			w.get("two of three replicas damaged", number(1), o, w.took(o)*4, nil)
			w.sleep(20 * ms)
			w.get("repaired", number(1), o, w.took(o), nil)
			w.expect(keyvalue.Stats{Puts: 1, Gets: 2, TableReads: 2, Damaged: rows, Repaired: rows})

			w = newWorld(t, rt, 0, nil)
			w.put("well", number(1), o, w.took(o), nil)
			w.table.script = func(c tableCall) outcome { return outcome{damage: c.n <= 2} }
			w.get("damaged on the way, twice", number(1), o, 3*w.took(o)+w.took(o)/10*15, nil)
			w.table.script = func(c tableCall) outcome { return outcome{damage: c.key.Part == 0} }
			w.get("damaged for good", number(1), o, 8*10*ms+635*ms, keyvalue.ErrDamaged)
			w.table.script = func(c tableCall) outcome { return outcome{damage: c.key.Part == 2} }
			if o.Size > 1000 {
				w.get("one chunk damaged for good", number(1), o, 9*10*ms+635*ms, keyvalue.ErrDamaged)
			}
		}
	})
}

// Rows that fit each other, and not the object that was asked for, are not given for it.
func TestForgedIndex(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.put("other bytes", number(1), object(3001, 9), 20*ms, nil)
		index := w.table.copies[0][number(1)]
		index.Body, index.Digest = keyvalue.Forge(object(3001, 9), 1000, large.Digest), large.Digest
		w.table.copies[0][number(1)] = index
		w.get("an index that lies", number(1), large, 20*ms, keyvalue.ErrDamaged)
	})
}

// took is what an object takes that nothing is wrong with.
func (w *world) took(o origin.Object) time.Duration {
	if o.Size > w.ChunkBytes {
		return 20 * ms
	}
	return 10 * ms
}

// A chunk that lags behind its index is waited for; one that is on another replica is read there; one that is lost is an
// error, which is not ErrNotFound: the object was acknowledged.
func TestLostChunks(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.put("well", number(1), large, 20*ms, nil)
		lost := part(number(1), 3)
		chunk := w.table.copies[0][lost]
		delete(w.table.copies[0], lost)
		rt.Go(func() {
			w.sleep(60 * ms)
			w.table.mu.Lock()
			defer w.table.mu.Unlock()
			w.table.copies[0][lost] = chunk
		})
		w.get("lagging", number(1), large, 10*ms+4*10*ms+35*ms, nil)
		delete(w.table.copies[0], lost)
		_, err := w.store.Get(w.ctx, number(1), large.Digest)
		if !errors.Is(err, keyvalue.ErrDamaged) || errors.Is(err, origin.ErrNotFound) {
			t.Errorf("lost: %v", err)
		}
		w.Config.Table = replicated{w.table}
		w.store = keyvalue.New(w.Config)
		w.get("on another replica", number(1), large, 10*ms+30*ms, nil)
		w.sleep(20 * ms)
		w.get("and written again", number(1), large, 20*ms, nil)
		w.expect(keyvalue.Stats{Gets: 2, TableReads: 2, Repaired: 1})
	})
}

// A writer that dies between chunks and index leaves nothing that anybody could read. The same writer may come again;
// one with other bytes is refused by a table that knows chunks by their keys alone, and so is whoever comes later.
func TestDeadWriter(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.table.script = func(c tableCall) outcome { return outcome{hangs: c.kind == "put" && c.key.Part == 0} }
		ctx, die := rt.WithCancel(w.ctx)
		rt.Go(func() { w.sleep(50 * ms); die() })
		if err := w.store.Put(ctx, number(1), large); !errors.Is(err, context.Canceled) {
			t.Errorf("put: %v", err)
		}
		w.table.script = nil
		if len(w.table.copies[0]) != 4 {
			t.Errorf("%d rows, want four chunks and no index", len(w.table.copies[0]))
		}
		w.get("nothing is there", number(1), large, 10*ms, origin.ErrNotFound)
		other := object(3001, 9)
		w.put("other bytes", number(1), other, 20*ms, origin.ErrExists)
		w.get("nothing of it is there", number(1), other, 10*ms, origin.ErrNotFound)
		w.put("the same again", number(1), large, 20*ms, nil)
		w.get("there", number(1), large, 20*ms, nil)
		w.put("other bytes", number(1), other, 20*ms, origin.ErrExists)
		w.put("one row of other bytes", number(1), small, 20*ms, origin.ErrExists)
	})
}

// An object that is there already, cut in another way, is there.
func TestCutInAnotherWay(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.put("chunks of 1000", number(1), large, 20*ms, nil)
		w.put("one row", number(2), small, 10*ms, nil)
		w.ChunkBytes = 700
		w.store = keyvalue.New(w.Config)
		w.put("chunks of 700", number(1), large, 20*ms, nil)
		w.get("by its index", number(1), large, 20*ms, nil)
		w.put("two chunks of one row", number(2), small, 30*ms, nil)
		w.put("other bytes", number(1), object(3001, 3), 20*ms, origin.ErrExists)
	})
}

// An object whose own bytes would pass for its index is not taken for one, and what cannot be stored is refused.
func TestStrangeObjects(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		w.put("large", number(1), large, 20*ms, nil)
		index := w.table.copies[0][number(1)]
		index.Digest = origin.Checksum(index.Body)
		w.put("another's index", number(2), index, 10*ms, nil)
		w.get("another's index", number(2), index, 10*ms, nil)
		own := ownIndex(t, index.Body)
		w.put("one that would be its own", number(3), own, 20*ms, nil)
		w.get("one that would be its own", number(3), own, 20*ms, nil)
		for why, o := range map[string]origin.Object{
			"another size":   {Body: small.Body, Size: 999, Digest: small.Digest},
			"another digest": {Body: small.Body, Size: 1000, Digest: small.Digest + 1},
			"too large":      {Size: 1<<30 + 1},
			"too many parts": {Size: 1<<16*1000 + 1},
			"negative":       {Size: -1},
		} {
			if err := w.store.Put(w.ctx, number(4), o); err == nil {
				t.Errorf("%s was stored", why)
			}
		}
		if err := w.store.Put(w.ctx, part(number(4), 1), small); err == nil {
			t.Error("a part was stored as an object")
		}
		if _, err := w.store.Get(w.ctx, part(number(1), 1), w.table.copies[0][part(number(1), 1)].Digest); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("a part was read as an object: %v", err)
		}
		w.get("nothing", number(4), small, 10*ms, origin.ErrNotFound)
	})
}

// ownIndex makes of an index one of an object with the digest that its own bytes have. A checksum is affine in the bits
// of what it is of, so the digest d solves d = f(d), which is 32 equations.
func ownIndex(t *testing.T, index []byte) origin.Object {
	body := bytes.Clone(index)
	f := func(d uint32) uint32 {
		binary.BigEndian.PutUint32(body[16:], d)
		binary.BigEndian.PutUint32(body[len(body)-4:], origin.Checksum(body[:len(body)-4]))
		return origin.Checksum(body)
	}
	zero := f(0)
	var rows [32]uint64 // by their highest bit: what some bits of d change, and above it which those are
	for bit := range 32 {
		d := uint32(1) << bit
		r := uint64(f(d)^zero^d) | uint64(d)<<32
		for low := uint32(r); low != 0; low = uint32(r) {
			at := bits.Len32(low) - 1
			if rows[at] == 0 {
				rows[at] = r
				break
			}
			r ^= rows[at]
		}
	}
	r := uint64(zero)
	for low := uint32(r); low != 0; low = uint32(r) {
		at := bits.Len32(low) - 1
		if rows[at] == 0 {
			t.Fatal("this index cannot be made its own")
		}
		r ^= rows[at]
	}
	d := uint32(r >> 32)
	if f(d) != d {
		t.Fatalf("%08x is not %08x", f(d), d)
	}
	return origin.Object{Body: body, Size: len(body), Digest: d}
}

// Many chunks are written and read beside each other, but not all at once.
func TestManyChunks(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 0, nil)
		huge := object(100_000, 3)
		w.put("a hundred chunks, sixteen at once", number(1), huge, 80*ms, nil)
		w.get("the same", number(1), huge, 80*ms, nil)
		if w.table.most != 16 {
			t.Errorf("%d calls at once", w.table.most)
		}
		w.table.script = func(c tableCall) outcome {
			if c.key.Part == 3 {
				return outcome{fails: origin.ErrExists}
			}
			return outcome{hangs: c.kind == "put"}
		}
		w.put("one is refused, the others hang", number(2), huge, 20*ms, origin.ErrExists)
		w.sleep(ms)
		if n := w.table.busy(); n != 0 {
			t.Errorf("%d calls to the table are still under way", n)
		}
	})
}

// The end of the store's context ends what is under way, and lets nothing begin.
func TestEnd(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		ctx, end := rt.WithCancel(context.Background())
		w := newWorld(t, rt, 0, func(c *keyvalue.Config) { c.Context = ctx })
		w.table.script = func(c tableCall) outcome { return outcome{hangs: true} }
		rt.Go(func() { w.sleep(50 * ms); end() })
		w.put("under way", number(1), large, 50*ms, origin.ErrTimeout)
		w.table.script = nil
		w.put("later", number(1), large, 0, context.Canceled)
		w.get("later", number(1), large, 0, context.Canceled)
	})
}
