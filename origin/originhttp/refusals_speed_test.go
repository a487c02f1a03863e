package originhttp_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
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

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// BenchmarkRefusals is how many requests a server refuses in a second of its own processor time: the node's 404 for what
// is too early and its 503 for what admission refuses, counted and logged as liveorigin origin does, nginx's `return 404` where nginx is installed, and a loop in Go that
// reads whatever comes and writes as many bytes. They take turns of a tenth of a second, each in a process of its own, so that
// whatever else the machine does is done to all of them. The target is 1.0 times nginx.
func BenchmarkRefusals(b *testing.B) {
	if isChild() {
		serveRefusals(b)
		return
	}
	var arms []*arm
	if path, err := exec.LookPath("nginx"); err == nil {
		s := nginx(b, path)
		arms = append(arms, newArm(b, "nginx", s.pid, s.addresses[0], "/final/x/1.m4s", 404))
	}
	rendition := speedEvent("final").Renditions[0].ID
	for _, a := range []struct {
		name   string
		at     int // which of the child's addresses
		number int
		status int
	}{{"loop", 1, 4000, 404}, {"404", 0, 4000, 404}, {"503", 0, 20, 503}} {
		s := child(b, "BenchmarkRefusals")
		arms = append(arms, newArm(b, a.name, s.pid, s.addresses[a.at], fmt.Sprintf("/final/%s/%d.m4s", rendition, a.number), a.status))
	}
	round := func(turns int) {
		for _, a := range arms {
			a.connect(b)
			defer a.close()
		}
		for range turns {
			for _, a := range arms {
				a.turn(b)
			}
		}
	}
	round(2) // to warm up
	for _, a := range arms {
		a.asked, a.before = 0, a.cpu(b)
	}
	for b.Loop() {
		round(20)
	}
	b.ReportMetric(0, "ns/op")
	for _, a := range arms {
		a.rate = float64(a.asked) / (a.cpu(b) - a.before)
		b.ReportMetric(a.rate, a.name+"/CPU-s")
		if nginx := arms[0]; nginx.name == "nginx" && a != nginx {
			b.ReportMetric(a.rate/nginx.rate, a.name+"/nginx")
		}
	}
}

// arm is one of the servers that are compared, with the connections on which it is asked, one request at a time each.
type arm struct {
	name            string
	proc            *process.Process
	address         string
	request, begins []byte
	conns           []net.Conn
	asked           int64
	before          float64 // processor time, in seconds, when asked was 0
	rate            float64 // requests for each second of it
}

func newArm(b *testing.B, name string, pid int, address, path string, status int) *arm {
	b.Helper()
	proc, err := process.NewProcess(int32(pid))
	if err != nil {
		b.Fatal(err)
	}
	return &arm{name: name, proc: proc, address: address, begins: fmt.Appendf(nil, "HTTP/1.1 %d ", status),
		request: []byte("GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: edge\r\n\r\n")}
}

// connect is for each round anew: a connection has so many requests and no more.
func (a *arm) connect(b *testing.B) {
	const connections = 64
	for range connections {
		c, err := net.Dial("tcp", a.address)
		if err != nil {
			b.Fatal(err)
		}
		a.conns = append(a.conns, c)
	}
}

func (a *arm) close() {
	for _, c := range a.conns {
		c.Close()
	}
	a.conns = nil
}

// cpu is the server's processor time, its own and the kernel's for it.
func (a *arm) cpu(b *testing.B) float64 {
	b.Helper()
	t, err := a.proc.Times()
	if err != nil {
		b.Fatal(err)
	}
	return t.User + t.System
}

// turn asks for a tenth of a second. It looks at answers no closer than it has to, so that it is the server that is busy.
func (a *arm) turn(b *testing.B) {
	var all sync.WaitGroup
	var asked atomic.Int64
	until := time.Now().Add(100 * time.Millisecond)
	for _, c := range a.conns {
		all.Go(func() {
			n, err := askUntil(until, c, a.request, a.begins)
			asked.Add(n)
			if err != nil {
				b.Errorf("%s: %v", a.name, err)
			}
		})
	}
	all.Wait()
	a.asked += asked.Load()
}

// askUntil asks the same again and again, each time for a whole answer.
func askUntil(until time.Time, c net.Conn, request, begins []byte) (asked int64, err error) {
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

// serveRefusals is the life of the other process.
func serveRefusals(b *testing.B) {
	runtime.GOMAXPROCS(1)
	counted := metrics.New()
	node := speedNode(b, func(c *origin.NodeConfig) { c.Admission, c.Observer = refusing{}, counted })
	counted.Watch(node)
	ev, _ := node.Event("final")
	for n := origin.SegmentNumber(20); n < 24; n++ {
		p := segmentOf(b, ev, n, 0)
		node.Announce(origin.Announcement{Key: p.Key, Candidate: origin.Candidate{Pipeline: "a", Region: "us-east", Digest: p.Object.Digest, Size: p.Object.Size}})
	}
	fmt.Printf("serving %s %s\n", serve(b, asShipped(node), originhttp.ForDelivery), bareLoop(b))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// bareLoop answers whatever comes with the same bytes, as many as a 404 of the node has.
func bareLoop(b *testing.B) (address string) {
	ln := servertest.Listen(b)
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
	ln := servertest.Listen(b)
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

// BenchmarkRefuse is a refusal without the reads and writes around it, to be seen beside BenchmarkRefusals.
func BenchmarkRefuse(b *testing.B) {
	counted := metrics.New()
	node := speedNode(b, func(c *origin.NodeConfig) { c.Admission, c.Observer = refusing{}, counted })
	counted.Watch(node)
	ev, _ := node.Event("final")
	p := segmentOf(b, ev, 20, 0)
	node.Announce(origin.Announcement{Key: p.Key, Candidate: origin.Candidate{Pipeline: "a", Region: "us-east", Digest: p.Object.Digest, Size: p.Object.Size}})
	refuse := asShipped(node).Refuse
	for status, number := range map[int]int{404: 4000, 503: 20} { // any order: each says which it is
		target := fmt.Appendf(nil, "/final/%s/%d.m4s", ev.Renditions[0].ID, number)
		b.Run(fmt.Sprint(status), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if answer := refuse(target); len(answer) < 12 || string(answer[9:12]) != fmt.Sprint(status) {
					b.Fatalf("%q", answer)
				}
			}
		})
	}
}
