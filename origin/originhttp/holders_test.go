package originhttp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// BenchmarkHolders is a segment that so many clients hold a request open for: when the last of them has its first byte
// after the PUT was begun, when the PUT is answered, and what a held request costs in memory. The targets are 20 ms and 2 ms
// for 1,000 holders of 512 KiB, 150 ms for 10,000 of 2 KiB, and 20 KiB a holder. The server is a process of its own, on the same
// cores as the clients. What these cores give at best is measured in the same run: x-floor is how many times as long the last
// first byte takes as where one loop writes as much to as many sockets, which know nothing of HTTP.
func BenchmarkHolders(b *testing.B) {
	if isChild() {
		serveHolders(b)
		return
	}
	for _, arm := range []struct {
		holders, bytes int
	}{{1000, 512 << 10}, {10_000, 2 << 10}} {
		b.Run(fmt.Sprintf("%dx%dKiB", arm.holders, arm.bytes>>10), func(b *testing.B) { holders(b, arm.holders, arm.bytes) })
	}
}

// serveHolders is the life of the other process. It is asked two things: how many requests are held in how much memory, and to
// write to all the sockets that it knows nothing about.
func serveHolders(b *testing.B) {
	node := speedNode(b, func(c *origin.NodeConfig) { c.MaxHolders = 20_000 })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	fmt.Printf("serving %s %s %s\n", serve(b, delivery(node), originhttp.ForDelivery), serve(b, publishing(node), originhttp.ForPublishing), ln.Addr())
	var bare []net.Conn
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var n int
		if k, _ := fmt.Sscanf(lines.Text(), "accept %d", &n); k == 1 {
			for range n {
				c, err := ln.Accept()
				if err != nil {
					b.Fatal(err)
				}
				bare = append(bare, c)
			}
			fmt.Println("accepted")
			continue
		}
		if k, _ := fmt.Sscanf(lines.Text(), "write %d", &n); k == 1 {
			some := make([]byte, n)
			for _, c := range bare {
				_, _ = c.Write(some)
				c.Close()
			}
			bare = nil
			continue
		}
		fmt.Printf("%d %d\n", node.Holders(), heap())
	}
}

// held is how many requests a child holds, and its memory in use.
func (s *server) held(b *testing.B) (requests int, memory int) {
	fmt.Fprintln(s.say, "held")
	s.hear.Scan()
	if _, err := fmt.Sscan(s.hear.Text(), &requests, &memory); err != nil {
		b.Fatal(s.hear.Text(), err)
	}
	return requests, memory
}

func holders(b *testing.B, count, size int) {
	s := child(b, "BenchmarkHolders")
	ev := speedEvent("final")
	client, err := originhttp.NewClient("http://"+s.addresses[1]+"/", originhttp.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var first, answered, floor []time.Duration
	for range 3 {
		floor = append(floor, bareFloor(b, &s, count))
	}
	conns := dial(b, s.addresses[0], count)
	defer closeAll(conns)
	var memory float64
	for b.Loop() {
		for next := ev.AvailableAt(ev.LiveEdge(time.Now()) + 1); time.Until(next) < time.Second && time.Until(next) > 0; {
			time.Sleep(10 * time.Millisecond) // time enough to ask for the next one
		}
		n := ev.LiveEdge(time.Now()) + 1
		body := bytes.Repeat([]byte{1}, size) // nobody inspects it
		p := origin.Publication{Key: origin.Key{Event: ev.ID, Rendition: ev.Renditions[0].ID, Number: n, Pipeline: "a"}, Inspected: true,
			Object: origin.Object{Body: body, Size: size, Digest: origin.Checksum(body)}}
		_, idle := s.held(b)
		for _, c := range conns {
			fmt.Fprintf(c, "GET /final/%s/%d.m4s HTTP/1.1\r\nHost: x\r\n\r\n", p.Key.Rendition, n)
		}
		for held := 0; held < count; {
			var used int
			held, used = s.held(b)
			memory = float64(used-idle) / float64(count) / 1024
		}
		var took time.Duration
		first = append(first, last(b, conns, p.Object.Size, func() {
			began := time.Now()
			if r, err := client.Publish(b.Context(), p); err != nil || !r.Outcome.Accepted() {
				b.Error(r, err)
			}
			took = time.Since(began)
		}))
		answered = append(answered, took)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(slices.Min(first)), "last-first-byte-ms")
	b.ReportMetric(ms(slices.Min(first))/ms(slices.Min(floor)), "x-floor")
	b.ReportMetric(ms(slices.Min(answered)), "put-ms")
	b.ReportMetric(memory, "KiB/holder")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func dial(b *testing.B, address string, count int) []net.Conn {
	conns := make([]net.Conn, count)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		conns[i] = c
	}
	return conns
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// bareFloor is how long it takes until the last of so many sockets has its first byte when nothing is done but to write.
func bareFloor(b *testing.B, s *server, count int) time.Duration {
	fmt.Fprintf(s.say, "accept %d\n", count)
	conns := dial(b, s.addresses[2], count)
	defer closeAll(conns)
	s.hear.Scan()
	return last(b, conns, 0, func() { fmt.Fprintln(s.say, "write 2560") })
}

// last is when the last connection has its first byte, after begin was called. Clients are machines of their own, so nobody
// reads on before all have begun; then the answers are read to their ends, unless they have no size.
func last(b *testing.B, conns []net.Conn, size int, begin func()) time.Duration {
	var waiting, begun, done sync.WaitGroup
	waiting.Add(len(conns))
	begun.Add(len(conns))
	at := make([]time.Time, len(conns))
	for i, c := range conns {
		done.Go(func() {
			head := make([]byte, 1)
			waiting.Done()
			_, err := io.ReadFull(c, head)
			at[i] = time.Now()
			begun.Done()
			if err != nil {
				b.Error(err)
				return
			}
			if begun.Wait(); size > 0 {
				rest(b, io.MultiReader(bytes.NewReader(head), c), size)
			}
		})
	}
	waiting.Wait()
	runtime.Gosched()
	start := time.Now()
	begin()
	done.Wait()
	return slices.MaxFunc(at, time.Time.Compare).Sub(start)
}

func rest(b *testing.B, in io.Reader, size int) {
	resp, err := http.ReadResponse(bufio.NewReaderSize(in, 4<<10), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Errorf("%+v, %v", resp, err)
		return
	}
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != int64(size) {
		b.Errorf("%d bytes, %v", n, err)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
