package originserver

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// How long a node that starts waits for what another one knows, and for what the databases have.
const (
	catchUpTimeout = time.Second
	recallTimeout  = 10 * time.Second
)

// catchUp enters what the databases have of the events, and what other origins know of them: this one may have been here
// before, and has forgotten everything. What others know is entered when it can be read here.
func (s *Server) catchUp(ctx context.Context) {
	if s.own == nil {
		return
	}
	s.recall(ctx)
	arrivals := s.copying(s.config.Region, cassandra.NewArrivals(s.own))
	arrivals.Peers = []origin.Peer{s.node}
	for region, clients := range s.neighbours { // any order: each tells the node by itself
		var to origin.Peer = arrivals
		if region == s.config.Region {
			to = s.node
		}
		for _, c := range clients {
			s.hear(ctx, c, to)
		}
	}
}

// catchUpLater is catchUp for an origin that has started without its control plane, once it has heard of the events.
func (s *Server) catchUpLater() {
	for len(s.node.States()) == 0 {
		if s.runtime.Sleep(s.ctx, catchUpTimeout) != nil {
			return
		}
	}
	s.catchUp(s.ctx)
}

// recall asks the databases. Without their answer the origin starts all the same: others may know, and what comes from
// now on does not need it.
func (s *Server) recall(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	began := s.runtime.Now()
	found, err := s.node.Recall(ctx)
	took := s.runtime.Now().Sub(began)
	if err != nil {
		s.logger.Warn("the databases do not tell all that they have; the newest segments were asked for first", "candidates", found, "took", took, "error", err)
		return
	}
	s.logger.Info("candidates that the databases have", "candidates", found, "took", took)
}

// hear asks a neighbour what it knows; one that does not answer knows nothing.
func (s *Server) hear(ctx context.Context, c *originhttp.PeerClient, to origin.Peer) {
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	for _, st := range s.node.States() {
		known, err := c.Known(ctx, st.ID)
		if err != nil {
			s.logger.Warn("a peer does not tell what it knows; it may not be there yet", "error", err)
			return
		}
		for _, a := range known {
			to.Announce(a)
		}
	}
}
