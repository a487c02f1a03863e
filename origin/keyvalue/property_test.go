package keyvalue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// setting is what a world is like: how often, of a hundred, each thing goes wrong with a row.
type setting struct {
	seed                               uint64
	fails, hangs, damage, loses, slow  int
	nodes, recent, room                int
	replicated, bodiless, wrong, stuck bool
}

var anySetting = rapid.Custom(func(t *rapid.T) setting {
	often := rapid.SampledFrom([]int{0, 0, 2, 20})
	return setting{seed: rapid.Uint64().Draw(t, "seed"), fails: often.Draw(t, "fails"), hangs: often.Draw(t, "hangs"),
		damage: often.Draw(t, "damage"), loses: often.Draw(t, "loses"), slow: often.Draw(t, "slow"),
		nodes: rapid.IntRange(0, 3).Draw(t, "nodes"), recent: rapid.SampledFrom([]int{0, 2}).Draw(t, "recent"),
		room: rapid.SampledFrom([]int{0, 3}).Draw(t, "room"), replicated: rapid.Bool().Draw(t, "replicated"),
		bodiless: rapid.Bool().Draw(t, "bodiless"), wrong: rapid.Bool().Draw(t, "wrong"), stuck: rapid.Bool().Draw(t, "stuck")}
})

// step is one thing that somebody does.
type step struct {
	what  int
	key   origin.Key
	which int // of the contenders' objects
	other bool
	leave time.Duration // when the caller loses patience; zero is never
	wait  time.Duration
}

var anyStep = rapid.Custom(func(t *rapid.T) step {
	return step{what: rapid.IntRange(0, 5).Draw(t, "what"), key: number(rapid.IntRange(1, 5).Draw(t, "number")),
		which: rapid.IntRange(0, 3).Draw(t, "which"), other: rapid.Bool().Draw(t, "other"),
		leave: time.Duration(rapid.SampledFrom([]int{0, 0, 0, 15, 300}).Draw(t, "leave")) * ms,
		wait:  time.Duration(rapid.IntRange(1, 800).Draw(t, "wait")) * ms}
})

// contenders are what different writers bring for one key: a row, and objects of some chunks.
var contenders = [...]origin.Object{small, large, object(3001, 5), object(1500, 6)}

// chaos is two stores, as of two processes, over one table and one cache, and what is known of them from outside.
type chaos struct {
	*world
	setting
	random *rand.Rand
	stores [2]*keyvalue.Store
	asked  map[origin.Key]map[uint32]bool
	acked  map[origin.Key]uint32
	tries  map[wanted]time.Time // until when bytes may be read that are not committed
	early  map[wanted]bool      // were read so, and may be remembered
	bad    string
	over   bool // nothing goes wrong any more
}

func (c *chaos) fail(format string, args ...any) {
	if c.bad == "" {
		c.bad = fmt.Sprintf("%v: ", c.rt.Now().Sub(epoch)) + fmt.Sprintf(format, args...)
	}
}

// wanted is an object by its bytes.
type wanted struct {
	key    origin.Key
	digest uint32
}

// script lets things go wrong with a row. Nothing that a table may not do is among them: that there is no row 0 is said
// by a quorum, and true.
func (c *chaos) script(call tableCall) (o outcome) {
	if c.over {
		return o
	}
	chance := func(percent int) bool { return c.random.IntN(100) < percent }
	switch {
	case chance(c.fails):
		o.fails, o.done = errBroken, chance(50)
	case chance(c.loses) && call.kind != "put" && call.key.Part > 0:
		o.fails = origin.ErrNotFound
	}
	o.hangs, o.damage = chance(c.hangs), chance(c.damage)
	if chance(c.slow) {
		o.takes = time.Duration(c.random.IntN(400)) * ms
	}
	return o
}

func (c *chaos) object(which int) origin.Object {
	o := contenders[which]
	if c.bodiless {
		o.Body, o.Flaws = nil, origin.Defects(which)
	}
	return o
}

// act makes a call, and checks what it may come to.
func (c *chaos) act(s step) {
	ctx, store, o := c.ctx, c.stores[0], c.object(s.which)
	if s.other {
		store = c.stores[1]
	}
	if s.leave > 0 {
		var leave context.CancelFunc
		ctx, leave = c.rt.WithCancel(ctx)
		c.rt.Go(func() { c.sleep(s.leave); leave() })
	}
	began := c.rt.Now()
	if s.what < 2 {
		c.write(ctx, store, s.key, o)
	} else {
		c.read(ctx, store, s.key, o)
	}
	if took := c.rt.Now().Sub(began); took > time.Second+5*ms || s.leave > 0 && took > s.leave {
		c.fail("a call took %v", took)
	}
}

func (c *chaos) write(ctx context.Context, store *keyvalue.Store, key origin.Key, o origin.Object) {
	if c.asked[key] == nil {
		c.asked[key] = map[uint32]bool{}
	}
	c.asked[key][o.Digest] = true
	before, known := c.acked[key]
	c.tries[wanted{key, o.Digest}] = c.rt.Now().Add(1200 * ms) // a call takes a second, and then a slow cache is not waited for
	switch err := store.Put(ctx, key, o); {
	case err == nil:
		if other, ok := c.acked[key]; ok && other != o.Digest {
			c.fail("%d was acknowledged to writers of %08x and %08x", key.Number, other, o.Digest)
		}
		c.acked[key] = o.Digest
	case errors.Is(err, origin.ErrExists) && known && before == o.Digest:
		c.fail("%d is there, and the writer of the same is told that others are", key.Number)
	case errors.Is(err, origin.ErrNotFound):
		c.fail("a put says %v", err)
	}
}

func (c *chaos) read(ctx context.Context, store *keyvalue.Store, key origin.Key, want origin.Object) {
	promised, w := c.acked[key] == want.Digest, wanted{key, want.Digest}
	early := c.rt.Now().Before(c.tries[w])
	got, err := store.Get(ctx, key, want.Digest)
	switch {
	case err == nil && (!equal(got, want) || !c.asked[key][want.Digest]):
		c.fail("read %d bytes with %08x of %d, want %d with %08x", got.Size, got.Digest, key.Number, want.Size, want.Digest)
	case err == nil && (early || c.rt.Now().Before(c.tries[w])):
		c.early[w] = true
	case err == nil && c.acked[key] != 0 && c.acked[key] != want.Digest && !c.early[w]:
		c.fail("read %08x of %d, whose writer lost to %08x", want.Digest, key.Number, c.acked[key])
	case errors.Is(err, origin.ErrNotFound) && promised:
		c.fail("acknowledged %d is not found", key.Number)
	}
}

// settle checks that once nothing goes wrong any more, all that was promised is there, and that nothing is left over.
func (c *chaos) settle() {
	c.sleep(5 * time.Second)
	c.over = true
	for _, n := range c.world.nodes {
		n.wrong, n.takes = false, 0
	}
	for n := 1; n <= 5; n++ {
		for _, o := range []int{0, 1, 2, 3} {
			want, promised := c.object(o), c.acked[number(n)]
			for _, s := range c.stores {
				got, err := s.Get(c.ctx, number(n), want.Digest)
				if promised == want.Digest && (err != nil || !equal(got, want)) {
					c.fail("acknowledged %d: %v", n, err)
				}
			}
		}
	}
	c.sleep(5 * time.Second)
	for _, s := range c.stores {
		if n := keyvalue.Left(s); n != 0 || c.table.busy() != 0 {
			c.fail("%d things are left, and %d calls to the table", n, c.table.busy())
		}
		if n := s.Stats(); n.Gets != n.Recent+n.Shared+n.CacheHits+n.TableReads+n.NotFound+n.Failed {
			c.fail("calls do not add up: %+v", n)
		}
	}
}

// Whatever happens to rows, what was acknowledged is read byte for byte, nothing else is but what its writer is about to commit,
// nothing is read in part, and of writers with different bytes at most one is told yes.
func TestAnythingGoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		setting, steps := anySetting.Draw(r, "setting"), rapid.SliceOfN(anyStep, 1, 50).Draw(r, "steps")
		l := loop.New(epoch)
		defer l.Close()
		c := &chaos{setting: setting, asked: map[origin.Key]map[uint32]bool{}, acked: map[origin.Key]uint32{},
			tries: map[wanted]time.Time{}, early: map[wanted]bool{}}
		over := false
		l.Go(func() {
			c.begin(t, l)
			for _, s := range steps {
				if s.what == 5 {
					c.sleep(s.wait)
				} else {
					l.Go(func() { c.act(s) })
				}
			}
			c.settle()
			over = true
		})
		if err := l.Settle(5_000_000); err != nil || !over {
			r.Fatalf("the world does not end: %v", err)
		}
		if c.bad != "" {
			r.Fatal(c.bad)
		}
	})
}

func (c *chaos) begin(t *testing.T, rt origin.Runtime) {
	c.random = rand.New(rand.NewPCG(c.seed, 1))
	c.world = newWorld(t, rt, c.setting.nodes, func(k *keyvalue.Config) { k.Recent = c.recent })
	c.table.script = c.script
	if c.replicated {
		c.Config.Table = replicated{c.table}
	}
	for i, n := range c.world.nodes {
		n.wrong, n.room = c.wrong && i == 0, c.room
		if c.stuck && i == 1 {
			n.takes = time.Hour
		}
	}
	for i := range c.stores {
		c.Config.Seed = uint64(i)
		c.stores[i] = keyvalue.New(c.Config)
	}
}

// The same calls take the same time on both clocks, to the nanosecond, when latencies follow from the calls.
func TestParity(t *testing.T) {
	run := func(clock func(*testing.T, func(*testing.T, origin.Runtime))) (lines []string) {
		clock(t, func(t *testing.T, rt origin.Runtime) {
			w := newWorld(t, rt, 3, func(c *keyvalue.Config) { c.Recent = 1 })
			w.table.script = func(c tableCall) (o outcome) {
				h := c.n*7919 + int(c.key.Number)*104729 + c.key.Part*1299709 + len(c.kind)*31
				o.takes = time.Duration(h%300_001) * time.Microsecond
				if h%5 == 0 {
					o.fails = errBroken
				}
				return o
			}
			for i, n := range w.nodes {
				n.takes = time.Duration(i*i*13) * 997 * time.Microsecond // the third takes 52 ms
			}
			lines = make([]string, 120)
			w.beside(len(lines), func(i int) {
				w.sleep(time.Duration(i*37%1009) * ms * 11)
				key, o, began := number(i%30), contenders[i%30%4], rt.Now()
				if i < 40 {
					err := w.store.Put(w.ctx, key, o)
					lines[i] = fmt.Sprint(i, " put ", rt.Now().Sub(began), err)
				} else {
					_, err := w.store.Get(w.ctx, key, o.Digest)
					lines[i] = fmt.Sprint(i, " get ", rt.Now().Sub(began), err)
				}
			})
			lines = append(lines, fmt.Sprintf("%+v", w.store.Stats()))
		})
		return lines
	}
	virtual := run(onLoop)
	if diff := cmp.Diff(virtual, run(onWall)); diff != "" {
		t.Errorf("virtual time and the wall's differ: %s", diff)
	}
	if diff := cmp.Diff(virtual, run(onLoop)); diff != "" {
		t.Errorf("virtual time differs from itself: %s", diff)
	}
}
