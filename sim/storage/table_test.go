package storage

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// spread are latencies that tell the zones apart.
var spread = []time.Duration{1 * ms, 5 * ms, 500 * ms}

var key = origin.Key{Event: "e", Rendition: "v", Number: 3, Pipeline: "a"}

// An acknowledged object is read by any quorum that is left, and never acknowledged without one (reliability.md, A10).
func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		why              string
		goneAtPut        []int
		goneAtGet        []int
		put, get         error
		putTook, getTook time.Duration
	}{
		{why: "all zones: two of three are enough", putTook: 5 * ms, getTook: 1 * ms},
		{why: "slowest zone gone", goneAtPut: []int{2}, putTook: 5 * ms, getTook: 1 * ms},
		{why: "a fast zone gone: the quorum needs the slow one", goneAtPut: []int{0}, putTook: 500 * ms,
			getTook: 5 * ms},
		{why: "two zones gone", goneAtPut: []int{0, 1}, put: origin.ErrNoQuorum, putTook: 0},
		{why: "written by two, read from the third and one of them", goneAtPut: []int{2}, goneAtGet: []int{0},
			putTook: 5 * ms, getTook: 5 * ms},
		{why: "nobody left who has it", goneAtPut: []int{2}, goneAtGet: []int{0, 1}, get: origin.ErrNoQuorum,
			putTook: 5 * ms, getTook: 500 * ms},
	} {
		onBothClocks(t, func(w *world) {
			table, gates := w.tableOf(TableConfig{}, spread...)
			gates.closed(c.goneAtPut...)
			took, err := w.took(func() error { return table.Put(w.ctx, key, origin.Object{Size: 7}) })
			if !errors.Is(err, c.put) || took != c.putTook {
				w.Errorf("%s: put took %v and gave %v; want %v, %v", c.why, took, err, c.putTook, c.put)
			}
			w.sleep(time.Second)
			if c.put != nil {
				return
			}
			gates.closed(c.goneAtGet...)
			var o origin.Object
			took, err = w.took(func() error {
				o, err = table.Get(w.ctx, key, 0)
				return err
			})
			if !errors.Is(err, c.get) || took != c.getTook || (c.get == nil && o.Size != 7) {
				w.Errorf("%s: get took %v and gave %d bytes, %v; want %v, %v", c.why, took, o.Size, err, c.getTook, c.get)
			}
		})
	}
}

// Without gates the caller walks through the answers itself; it must come to the same.
func TestQuorumWithoutGates(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table := w.ungated(TableConfig{}, spread...)
		put := func() error { return table.Put(w.ctx, key, origin.Object{Size: 7}) }
		if took, err := w.took(put); took != 5*ms || err != nil {
			w.Errorf("put took %v, %v", took, err)
		}
		if n := table.Stats().Zones[2].Rows; n != 0 {
			w.Errorf("the slow zone has %d rows before its time", n)
		}
		w.sleep(time.Second)
		if n := table.Stats().Zones[2].Rows; n != 1 {
			w.Errorf("the slow zone has %d rows after the caller was answered", n)
		}
		if took, err := w.took(func() error { _, err := table.Get(w.ctx, key, 0); return err }); took != 1*ms || err != nil {
			w.Errorf("get took %v, %v", took, err)
		}
		if took, err := w.took(func() error { _, err := table.Get(w.ctx, key, 1); return err }); took != 5*ms ||
			!errors.Is(err, origin.ErrNotFound) {
			w.Errorf("get of other bytes took %v, %v; a quorum says that there are none", took, err)
		}
	})
}

func TestAbsenceTakesAQuorum(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table, gates := w.tableOf(TableConfig{}, spread...)
		if _, err := table.Get(w.ctx, key, 0); !errors.Is(err, origin.ErrNotFound) {
			w.Errorf("all zones: %v", err)
		}
		gates.closed(0, 1)
		if _, err := table.Get(w.ctx, key, 0); !errors.Is(err, origin.ErrNoQuorum) {
			w.Errorf("one zone cannot say that there is none: %v", err)
		}
	})
}

// A replica that fails leaves a trace, or the loss of a zone could not be proved to have been felt.
func TestFailedReplicaIsRecorded(t *testing.T) {
	onBothClocks(t, func(w *world) {
		rec := new(records)
		table, gates := w.tableOf(TableConfig{Recorder: rec}, spread...)
		gates.closed(1)
		w.sleep(time.Second)
		if err := table.Put(w.ctx, key, origin.Object{}); err != nil {
			w.Fatal(err)
		}
		if len(rec.all) != 1 || rec.all[0].Kind != origin.KindReplica || rec.all[0].Name != "2" ||
			rec.all[0].Number != 3 || rec.all[0].Region != "east" || rec.all[0].AtUs != 1_000_000 {
			w.Errorf("recorded %+v", rec.all)
		}
	})
}

// A storm of failures fills no history: of each second the first hundred are recorded, all are counted.
func TestFailuresAreSampled(t *testing.T) {
	onLoop(t, func(w *world) {
		rec := new(records)
		table, gates := w.tableOf(TableConfig{Recorder: rec})
		gates.closed(1)
		for n := range 250 {
			k := key
			k.Number = origin.SegmentNumber(n)
			if err := table.Put(w.ctx, k, origin.Object{}); err != nil {
				w.Fatal(err)
			}
			w.sleep(5 * ms)
		}
		if got := len(rec.all); got != 150 {
			w.Errorf("%d records of 200 and 50 failures in two seconds, want 100 and 50", got)
		}
		if got := table.Stats().Zones[1].Failures; got != 250 {
			w.Errorf("%d failures counted", got)
		}
	})
}

// Two writers with different bytes for one key, by way of different nodes: one at most is told that they are stored,
// and only its bytes are read, also from the zone that the other was first in.
func TestTwoWritersOneKey(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table, gates := w.tableOf(TableConfig{}, spread...)
		gates.closed(1, 2)
		if err := table.Put(w.ctx, key, origin.Object{Digest: 2, Size: 7}); !errors.Is(err, origin.ErrNoQuorum) {
			w.Errorf("one zone of three: %v", err)
		}
		w.sleep(time.Second)
		gates.closed()
		if err := table.Put(w.ctx, key, origin.Object{Digest: 1, Size: 7}); err != nil {
			w.Errorf("two zones of three: %v", err)
		}
		if err := table.Put(w.ctx, key, origin.Object{Digest: 2, Size: 7}); !errors.Is(err, origin.ErrExists) {
			w.Errorf("the other writer: %v", err)
		}
		if o, err := table.Get(w.ctx, key, 1); err != nil || o.Digest != 1 {
			w.Errorf("read %d, %v", o.Digest, err)
		}
		w.sleep(time.Minute) // the loser's hints come
		if o, err := table.Get(w.ctx, key, 1); err != nil || o.Digest != 1 {
			w.Errorf("after the hand-over: read %d, %v", o.Digest, err)
		}
		for _, z := range table.Stats().Zones[1:] {
			if z.HintsStored != 1 || z.HintsExpired != 1 || z.HintsDelivered != 0 || z.Rows != 1 {
				w.Errorf("the loser's hint was taken: %+v", z)
			}
		}
	})
}

// A gate that holds up one zone must not hold up the others.
func TestSlowZoneIsMasked(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table, gates := w.tableOf(TableConfig{}, 1*ms, 2*ms, 3*ms)
		gates[0].delay = 300 * ms
		if took, err := w.took(func() error { return table.Put(w.ctx, key, origin.Object{}) }); took != 3*ms || err != nil {
			w.Errorf("put took %v, %v", took, err)
		}
		if took, err := w.took(func() error { _, err := table.Get(w.ctx, key, 0); return err }); took != 2*ms || err != nil {
			w.Errorf("get took %v, %v", took, err)
		}
		if n := table.Stats().Zones[0].Rows; n != 0 {
			w.Error("the slow zone was not")
		}
		w.sleep(time.Second)
		if n := table.Stats().Zones[0].Rows; n != 1 {
			w.Error("what is slow comes in the end")
		}
	})
}

// A call is given up after its time-out, or when its caller goes away; a write goes on in the zones all the same.
func TestGivingUp(t *testing.T) {
	for _, gated := range []bool{false, true} {
		onBothClocks(t, func(w *world) {
			table, _ := w.tableOf(TableConfig{Timeout: 100 * ms}, 50*ms, 200*ms, 300*ms)
			if !gated {
				table = w.ungated(TableConfig{Timeout: 100 * ms}, 50*ms, 200*ms, 300*ms)
			}
			took, err := w.took(func() error { return table.Put(w.ctx, key, origin.Object{}) })
			if took != 100*ms || !errors.Is(err, origin.ErrTimeout) {
				w.Errorf("put took %v, %v", took, err)
			}
			w.sleep(time.Second)
			if s := table.Stats(); s.Zones[1].Rows != 1 || s.Zones[2].Rows != 1 || s.Writes.TimedOut != 1 {
				w.Errorf("the zones got it in their time: %+v", s)
			}
			ctx, cancel := w.rt.WithCancel(w.ctx)
			w.rt.Go(func() {
				w.sleep(20 * ms)
				cancel()
			})
			took, err = w.took(func() error { _, err := table.Get(ctx, key, 0); return err })
			if took != 20*ms || !errors.Is(err, context.Canceled) {
				w.Errorf("get took %v, %v", took, err)
			}
			s := table.Stats()
			if s.Reads != (Calls{Begun: 1, Failed: 1, GivenUp: 1}) || s.Writes != (Calls{Begun: 1, Failed: 1, TimedOut: 1}) {
				w.Errorf("counted %+v, %+v", s.Reads, s.Writes)
			}
		})
	}
}

// A zone that is known to be away is given nothing to do, and coordinates no writes.
func TestAwayZoneIsLeftAlone(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table, gates := w.tableOf(TableConfig{Replica: ReplicaProfile{Capacity: Capacity{Operations: 1000}}}, ms, ms, ms)
		gates.closed(0)
		put := func(n int) time.Duration {
			took, err := w.took(func() error { return table.Put(w.ctx, numbered(n), origin.Object{}) })
			if err != nil {
				w.Error(err)
			}
			return took
		}
		put(0)
		before := table.Stats().Zones[0]
		table.zones[0].pauses.spans = []span{{0, time.Hour}}
		for n := range 30 {
			if took := put(n); took > 10*ms {
				w.Errorf("write %d took %v", n, took)
			}
		}
		if after := table.Stats().Zones[0]; after.Writes != before.Writes || after.Busy != before.Busy {
			w.Errorf("the zone did %+v, and before %+v", after, before)
		}
		table.zones[0].pauses.spans = nil
		gates.closed()
		put(31)
		w.sleep(time.Second)
		put(32)
		if after := table.Stats().Zones[0]; after.Writes == before.Writes {
			w.Error("the zone is back, and is still left alone")
		}
	})
}

// What replicas do and carry is counted where it is done: every zone writes, one sends what is read, and hints and
// repairs are operations too.
func TestZonesCountWhatTheyDo(t *testing.T) {
	type did struct{ Reads, Writes, BytesRead, BytesWritten int64 }
	for _, gated := range []bool{false, true} {
		onBothClocks(t, func(w *world) {
			table, gates := w.tableOf(TableConfig{}, 1*ms, 2*ms, 3*ms)
			if !gated {
				table = w.ungated(TableConfig{}, 1*ms, 2*ms, 3*ms)
			}
			before := [3]did{}
			check := func(why string, want [3]did) {
				w.Helper()
				for i, z := range table.Stats().Zones {
					d := did{z.Reads, z.Writes, z.BytesRead, z.BytesWritten}
					if b := before[i]; d != (did{want[i].Reads + b.Reads, want[i].Writes + b.Writes,
						want[i].BytesRead + b.BytesRead, want[i].BytesWritten + b.BytesWritten}) {
						w.Errorf("%s: zone %d is at %+v; before %+v, want %+v more", why, i+1, d, b, want[i])
					}
					before[i] = d
				}
			}
			put := func(n int) {
				if err := table.Put(w.ctx, numbered(n), origin.Object{Size: 100}); err != nil {
					w.Fatal(err)
				}
				w.sleep(100 * ms)
			}
			get := func(n int) {
				_, _ = table.Get(w.ctx, numbered(n), 0)
				w.sleep(100 * ms)
			}
			put(1)
			check("a write is three", [3]did{{0, 1, 0, 100}, {0, 1, 0, 100}, {0, 1, 0, 100}})
			get(1)
			check("all look, the first sends", [3]did{{1, 0, 100, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}})
			get(2)
			check("nothing to send", [3]did{{1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}})
			if table.Zone("1").Flush() == 1 {
				get(1)
				check("the second sends, and the first is repaired", [3]did{{1, 1, 0, 100}, {1, 0, 100, 0}, {1, 0, 0, 0}})
			}
			if !gated {
				return
			}
			gates.closed(2)
			put(3)
			check("sent to a zone that is not there", [3]did{{0, 1, 0, 100}, {0, 1, 0, 100}, {0, 1, 0, 0}})
			put(4)
			check("it is known to be away", [3]did{{0, 1, 0, 100}, {0, 1, 0, 100}, {0, 0, 0, 0}})
			gates.closed()
			put(5)
			check("it is back without anybody's knowing", [3]did{{0, 1, 0, 100}, {0, 1, 0, 100}, {0, 1, 0, 100}})
			w.sleep(20 * time.Second)
			check("its two hints", [3]did{{}, {}, {0, 2, 0, 200}})
			gates.closed(2)
			put(6)
			check("away again", [3]did{{0, 1, 0, 100}, {0, 1, 0, 100}, {0, 1, 0, 0}})
			gates.closed()
			w.sleep(20 * time.Second)
			check("a hint is what finds it back", [3]did{{}, {}, {0, 1, 0, 100}})
		})
	}
}

// Under ten times the load that it bears, a table answers what it can in time, and has no queue to work off afterwards
// that is longer than its callers wait.
func TestOverload(t *testing.T) {
	onLoop(t, func(w *world) {
		table := w.ungated(TableConfig{Replica: ReplicaProfile{Capacity: Capacity{Operations: 100}}})
		get := func() error {
			_, err := table.Get(w.ctx, key, 0)
			return err
		}
		for _, took := range w.poisson(10_000, 1000, get) {
			if took > time.Second {
				w.Fatalf("a call took %v", took)
			}
		}
		w.sleep(time.Second)
		if took, err := w.took(get); took > 100*ms {
			w.Errorf("after the storm: %v, %v", took, err)
		}
		s := table.Stats().Reads
		if s.Answered < 900 || s.TimedOut < 5000 || s.InFlight != 0 || s.Begun != s.Answered+s.Failed {
			w.Errorf("counted %+v", s)
		}
	})
}
