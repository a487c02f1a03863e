package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/memcached"
	"github.com/liveorigin/liveorigin/sim/containers"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// hands are several that know each what is theirs.
type hands []stack.Hands

// Do implements stack.Hands. An act that nobody knows how to do has not been done.
func (h hands) Do(ctx context.Context, a faults.Act) ([]stack.Deed, error) {
	var all []stack.Deed
	for _, one := range h {
		deeds, err := one.Do(ctx, a)
		all = append(all, deeds...)
		if err != nil {
			return all, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: nothing there to do it to", a.Verb)
	}
	return all, nil
}

// containerHands do what faults ask for to containers.
type containerHands struct{ *containers.Stack }

// verbs are the faults of containers by what an act calls them.
var verbs = map[faults.Verb]containers.Fault{
	faults.Kill: containers.Kill, faults.Stop: containers.Stop, faults.Pause: containers.Pause,
	faults.LimitCPU: containers.LimitCPU, faults.Disconnect: containers.Disconnect, faults.Partition: containers.Partition,
	faults.FillDisk: containers.FillDisk,
}

// Do implements stack.Hands, for acts on databases.
func (h *containerHands) Do(ctx context.Context, a faults.Act) ([]stack.Deed, error) {
	if a.At.Node != "" {
		return nil, nil
	}
	parts := h.struck(a)
	deeds, errs := make([]stack.Deed, len(parts)), make([]error, len(parts))
	var doing sync.WaitGroup
	for i, p := range parts {
		doing.Go(func() { deeds[i], errs[i] = h.do(ctx, a.Verb, p) })
	}
	doing.Wait()
	return deeds, errors.Join(errs...)
}

// do does an act to one part. What failed half-way is to be undone as well.
func (h *containerHands) do(ctx context.Context, v faults.Verb, p containers.Part) (stack.Deed, error) {
	if v == faults.Flush {
		return stack.Deed{Part: p.Name, Probe: flushed(p)}, flush(ctx, p)
	}
	verb, ok := verbs[v]
	if !ok {
		return stack.Deed{Part: p.Name}, fmt.Errorf("%s: %w", v, stack.ErrNoHands)
	}
	return stack.Deed{
		Part:  p.Name,
		Undo:  func(ctx context.Context) error { return h.Mend(ctx, p.Name, verb) },
		Probe: h.probe(p, verb),
	}, h.Break(ctx, p.Name, verb)
}

// struck lists the parts that an act names.
func (h *containerHands) struck(a faults.Act) (parts []containers.Part) {
	kind := containers.Cassandra
	if a.At.Cache != "" {
		kind = containers.Memcached
	}
	for _, p := range h.Of(kind, a.At.Region) {
		if a.At.Zone == "" || p.Zone == a.At.Zone {
			parts = append(parts, p)
		}
	}
	return parts
}

// probe is whether a part can do what the fault keeps it from.
func (h *containerHands) probe(p containers.Part, f containers.Fault) func(context.Context) origin.Record {
	return func(ctx context.Context) origin.Record {
		r := origin.Record{Kind: origin.KindReplica, Region: p.Region, Name: p.Zone}
		if p.Kind == containers.Memcached {
			r.Name = "cache " + p.Zone
		}
		asked := time.Now()
		err := h.Probe(ctx, p.Name, f)
		if r.WaitUs = time.Since(asked).Microseconds(); err != nil {
			r.Error = err.Error()
		}
		return r
	}
}

// flush empties a node of a cache.
func flush(ctx context.Context, p containers.Part) error {
	node, err := memcached.Open(memcached.Config{Address: p.Address.String(), Connections: 1, Timeout: time.Second})
	if err != nil {
		return err
	}
	defer node.Close()
	return node.Flush(ctx)
}

func flushed(p containers.Part) func(context.Context) origin.Record {
	return func(context.Context) origin.Record {
		return origin.Record{Kind: origin.KindFlush, Region: p.Region, Node: p.Name, Name: "cache"}
	}
}
