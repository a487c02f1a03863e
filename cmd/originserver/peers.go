package originserver

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// catchUpTimeout is how long a node that starts waits for what another one knows.
const catchUpTimeout = time.Second

// catchUp enters what other origins know of the events: this one may have been here before, and has forgotten everything.
// What an origin of another region knows is entered when it can be read here.
func (s *Server) catchUp(ctx context.Context) {
	if len(s.config.Peers) == 0 {
		return
	}
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
