package storage

import (
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Work stands still during episodes, and only then.
func TestWorkStandsStill(t *testing.T) {
	for _, c := range []struct {
		why              string
		from, work, want time.Duration
	}{
		{"before the first", 0, 10, 10},
		{"until the very moment at which the first begins", 50, 50, 100},
		{"begins in the first", 120, 5, 205},
		{"interrupted by the first", 95, 10, 205},
		{"no work, in the first", 100, 0, 200},
		{"no work, as the first ends", 200, 0, 200},
		{"between the two", 200, 50, 250},
		{"interrupted by both", 90, 120, 340},
		{"after the last", 400, 7, 407},
	} {
		e := episodes{spans: []span{{100, 200}, {300, 330}}}
		if got := e.after(c.from, c.work); got != c.want {
			t.Errorf("%s: %v of work from %v on are done at %v, want %v", c.why, c.work, c.from, got, c.want)
		}
	}
}

// A machine has the same episodes whatever it is asked.
func TestEpisodesDoNotDependOnLoad(t *testing.T) {
	p := Episodes{Every: 10 * time.Second, Length: Latency{ms, 100 * ms}}
	busy, idle := newEpisodes(p, streams.New(1, "x")), newEpisodes(p, streams.New(1, "x"))
	for i := range 100_000 {
		now := time.Duration(i) * 10 * ms
		busy.after(now, 30*time.Second)
		if got := busy.active(now); i%100 == 0 && got != idle.active(now) {
			t.Fatalf("at %v one is %v and the other is not", now, got)
		}
	}
}

// A pause hits every call that meets it. Reads go round one paused zone, and so do writes, but for those that the zone
// coordinates; when two are paused, all writes wait and reads do not.
func TestPauses(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table := w.ungated(TableConfig{}, 1*ms, 1*ms, 1*ms)
		pause := func(zones ...int) {
			now := table.now()
			for _, z := range zones {
				table.zones[z].pauses.spans = []span{{now, now + 200*ms}}
			}
		}
		waited := func(calls int, call func(n int) error) (slow int) {
			for n := range calls {
				took, err := w.took(func() error { return call(n) })
				switch {
				case err != nil:
					w.Error(err)
				case took > 100*ms:
					slow++
				}
				w.sleep(200*ms - took)
				pause()
			}
			return slow
		}
		put := func(zones ...int) func(int) error {
			return func(n int) error {
				pause(zones...)
				k := key
				k.Number += origin.SegmentNumber(1000*len(zones) + n)
				return table.Put(w.ctx, k, origin.Object{})
			}
		}
		get := func(zones ...int) func(int) error {
			return func(int) error {
				pause(zones...)
				_, err := table.Get(w.ctx, key, 0)
				return err
			}
		}
		if err := table.Put(w.ctx, key, origin.Object{}); err != nil {
			w.Fatal(err)
		}
		w.sleep(time.Second)
		if slow := waited(300, put(0)); slow < 70 || slow > 130 {
			w.Errorf("one zone paused: %d of 300 writes waited, want those that it coordinates", slow)
		}
		if slow := waited(20, put(0, 1)); slow != 20 {
			w.Errorf("two zones paused: %d of 20 writes waited", slow)
		}
		if slow := waited(20, get(0, 1)); slow != 0 {
			w.Errorf("two zones paused: %d of 20 reads waited", slow)
		}
		if slow := waited(20, get(0, 1, 2)); slow != 20 {
			w.Errorf("all zones paused: %d of 20 reads waited", slow)
		}
	})
}

// A throttled replica's answers take a multiple, and what is lost never comes.
func TestThrottlingAndLoss(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table := w.ungated(TableConfig{Timeout: 100 * ms}, 5*ms, 5*ms, 5*ms)
		for _, z := range table.zones {
			z.slowdown, z.throttling.spans = 3, []span{{0, time.Second}}
		}
		if took, err := w.took(func() error { return table.Put(w.ctx, key, origin.Object{}) }); took != 15*ms || err != nil {
			w.Errorf("throttled: put took %v, %v", took, err)
		}
		w.sleep(time.Second)
		table.zones[0].lost, table.zones[1].lost = 1, 1
		if took, err := w.took(func() error { _, err := table.Get(w.ctx, key, 0); return err }); took != 5*ms || err != nil {
			w.Errorf("two zones lose what they are asked: get took %v, %v", took, err)
		}
		k := key
		k.Number++
		if took, err := w.took(func() error { return table.Put(w.ctx, k, origin.Object{}) }); took != 100*ms || err == nil {
			w.Errorf("two zones lose what they are given: put took %v, %v", took, err)
		}
		w.sleep(time.Second)
		if z := table.Stats().Zones; z[0].Rows != 1 || z[0].HintsStored != 1 || z[2].Rows != 2 {
			w.Errorf("what is lost is not there, and is hinted: %+v", z)
		}
	})
}
