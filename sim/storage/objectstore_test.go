package storage

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// bucket is one of a run that starts at epoch: on the wall clock inside of a bubble that is years ahead, as headers
// come before the start.
func (w *world) bucket(region string, p BucketProfile) *ObjectStore {
	return NewObjectStore(ObjectStoreConfig{Region: region, Runtime: w.rt, Context: w.ctx, Start: epoch, Seed: 1,
		Bucket: p, Timeout: 10 * time.Second, Limit: 1 << 30})
}

// The bucket has the published figures (N5), and beyond p99 the seconds of N7, which one region has without the other.
func TestObjectStoreProfile(t *testing.T) {
	onLoop(t, func(w *world) {
		p := objectStore
		p.Outages, p.Shocks = Episodes{}, Episodes{}
		b := w.bucket("east", p)
		n := samples(20_000, 1_000_000)
		took := w.poisson(n, 20, func() error { return b.Put(w.ctx, key, origin.Object{}) })
		slices.Sort(took)
		for _, c := range []struct {
			at          float64
			least, most time.Duration
		}{
			{0.5, 111 * ms, 115 * ms}, {0.99, 260 * ms, 310 * ms}, {0.999, 1500 * ms, 4 * time.Second},
		} {
			if got := took[int(float64(n)*c.at)]; got < c.least || got > c.most {
				t.Errorf("p%v is %v, want %v to %v", c.at*100, got, c.least, c.most)
			}
		}
		s := b.Stats()
		if s.Stalled < int64(n)/800 || s.Stalled > int64(n)/300 || s.Throttled != 0 || s.Writes.InFlight != 0 ||
			s.Writes.Begun != s.Writes.Answered+s.Writes.Failed {
			t.Errorf("counted %+v", s)
		}
	})
}

// Above 100 requests a second an event's requests fail, at once; other events' do not (STO-3, N8).
func TestThrottledRequests(t *testing.T) {
	onBothClocks(t, func(w *world) {
		b := w.bucket("east", BucketProfile{Write: Latency{ms, ms}, Read: Latency{ms, ms}, Rate: 100, Burst: 5})
		try := func(event string, n int) (ok, throttled int) {
			for i := range n {
				k := numbered(i)
				k.Event = event
				took, err := w.took(func() error { _, err := b.Get(w.ctx, k, 0); return err })
				switch {
				case errors.Is(err, ErrThrottled) && took == 0:
					throttled++
				case errors.Is(err, origin.ErrNotFound) && took == ms:
					ok++
				default:
					w.Errorf("took %v: %v", took, err)
				}
			}
			return ok, throttled
		}
		if ok, throttled := try("one", 12); ok != 5 || throttled != 7 {
			w.Errorf("a burst: %d and %d", ok, throttled)
		}
		if ok, _ := try("other", 5); ok != 5 {
			w.Error("another event is throttled too")
		}
		w.sleep(30 * ms)
		if ok, throttled := try("one", 12); ok < 3 || ok > 5 || throttled != 12-ok {
			w.Errorf("after time for three or four: %d and %d", ok, throttled)
		}
		w.sleep(time.Minute)
		if ok, _ := try("one", 12); ok != 5 {
			w.Errorf("a minute later: %d at once, want the burst and no more", ok)
		}
		if s := b.Stats(); s.Throttled != s.Reads.Failed || s.Reads.Begun != s.Reads.Answered+s.Reads.Failed {
			w.Errorf("counted %+v", s)
		}
	})
}

// A shock hits all regions at the same time; an outage is one region's own.
func TestShocksAreCommon(t *testing.T) {
	times := Episodes{Every: time.Minute, Length: Latency{5 * time.Second, 10 * time.Second}}
	for _, c := range []struct {
		why      string
		profile  BucketProfile
		together bool
	}{
		{"shocks", BucketProfile{Shocks: times}, true},
		{"outages", BucketProfile{Outages: times}, false},
	} {
		onLoop(t, func(w *world) {
			east, west := w.bucket("east", c.profile), w.bucket("west", c.profile)
			failed, alone := 0, 0
			for range 3600 {
				a, b := east.Put(w.ctx, key, origin.Object{}), west.Put(w.ctx, key, origin.Object{})
				if a != nil && !errors.Is(a, origin.ErrUnreachable) {
					w.Error(a)
				}
				if a != nil || b != nil {
					failed++
				}
				if (a == nil) != (b == nil) {
					alone++
				}
				w.sleep(time.Second)
			}
			if failed < 100 || c.together && alone > 0 || !c.together && alone < failed/2 {
				w.Errorf("%s: %d times a region failed, %d of them alone", c.why, failed, alone)
			}
		})
	}
}

// A write that takes longer than its caller waits comes to be there all the same; other bytes are refused.
func TestObjectStoreGivingUp(t *testing.T) {
	onBothClocks(t, func(w *world) {
		b := w.bucket("east", BucketProfile{Write: Latency{12 * time.Second, 12 * time.Second}})
		took, err := w.took(func() error { return b.Put(w.ctx, key, origin.Object{Digest: 1}) })
		if took != 10*time.Second || !errors.Is(err, origin.ErrTimeout) {
			w.Errorf("put took %v, %v", took, err)
		}
		if _, err := b.Get(w.ctx, key, 1); !errors.Is(err, origin.ErrNotFound) {
			w.Errorf("before its time: %v", err)
		}
		w.sleep(3 * time.Second)
		if _, err := b.Get(w.ctx, key, 1); err != nil {
			w.Errorf("after its time: %v", err)
		}
		b.write = logNormal{}
		if err := b.Put(w.ctx, key, origin.Object{Digest: 2}); !errors.Is(err, origin.ErrExists) {
			w.Errorf("other bytes: %v", err)
		}
	})
}
