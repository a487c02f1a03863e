package keyvalue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// What was put is in the cache, what was read from the table is there afterwards, and row 0 is not there before it is
// committed.
func TestCache(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 3, nil)
		w.put("written through", number(1), large, 20*ms, nil)
		w.get("cached", number(1), large, 0, nil)
		for _, n := range w.nodes {
			clear(n.rows)
		}
		w.get("cold", number(1), large, 20*ms, nil)
		w.sleep(ms)
		w.get("filled", number(1), large, 0, nil)
		lost := 0
		for _, n := range w.nodes {
			if _, ok := n.rows[part(number(1), 2)]; ok {
				delete(n.rows, part(number(1), 2))
				lost++
			}
		}
		w.get("torn", number(1), large, 10*ms, nil)
		w.sleep(ms)
		w.get("whole again", number(1), large, 0, nil)
		w.get("not there", number(2), small, 10*ms, origin.ErrNotFound)
		w.expect(keyvalue.Stats{Puts: 1, Gets: 6, CacheHits: 3, TableReads: 2, NotFound: 1})
		if lost != 1 {
			t.Errorf("a chunk is on %d nodes", lost)
		}

		w.table.script = func(c tableCall) outcome { return outcome{fails: errBroken} }
		w.put("not committed", number(3), small, 8*10*ms+635*ms, errBroken)
		w.table.script = nil
		w.get("not committed", number(3), small, 10*ms, origin.ErrNotFound)
	})
}

// What is one row goes to the cache beside the table, and the rest after it. A Put waits for five milliseconds after its commit,
// and what is left goes on.
func TestSlowWriteThrough(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 3, nil)
		for _, n := range w.nodes {
			n.takes = 3 * ms
		}
		w.put("quick", number(1), small, 10*ms, nil)
		for _, n := range w.nodes {
			n.takes = 13 * ms
		}
		w.put("a little slower than the table", number(4), small, 13*ms, nil)
		for _, n := range w.nodes {
			n.takes = 3 * ms
		}
		w.put("the chunks are there when the index is", number(2), large, 23*ms, nil)
		for _, n := range w.nodes {
			n.takes = 30 * ms
		}
		w.put("slow", number(3), small, 15*ms, nil)
		w.sleep(30 * ms)
		for _, n := range w.nodes {
			n.takes = 0
		}
		w.get("there nevertheless", number(3), small, 0, nil)
	})
}

// What turns out not to be the object is taken out of the cache, which Put waits for, as long as it does for a commit.
func TestTakenBack(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 1, nil)
		node, other := w.nodes[0], object(900, 9)
		w.put("the winner", number(1), small, 10*ms, nil)
		node.takes = 2 * ms
		w.put("who loses", number(1), other, 22*ms, origin.ErrExists) // and looks whether the other bytes are its own
		w.get("the loser's", number(1), other, 12*ms, origin.ErrNotFound)
		w.get("the winner's", number(1), small, 12*ms, nil)
		w.sleep(2 * ms)
		w.get("the winner's, in the cache again", number(1), small, 2*ms, nil)
		node.takes = 20 * ms
		w.put("who loses, with a slow cache", number(1), other, 25*ms, origin.ErrExists)
		w.sleep(20 * ms)
		node.takes = 0
		w.get("the loser's, a little later", number(1), other, 10*ms, origin.ErrNotFound)
		if s := w.store.Stats(); s.CacheWrong != 0 || s.CacheUnset != 0 {
			t.Errorf("counters %+v", s)
		}
	})
}

// Rows in the cache that are not what they should be are read from the table, and overwritten.
func TestWrongCache(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 3, nil)
		w.put("written through", number(1), large, 20*ms, nil)
		for _, n := range w.nodes {
			for key, row := range n.rows {
				n.rows[key] = damage(row)
			}
		}
		w.get("wrong", number(1), large, 20*ms, nil)
		w.sleep(ms)
		w.get("overwritten", number(1), large, 0, nil)
		w.expect(keyvalue.Stats{Puts: 1, Gets: 2, CacheHits: 1, TableReads: 1, CacheWrong: 5})
	})
}

// A node that hangs costs 50 ms three times, and nothing afterwards. It is asked once a second whether it is back, by
// nobody who waits.
func TestDeadNode(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 1, nil)
		node := w.nodes[0]
		w.put("well", number(1), small, 10*ms, nil)
		node.takes = time.Hour
		for range 3 {
			w.get("hangs", number(1), small, 60*ms, nil)
		}
		calls := node.calls
		for range 20 {
			w.get("dead", number(1), small, 10*ms, nil)
			w.put("dead", number(1), small, 10*ms, nil)
		}
		if node.calls != calls {
			t.Errorf("%d calls to a dead node", node.calls-calls)
		}
		w.sleep(time.Second)
		node.takes = ms
		w.get("probed behind the caller's back", number(1), small, 10*ms, nil)
		w.get("back", number(1), small, ms, nil)
		node.fails = origin.ErrUnreachable
		for range 3 {
			w.get("cannot be reached", number(1), small, 11*ms, nil)
		}
		calls = node.calls
		for range 500 {
			w.get("dead", number(1), small, 10*ms, nil)
		}
		if probes := node.calls - calls; probes < 4 || probes > 5 {
			t.Errorf("%d probes in five seconds", probes)
		}
		s := w.store.Stats()
		if s.CacheAway != 40+1+500 || s.Gets != s.CacheHits+s.TableReads || s.CacheHits != 1 || s.CacheUnset != 0 {
			t.Errorf("counters %+v", s)
		}
	})
}

// Under load a node that dies is left alone within a quarter of a second from the first failure, however it dies, and
// what the others have stays where it is.
func TestDetection(t *testing.T) {
	for name, die := range map[string]func(n *shelf){
		"hangs":   func(n *shelf) { n.takes = time.Hour },
		"refuses": func(n *shelf) { n.fails = origin.ErrUnreachable },
		"crawls":  func(n *shelf) { n.takes, n.fails = 40*ms, origin.ErrTimeout },
	} {
		for _, every := range []time.Duration{ms, 20 * ms, 90 * ms} {
			t.Run(fmt.Sprint(name, " asked every ", every), func(t *testing.T) {
				onLoop(t, func(t *testing.T, rt origin.Runtime) {
					w := newWorld(t, rt, 3, nil)
					for n := range 60 {
						w.put("well", number(n), small, 10*ms, nil)
					}
					dead := w.nodes[0]
					var on, calls []int
					for n := range 60 {
						if _, ok := dead.rows[number(n)]; ok {
							on = append(on, n)
						}
					}
					others := [...]int{w.nodes[1].calls, w.nodes[2].calls}
					die(dead)
					for range int(time.Second / every) {
						rt.Go(func() {
							if _, err := w.store.Get(w.ctx, number(on[0]), small.Digest); err != nil {
								t.Error(err)
							}
						})
						before := dead.calls
						w.sleep(every)
						calls = append(calls, dead.calls-before)
					}
					quiet := int((50*ms + 250*ms) / every)
					for i, n := range calls[quiet:] {
						if n > 0 && time.Duration(quiet+i)*every < time.Second-50*ms {
							t.Fatalf("asked again %v after it died", time.Duration(quiet+i)*every)
						}
					}
					if got := [...]int{w.nodes[1].calls, w.nodes[2].calls}; got != others {
						t.Errorf("its rows moved: %v calls to the others, were %v", got, others)
					}
				})
			})
		}
	}
}

// What a caller does not wait for is not held against the node.
func TestImpatientCallers(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 1, nil)
		w.put("well", number(1), small, 10*ms, nil)
		w.nodes[0].takes = 20 * ms
		for range 10 {
			ctx, leave := rt.WithCancel(w.ctx)
			rt.Go(func() { w.sleep(5 * ms); leave() })
			if _, err := w.store.Get(ctx, number(1), small.Digest); !errors.Is(err, context.Canceled) {
				t.Errorf("left with %v", err)
			}
		}
		w.get("slow, not dead", number(1), small, 20*ms, nil)
		w.expect(keyvalue.Stats{Puts: 1, Gets: 11, CacheHits: 1, Failed: 10})
	})
}

// A node that refuses a row is there; the row is read from the table.
func TestRefusingNode(t *testing.T) {
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 1, nil)
		refuses := &full{w.nodes[0]}
		w.Caches = []origin.Store{refuses}
		w.store = keyvalue.New(w.Config)
		for n := range 10 {
			w.put("refused by the cache", number(n), small, 10*ms, nil)
		}
		w.get("from the table", number(1), small, 10*ms, nil)
		w.sleep(ms)
		w.expect(keyvalue.Stats{Puts: 10, Gets: 1, TableReads: 1, CacheUnset: 11})
	})
}

type full struct{ *shelf }

func (*full) Put(context.Context, origin.Key, origin.Object) error { return errors.New("too large") }

// What goes on behind callers is bounded, and that the bound is reached shows.
func TestBoundBehind(t *testing.T) {
	onLoop(t, func(t *testing.T, rt origin.Runtime) {
		w := newWorld(t, rt, 1, func(c *keyvalue.Config) { c.CacheTimeout = 90 * time.Second })
		w.nodes[0].takes = time.Minute
		w.beside(2000, func(i int) {
			if err := w.store.Put(w.ctx, number(i), small); err != nil {
				t.Error(err)
			}
		})
		s := w.store.Stats()
		if s.CacheUnset != 2000-1024 || w.nodes[0].calls != 1024 {
			t.Errorf("%d calls to the cache, counters %+v", w.nodes[0].calls, s)
		}
		w.sleep(2 * time.Minute)
		if n := keyvalue.Left(w.store); n != 0 {
			t.Errorf("%d things are left", n)
		}
	})
}

// Whatever becomes of the cache, all answers are those of a store without one. Only their times differ.
func TestCacheChangesTimesOnly(t *testing.T) {
	worlds := map[string]func(n *shelf, i int){
		"well":      func(*shelf, int) {},
		"dead":      func(n *shelf, _ int) { n.fails = origin.ErrUnreachable },
		"one dead":  func(n *shelf, i int) { n.fails = map[int]error{0: origin.ErrUnreachable}[i] },
		"hanging":   func(n *shelf, _ int) { n.takes = time.Hour },
		"slow":      func(n *shelf, i int) { n.takes = time.Duration(i) * 40 * ms },
		"wrong":     func(n *shelf, _ int) { n.wrong = true },
		"one wrong": func(n *shelf, i int) { n.wrong = i == 1 },
		"tiny":      func(n *shelf, _ int) { n.room = 2 },
		"cold":      func(n *shelf, _ int) { n.room = 1 },
	}
	onBothClocks(t, func(t *testing.T, rt origin.Runtime) {
		want := answers(newWorld(t, rt, 0, nil))
		if n := strings.Count(fmt.Sprint(want), "not found"); n < 5 || n > len(want)/2 {
			t.Fatalf("%d of %d answers are not found: nothing to see here", n, len(want))
		}
		for name, world := range worlds {
			for _, recent := range []int{0, 3} {
				w := newWorld(t, rt, 3, func(c *keyvalue.Config) { c.Recent = recent })
				for i, n := range w.nodes {
					world(n, i)
				}
				if diff := cmp.Diff(want, answers(w)); diff != "" {
					t.Errorf("%s, recent %d: %s", name, recent, diff)
				}
				w.conserved()
			}
		}
	})
}

// answers makes calls that follow from a seed, and writes down what they come to.
func answers(w *world) (lines []string) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		key, o := number(random.IntN(20)), [...]origin.Object{small, large, object(2500, 3)}[random.IntN(3)]
		switch what := random.IntN(5); what {
		case 0, 1:
			lines = append(lines, fmt.Sprint("put ", key.Number, o.Digest, w.store.Put(w.ctx, key, o)))
		default:
			got, err := w.store.Get(w.ctx, key, o.Digest)
			lines = append(lines, fmt.Sprint("get ", key.Number, o.Digest, err, err == nil && equal(got, o)))
		}
	}
	return lines
}

// conserved checks that every call has been counted once.
func (w *world) conserved() {
	w.Helper()
	s := w.store.Stats()
	if s.Gets != s.Recent+s.Shared+s.CacheHits+s.TableReads+s.NotFound+s.Failed || s.Puts < s.Refused+s.Unstored {
		w.Errorf("calls do not add up: %+v", s)
	}
}
