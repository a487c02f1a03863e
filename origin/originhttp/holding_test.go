package originhttp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// holding is a node with an event at whose live edge requests are held open, behind a server.
type holding struct {
	*origin.Node
	traced  *tracing
	address string
	next    origin.SegmentNumber
	body    []byte
}

// newHolding makes one with a body for the next segment; its event began long enough ago that nothing is due for 4 s.
func newHolding(t testing.TB, size int) *holding {
	rt := new(origin.Wall)
	n := origin.NewNode(origin.NodeConfig{Name: "o", Region: "us-east", Runtime: rt, Store: origin.NewMemory(rt, 1<<30)})
	ev := testEvent()
	ev.SegmentDuration, ev.PublishDelay, ev.RetryBudget = 10*time.Second, 5*time.Second, 10*time.Second
	ev.AvailabilityStartTime = rt.Now().Add(-19 * time.Second) // segment 1000 is there, 1001 is being captured
	if err := n.AddEvent(ev); err != nil {
		t.Fatal(err)
	}
	ln := servertest.Listen(t)
	h := &holding{Node: n, traced: &tracing{Listener: ln}, address: ln.Addr().String(), next: 1001, body: bytes.Repeat([]byte("abcdefgh"), size/8)}
	ctx, stop := context.WithCancel(context.Background())
	srv := NewServer(Delivery(n, n, rt), ForDelivery, nil)
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, h.traced, srv, 0) }()
	t.Cleanup(func() { stop(); _ = srv.Close(); <-done })
	return h
}

func (h *holding) publish(t testing.TB) (published time.Time) {
	t.Helper()
	published = time.Now()
	r, err := h.Publish(t.Context(), origin.Publication{Inspected: true, Object: objectOf(string(h.body)),
		Key: origin.Key{Event: "final", Rendition: "v1080", Number: h.next, Pipeline: "a"}})
	if err != nil || r.Outcome != origin.Stored {
		t.Fatalf("publish: %+v, %v", r, err)
	}
	return published
}

// hold opens so many connections and asks for the next segment on each; all are held when it returns.
func (h *holding) hold(t testing.TB, n int) (conns []net.Conn) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", h.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(conn, "GET /final/v1080/%d.m4s HTTP/1.1\r\nHost: o\r\n\r\n", h.next)
		conns = append(conns, conn)
	}
	h.await(t, n, 5*time.Second)
	return conns
}

// await waits until so many requests are held.
func (h *holding) await(t testing.TB, n int, limit time.Duration) (took time.Duration) {
	t.Helper()
	began := time.Now()
	for h.Holders() != n {
		if took = time.Since(began); took > limit {
			t.Fatalf("%d are held after %v, want %d", h.Holders(), took, n)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

// A client that leaves gives its place back within a second (reliability.md, D3).
func TestHoldIsFreedWhenTheClientLeaves(t *testing.T) {
	h := newHolding(t, 8<<10)
	for _, conn := range h.hold(t, 200) {
		_ = conn.Close()
	}
	h.await(t, 0, time.Second)
}

// tracing is a listener that takes down when each of its connections began to write, and when it first wrote again.
type tracing struct {
	net.Listener
	mu    sync.Mutex
	conns []*tracedConn
}

type tracedConn struct {
	net.Conn
	mu     sync.Mutex
	writes []time.Time
}

func (l *tracing) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	traced := &tracedConn{Conn: c}
	l.mu.Lock()
	l.conns = append(l.conns, traced)
	l.mu.Unlock()
	return traced, nil
}

func (c *tracedConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writes = append(c.writes, time.Now())
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// order is when each of the connections began, and when it went on.
func (l *tracing) order() (began, wentOn []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.mu.Lock()
		if len(c.writes) > 1 {
			began, wentOn = append(began, c.writes[0]), append(wentOn, c.writes[1])
		}
		c.mu.Unlock()
	}
	return began, wentOn
}

// All who were held have the beginning of the answer before anyone has more. Their patience ends when nobody
// begins for so long, which is what happens where the machine stands still.
func TestHoldersAllBeginFirst(t *testing.T) {
	const n = 200
	h := newHolding(t, 512<<10)
	conns := h.hold(t, n)
	var all sync.WaitGroup
	for _, conn := range conns {
		all.Go(func() {
			resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 64<<10), nil)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := io.Copy(io.Discard, resp.Body); err != nil || got != int64(len(h.body)) || resp.StatusCode != 200 {
				t.Errorf("status %d, %d bytes, %v", resp.StatusCode, got, err)
			}
		})
	}
	put := h.publish(t)
	all.Wait()
	began, wentOn := h.traced.order()
	if len(began) != n {
		t.Fatalf("%d answers in several writes, want %d", len(began), n)
	}
	slices.SortFunc(began, time.Time.Compare)
	last, stood := began[n-1], time.Duration(0)
	for i := range began[1:] {
		stood = max(stood, began[i+1].Sub(began[i]))
	}
	for _, at := range wentOn {
		if at.Before(last) && stood < turnPatience {
			t.Errorf("one went on %v before the last began, though another began every %v", last.Sub(at), stood)
		}
	}
	t.Logf("after the PUT the last began at %v", last.Sub(put))
}
