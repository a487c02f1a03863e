package memcached

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// BenchmarkGet compares what a read of 512 KiB costs this process, in CPU (performance.md section 4): by the usual
// library, by ours, and by ours into a buffer of the caller's. What an origin has in memory anyway is stood in for by
// 256 MiB, without which the collector would run every few reads, for either.
func BenchmarkGet(b *testing.B) {
	address := node(b)
	n, o := open(b, Config{Address: address}), object(512<<10)
	if err := n.Put(b.Context(), row, o); err != nil {
		b.Fatal(err)
	}
	memory := make([]byte, 256<<20)
	var usual time.Duration
	b.Run("gomemcache", func(b *testing.B) {
		library, key := memcache.New(address), identify(row).key()
		defer library.Close()
		usual = measure(b, 0, func() error { _, err := library.Get(key); return err })
	})
	b.Run("ours", func(b *testing.B) {
		measure(b, usual, func() error { _, err := n.Get(b.Context(), row, o.Digest); return err })
	})
	b.Run("into", func(b *testing.B) {
		into := make([]byte, o.Size)
		measure(b, usual, func() error { _, err := n.GetInto(b.Context(), row, o.Digest, into); return err })
	})
	runtime.KeepAlive(memory)
}

// BenchmarkPut is the same for writes. The library wants a head and a body in one piece.
func BenchmarkPut(b *testing.B) {
	address := node(b)
	n, o := open(b, Config{Address: address}), object(512<<10)
	var usual time.Duration
	b.Run("gomemcache", func(b *testing.B) {
		library, key := memcache.New(address), identify(row).key()
		defer library.Close()
		usual = measure(b, 0, func() error {
			value := append(head{digest: o.Digest, size: o.Size, id: identify(row)}.append(nil), o.Body...)
			return library.Set(&memcache.Item{Key: key, Value: value})
		})
	})
	b.Run("ours", func(b *testing.B) {
		measure(b, usual, func() error { return n.Put(b.Context(), row, o) })
	})
}

// measure runs fn b.N times and reports this process's CPU, and how much that is of the usual library's, where known.
func measure(b *testing.B, usual time.Duration, fn func() error) time.Duration {
	b.SetBytes(512 << 10)
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		if err := fn(); err != nil {
			b.Fatal(err)
		}
	}
	each := (cpu(b) - before) / time.Duration(b.N)
	b.ReportMetric(float64(each.Nanoseconds())/1e3, "cpu-µs/op")
	if usual > 0 {
		b.ReportMetric(float64(each)/float64(usual), "cpu/gomemcache")
	}
	return each
}

func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
