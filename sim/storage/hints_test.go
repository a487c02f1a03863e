package storage

import (
	"errors"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// rows is how many rows the zones have.
func rows(t *Table) (all [3]int) {
	for i, z := range t.Stats().Zones {
		all[i] = z.Rows
	}
	return all
}

// number is a key of its own.
func numbered(n int) origin.Key {
	k := key
	k.Number = origin.SegmentNumber(n)
	return k
}

// What a zone missed is handed to it once it is back, at a pace: 1 MiB a second, after a look every 10 s.
func TestHints(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table, gates := w.tableOf(TableConfig{}, ms, ms, ms)
		gates.closed(2)
		for n := range 20 {
			if err := table.Put(w.ctx, numbered(n), origin.Object{Size: mib, ExpiresAt: w.rt.Now().Add(time.Hour)}); err != nil {
				w.Fatal(err)
			}
		}
		w.sleep(time.Minute)
		if got := rows(table); got != [3]int{20, 20, 0} {
			w.Errorf("while the zone is away: %v", got)
		}
		gates.closed()
		w.sleep(10*time.Second + 10*time.Second)
		if got := rows(table)[2]; got < 8 || got > 19 {
			w.Errorf("%d rows of 1 MiB after 20 s, want those of about 15 s of hand-over", got)
		}
		w.sleep(20 * time.Second)
		if got := rows(table); got != [3]int{20, 20, 20} {
			w.Errorf("afterwards: %v", got)
		}
		z := table.Stats().Zones[2]
		if z.HintsStored != 20 || z.HintsDelivered != 20 || z.HintsWaiting != 0 || z.HintsRefused != 0 {
			w.Errorf("counted %+v", z)
		}
	})
}

// Hints have their bounds: what has expired is not handed over (nothing is resurrected, reliability.md A9), a zone that
// is away for more than three hours gets no new ones, and those waiting are no more than it could keep.
func TestHintsEnd(t *testing.T) {
	onLoop(t, func(w *world) {
		table, gates := w.tableOf(TableConfig{Limit: 100}, ms, ms, ms)
		gates.closed(2)
		put := func(n, size int, keep time.Duration) {
			if err := table.Put(w.ctx, numbered(n), origin.Object{Size: size, ExpiresAt: w.rt.Now().Add(keep)}); err != nil {
				w.Fatal(err)
			}
		}
		put(1, 10, time.Minute)   // expires before the zone is back
		put(2, 50, 24*time.Hour)  // is handed over
		put(3, 60, 24*time.Hour)  // one too many
		w.sleep(3*time.Hour + ms) // the zone is away for too long
		put(4, 1, 24*time.Hour)
		gates.closed()
		w.sleep(time.Minute)
		z := table.Stats().Zones[2]
		if z.HintsStored != 2 || z.HintsExpired != 1 || z.HintsDelivered != 1 || z.HintsRefused != 2 || z.Rows != 1 {
			w.Errorf("counted %+v", z)
		}
		gates.closed(2)
		put(5, 1, 24*time.Hour) // it was back, and so is not away for too long
		gates.closed()
		w.sleep(time.Minute)
		if z := table.Stats().Zones[2]; z.HintsDelivered != 2 {
			w.Errorf("after it was back: %+v", z)
		}
	})
}

// A replica that crashes forgets what came since its commit log was synced, and only that; it gets it back by read
// repair.
func TestCrash(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table, _ := w.tableOf(TableConfig{}, 1*ms, 2*ms, 3*ms)
		z := table.Zone("1")
		toSync := commitLogSync - (table.now()+z.phase)%commitLogSync
		put := func(n int) {
			if err := table.Put(w.ctx, numbered(n), origin.Object{Size: 7}); err != nil {
				w.Fatal(err)
			}
		}
		put(1)
		w.sleep(toSync)
		put(2)
		w.sleep(commitLogSync / 2)
		put(3)
		w.sleep(5 * ms)
		if n := z.Flush(); n != 2 {
			w.Errorf("lost %d rows, want the two of half a sync interval", n)
		}
		if got := rows(table); got != [3]int{1, 3, 3} {
			w.Errorf("after the crash: %v", got)
		}
		if n := z.Flush(); n != 0 {
			w.Errorf("lost %d rows twice", n)
		}
		if o, err := table.Get(w.ctx, numbered(2), 0); err != nil || o.Size != 7 {
			w.Errorf("%d bytes, %v; the other zones have it", o.Size, err)
		}
		if s := table.Stats(); s.Repairs != 1 || s.Zones[0].Rows != 2 || s.Zones[0].Wiped != 2 {
			w.Errorf("after a read of one: %+v", s)
		}
		if n := z.Flush(); n != 1 {
			w.Errorf("lost %d rows, want the repaired one", n)
		}
		put(4)
		w.sleep(commitLogSync)
		if n := z.Flush(); n != 0 {
			w.Errorf("lost %d rows that were synced", n)
		}
	})
}

// A quorum that crashes within the sync interval loses what it acknowledged: the one declared exception.
func TestCrashOfAQuorum(t *testing.T) {
	onLoop(t, func(w *world) {
		table := w.ungated(TableConfig{}, ms, ms, ms)
		if err := table.Put(w.ctx, key, origin.Object{}); err != nil {
			w.Fatal(err)
		}
		w.sleep(ms)
		if n := table.Zone("1").Flush() + table.Zone("2").Flush() + table.Zone("3").Flush(); n == 3 {
			if _, err := table.Get(w.ctx, key, 0); !errors.Is(err, origin.ErrNotFound) {
				w.Errorf("read %v", err)
			}
		} else {
			w.Errorf("lost %d copies", n)
		}
		if len(table.rows) != 0 {
			w.Error("a row that nobody has")
		}
	})
}

// A table's memory is bounded: rows go when they expire, and the oldest go when there are too many bytes; headers,
// which never expire, stay.
func TestRowsGo(t *testing.T) {
	onBothClocks(t, func(w *world) {
		table := w.ungated(TableConfig{Limit: 100}, ms, ms, ms)
		put := func(n, size int, keep time.Duration) {
			o := origin.Object{Size: size}
			if keep > 0 {
				o.ExpiresAt = w.rt.Now().Add(keep)
			}
			if err := table.Put(w.ctx, numbered(n), o); err != nil {
				w.Fatal(err)
			}
			w.sleep(ms)
		}
		has := func(n int) bool {
			_, err := table.Get(w.ctx, numbered(n), 0)
			return err == nil
		}
		put(0, 10, 0)
		put(1, 40, time.Minute)
		put(2, 40, time.Minute)
		if !has(0) || !has(1) || !has(2) {
			w.Error("there is room for all")
		}
		put(3, 40, time.Minute)
		if !has(0) || has(1) || !has(2) || !has(3) {
			w.Error("the oldest that expires has to go")
		}
		w.sleep(time.Minute)
		if !has(0) || has(2) || has(3) {
			w.Error("what has expired is not read")
		}
		put(3, 40, time.Minute) // with other bytes would do as well: there are none
		put(4, 1, time.Minute)
		s := table.Stats()
		for _, z := range s.Zones {
			if z.Rows != 3 || z.Bytes != 51 || z.Evicted != 1 || z.Expired != 2 {
				w.Errorf("counted %+v", z)
			}
		}
		if len(table.rows) != 3 {
			w.Errorf("%d rows in all", len(table.rows))
		}
	})
}
