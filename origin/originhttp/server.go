package originhttp

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin/guard"
)

// Role says what a listener is for; publishing and delivery never share one.
type Role int

// The roles of a server.
const (
	ForDelivery Role = iota
	ForPublishing
)

// stopGrace is how long a server may take to stop; half of it goes by before held requests are sent away.
const stopGrace = 5 * time.Second

// errStopping is the cause with which a stopping server cancels the requests that it still holds.
var errStopping = errors.New("server is stopping")

// NewServer gives a handler a server with every limit set that net/http has, but those of HTTP/2 that are about time and
// number, which Serve sets with its own of package guard: a connection may make this side keep a frame and a window. A
// delivery request may be held open for a segment, its publish delay and its retry budget, so WriteTimeout leaves 30 s
// from the header in to the last byte out: enough for segments of up to 10 s; for longer ones raise it. A publication
// may be an upload that lasts as long as the event, so its limits are those of the guard, which watches the pace.
func NewServer(h http.Handler, role Role, logger *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	noise := &quietWriter{logger: logger, every: time.Second}
	srv := &http.Server{
		Handler:                      h,
		Protocols:                    protocols,
		ReadHeaderTimeout:            10 * time.Second,
		ReadTimeout:                  30 * time.Second, // else a body that a GET should not have could drip for ever
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  75 * time.Second,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(noise, "", 0),
	}
	window := 64 << 10 // nobody who is delivered to has anything to send
	if role == ForPublishing {
		srv.ReadTimeout, srv.WriteTimeout = 0, 0
		window = 1 << 20 // two segments of 512 KiB
	}
	srv.HTTP2 = &http.HTTP2Config{MaxReadFrameSize: 16 << 10, MaxReceiveBufferPerConnection: window, MaxReceiveBufferPerStream: window,
		MaxDecoderHeaderTableSize: 4 << 10}
	return srv
}

// Serve serves a listener behind a guard with the default limits, but for maxConnections, if it is not zero. It stops
// as ServeGuarded does.
func Serve(ctx context.Context, ln net.Listener, srv *http.Server, maxConnections int) error {
	limits := guard.Limits{Connections: maxConnections}
	if h, ok := srv.Handler.(DeliveryHandler); ok {
		limits.Refuse = h.Refuse
	}
	if srv.ErrorLog != nil {
		if noise, ok := srv.ErrorLog.Writer().(*quietWriter); ok {
			limits.Logger = noise.logger
		}
	}
	return ServeGuarded(ctx, guard.Listen(ln, limits), srv)
}

// ServeGuarded serves a guarded listener until ctx ends, and then stops within 5 s: no new connections, requests in
// flight are finished, those still held after half the time are answered 503, and what is left is cut off. It returns
// nil after such a stop.
func ServeGuarded(ctx context.Context, ln *guard.Listener, srv *http.Server) error {
	base, dismiss := context.WithCancelCause(context.WithoutCancel(ctx))
	defer dismiss(errStopping)
	srv.BaseContext = func(net.Listener) context.Context { return base }
	ln.Protect(srv)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		_ = srv.Close() // the connections; the listener is gone
		return fmt.Errorf("serve %v: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	return stop(srv, dismiss)
}

// A Door is a guarded listener, and who answers there.
type Door struct {
	*guard.Listener
	Server *http.Server
}

// ServeAll serves all doors until ctx ends, and stops each as ServeGuarded does. When one of them breaks so do the others:
// one without the others is no origin.
func ServeAll(ctx context.Context, doors []Door) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(doors))
	var serving sync.WaitGroup
	for i, d := range doors {
		serving.Go(func() {
			defer cancel()
			errs[i] = ServeGuarded(ctx, d.Listener, d.Server)
		})
	}
	serving.Wait()
	return errors.Join(errs...)
}

func stop(srv *http.Server, dismiss context.CancelCauseFunc) error {
	timer := time.AfterFunc(stopGrace/2, func() { dismiss(errStopping) })
	defer timer.Stop()
	grace, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return srv.Close() // the grace is over; whoever is left has had it
	}
	return nil
}

// quietWriter passes on at most one line in each period, with the number of those it swallowed: a log that a stranger
// can fill is a fault of its own.
type quietWriter struct {
	logger *slog.Logger
	every  time.Duration

	mu        sync.Mutex
	next      time.Time
	swallowed int
}

func (q *quietWriter) Write(line []byte) (int, error) {
	q.mu.Lock()
	now := time.Now()
	quiet := now.Before(q.next)
	swallowed := q.swallowed
	if quiet {
		q.swallowed++
	} else {
		q.next, q.swallowed = now.Add(q.every), 0
	}
	q.mu.Unlock()
	if !quiet && q.logger != nil {
		q.logger.Warn("http", "what", string(line[:min(len(line), 2000)]), "swallowed", swallowed)
	}
	return len(line), nil
}

// closeWith refuses a request with a line of text and closes the connection, so that what else it sends is not read.
func closeWith(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Connection", "close")
	http.Error(w, text, status)
}
