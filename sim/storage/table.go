package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// TableConfig says what a Table is made of. Region, Zones, Runtime, Context and Recorder are required.
type TableConfig struct {
	Region  string
	Zones   []string // names
	Runtime origin.Runtime
	// Context ends what goes on after callers have their answers.
	Context  context.Context
	Recorder origin.Recorder
	Start    time.Time // the history's zero
	Seed     uint64
	Replica  ReplicaProfile
	// Timeout bounds a call; zero means one second.
	Timeout time.Duration
	// Limit bounds the bytes that one zone keeps, and those that are kept for it while it is away; zero is without.
	Limit int
	// Gate puts what can cut off a zone in front of its replica. A zone whose replica comes back as it was is never cut
	// off, and costs less. Nil means that no zone is.
	Gate func(zone string, replica origin.Store) origin.Store
}

// Table is a region's rows: every row in every zone, acknowledged by a quorum of them (Cassandra's LOCAL_QUORUM). A
// write quorum and the quorum that says that there is nothing overlap, so what was acknowledged is found while most
// zones are there. Every zone keeps the first bytes that it is given, so of two writers only one can gather a quorum.
//
// A write goes through a coordinator, a node of one of the zones, whose pauses the caller feels. A read does not: reads
// are hedged (facts.md STO-11), and the first zone that has the row answers it. All zones do an operation for a read,
// the one that answers sends the bytes.
type Table struct {
	config TableConfig
	made   time.Time
	zones  []*Zone

	mu    sync.Mutex
	rows  map[origin.Key]*row
	idle  []*call
	rand  *rand.Rand // draws coordinators
	gated int        // zones behind a gate
	stats Stats
}

// NewTable makes an empty table.
func NewTable(c TableConfig) *Table {
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	t := &Table{config: c, made: c.Runtime.Now(), rows: make(map[origin.Key]*row),
		rand: streams.New(c.Seed, "coordinators "+c.Region)}
	for i, name := range c.Zones {
		z := newZone(t, i, name, c)
		t.zones = append(t.zones, z)
		if z.gate != nil {
			t.gated++
		}
	}
	return t
}

// Zone is the replica in a zone; nil when there is no such zone.
func (t *Table) Zone(name string) *Zone {
	for _, z := range t.zones {
		if z.Name == name {
			return z
		}
	}
	return nil
}

func (t *Table) now() time.Duration { return t.config.Runtime.Now().Sub(t.made) }

// Put implements origin.Store: nil once a quorum has the object. ErrNoQuorum and ErrTimeout mean that the object may be
// in some zones; what a loser of two writers left in one is never read, since reads name the bytes that they want.
func (t *Table) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	c := t.begin(key, true, o, 0)
	err := t.follow(ctx, c)
	t.mu.Lock()
	if err == nil {
		err = t.outcome(c)
	}
	t.stats.Writes.end(err, origin.ErrExists)
	t.stats.Writes.GivenUp += t.givenUp(c, err)
	if err == nil {
		t.stats.BytesWritten += int64(o.Size)
	}
	t.mu.Unlock()
	if c.soonest() == never {
		t.leave(c)
	} else {
		t.config.Runtime.Go(func() { t.rest(c) })
	}
	return err
}

// Get implements origin.Store.
func (t *Table) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	c := t.begin(key, false, origin.Object{}, digest)
	err := t.follow(ctx, c)
	t.mu.Lock()
	if err == nil {
		err = t.outcome(c)
	}
	var o origin.Object
	t.stats.Reads.end(err, origin.ErrNotFound)
	t.stats.Reads.GivenUp += t.givenUp(c, err)
	if err == nil {
		o = c.object
		t.stats.Hits++
		t.stats.BytesRead += int64(o.Size)
	}
	t.release(c)
	t.mu.Unlock()
	return o, err
}

// givenUp is one when a call's caller went away before its time was over.
func (t *Table) givenUp(c *call, err error) int64 {
	if (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && t.now() < c.until {
		return 1
	}
	return 0
}

// outcome is what a decided call comes to.
func (t *Table) outcome(c *call) error {
	quorum := len(t.zones)/2 + 1
	switch {
	case c.write && c.yes >= quorum, !c.write && c.yes > 0:
		return nil
	case c.write && c.other > 0:
		return origin.ErrExists
	case !c.write && c.absent >= quorum:
		return origin.ErrNotFound
	case c.write:
		return fmt.Errorf("store %s: %d of %d zones: %w", c.key.Rendition, c.yes, len(t.zones), origin.ErrNoQuorum)
	}
	return fmt.Errorf("read %s: %w", c.key.Rendition, origin.ErrNoQuorum)
}

// begin draws what will become of a call in every zone, and sends it on its way to those behind a gate.
func (t *Table) begin(key origin.Key, write bool, o origin.Object, digest uint32) *call {
	now := t.now()
	t.mu.Lock()
	c := t.fresh()
	c.key, c.write, c.object, c.digest, c.until = key, write, o, digest, now+t.config.Timeout
	if write {
		t.stats.Writes.begin()
		t.planWrite(c, now)
	} else {
		t.stats.Reads.begin()
		t.planRead(c, now)
	}
	c.users = 1 + t.gated
	t.mu.Unlock()
	if t.gated == 0 {
		return c
	}
	c.signal = t.config.Runtime.NewSignal()
	for _, a := range c.trips {
		if a.zone.gate != nil {
			a.takes = a.at - now
			t.config.Runtime.Go(func() { t.visit(c, a.trip) })
		}
	}
	return c
}

// planWrite draws when every zone will have the object.
func (t *Table) planWrite(c *call, now time.Duration) {
	held := t.coordinator().pauses.after(now, 0) - now
	level := t.level()
	for _, z := range t.zones {
		ready, ok := z.receive(now, true, c.object.Size, t.config.Timeout)
		c.enter(z.answer(now, ready+held, c.until, t.drawn(z.writing(c.object.Size), level), ok))
	}
}

// planRead draws when every zone will have looked for the row, and lets the first that has it send it.
func (t *Table) planRead(c *call, now time.Duration) {
	c.row = t.rows[c.key]
	var sender *Zone
	var until, sending time.Duration
	first, level := never, t.level()
	for _, z := range t.zones {
		ready, ok := z.receive(now, false, 0, t.config.Timeout)
		v := t.find(z, c.row, c.digest, now)
		if v == nil || !ok {
			c.enter(z.answer(now, ready, c.until, t.drawn(z.read, level), ok))
			continue
		}
		sends := z.sending(v.Size)
		sent := z.pauses.after(ready, sends)
		a := z.answer(now, sent, c.until, t.drawn(z.reading(v.Size), level), ok)
		c.enter(a)
		if !a.lost && a.at < first {
			first, sender, until, sending = a.at, z, sent, sends
		}
	}
	if sender != nil && sender.away == never {
		sender.occupy(until, sending)
	}
}

// level draws how slow a call is, where that is one for all zones.
func (t *Table) level() float64 {
	if !t.config.Replica.OneMachine {
		return 0
	}
	return t.rand.NormFloat64()
}

// drawn is a latency for one zone to draw, or where all zones stand on one machine, the one that it has at the call's level.
func (t *Table) drawn(d distribution, level float64) distribution {
	if d, ok := d.(leveled); ok && t.config.Replica.OneMachine {
		return logNormal{median: float64(d.at(level))}
	}
	return d
}

// coordinator is a zone that is there, drawn; if none is, any.
func (t *Table) coordinator() *Zone {
	n := t.rand.IntN(len(t.zones))
	for i := range t.zones {
		if z := t.zones[(n+i)%len(t.zones)]; z.away == never {
			return z
		}
	}
	return t.zones[n]
}

func (t *Table) record(z *Zone, key origin.Key, err error) {
	t.config.Recorder.Record(origin.Record{AtUs: t.config.Runtime.Now().Sub(t.config.Start).Microseconds(),
		Kind: origin.KindReplica, Region: t.config.Region, Name: z.Name, Rendition: key.Rendition, Number: key.Number,
		Pipeline: key.Pipeline, Error: err.Error()})
}

// fresh is a call that nobody looks at.
func (t *Table) fresh() *call {
	n := len(t.idle)
	if n == 0 {
		return new(call)
	}
	c := t.idle[n-1]
	t.idle = t.idle[:n-1]
	return c
}

// release says that one of those who look at a call does so no more.
func (t *Table) release(c *call) {
	if c.users--; c.users > 0 {
		return
	}
	*c = call{trips: c.trips[:0], without: c.without[:0]}
	t.idle = append(t.idle, c)
}

func (t *Table) leave(c *call) {
	t.mu.Lock()
	t.release(c)
	t.mu.Unlock()
}
