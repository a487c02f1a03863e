package storage

import (
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// bench runs calls on the loop, side by side as those of many callers, and counts them per second of real time.
func bench(b *testing.B, p ReplicaProfile, gated bool, call func(ctx context.Context, t *Table, n int)) {
	l := loop.New(epoch)
	defer l.Close()
	c := TableConfig{Region: "east", Zones: []string{"1", "2", "3"}, Runtime: l, Context: context.Background(),
		Start: epoch, Recorder: origin.Discard, Seed: 1, Replica: p}
	if gated {
		c.Gate = func(zone string, s origin.Store) origin.Store {
			if zone == "1" {
				return &gate{Store: s, rt: l}
			}
			return s
		}
	}
	t := NewTable(c)
	const callers = 100
	l.Go(func() {
		for n := range 1000 {
			_ = t.Put(c.Context, benchKey(n), origin.Object{Size: 1})
		}
	})
	if err := l.Settle(1_000_000); err != nil {
		b.Fatal(err)
	}
	began, done := time.Now(), 0
	for range callers {
		l.Go(func() {
			for b.N > done {
				done++
				call(c.Context, t, done)
			}
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := l.Settle(1 << 40); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "calls/s")
}

func benchKey(n int) origin.Key {
	return origin.Key{Event: "final", Rendition: "v1080", Number: origin.SegmentNumber(n), Pipeline: "us-east-a"}
}

func BenchmarkTableGet(b *testing.B) {
	get := func(ctx context.Context, t *Table, n int) {
		if _, err := t.Get(ctx, benchKey(n%1000), 0); err != nil {
			b.Error(err)
		}
	}
	b.Run("embedded", func(b *testing.B) { bench(b, embedded, false, get) })
	b.Run("cassandra", func(b *testing.B) { bench(b, cassandra, false, get) })
	b.Run("gated", func(b *testing.B) { bench(b, embedded, true, get) })
}

func BenchmarkTablePut(b *testing.B) {
	put := func(ctx context.Context, t *Table, n int) {
		k := benchKey(1000 + n)
		if err := t.Put(ctx, k, origin.Object{Size: 1, ExpiresAt: t.config.Runtime.Now().Add(time.Second)}); err != nil {
			b.Error(err)
		}
	}
	b.Run("embedded", func(b *testing.B) { bench(b, embedded, false, put) })
	b.Run("gated", func(b *testing.B) { bench(b, embedded, true, put) })
}
