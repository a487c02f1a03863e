package originhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/guard"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// A stop lets requests in flight finish, sends away who is still held, and takes no new ones.
func TestServeStops(t *testing.T) {
	t.Parallel() // it takes half of stopGrace
	held, finishing := make(chan struct{}), make(chan struct{})
	g := getter(func(ctx context.Context, r origin.Request) (origin.Response, error) {
		if r.Number == 1 { // about to be published
			close(finishing)
			time.Sleep(100 * time.Millisecond)
			return published("x"), nil
		}
		close(held)
		<-ctx.Done()
		return origin.Response{}, ctx.Err()
	})
	ln := servertest.Listen(t)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- Serve(ctx, ln, NewServer(Delivery(g, catalog, fixed(epoch)), ForDelivery, nil), 0) }()
	c := clientOf(t, ln.Addr().String(), ClientOptions{})
	type result struct {
		resp origin.Response
		err  error
	}
	get := func(n origin.SegmentNumber) chan result {
		done := make(chan result, 1)
		go func() {
			resp, err := c.Get(context.Background(), origin.Request{Event: "final", Rendition: "v1080", Number: n})
			done <- result{resp, err}
		}()
		return done
	}
	finished, sentAway := get(1), get(2)
	<-held
	<-finishing
	start := time.Now()
	stop()
	if r := <-finished; r.err != nil || r.resp.Reason != origin.Published {
		t.Errorf("in flight: %+v", r)
	}
	if r := <-sentAway; r.err != nil || r.resp.Reason != origin.TooManyHolders || r.resp.MaxAge != time.Second {
		t.Errorf("held: %+v", r)
	}
	if err := <-stopped; err != nil || time.Since(start) > stopGrace {
		t.Errorf("stopped after %v: %v", time.Since(start), err)
	}
	if r := <-get(3); !errors.Is(r.err, origin.ErrUnreachable) {
		t.Errorf("after the stop: %+v", r)
	}
}

// Nothing that a stranger can draw out is without a limit; those of a publication's body are the guard's.
func TestServerLimits(t *testing.T) {
	for role, within := range map[Role]time.Duration{ForDelivery: 30 * time.Second, ForPublishing: 0} {
		srv := NewServer(http.NotFoundHandler(), role, nil)
		if srv.ReadTimeout != within || srv.WriteTimeout != within || srv.ReadHeaderTimeout != 10*time.Second ||
			srv.IdleTimeout != 75*time.Second || srv.MaxHeaderBytes > 16<<10 {
			t.Errorf("role %d: %+v", role, srv)
		}
	}
}

func TestServeFails(t *testing.T) {
	ln := servertest.Listen(t)
	_ = ln.Close()
	if err := Serve(t.Context(), ln, NewServer(http.NotFoundHandler(), ForDelivery, nil), 0); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener gives %v", err)
	}
}

// Beyond the limit connections are refused with a status, and there is room again when one is gone.
func TestServeLimitsConnections(t *testing.T) {
	ln := servertest.Listen(t)
	ctx, stop := context.WithCancel(t.Context())
	srv := NewServer(deliver(published("x")), ForDelivery, nil)
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, srv, 1) }()
	first, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const get = "GET /final/v1080/1.m4s HTTP/1.1\r\nHost: x\r\n\r\n"
	if r := raw(t, ln.Addr().String(), get, false); r.status != 503 || r.header.Get("Retry-After") == "" || !r.closed {
		t.Errorf("beside the first: %+v", r)
	}
	_ = first.Close()
	servertest.Eventually(t, "room again", func() bool { return raw(t, ln.Addr().String(), get, false).status == 200 })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A viewer that goes away frees its slot: the getter hears of it.
func TestVanishedViewer(t *testing.T) {
	gone := make(chan struct{})
	address := listen(t, Delivery(getter(func(ctx context.Context, _ origin.Request) (origin.Response, error) {
		<-ctx.Done()
		close(gone)
		return origin.Response{}, ctx.Err()
	}), catalog, fixed(epoch)), ForDelivery)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /final/v1080/1.m4s HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(20 * time.Millisecond)
	_ = conn.Close()
	select {
	case <-gone:
	case <-time.After(time.Second):
		t.Error("a second later the request is still held")
	}
}

// A panic ends its own request with a 500, or cuts off what has begun; the connection's next request is served, and the
// log has one line.
func TestPanicEndsOneRequest(t *testing.T) {
	var logged bytes.Buffer
	h := Delivery(getter(func(_ context.Context, r origin.Request) (origin.Response, error) {
		if r.Number == 13 {
			panic("unlucky")
		}
		return published("x"), nil
	}), catalog, fixed(epoch))
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 9000))
		panic("unlucky")
	})
	ln := servertest.Listen(t)
	g := guard.Listen(ln, guard.Limits{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ServeGuarded(ctx, g, NewServer(mux, ForDelivery, nil)) }()
	conn := dial(t, ln.Addr().String())
	for range 3 {
		if r := conn.ask("GET /final/v1080/13.m4s HTTP/1.1\r\nHost: x\r\n\r\n"); r.status != 500 || r.closed {
			t.Errorf("a panic answers %+v", r)
		}
		if r := conn.ask("GET /final/v1080/14.m4s HTTP/1.1\r\nHost: x\r\n\r\n"); r.status != 200 {
			t.Errorf("the next request: %+v", r)
		}
	}
	if r := conn.ask("GET /half HTTP/1.1\r\nHost: x\r\n\r\n"); r.status != 200 || !r.closed {
		t.Errorf("a panic in mid-answer: %d, closed %v", r.status, r.closed)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := logged.String(); strings.Count(got, "unlucky") != 1 || !strings.Contains(got, "server_test.go") {
		t.Errorf("the log has\n%s", got)
	}
	if n := g.Stats().Panics; n != 4 {
		t.Errorf("counted %d panics, want 4", n)
	}
}

func TestQuietWriter(t *testing.T) {
	var logged bytes.Buffer
	q := &quietWriter{logger: slog.New(slog.NewTextHandler(&logged, nil)), every: time.Hour}
	for range 5 {
		fmt.Fprintln(q, "noise")
	}
	q.next = time.Time{}
	fmt.Fprintln(q, strings.Repeat("x", 9000))
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], "swallowed=4") || len(lines[1]) > 3000 {
		t.Errorf("6 lines became %.200q", lines)
	}
}
