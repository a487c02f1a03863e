package origin

import (
	"context"
	"math/rand/v2"
	"time"
)

// Directory is the control plane's store: an event is one small document in it, there are few, and nothing that could be
// out of date lies between it and a node.
type Directory interface {
	// Events lists the states of all events.
	Events(ctx context.Context) ([]State, error)
}

// refreshEvery is how old a node's memory of the events becomes, give or take a quarter: nodes that were started together
// must not ask together for ever (facts.md, REC-10).
const refreshEvery = time.Second

// Follow keeps the node's memory of the events fresh, until ctx ends: one look-up of all events at a time, whatever is
// asked for. What is not in that memory does not exist, so that any number of requests for unknown events, ended ones, or
// numbers that cannot be, asks nobody. A directory that does not answer leaves the memory as it is. failed, if not nil,
// is told of each time that something could not be taken in.
func (n *Node) Follow(ctx context.Context, d Directory, seed uint64, failed func(error)) {
	jitter := rand.New(rand.NewPCG(seed, 0))
	for {
		_ = n.refresh(ctx, d, failed) // what is in memory stays
		wait := refreshEvery*3/4 + time.Duration(jitter.Int64N(int64(refreshEvery/2)))
		if n.Runtime.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// refresh takes in what the directory has.
func (n *Node) refresh(ctx context.Context, d Directory, failed func(error)) error {
	n.Observer.LookedUp(EventLevel, false)
	states, err := d.Events(ctx)
	if err != nil && failed != nil && ctx.Err() == nil {
		failed(err)
	}
	for _, s := range states {
		if err := n.Apply(s); err != nil && failed != nil {
			failed(err)
		}
	}
	return err
}
