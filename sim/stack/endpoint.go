package stack

import (
	"context"
	"net/http"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/resources"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Side is one of an origin's two stacks, which have machines of their own unless they are shared.
type Side string

// The stacks.
const (
	Delivery   Side = "delivery"
	Publishing Side = "publishing"
)

// endpoint is a part that is asked: what it runs on, and what it has carried.
type endpoint struct {
	Part
	side    Side
	virtual *Virtual
	flow    *resources.Flow
	*host
	lodger  bool // on a host whose work another endpoint answers for
	holders interface{ Holders() int }

	carried Carried
}

func (v *Virtual) endpoint(at Part, side Side) *endpoint {
	e := &endpoint{Part: at, side: side, virtual: v, flow: resources.NewFlow(v.loop), host: &host{}}
	if at.Tier == Origin {
		name := at.Name + " " + string(side)
		if v.shared {
			name = at.Name
		}
		if e.host, e.lodger = v.hosts[name], true; e.host == nil {
			e.host, e.lodger = v.newHost(name), false
		}
	}
	v.endpoints = append(v.endpoints, e)
	return e
}

// host is what an endpoint runs on.
type host struct {
	machine *resources.Machine // nil where CPU costs nothing
	card    *resources.Link    // nil where it has no limit
}

func (v *Virtual) newHost(name string) *host {
	h := &host{}
	if v.machine.PerRequest > 0 {
		h.machine = v.machine.New(v.loop, streams.New(v.seed, "machine "+name))
	}
	if v.machine.NIC > 0 {
		h.card = resources.NewLink(v.loop, resources.LinkProfile{Bandwidth: v.machine.NIC}, nil)
	}
	v.hosts[name] = h
	return h
}

// work takes the processor time of a request.
func (e *endpoint) work(ctx context.Context, bytes int) error {
	if e.machine == nil {
		return nil
	}
	return e.machine.Do(ctx, 0, e.virtual.machine.Work(int64(bytes)))
}

// send puts an answer through the network card.
func (e *endpoint) send(ctx context.Context, bytes int) error {
	if e.card == nil || bytes == 0 {
		return nil
	}
	return e.card.Send(ctx, int64(bytes))
}

// caller is one part's connection to another, or that of a group of alike parts.
type caller struct {
	to     *endpoint
	ways   []*way // from the one called to the caller
	weight int64
}

// ask lets a request pass, and answer so many bytes the other way.
func (c *caller) ask(ctx context.Context, bytes int) error {
	for _, w := range c.ways {
		if err := w.up.Send(ctx, int64(bytes)); err != nil {
			return err
		}
	}
	return nil
}

func (c *caller) answer(ctx context.Context, bytes int) error {
	for _, w := range c.ways {
		if err := w.down.Send(ctx, int64(bytes)); err != nil {
			return err
		}
	}
	return nil
}

// asking is a Getter's connection.
type asking struct {
	caller
	from Part
	door origin.Getter
	// configs is the part itself: its configurations are not what faults of its answers break. A part of another region
	// is so far away.
	configs origin.Configs
	away    time.Duration
}

// Changed implements origin.Configs. A configuration is small: all that it takes is the way.
func (c *asking) Changed(ctx context.Context, event string, after int64) (origin.State, error) {
	if c.configs == nil {
		return origin.State{}, origin.ErrNotFound
	}
	s, err := c.configs.Changed(ctx, event, after)
	if err != nil || c.away == 0 {
		return s, err
	}
	return s, c.to.virtual.loop.Sleep(ctx, c.away)
}

// Get implements origin.Getter.
func (c *asking) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	c.to.virtual.calls++
	c.to.carried.Requests += c.weight
	if c.from.Tier == Site {
		c.to.virtual.filled(c.from.Region, int64(c.from.Machines()))
	}
	if err := c.ask(ctx, requestBytes); err != nil {
		return origin.Response{}, c.lost(err)
	}
	resp, err := c.door.Get(ctx, req)
	if err != nil {
		return origin.Response{}, c.lost(err)
	}
	c.count(&resp)
	if !resp.OK() {
		return resp, nil // a few bytes
	}
	if err := c.answer(ctx, resp.Object.Size); err != nil {
		return origin.Response{}, c.lost(err)
	}
	return resp, nil
}

func (c *caller) lost(err error) error {
	c.to.carried.Failed += c.weight
	return err
}

// count takes down what an answer was.
func (c *asking) count(resp *origin.Response) {
	t := &c.to.carried
	switch {
	case resp.OK():
		t.Bytes += c.weight * int64(resp.Object.Size)
	case resp.Reason.Status() == http.StatusServiceUnavailable:
		t.Shed += c.weight
	case resp.Reason.Status() >= 500:
		t.Failed += c.weight
	}
	switch {
	case resp.Cache.Hit:
		t.Hits += c.weight
	case resp.Cache.Cache != "": // of those who are alike one comes first, and the others find what it fetched
		t.Misses++
		t.Hits += c.weight - 1
	}
}

// answering is a node, or a cache, on its machine.
type answering struct {
	*endpoint
	getter origin.Getter
}

// Get implements origin.Getter.
func (a *answering) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	entry := a.flow.Enter(1)
	resp, err := a.getter.Get(ctx, req)
	if resp.Hold > 0 && a.holders != nil {
		a.carried.Holders = max(a.carried.Holders, int64(a.holders.Holders())+1)
	}
	if err == nil {
		if err = a.work(ctx, resp.Object.Size); err == nil {
			err = a.send(ctx, resp.Object.Size)
		}
	}
	if err != nil {
		a.flow.Leave(entry, resources.Aborted, 0)
		return origin.Response{}, err
	}
	outcome := resources.Answered
	if resp.Reason.Status() == http.StatusServiceUnavailable {
		outcome = resources.Shed
	}
	a.flow.Leave(entry, outcome, int64(resp.Object.Size))
	return resp, nil
}

// publishing is a packager's connection.
type publishing struct {
	caller
	door origin.Publisher
}

// Publish implements origin.Publisher.
func (c *publishing) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	c.to.virtual.calls++
	c.to.carried.Requests++
	if err := c.answer(ctx, p.Object.Size); err != nil { // the bytes go towards the origin here
		return origin.Receipt{}, c.lost(err)
	}
	r, err := c.door.Publish(ctx, p)
	if err != nil {
		return origin.Receipt{}, c.lost(err)
	}
	if r.Outcome.Accepted() {
		c.to.carried.Bytes += int64(p.Object.Size)
	} else {
		c.to.carried.Failed++
	}
	return r, c.ask(ctx, requestBytes)
}

// accepting is a node's publishing side on its machine.
type accepting struct {
	*endpoint
	publisher origin.Publisher
}

// Publish implements origin.Publisher.
func (a *accepting) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	entry := a.flow.Enter(1)
	err := a.send(ctx, p.Object.Size)
	if err == nil {
		err = a.work(ctx, p.Object.Size)
	}
	var r origin.Receipt
	if err == nil {
		r, err = a.publisher.Publish(ctx, p)
	}
	if err != nil {
		a.flow.Leave(entry, resources.Aborted, 0)
		return r, err
	}
	a.flow.Leave(entry, resources.Answered, int64(p.Object.Size))
	return r, nil
}

// front is a Getter on a machine that all viewers share.
type front struct {
	virtual *Virtual
	getter  origin.Getter
}

// Get implements origin.Getter.
func (f *front) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	resp, err := f.getter.Get(ctx, req)
	if err == nil {
		err = f.virtual.together.Do(ctx, 0, f.virtual.network.Together.Work(int64(resp.Object.Size)))
	}
	return resp, err
}
