package memcached

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// BenchmarkGet compares what a read of 512 KiB costs this process, in CPU (performance.md section 4): by the usual
// library, by ours, by ours into a buffer of the caller's, and by a loop that only reads as many bytes from a socket into a
// buffer, which no client can be below. What an origin has in memory anyway is stood in for by 256 MiB, without which the
// collector would run every few reads, for all.
func BenchmarkGet(b *testing.B) {
	address := node(b)
	n, o := open(b, Config{Address: address}), object(512<<10)
	if err := n.Put(b.Context(), row, o); err != nil {
		b.Fatal(err)
	}
	library, key := memcache.New(address), identify(row).key()
	defer library.Close()
	into := make([]byte, o.Size)
	memory := make([]byte, 256<<20)
	inTurns(b, []arm{
		{"gomemcache", func() error { _, err := library.Get(key); return err }},
		{"ours", func() error { _, err := n.Get(b.Context(), row, o.Digest); return err }},
		{"into", func() error { _, err := n.GetInto(b.Context(), row, o.Digest, into); return err }},
		{"bare", bareGet(b, address, key, headSize+o.Size)},
	})
	runtime.KeepAlive(memory)
}

// bareGet reads an item and throws it away.
func bareGet(b *testing.B, address, key string, size int) func() error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Minute))
	command := []byte("get " + key + "\r\n")
	answer := make([]byte, len(fmt.Sprintf("VALUE %s 0 %d\r\n", key, size))+size+len("\r\nEND\r\n"))
	return func() error {
		if _, err := c.Write(command); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			return err
		}
		if !bytes.HasSuffix(answer, []byte("\r\nEND\r\n")) {
			return errors.New("not the length of an answer")
		}
		return nil
	}
}

// BenchmarkPut is the same for writes. The library wants a head and a body in one piece.
func BenchmarkPut(b *testing.B) {
	address := node(b)
	n, o := open(b, Config{Address: address}), object(512<<10)
	library, key := memcache.New(address), identify(row).key()
	defer library.Close()
	inTurns(b, []arm{
		{"gomemcache", func() error {
			value := append(head{digest: o.Digest, size: o.Size, id: identify(row)}.append(nil), o.Body...)
			return library.Set(&memcache.Item{Key: key, Value: value})
		}},
		{"ours", func() error { return n.Put(b.Context(), row, o) }},
	})
}

// arm is one of the ways that are compared.
type arm struct {
	name string
	call func() error
}

// inTurns makes a hundred calls of each arm in turn, so that whatever else the machine does is done to all of them, and reports
// what one costs in this process's CPU, and how much that is of the first one's.
func inTurns(b *testing.B, arms []arm) {
	const turn = 100
	spent := make([]time.Duration, len(arms))
	round := func() {
		for i, a := range arms {
			before := cpu(b)
			for range turn {
				if err := a.call(); err != nil {
					b.Fatalf("%s: %v", a.name, err)
				}
			}
			spent[i] += cpu(b) - before
		}
	}
	round() // to warm up
	clear(spent)
	for b.Loop() {
		round()
	}
	b.ReportMetric(0, "ns/op")
	for i, a := range arms {
		b.ReportMetric(spent[i].Seconds()*1e6/float64(b.N*turn), a.name+"-cpu-µs")
		if i > 0 {
			b.ReportMetric(float64(spent[i])/float64(spent[0]), a.name+"/"+arms[0].name)
		}
	}
}

func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
