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

	"golang.org/x/net/netutil"
)

// Role says what a listener is for; publishing and delivery never share one.
type Role int

// The roles of a server.
const (
	ForDelivery Role = iota
	ForPublishing
)

// MaxConnections is how many connections a listener has open at once when Serve is not told otherwise; more wait to be
// accepted.
const MaxConnections = 16384

// stopGrace is how long a server may take to stop; half of it goes by before held requests are sent away.
const stopGrace = 5 * time.Second

// errStopping is the cause with which a stopping server cancels the requests that it still holds.
var errStopping = errors.New("server is stopping")

// NewServer gives a handler a server with every limit set. A delivery request may be held open for a segment, its
// publish delay and its retry budget, so WriteTimeout leaves 30 s from the header in to the last byte out: enough for
// segments of up to 10 s; for longer ones raise it. A publication must be in within 10 s.
func NewServer(h http.Handler, role Role, logger *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	noise := &quietWriter{logger: logger, every: time.Second}
	srv := &http.Server{
		Handler:                      harden(h, noise),
		Protocols:                    protocols,
		ReadHeaderTimeout:            10 * time.Second,
		ReadTimeout:                  30 * time.Second, // else a body that a GET should not have could drip for ever
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  75 * time.Second,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(noise, "", 0),
	}
	if role == ForPublishing {
		srv.ReadTimeout = 10 * time.Second
	}
	return srv
}

// Serve serves a listener until ctx ends, and then stops within 5 s: no new connections, requests in flight are
// finished, those still held after half the time are answered 503, and what is left is cut off. It returns nil after
// such a stop. With maxConnections zero, MaxConnections holds.
func Serve(ctx context.Context, ln net.Listener, srv *http.Server, maxConnections int) error {
	if maxConnections <= 0 {
		maxConnections = MaxConnections
	}
	base, dismiss := context.WithCancelCause(context.WithoutCancel(ctx))
	defer dismiss(errStopping)
	srv.BaseContext = func(net.Listener) context.Context { return base }
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(netutil.LimitListener(ln, maxConnections)) }()
	select {
	case err := <-failed:
		_ = srv.Close() // the connections; the listener is gone
		return fmt.Errorf("serve %v: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	return stop(srv, dismiss)
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
