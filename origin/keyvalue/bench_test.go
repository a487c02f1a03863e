package keyvalue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func number(n int) origin.Key {
	return origin.Key{Event: "final", Rendition: "v1080", Number: origin.SegmentNumber(n), Pipeline: "us-east-a"}
}

// wallStore is one over memory, on the wall's clock.
func wallStore(b *testing.B, recent int) (*keyvalue.Store, context.Context) {
	rt := new(origin.Wall)
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(func() { cancel(); rt.Join() })
	return keyvalue.New(keyvalue.Config{Table: origin.NewMemory(rt, 1<<30), Runtime: rt, Context: ctx, Recent: recent}), ctx
}

func BenchmarkRecent(b *testing.B) {
	s, ctx := wallStore(b, 4)
	o := object(1000, 1)
	_ = s.Put(ctx, number(1), o)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(ctx, number(1), o.Digest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1000, 512 << 10, 3 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s, ctx := wallStore(b, 0)
			o := object(size, 1)
			_ = s.Put(ctx, number(1), o)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Get(ctx, number(1), o.Digest); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	s, ctx := wallStore(b, 0)
	o := object(1000, 1)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if err := s.Put(ctx, number(n), o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoop counts gets in virtual time per second of real time: of 100 callers, from a table that takes a
// millisecond, and from a cache that takes as much.
func BenchmarkLoop(b *testing.B) {
	for _, c := range []struct {
		name   string
		hedge  time.Duration
		cached bool
	}{{"table", 0, false}, {"unhedged", -1, false}, {"cache", 0, true}} {
		b.Run(c.name, func(b *testing.B) {
			l := loop.New(epoch)
			defer l.Close()
			config := keyvalue.Config{Table: &slow{Store: origin.NewMemory(l, 1<<40), rt: l, takes: ms}, Runtime: l,
				Context: context.Background(), HedgeAfter: c.hedge}
			if c.cached {
				s := newShelf(l)
				s.takes = ms
				config.Caches = []origin.Store{s}
			}
			s, done := keyvalue.New(config), 0
			l.Go(func() {
				for n := range 1000 {
					_ = s.Put(config.Context, number(n), origin.Object{Size: 1000, Digest: 1})
				}
			})
			if err := l.Settle(1 << 40); err != nil {
				b.Fatal(err)
			}
			for range 100 {
				l.Go(func() {
					for done < b.N {
						done++
						if _, err := s.Get(config.Context, number(done%1000), 1); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := l.Settle(1 << 40); err != nil {
				b.Fatal(err)
			}
		})
	}
}
