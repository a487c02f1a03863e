package parts

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// stamp is a record of now, as a node makes it.
func stamp(c origin.Clock, start time.Time) origin.Record {
	return origin.Record{AtUs: c.Now().Sub(start).Microseconds()}
}

func TestOffset(t *testing.T) {
	for _, by := range []time.Duration{0, 5 * time.Second, -5 * time.Second, 3 * time.Millisecond, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			right := new(origin.Wall)
			start := right.Now()
			o := NewOffset(right)
			got := new(taken)
			rec := o.Recorder(start, got)
			time.Sleep(time.Second + 300*time.Nanosecond) // records count whole microseconds
			kept := stamp(o, start)
			o.Set(by)
			if off := o.Now().Sub(right.Now()); off != by {
				t.Errorf("off by %v, want %v", off, by)
			}
			rec.Record(kept)            // made before the change, and handed in after it
			rec.Record(stamp(o, start)) // made after it, in the same microsecond
			time.Sleep(2 * time.Second)
			rec.Record(stamp(o, start))
			o.Set(0)
			rec.Record(stamp(o, start))
			time.Sleep(time.Second)
			rec.Record(stamp(o, start))
			for i, want := range []int64{1_000_000, 1_000_000, 3_000_000, 3_000_000, 4_000_000} {
				if at := got.all[i].AtUs; at != want && at != want+1 { // before the event, rounding goes up
					t.Errorf("off by %v: record %d is of %d us, want %d", by, i, at, want)
				}
			}
		})
	}
}

// How long things take does not change with the clock, and a deadline by the wrong clock is one.
func TestOffsetWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right := new(origin.Wall)
		o := NewOffset(right)
		for _, by := range []time.Duration{time.Minute, -time.Minute} {
			o.Set(by)
			before := right.Now()
			if err := o.Sleep(context.Background(), time.Second); err != nil || right.Now().Sub(before) != time.Second {
				t.Errorf("slept %v, %v", right.Now().Sub(before), err)
			}
			before = right.Now()
			s := o.NewSignal()
			err := s.Wait(context.Background(), o.Now().Add(time.Second))
			if took := right.Now().Sub(before); !errors.Is(err, origin.ErrTimeout) || took != time.Second {
				t.Errorf("off by %v, waited %v: %v", by, took, err)
			}
			o.Go(s.Fire)
			if err := s.Wait(context.Background(), o.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			o.Join()
		}
	})
}

func TestLocal(t *testing.T) {
	there := time.Now().Add(time.Minute).Round(0) // as JSON gives it
	here := Local(there)
	if d := here.Sub(there); d > time.Millisecond || d < -time.Millisecond {
		t.Errorf("%v away", d)
	}
	if here == here.Round(0) {
		t.Error("no monotonic reading")
	}
}
