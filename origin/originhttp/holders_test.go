//go:build linux

package originhttp_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// BenchmarkHolders is a segment that so many clients hold a request open for: when the last of them has its first byte, when
// the PUT is answered, and what a held request costs in memory beside its idle connection. The targets are 20 ms and 2 ms for
// 1,000 holders of 512 KiB, 150 ms for 10,000 of 2 KiB, and 20 KiB a holder. Both times begin before the first byte of the PUT
// is sent, since a packager counts from there, and end when the kernel has the byte for the client: the server is a process of
// its own, but shares its cores with the clients, whose own queue is not the server's.
//
// What these cores give at best is measured in the same run: x-floor is how many times as long the last first byte takes as where
// one loop writes as much to as many sockets, which know nothing of HTTP, and x-floor-cpu compares what the process spends on it.
// Of several rounds each figure is the median, but for memory, of which it is the most; what each took is logged.
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

// heldEvent holds for so long that any machine has asked for everything by then.
func heldEvent() origin.Event {
	ev := speedEvent("held")
	ev.RetryBudget = time.Minute
	return ev
}

// counting is a delivery of which is told what it answers, as liveorigin origin has it: that, too, is on a held request's stack.
type counting struct {
	http.Handler
	delivery originhttp.DeliveryHandler
}

func (c counting) Refuse(target []byte) []byte {
	return c.delivery.Refuse(target)
}

func asShipped(node *origin.Node) originhttp.DeliveryHandler {
	d := originhttp.Delivery(metrics.LogRefusals(node, slog.New(metrics.NewLog(slog.NewTextHandler(io.Discard, nil)))), node, new(origin.Wall))
	return counting{metrics.Traced(d), d}
}

// serveHolders is the life of the other process. It is asked two things: how many requests are held in how much memory, and to
// write to all the sockets that it knows nothing about.
func serveHolders(b *testing.B) {
	counted := metrics.New()
	node := speedNode(b, func(c *origin.NodeConfig) { c.MaxHolders, c.Observer = 20_000, counted })
	counted.Watch(node)
	ln := servertest.Listen(b)
	ev := heldEvent()
	if err := node.AddEvent(ev); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("serving %s %s %s %d\n", serve(b, asShipped(node), originhttp.ForDelivery), serve(b, publishing(node), originhttp.ForPublishing), ln.Addr(),
		ev.AvailabilityStartTime.Unix())
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
			}
			for _, c := range bare {
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

// onePacket is the size of a body that is sent whole with its head.
const onePacket = 2 << 10

func holders(b *testing.B, count, size int) {
	ownNetwork(b)
	s := child(b, "BenchmarkHolders")
	ev := heldEvent()
	start, err := strconv.ParseInt(s.addresses[3], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	ev.AvailabilityStartTime = time.Unix(start, 0)
	defer closeAll(dial(b, s.addresses[1], 1))
	time.Sleep(200 * time.Millisecond) // the kernel begins to stamp a moment after a first socket has asked for it
	var rounds, bare []moment
	for range 5 {
		bare = append(bare, s.bareFloor(b, count, size > onePacket))
	}
	conns := dial(b, s.addresses[0], count)
	defer closeAll(conns)
	var memory int
	var n origin.SegmentNumber
	for b.Loop() {
		for ev.LiveEdge(time.Now()) < n {
			time.Sleep(10 * time.Millisecond) // nobody is held for what is there
		}
		n = ev.LiveEdge(time.Now()) + 1
		path := fmt.Sprintf("/held/%s/%d.m4s", ev.Renditions[0].ID, n)
		memory = max(memory, s.hold(b, conns, path))
		rounds = append(rounds, s.release(b, conns, size > onePacket, putRequest(path, size)))
		for _, c := range conns {
			rest(b, c, http.StatusOK, size)
		}
	}
	first, floor := middle(rounds), middle(bare)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(first.arrived), "last-first-byte-ms")
	b.ReportMetric(ms(first.answered), "put-ms")
	b.ReportMetric(float64(first.arrived)/float64(floor.arrived), "x-floor")
	b.ReportMetric(float64(first.spent)/float64(floor.spent), "x-floor-cpu")
	b.ReportMetric(float64(memory)/float64(count)/1024, "KiB/holder")
	b.Logf("arrived, answered, spent: %v; floor: %v", rounds, bare)
}

// hold asks for something on each connection, and returns by how much the child's memory has grown when all are held.
func (s *server) hold(b *testing.B, conns []*os.File, path string) (memory int) {
	b.Helper()
	_, idle := s.held(b)
	for _, c := range conns {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		held, used := s.held(b)
		if held == len(conns) {
			return used - idle
		}
		if time.Now().After(until) {
			b.Fatalf("%d are held, want %d", held, len(conns))
		}
	}
}

// release publishes what all wait for.
func (s *server) release(b *testing.B, conns []*os.File, atOnce bool, request []byte) moment {
	b.Helper()
	put := dial(b, s.addresses[1], 1)
	defer closeAll(put)
	var answered time.Duration
	m := s.last(b, conns, atOnce, func() {
		began := time.Now().Round(0)
		_, err := put[0].Write(request)
		at, readErr := firstByte(int(put[0].Fd()), 0)
		if err := errors.Join(err, readErr); err != nil {
			b.Error(err)
		}
		answered = at.Sub(began)
	})
	rest(b, put[0], http.StatusCreated, -1)
	m.answered = answered
	return m
}

// putRequest publishes a segment that nobody inspects.
func putRequest(path string, size int) []byte {
	body := bytes.Repeat([]byte{1}, size)
	digest := binary.BigEndian.AppendUint32(nil, origin.Checksum(body))
	head := fmt.Appendf(nil, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n"+
		"Live-Pipeline: a\r\nLive-Defects: \r\nRepr-Digest: crc32c=:%s:\r\n\r\n", path, size, base64.StdEncoding.EncodeToString(digest))
	return append(head, body...)
}

// bareFloor is how long it takes until the last of so many sockets has its first byte when nothing is done but to write.
func (s *server) bareFloor(b *testing.B, count int, atOnce bool) moment {
	b.Helper()
	fmt.Fprintf(s.say, "accept %d\n", count)
	conns := dial(b, s.addresses[2], count)
	defer closeAll(conns)
	s.hear.Scan()
	return s.last(b, conns, atOnce, func() { fmt.Fprintln(s.say, "write 2560") })
}

// rest reads an answer to its end, after its first byte; one of any size where that is negative.
func rest(b *testing.B, c io.Reader, status, size int) {
	b.Helper()
	resp, err := http.ReadResponse(bufio.NewReaderSize(io.MultiReader(strings.NewReader("H"), c), 4<<10), nil)
	if err != nil || resp.StatusCode != status {
		b.Fatalf("%+v, %v", resp, err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || size >= 0 && n != int64(size) {
		b.Fatalf("%d bytes, %v", n, err)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
