package stack

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/scenarios"
)

// loopback is the wiring of the wall clock: every part is a server of its own on this machine.
type loopback struct {
	ctx     context.Context
	cancel  context.CancelFunc
	runtime origin.Runtime
	clients []*originhttp.Client
	// listen opens what a part listens on, which it calls by a name.
	listen func(name string) (net.Listener, error)
}

// The names of what parts listen on.
const (
	forDelivery   = "deliver"
	forPublishing = "publish"
	forPeers      = "peer"
)

func newLoopback(ctx context.Context, rt origin.Runtime) *loopback {
	w := &loopback{runtime: rt, listen: func(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }}
	w.ctx, w.cancel = context.WithCancel(ctx)
	return w
}

// NewEmbedded makes the stack that needs nothing but this process: stores in memory, real media, everything else over
// real HTTP.
func NewEmbedded(ctx context.Context, sc *scenarios.Scenario, ev origin.Event, fs []faults.Fault, rt origin.Runtime,
	rec origin.Recorder) (*Stack, error) {
	return New(ctx, Config{Scenario: sc, Event: ev, Faults: fs, Runtime: rt, Recorder: rec, Wiring: newLoopback(ctx, rt),
		Media: CMAF})
}

// Serve implements Wiring.
func (w *loopback) Serve(_ Part, g origin.Getter, broken func(origin.Getter) origin.Getter, c Catalog) (Door[origin.Getter], error) {
	url, err := w.serve(forDelivery, originhttp.Delivery(broken(g), c, w.runtime), originhttp.ForDelivery)
	return w.deliveryAt(url), err
}

// Accept implements Wiring.
func (w *loopback) Accept(at Part, p origin.Publisher, broken func(origin.Publisher) origin.Publisher, c Catalog) (Door[origin.Publisher], error) {
	url, err := w.serve(forPublishing, originhttp.Publishing(broken(p), c, w.runtime, originhttp.PublishingOptions{Region: at.Region}), originhttp.ForPublishing)
	return w.publishingAt(url), err
}

// deliveryAt and publishingAt are the doors of a part at its base URL, be it in another process.
func (w *loopback) deliveryAt(url string) Door[origin.Getter] {
	return Door[origin.Getter]{url, func(Part) (origin.Getter, error) { return w.client(url) }}
}

func (w *loopback) publishingAt(url string) Door[origin.Publisher] {
	return Door[origin.Publisher]{url, func(Part) (origin.Publisher, error) { return w.client(url) }}
}

// Between implements Wiring: every store is on this machine, or is its own way of being far.
func (*loopback) Between(_, _ string, s origin.Store) origin.Store { return s }

// Close implements Wiring.
func (w *loopback) Close() {
	w.cancel()
	for _, c := range w.clients {
		c.Close()
	}
}

// serve serves a handler until the stack is closed, and returns its base URL.
func (w *loopback) serve(name string, h http.Handler, role originhttp.Role) (url string, err error) {
	ln, err := w.listen(name)
	if err != nil {
		return "", err
	}
	srv := originhttp.NewServer(h, role, slog.Default())
	w.runtime.Go(func() {
		if err := originhttp.Serve(w.ctx, ln, srv, 0); err != nil {
			slog.Error("a server ended", "error", err)
		}
	})
	return "http://" + ln.Addr().String(), nil
}

// client makes a client of one of the stack's servers.
func (w *loopback) client(url string) (*originhttp.Client, error) {
	c, err := originhttp.NewClient(url, originhttp.ClientOptions{})
	if err == nil {
		w.clients = append(w.clients, c)
	}
	return c, err
}
