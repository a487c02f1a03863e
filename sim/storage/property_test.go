package storage

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// chaos is a table under random calls and faults, and what is known of it from outside.
type chaos struct {
	loop  *loop.Loop
	ctx   context.Context
	table *Table
	gates gates
	wrong string // the first thing that is

	put     map[origin.Key]map[uint32]bool // by digest: asked to be stored
	acked   map[origin.Key]uint32
	crashes int
	changes int // of gates
}

// setting is what a world is like.
type setting struct {
	seed  uint64
	lost  float64
	limit int
}

func anySetting(t *rapid.T) setting {
	return setting{rapid.Uint64().Draw(t, "seed"), rapid.SampledFrom([]float64{0, 0.05}).Draw(t, "lost"),
		rapid.SampledFrom([]int{0, 5000}).Draw(t, "limit")}
}

// run makes a world of three zones and lets the actions happen in it. What is drawn has to be drawn before: rapid and the
// loop both end what goes wrong by a panic, and each would catch the other's.
func run(t *rapid.T, s setting, actions func(c *chaos)) {
	l := loop.New(epoch)
	defer l.Close()
	c := &chaos{loop: l, put: map[origin.Key]map[uint32]bool{}, acked: map[origin.Key]uint32{}}
	over := false
	l.Go(func() {
		ctx, cancel := l.WithCancel(context.Background())
		c.ctx = ctx
		profile := cassandra
		profile.Lost, profile.Pauses.Every = s.lost, time.Second
		c.table = NewTable(TableConfig{Region: "east", Zones: []string{"1", "2", "3"}, Runtime: l, Context: ctx,
			Start: epoch, Recorder: origin.Discard, Seed: s.seed, Replica: profile, Limit: s.limit,
			Gate: func(_ string, s origin.Store) origin.Store {
				c.gates = append(c.gates, &gate{Store: s, rt: l})
				return c.gates[len(c.gates)-1]
			}})
		actions(c)
		c.sleep(2 * time.Hour) // everything that is under way ends
		c.balance()
		cancel()
		over = true
	})
	if err := l.Settle(5_000_000); err != nil || !over {
		t.Fatalf("the world does not end: %v", err)
	}
	if c.wrong != "" {
		t.Fatal(c.wrong)
	}
}

// fail says what is wrong.
func (c *chaos) fail(format string, args ...any) {
	if c.wrong == "" {
		c.wrong = fmt.Sprintf("%v: ", c.loop.Elapsed()) + fmt.Sprintf(format, args...)
	}
}

func (c *chaos) sleep(d time.Duration) { _ = c.loop.Sleep(c.ctx, d) }

func (c *chaos) close(zones ...int) {
	c.gates.closed(zones...)
	c.changes++
}

// write puts an object, and checks what the answer promises.
func (c *chaos) write(k origin.Key, digest uint32) error {
	if c.put[k] == nil {
		c.put[k] = map[uint32]bool{}
	}
	c.put[k][digest] = true
	crashes, changes, there := c.crashes, c.changes, 0
	for _, g := range c.gates {
		if !g.gone.Load() {
			there++
		}
	}
	err := c.table.Put(c.ctx, k, object(digest, c.loop.Now()))
	if err != nil {
		return err
	}
	if there < 2 && c.changes == changes {
		c.fail("%v was acknowledged with %d zones", k, there)
	}
	if copies := c.copies(k, digest); copies < 2 && c.crashes == crashes && c.table.config.Limit == 0 {
		c.fail("%v was acknowledged with %d copies", k, copies)
	}
	if other, ok := c.acked[k]; ok && other != digest && c.crashes == 0 && c.table.config.Limit == 0 {
		c.fail("%v was acknowledged to two writers", k)
	}
	c.acked[k] = digest
	return nil
}

// object has the size that its digest says.
func object(digest uint32, now time.Time) origin.Object {
	return origin.Object{Digest: digest, Size: int(digest) + 1000, ExpiresAt: now.Add(time.Hour)}
}

func (c *chaos) copies(k origin.Key, digest uint32) (n int) {
	for _, z := range c.table.zones {
		if c.table.find(z, c.table.rows[k], digest, c.table.now()) != nil {
			n++
		}
	}
	return n
}

// read gets an object, and checks that it is one that was put.
func (c *chaos) read(k origin.Key, digest uint32) error {
	o, err := c.table.Get(c.ctx, k, digest)
	if err == nil && (!c.put[k][digest] || o.Digest != digest || o.Size != object(digest, epoch).Size) {
		c.fail("read %+v of %v, which nobody put", o, k)
	}
	return err
}

// balance checks that nothing was lost on the way: calls, hints, rows and bytes.
func (c *chaos) balance() {
	s := c.table.Stats()
	for _, n := range []Calls{s.Reads, s.Writes} {
		if n.InFlight != 0 || n.Begun != n.Answered+n.Failed {
			c.fail("calls do not add up: %+v", n)
		}
	}
	var rows, bytes [3]int
	for _, r := range c.table.rows {
		held := 0
		for i, v := range r.copies {
			if v != nil {
				held++
				rows[i]++
				bytes[i] += v.Size
			}
		}
		if held == 0 || held != r.held {
			c.fail("a row with %d copies says %d", held, r.held)
		}
	}
	for i, z := range s.Zones {
		if z.Rows != rows[i] || z.Bytes != bytes[i] {
			c.fail("zone %s says %d rows and %d bytes, and has %d and %d", z.Name, z.Rows, z.Bytes, rows[i], bytes[i])
		}
		if z.HintsStored != z.HintsDelivered+z.HintsExpired+int64(z.HintsWaiting) {
			c.fail("hints do not add up: %+v", z)
		}
	}
}

// step is one thing that happens.
type step struct {
	what   int
	key    origin.Key
	digest uint32
	gone   []int
	zone   int
	wait   time.Duration
}

var anyStep = rapid.Custom(func(t *rapid.T) step {
	return step{what: rapid.IntRange(0, 7).Draw(t, "what"), key: numbered(rapid.IntRange(1, 6).Draw(t, "number")),
		digest: rapid.Uint32Range(1, 3).Draw(t, "digest"), zone: rapid.IntRange(0, 2).Draw(t, "zone"),
		gone: rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 0, 3, rapid.ID).Draw(t, "gone"),
		wait: time.Duration(rapid.IntRange(1, 30_000).Draw(t, "wait")) * ms}
})

// Whatever happens, nothing is acknowledged without a quorum or to two writers, and nothing is read that nobody put.
func TestAnythingGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		setting, steps := anySetting(t), rapid.SliceOfN(anyStep, 1, 60).Draw(t, "steps")
		run(t, setting, func(c *chaos) {
			for _, s := range steps {
				switch s.what {
				case 0, 1:
					c.loop.Go(func() { _ = c.write(s.key, s.digest) })
				case 2, 3:
					c.loop.Go(func() { _ = c.read(s.key, s.digest) })
				case 4:
					c.close(s.gone...)
				case 5:
					c.table.zones[s.zone].Flush()
					c.crashes++
				default:
					c.sleep(s.wait)
				}
			}
			c.close()
		})
	})
}

// trouble is one zone's, with so many writes meanwhile.
type trouble struct {
	zone   int
	crash  bool
	writes int
}

var anyTrouble = rapid.Custom(func(t *rapid.T) trouble {
	return trouble{rapid.IntRange(0, 2).Draw(t, "zone"), rapid.Bool().Draw(t, "crash"),
		rapid.IntRange(1, 10).Draw(t, "writes")}
})

// As long as one zone at a time is away or crashes, and is back for long enough to be given what it missed and to sync
// its commit log, every write is acknowledged and every acknowledged object is read back.
func TestOneZoneAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		setting, troubles := setting{seed: rapid.Uint64().Draw(t, "seed")}, rapid.SliceOfN(anyTrouble, 1, 6).Draw(t, "troubles")
		run(t, setting, func(c *chaos) {
			c.table.config.Timeout = time.Minute // pauses come every second
			next := 0
			for _, trouble := range troubles {
				if trouble.crash {
					c.table.zones[trouble.zone].Flush()
				}
				c.close(trouble.zone)
				for range trouble.writes {
					if err := c.write(numbered(next), 1); err != nil {
						c.fail("write of %d: %v", next, err)
					}
					next++
					c.readAcked()
				}
				c.close()
				c.sleep(time.Minute)
			}
			c.readAcked()
		})
	})
}

func (c *chaos) readAcked() {
	for n := range len(c.acked) {
		if err := c.read(numbered(n), 1); err != nil {
			c.fail("read of acknowledged %d: %v", n, err)
		}
	}
}

// The same seed gives the same answers at the same times, another seed others; and a gate that is open changes nothing.
func TestSameSeed(t *testing.T) {
	log := func(seed uint64, gated bool) (lines []string) {
		onLoop(t, func(w *world) {
			c := TableConfig{Seed: seed, Replica: cassandra, Timeout: time.Second}
			c.Replica.Lost = 0.1
			table, _ := w.tableOf(c)
			if !gated {
				table = w.ungated(c)
			}
			for n := range 200 {
				took, err := w.took(func() error { return table.Put(w.ctx, numbered(n), origin.Object{Digest: 1}) })
				got, err2 := w.took(func() error { _, err := table.Get(w.ctx, numbered(n/2), 1); return err })
				if errors.Is(err2, origin.ErrUnreachable) {
					w.Error(err2)
				}
				lines = append(lines, fmt.Sprint(took, err, got, err2))
			}
		})
		return lines
	}
	one := fmt.Sprint(log(1, false))
	if one != fmt.Sprint(log(1, false)) {
		t.Error("the same seed gives something else the second time")
	}
	if one == fmt.Sprint(log(2, false)) {
		t.Error("another seed gives the same")
	}
	if got := fmt.Sprint(log(1, true)); got != one {
		t.Errorf("open gates change what happens")
	}
}
