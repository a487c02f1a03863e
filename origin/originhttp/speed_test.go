package originhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// What the speed of an origin is measured with: a node with an event that began a minute ago, over a store in memory.

func speedEvent(id string) origin.Event {
	ladder, err := encoders.Ladder("small")
	if err != nil {
		panic(err)
	}
	return origin.Event{ID: id, AvailabilityStartTime: time.Now().Add(-time.Minute).Truncate(2 * time.Second), StartNumber: 1,
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: 5 * time.Minute, PublishDelay: 500 * time.Millisecond,
		RetryBudget: 4 * time.Second, Patience: time.Second, LiveEdgeSegments: 3, Renditions: ladder,
		Regions: []origin.RegionPlan{{Name: "us-east", Pipelines: []string{"a"}}}}
}

// refusing is an Admission that admits nobody.
type refusing struct{}

func (refusing) Admit(origin.Ask) bool                { return false }
func (refusing) Refuses(origin.Ask) bool              { return true }
func (refusing) Done(origin.Ask, time.Duration, bool) {}

func speedNode(b testing.TB, change func(*origin.NodeConfig)) *origin.Node {
	b.Helper()
	rt := new(origin.Wall)
	store := keyvalue.New(keyvalue.Config{Table: origin.NewMemory(rt, 1<<40), Runtime: rt, Context: context.Background(), Recent: 8})
	c := origin.NodeConfig{Name: "node", Region: "us-east", Runtime: rt, Store: store}
	if change != nil {
		change(&c)
	}
	node := origin.NewNode(c)
	if err := node.AddEvent(speedEvent("final")); err != nil {
		b.Fatal(err)
	}
	return node
}

// serve serves a node until the benchmark ends.
func serve(b testing.TB, h http.Handler, role originhttp.Role) (address string) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- originhttp.Serve(ctx, ln, originhttp.NewServer(h, role, nil), 0) }()
	b.Cleanup(func() {
		stop()
		<-done
	})
	return ln.Addr().String()
}

func delivery(node *origin.Node) http.Handler {
	return originhttp.Delivery(node, node, new(origin.Wall))
}

func publishing(node *origin.Node) http.Handler {
	return originhttp.Publishing(node, node, new(origin.Wall), originhttp.PublishingOptions{})
}

// segmentOf is a clean segment of about 512 KiB, filled up after its samples, and where it goes.
func segmentOf(b testing.TB, ev origin.Event, n origin.SegmentNumber, size int) origin.Publication {
	b.Helper()
	enc, err := encoders.NewEncoder(ev, new(origin.Wall))
	if err != nil {
		b.Fatal(err)
	}
	o, err := enc.Segment(b.Context(), ev.Renditions[0], n)
	if err != nil {
		b.Fatal(err)
	}
	if pad := size - o.Size; pad >= 8 { // a free box
		box := make([]byte, pad)
		box[0], box[1], box[2], box[3] = byte(pad>>24), byte(pad>>16), byte(pad>>8), byte(pad)
		copy(box[4:], "free")
		body := append(bytes.Clone(o.Body), box...)
		o = origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)}
	}
	return origin.Publication{Key: origin.Key{Event: ev.ID, Rendition: ev.Renditions[0].ID, Number: n, Pipeline: "a"}, Object: o, Inspected: true}
}

// childOf names the benchmark for which this process serves in another one.
const childOf = "LIVEORIGIN_SERVE"

// isChild says whether this process is the other one.
func isChild() bool { return os.Getenv(childOf) != "" }

// server is another process: where it listens, and what is said to it and heard from it, a line at a time.
type server struct {
	addresses []string
	pid       int
	say       io.Writer
	hear      *bufio.Scanner
}

// child starts this benchmark once more, in a process that serves until its standard input is closed.
func child(b *testing.B, name string) server {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^"+name+"$", "-test.benchtime=1x")
	cmd.Env, cmd.Stderr = append(os.Environ(), childOf+"="+name), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, addresses, ok := strings.Cut(lines.Text(), "serving "); ok {
			return server{strings.Fields(addresses), cmd.Process.Pid, in, lines}
		}
	}
	b.Fatal("the server did not say where it listens")
	return server{}
}

// BenchmarkRefusals is how many requests a server refuses in a second of its own processor time: the node's 404 for what
// is too early and its 503 for what admission refuses, nginx's `return 404` where nginx is installed, and a loop in Go that
// reads whatever comes and writes as many bytes, all in the same run. The target is 1.0 times nginx; the loop says how much of
// that the runtime's poller leaves.
func BenchmarkRefusals(b *testing.B) {
	if isChild() {
		serveRefusals(b)
		return
	}
	var ofNginx, ofLoop float64
	if path, err := exec.LookPath("nginx"); err == nil {
		b.Run("nginx-404", func(b *testing.B) {
			s := nginx(b, path)
			ofNginx = refusals(b, s.pid, s.addresses[0], "/final/x/1.m4s", 404)
		})
	}
	rendition := speedEvent("final").Renditions[0].ID
	for _, arm := range []struct {
		name   string
		at     int // which of the child's addresses
		number int
		status int
	}{{"loop", 1, 4000, 404}, {"404", 0, 4000, 404}, {"503", 0, 20, 503}} {
		b.Run(arm.name, func(b *testing.B) {
			s := child(b, "BenchmarkRefusals")
			rate := refusals(b, s.pid, s.addresses[arm.at], fmt.Sprintf("/final/%s/%d.m4s", rendition, arm.number), arm.status)
			if arm.name == "loop" {
				ofLoop = rate
			}
			if ofNginx > 0 {
				b.ReportMetric(rate/ofNginx, "x-nginx")
			}
			b.ReportMetric(rate/ofLoop, "x-loop")
		})
	}
}

// serveRefusals is the life of the other process.
func serveRefusals(b *testing.B) {
	runtime.GOMAXPROCS(1)
	node := speedNode(b, func(c *origin.NodeConfig) { c.Admission = refusing{} })
	ev, _ := node.Event("final")
	for n := origin.SegmentNumber(20); n < 24; n++ {
		p := segmentOf(b, ev, n, 0)
		node.Announce(origin.Announcement{Key: p.Key, Candidate: origin.Candidate{Pipeline: "a", Region: "us-east", Digest: p.Object.Digest, Size: p.Object.Size}})
	}
	fmt.Printf("serving %s %s\n", serve(b, delivery(node), originhttp.ForDelivery), bareLoop(b))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// bareLoop answers whatever comes with the same bytes, as many as a 404 of the node has.
func bareLoop(b *testing.B) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	body := strings.Repeat("x", 250)
	answer := fmt.Appendf(nil, "HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for buf := make([]byte, 4<<10); ; {
					if _, err := c.Read(buf); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func nginx(b *testing.B, path string) server {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	dir := b.TempDir()
	config := fmt.Sprintf("daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log stderr crit;\n"+
		"events { worker_connections 1024; }\nhttp { access_log off; keepalive_requests 100000000; server { listen %[2]s; location / { return 404; } } }\n",
		dir, address)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(path, "-p", dir, "-c", file)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return server{addresses: []string{address}, pid: cmd.Process.Pid}
}

// refusals asks a server over kept connections for a second or so, and returns the requests for each second of its
// processor time. It looks at answers no closer than it has to, so that it is the server that is busy.
func refusals(b *testing.B, pid int, address, path string, status int) (rate float64) {
	const connections, span = 64, 1500 * time.Millisecond
	proc, err := process.NewProcess(int32(pid))
	if err != nil {
		b.Fatal(err)
	}
	cpu := func() float64 {
		t, err := proc.Times()
		if err != nil {
			b.Fatal(err)
		}
		return t.User + t.System
	}
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: edge\r\n\r\n")
	begins := fmt.Appendf(nil, "HTTP/1.1 %d ", status)
	var asked atomic.Int64
	burst := func(span time.Duration) {
		var all sync.WaitGroup
		until := time.Now().Add(span)
		for range connections {
			all.Go(func() {
				n, err := askUntil(until, address, request, begins)
				asked.Add(n)
				if err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
	burst(span / 5)
	var used float64
	var n int64
	for b.Loop() {
		before, from := cpu(), asked.Load()
		burst(span)
		used, n = used+cpu()-before, n+asked.Load()-from
	}
	rate = float64(n) / used
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rate, "requests/CPU-s")
	return rate
}

// askUntil asks the same again and again, each time for a whole answer.
func askUntil(until time.Time, address string, request, begins []byte) (asked int64, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(until.Add(10 * time.Second))
	for buf := make([]byte, 4<<10); time.Now().Before(until); asked++ {
		if _, err := c.Write(request); err != nil {
			return asked, err
		}
		for n, whole := 0, false; !whole; {
			more, err := c.Read(buf[n:])
			if err != nil {
				return asked, err
			}
			n += more
			head, body, ended := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
			if !bytes.HasPrefix(head, begins[:min(len(begins), len(head))]) {
				return asked, fmt.Errorf("want %q, got %q", begins, head)
			}
			_, length, _ := bytes.Cut(head, []byte("Content-Length: "))
			length, _, _ = bytes.Cut(length, []byte("\r\n"))
			size, err := strconv.Atoi(string(length))
			whole = ended && err == nil && len(body) == size
		}
	}
	return asked, nil
}

// BenchmarkPutAgainstGet is how fast segments of 512 KiB are taken in, with inspection and checksum, as a share of how fast
// they are given out: the target is a half.
func BenchmarkPutAgainstGet(b *testing.B) {
	node := speedNode(b, func(c *origin.NodeConfig) { c.Inspect, c.MaxEvents = encoders.Inspect, 100_000 })
	get, err := originhttp.NewClient("http://"+serve(b, delivery(node), originhttp.ForDelivery)+"/", originhttp.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer get.Close()
	put, err := originhttp.NewClient("http://"+serve(b, publishing(node), originhttp.ForPublishing)+"/", originhttp.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer put.Close()
	var putting, getting time.Duration
	for round := 0; b.Loop(); round++ {
		ev := speedEvent(fmt.Sprintf("final-%d", round))
		ev.RetryBudget = time.Minute // so that all of its first minute can be published
		if err := node.AddEvent(ev); err != nil {
			b.Fatal(err)
		}
		for n := ev.StartNumber; n <= ev.LiveEdge(time.Now()); n++ {
			p := segmentOf(b, ev, n, 512<<10)
			began := time.Now()
			if r, err := put.Publish(b.Context(), p); err != nil || r.Outcome != origin.Stored {
				b.Fatal(r, err)
			}
			putting += time.Since(began)
			began = time.Now()
			if r, err := get.Get(b.Context(), origin.Request{Event: ev.ID, Rendition: p.Key.Rendition, Number: n}); err != nil || !r.OK() {
				b.Fatal(r.Reason, err)
			}
			getting += time.Since(began)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(getting.Seconds()/putting.Seconds(), "put/get-rate")
}
