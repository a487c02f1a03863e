// Package originserver is an origin as a server of its own: what `liveorigin origin` runs.
//
//	encoders ──PUT──> publish ─┐                       ┌─ this process's memory
//	                           ├─ origin.Node ─ Store ─┤
//	players, edges ──> deliver ┘    ^      ^           └─ Cassandra and memcached, which others read too
//	                                |      '── peers <── other origins
//	operators ────────> operate ── control.Service, metrics
//
// Its configuration is a file (Read); example.yaml says what can be in one. Every listener has a stack of its own.
package originserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
	"github.com/liveorigin/liveorigin/origin/admission/policies"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/guard"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// Server is an origin that listens. Serve lets it answer.
type Server struct {
	config   *Config
	logger   *slog.Logger
	metrics  *metrics.Metrics
	runtime  *origin.Wall
	node     *origin.Node
	service  *control.Service // nil where another origin is the control plane
	ctx      context.Context  // of what goes on beside requests, and after them
	cancel   context.CancelFunc
	doors    []door
	delivery originhttp.DeliveryHandler
	closers  []func() // in the order in which things were opened
	unready  atomic.Pointer[string]

	neighbours map[string][]*originhttp.PeerClient // by region
	own        *cassandra.Table                    // of this region; nil in memory
	identity   *guard.Certificates                 // among other origins; nil without tls.peers
}

// Open opens the listeners, connects to the storage, and makes the node with its events. The context bounds only the
// opening. Close undoes it. What is worth telling goes to a log, at most a line a second of each kind.
func Open(ctx context.Context, c *Config, log slog.Handler) (*Server, error) {
	limited := metrics.NewLog(log)
	s := &Server{config: c, logger: slog.New(limited), metrics: metrics.New(), runtime: new(origin.Wall)}
	s.metrics.Process()
	s.metrics.WatchLog(limited)
	s.is("starting")
	s.ctx, s.cancel = s.runtime.WithCancel(context.WithoutCancel(ctx))
	lives := context.AfterFunc(ctx, s.cancel) // until it is open, what is for its life ends with the opening's context, too
	err := s.open(ctx)
	if !lives() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.is("")
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	if err := s.listen(); err != nil {
		return err
	}
	stored, err := s.storage()
	if err != nil {
		return err
	}
	limits, a := s.config.Limits, s.config.Admission
	policy, err := policies.New(a.Policy, s.runtime, admission.Config{Slow: time.Duration(a.Slow), SlowPercent: a.SlowPercent,
		Reads: a.Reads, Egress: int64(a.Egress)})
	if err != nil {
		return err
	}
	s.node = origin.NewNode(origin.NodeConfig{
		Name: s.config.Name, Region: s.config.Region, Runtime: s.runtime, Store: stored.store,
		Inspect: encoders.Inspect, InspectHeader: encoders.InspectHeader,
		MaxHolders: limits.Holders, EventHolders: limits.EventHolders, MaxEvents: limits.Events,
		Admission: policy, Observer: s.metrics,
	})
	s.metrics.Watch(s.node)
	if err := s.connect(stored); err != nil {
		return err
	}
	if err := s.follow(ctx); err != nil {
		return err
	}
	if s.own != nil && len(s.node.States()) == 0 && s.service == nil {
		s.runtime.Go(s.catchUpLater)
	} else {
		s.catchUp(ctx)
	}
	return s.answer()
}

// is says why nobody should ask this origin yet, or any more; empty when there is no reason.
func (s *Server) is(why string) { s.unready.Store(&why) }

// ready is what /readyz says.
func (s *Server) ready() error {
	if why := *s.unready.Load(); why != "" {
		return errors.New(why)
	}
	return nil
}

// Addresses lists where the server listens, one name=address each.
func (s *Server) Addresses() (all []string) {
	for _, d := range s.doors {
		all = append(all, d.name+"="+d.Addr().String())
	}
	return all
}

// Serve answers until ctx ends, and then stops within 5 s: nothing new is taken in, what has begun is finished, and whom
// it holds is sent away. It returns nil after such a stop, and stops with an error when a listener breaks.
func (s *Server) Serve(ctx context.Context) error {
	var doors []originhttp.Door
	for _, d := range s.doors {
		server := originhttp.NewServer(d.handler, d.role, s.logger)
		server.RegisterOnShutdown(func() { s.is("stopping") }) // also because another listener broke
		doors = append(doors, originhttp.Door{Listener: d.Listener, Server: server})
	}
	return originhttp.ServeAll(ctx, doors)
}

// Close ends everything that Open began.
func (s *Server) Close() {
	for _, d := range s.doors {
		_ = d.Close() // closed already after a Serve
	}
	s.cancel()
	s.runtime.Join()
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// answer says who answers at each listener.
func (s *Server) answer() error {
	for i := range s.doors {
		d := &s.doors[i]
		var err error
		switch d.name {
		case publish:
			d.role = originhttp.ForPublishing
			d.handler, err = s.publishing()
		case deliver:
			s.delivery = originhttp.Delivery(metrics.LogRefusals(s.node, s.logger), s.node, s.runtime)
			d.handler = metrics.Traced(s.delivery)
		case operate:
			d.handler, err = s.operating()
		case peers:
			d.role = originhttp.ForPublishing
			d.handler, err = s.peering()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// publishing takes segments from those who have the credentials.
func (s *Server) publishing() (http.Handler, error) {
	o := originhttp.PublishingOptions{Region: s.config.Region,
		Limits: originhttp.Limits{Body: int64(s.config.Limits.Body), InFlight: int64(s.config.Limits.InFlight)}}
	var err error
	switch c := s.config.Credentials; {
	case c.Tokens != "":
		if o.Credentials, err = originhttp.LoadCredentials(s.config.path(c.Tokens), c.Certificates, s.logger); err != nil {
			return nil, fmt.Errorf("credentials.tokens: %w", err)
		}
	case c.Certificates:
		if o.Credentials, err = originhttp.NewCredentials(nil, true); err != nil {
			return nil, err
		}
	}
	return originhttp.Publishing(s.node, s.node, s.runtime, o), nil
}
