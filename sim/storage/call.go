package storage

import (
	"context"
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// call is one Put or Get from its beginning to the last answer of a zone. It is used again when nobody looks at it any
// more, so that calls allocate nothing.
type call struct {
	key    origin.Key
	write  bool
	object origin.Object // what is written, or what was read
	digest uint32        // of what is read
	row    *row          // as it was at the beginning

	until  time.Duration // when the caller gives up
	trips  []answer      // to all zones, in order of time
	next   int           // of the trips that the caller waits for itself
	signal origin.Signal // fired by a trip behind a gate that decides; nil where there is none
	users  int

	yes, no int
	absent  int // of the noes: zones that have no such object
	other   int // of the noes: zones that have other bytes
	without []*Zone
	decided bool
}

// answer is what one zone will have done by a time.
type answer struct {
	trip
	at time.Duration
}

// enter adds an answer in order of time; of those that come at once, the first zone's is first.
func (c *call) enter(a answer) {
	c.trips = append(c.trips, a)
	for i := len(c.trips) - 1; i > 0 && c.trips[i].at < c.trips[i-1].at; i-- {
		c.trips[i], c.trips[i-1] = c.trips[i-1], c.trips[i]
	}
}

// soonest is when the next answer comes that the caller waits for itself; never when none is left.
func (c *call) soonest() time.Duration {
	for c.next < len(c.trips) && c.trips[c.next].zone.gate != nil {
		c.next++
	}
	if c.next == len(c.trips) {
		return never
	}
	return c.trips[c.next].at
}

// count takes a zone's answer in. Objects never change, so the first zone that has one is right; that there is none
// takes a quorum to say, and a write takes one to be acknowledged.
func (c *call) count(z *Zone, o origin.Object, err error, zones int) {
	quorum := zones/2 + 1
	switch {
	case err == nil:
		c.yes++
		if !c.write && c.yes == 1 {
			c.object = o
		}
	case errors.Is(err, origin.ErrNotFound):
		c.absent++
		c.no++
		c.without = append(c.without, z)
	case errors.Is(err, origin.ErrExists):
		c.other++
		c.no++
	default:
		c.no++
	}
	if c.write {
		c.decided = c.yes >= quorum || c.no > zones-quorum
	} else {
		c.decided = c.yes > 0 || c.absent >= quorum || c.no == zones
	}
}

// follow waits for the answers as they come, until they decide or the caller's time is over.
func (t *Table) follow(ctx context.Context, c *call) error {
	for {
		at := c.soonest()
		if err := t.pass(ctx, c, min(at, c.until)); err != nil || c.signal != nil && t.over(c) {
			return err
		}
		if at >= c.until {
			return origin.ErrTimeout
		}
		if t.hear(c) {
			return nil
		}
	}
}

// pass sleeps until a time; it returns early when a zone behind a gate decides the call.
func (t *Table) pass(ctx context.Context, c *call, until time.Duration) error {
	if c.signal == nil {
		return t.config.Runtime.Sleep(ctx, until-t.now())
	}
	err := c.signal.Wait(ctx, t.made.Add(until))
	if errors.Is(err, origin.ErrTimeout) {
		return nil
	}
	return err
}

// over says whether a zone behind a gate has decided.
func (t *Table) over(c *call) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return c.decided
}

// hear takes in the answer that has come, and says whether the call is decided.
func (t *Table) hear(c *call) bool {
	a := c.trips[c.next]
	c.next++
	t.mu.Lock()
	o, err := t.ask(c, a)
	news := t.count(c, a.trip, o, err, a.at)
	decided := c.decided
	t.mu.Unlock()
	t.tell(c, news)
	return decided
}

// ask is what a zone answers that no gate stands in front of.
func (t *Table) ask(c *call, a answer) (origin.Object, error) {
	if a.lost {
		return origin.Object{}, origin.ErrTimeout
	}
	if c.write {
		return origin.Object{}, t.take(a.zone, c.key, c.object, a.at)
	}
	if c.row == nil || c.row.held == 0 {
		c.row = t.rows[c.key]
	}
	if v := t.find(a.zone, c.row, c.digest, a.at); v != nil {
		return v.Object, nil
	}
	return origin.Object{}, origin.ErrNotFound
}

// rest takes in the answers that the caller did not wait for: a write goes on in the zones whatever became of its
// caller.
func (t *Table) rest(c *call) {
	for at := c.soonest(); at != never; at = c.soonest() {
		if t.config.Runtime.Sleep(t.config.Context, at-t.now()) != nil {
			break
		}
		t.hear(c)
	}
	t.leave(c)
}

// visit makes the trip to a zone behind a gate.
func (t *Table) visit(c *call, p trip) {
	var o origin.Object
	var err error
	ctx := &tripContext{t.config.Context, p}
	if c.write {
		err = p.zone.gate.Put(ctx, c.key, c.object)
	} else {
		o, err = p.zone.gate.Get(ctx, c.key, c.digest)
	}
	now := t.now()
	t.mu.Lock()
	news := t.count(c, p, o, err, now)
	t.mu.Unlock()
	t.tell(c, news)
	t.leave(c)
}

// news is what follows from an answer once no lock is held.
type news struct {
	decides  bool
	failed   *Zone // to be recorded
	err      error
	handOver *Zone // has hints, and nobody who hands them over
}

// count takes a zone's answer in, with what follows from it for the zone.
func (t *Table) count(c *call, p trip, o origin.Object, err error, at time.Duration) (n news) {
	z := p.zone
	if p.away && answers(err) {
		z.given(c.write)
	}
	if c.decided && !c.write {
		return n // nobody waits for it any more, gate or no gate
	}
	was := c.decided
	c.count(z, o, err, len(t.zones))
	n.decides = c.decided && !was
	if n.decides && !c.write && c.yes > 0 {
		z.sent += int64(o.Size)
		t.repair(c, at)
	}
	switch {
	case answers(err):
		z.away = never
		return n
	case t.config.Context.Err() != nil: // the world ends; nothing has failed
		return n
	case z.away == never:
		z.away = at
	}
	if !c.write {
		return n
	}
	z.failures++
	if z.notes.sample(at) {
		n.failed, n.err = z, err
	}
	if t.hint(z, c.key, c.object, at) {
		n.handOver = z
	}
	return n
}

// answers says whether a zone has answered, be it to refuse.
func answers(err error) bool {
	return err == nil || errors.Is(err, origin.ErrExists) || errors.Is(err, origin.ErrNotFound)
}

// tell does what follows from an answer.
func (t *Table) tell(c *call, n news) {
	if n.decides && c.signal != nil {
		c.signal.Fire()
	}
	if n.failed != nil {
		t.record(n.failed, c.key, n.err)
	}
	if n.handOver != nil {
		t.config.Runtime.Go(func() { t.handOver(n.handOver) })
	}
}
