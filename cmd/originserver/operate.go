package originserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/control/files"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/operator"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/secrets"
)

// follow makes the control plane, or finds it, and lets the node follow it from now on.
func (s *Server) follow(ctx context.Context) error {
	directory, err := s.directory(ctx)
	if err != nil {
		return err
	}
	directory = s.metrics.Directory(directory)
	states, err := directory.Events(ctx)
	if err != nil {
		s.logger.Warn("the control plane does not answer; it is asked again every second", "error", err)
	}
	for _, st := range states {
		if err := s.node.Apply(st); err != nil {
			return err
		}
		s.logger.Info("event", "id", st.ID, "start", st.AvailabilityStartTime, "end", st.End, "version", st.Version,
			"renditions", len(st.Renditions), "pipelines", st.Order(s.config.Region))
	}
	s.runtime.Go(func() {
		s.node.Follow(s.ctx, directory, rand.Uint64(), func(err error) { s.logger.Warn("the control plane", "error", err) })
	})
	return nil
}

// directory is where the events are: at another origin, or here, where those of the configuration are made if they do not
// exist yet.
func (s *Server) directory(ctx context.Context) (origin.Directory, error) {
	c := s.config.Control
	token, err := s.token()
	if err != nil {
		return nil, err
	}
	if c.URL != "" {
		r := operator.NewRemote(c.URL, token, s.toOrigins())
		s.closers = append(s.closers, r.Close)
		return r, nil
	}
	memory := new(control.Memory)
	config := control.ServiceConfig{Runtime: s.runtime, Store: memory, Journal: memory, Seed: rand.Uint64(), MaxEvents: s.config.Limits.Events,
		Neighbours: []control.Neighbour{{Name: s.config.Name, Listener: s.node}}}
	if c.Directory != "" {
		store, err := files.Open(s.config.path(c.Directory))
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, func() { _ = store.Close() }) // everything in it is synced
		config.Store, config.Journal = store, store
	}
	if token != "" {
		for _, p := range s.config.Peers {
			r := operator.NewRemote(p.URL, token, s.toOrigins())
			s.closers = append(s.closers, r.Close)
			config.Neighbours = append(config.Neighbours, control.Neighbour{Name: p.Name, Listener: r})
		}
	}
	s.service = control.NewService(config)
	if err := s.service.CatchUp(ctx); err != nil {
		return nil, err
	}
	return s.service, s.createEvents(ctx)
}

// createEvents makes the events of the configuration. One that operators have made or changed stays as it is.
func (s *Server) createEvents(ctx context.Context) error {
	for _, e := range s.config.Events {
		if _, err := s.service.Show(ctx, e.ID); err == nil {
			s.logger.Info("the control plane has the event already; the configuration's is not looked at", "id", e.ID)
			continue
		} else if !errors.Is(err, control.ErrUnknown) {
			return err
		}
		ev, err := e.at(s.runtime.Now())
		if err == nil {
			_, err = s.service.Do(ctx, "configuration", control.Operation{Event: e.ID, Do: control.Create{Event: ev}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// token is the secret that the origins share; empty where there is none.
func (s *Server) token() (string, error) {
	if s.config.Control.Token == "" {
		return "", nil
	}
	token, err := secrets.ReadToken(s.config.path(s.config.Control.Token))
	if err == nil && len(token) < 16 {
		err = errors.New("a secret has 16 bytes at least")
	}
	if err != nil {
		return "", fmt.Errorf("control.token: %w", err)
	}
	return token, nil
}

// operating is what operators reach: metrics and health, and the operator API for those who have a token.
func (s *Server) operating() (http.Handler, error) {
	mux := http.NewServeMux()
	numbers := metrics.Handler(metrics.HandlerOptions{Metrics: s.metrics, Ready: s.ready, Pprof: s.config.Pprof})
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/"} {
		mux.Handle(path, numbers)
	}
	if s.config.Operators == "" {
		return mux, nil
	}
	tokens, err := operator.LoadTokens(s.config.path(s.config.Operators), s.logger)
	if err != nil {
		return nil, fmt.Errorf("operators: %w", err)
	}
	mux.Handle("/", operator.New(operator.Config{Service: s.service, Tokens: tokens, Clock: s.runtime}))
	return mux, nil
}

// peering is what other origins reach: what they announce, and the states of events.
func (s *Server) peering() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/", originhttp.Peering(s.node, s.node.Known, originhttp.Limits{}))
	token, err := s.token()
	if err != nil || token == "" {
		return mux, err
	}
	var directory origin.Directory
	if s.service != nil {
		directory = s.service
	}
	mux.Handle(operator.StatesPath, operator.States(token, s.node, directory))
	return mux, nil
}
