package player

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

// forget is a Sink that does.
type forget struct{}

func (forget) Segment(*Outcome)        {}
func (forget) Tick(time.Duration, int) {}
func (forget) End(Result) error        { return nil }

// canned is a server that knows one answer and does nothing else, so that what is measured is the player.
func canned(b *testing.B, size int) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	body := origintest.Fragment(0, size)
	answer := append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nLive-Reason: published\r\nLive-Pipeline: a\r\n"+
		"Live-Region: us-east\r\nCache-Control: max-age=60, live-max-age-ms=60000\r\n\r\n", len(body)), body...)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(bytes.TrimSpace(line)) == 0 {
						if _, err := c.Write(answer); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const workers = 64

// parallel does something b.N times, by several at once, and reports what it cost: server and client together.
func parallel(b *testing.B, do func()) {
	b.ReportAllocs()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	before := cpu()
	for range workers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				do()
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	used := cpu() - before
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(b.N)/used.Seconds(), "op/cpu-s")
}

var sizes = []int{2 << 10, 512 << 10}

// BenchmarkSegment is a viewer's whole way to a segment, over loopback. BenchmarkTransport beside it is net/http alone: the
// difference is ours.
func BenchmarkSegment(b *testing.B) {
	for _, size := range sizes {
		for _, every := range []int{0, 1} {
			b.Run(fmt.Sprintf("size=%dKiB/check_every=%d", size>>10, every), func(b *testing.B) {
				url := canned(b, size)
				transport := &http.Transport{MaxIdleConnsPerHost: workers}
				defer transport.CloseIdleConnections()
				e, err := ParseEvent(origintest.New().Config(), time.Now())
				if err != nil {
					b.Fatal(err)
				}
				p := &Audience{
					Options: Options{Edges: []Edge{{Name: "e", URL: url}}, Ladder: Lowest, Buffer: time.Hour, CheckEvery: every},
					Event:   e, Transport: transport, VU: 1, Sink: forget{},
				}
				a, err := p.prepare(Plan{Viewers: Curve{Peak: 1}, Until: time.Hour})
				if err != nil {
					b.Fatal(err)
				}
				v := a.viewer(0)
				b.SetBytes(int64(size))
				parallel(b, func() {
					f := &fetch{Outcome: Outcome{Number: 1000, Rendition: 1}, viewer: v, giveUp: time.Hour, check: every == 1}
					if !f.run(context.Background()) || !f.Received {
						b.Errorf("%+v", f.Outcome)
					}
					a.report(&f.Outcome)
				})
			})
		}
	}
}

func BenchmarkTransport(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("size=%dKiB", size>>10), func(b *testing.B) {
			url := canned(b, size)
			transport := &http.Transport{MaxIdleConnsPerHost: workers}
			defer transport.CloseIdleConnections()
			b.SetBytes(int64(size))
			parallel(b, func() {
				r, err := http.NewRequest(http.MethodGet, url+"/demo/v360/1000.m4s", nil)
				if err != nil {
					b.Error(err)
					return
				}
				resp, err := transport.RoundTrip(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
		})
	}
}

// BenchmarkIdleViewer is the memory of viewers that wait for their next segment.
func BenchmarkIdleViewer(b *testing.B) {
	e, err := ParseEvent(origintest.New().Config(), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	e.Segment = time.Minute
	p := &Audience{
		Options: Options{Edges: []Edge{{Name: "e"}}, Ladder: Spread, Buffer: 4 * time.Second, DVRShare: 0.05},
		Event:   e, Transport: http.DefaultTransport, VU: 1, Sink: forget{},
	}
	for b.Loop() {
		const viewers = 20_000
		a, err := p.prepare(Plan{Viewers: Curve{Start: viewers, Peak: viewers}, Until: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		before := inUse()
		a.admit(ctx, Curve{Start: viewers, Peak: viewers})
		for a.watching.Load() < viewers {
			time.Sleep(time.Millisecond)
		}
		each := float64(inUse()-before) / viewers
		b.ReportMetric(each, "B/viewer")
		b.ReportMetric((1<<30)/each, "viewers/GiB")
		cancel()
		a.viewers.Wait()
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
