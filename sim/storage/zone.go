package storage

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Zone is one zone's replica of a Table.
type Zone struct {
	Name  string
	table *Table
	contents
	server
	rand        *rand.Rand
	write, read distribution
	growth      growth
	lost        float64
	phase       time.Duration // of the commit log's syncs

	// gate is the replica behind what can cut it off; nil where nothing can.
	gate origin.Store
	// away is since when it has not answered; never while it does.
	away time.Duration
	hints
	notes notes

	reads, writes int64 // operations
	sent, taken   int64 // bytes
	failures      int64
}

func newZone(t *Table, index int, name string, c TableConfig) *Zone {
	stream := "zone " + c.Region + " " + name
	p, r := c.Replica, streams.New(c.Seed, stream)
	z := &Zone{Name: name, table: t, contents: contents{zone: index, limit: c.Limit}, rand: r, away: never,
		write: p.Write.distribution(), read: p.Read.distribution(), growth: newGrowth(p), lost: p.Lost,
		phase: time.Duration(r.Int64N(int64(commitLogSync))),
		server: newServer(p.Capacity, newEpisodes(p.Pauses, streams.New(c.Seed, stream+" pauses")),
			newEpisodes(p.Throttling, streams.New(c.Seed, stream+" throttling")), p.Slowdown)}
	if c.Gate != nil {
		if gate := c.Gate(name, (*replica)(z)); gate != origin.Store((*replica)(z)) {
			z.gate = gate
		}
	}
	return z
}

// receive puts a call's share into the zone's queue, and returns when it is through. A zone that is known to be away is
// sent nothing that it would have to do.
func (z *Zone) receive(now time.Duration, write bool, bytes int, patience time.Duration,
) (through time.Duration, ok bool) {
	if z.away != never {
		return now, true
	}
	z.given(write)
	if !write && z.growth.reads != nil {
		return z.serve(now, z.growth.reads.perOperation, patience)
	}
	return z.operate(now, bytes, patience)
}

// given counts an operation.
func (z *Zone) given(write bool) {
	if write {
		z.writes++
	} else {
		z.reads++
	}
}

// answer draws when a zone answers what is through its queue; what it never answers counts as that when the call's time
// is over.
func (z *Zone) answer(now, through, until time.Duration, latency distribution, ok bool) answer {
	at := z.respond(now, through, latency, z.rand)
	if z.lost > 0 && z.rand.Float64() < z.lost || !ok {
		return answer{trip{zone: z, lost: true}, until}
	}
	return answer{trip{zone: z, away: z.away != never}, at}
}

// replica is a zone as a Store of its own, for a gate to stand in front of. What a call takes there was drawn when it
// began, and comes with the context.
type replica Zone

// trip is a replica's part in a call: when it answers, that it never does when the call or the answer gets lost, and
// that it was known to be away when it was called.
type trip struct {
	zone  *Zone
	takes time.Duration
	lost  bool
	away  bool
}

// tripContext carries a trip through a gate.
type tripContext struct {
	context.Context
	trip trip
}

type tripKey struct{}

// Value implements context.Context.
func (c *tripContext) Value(key any) any {
	if key == (tripKey{}) {
		return &c.trip
	}
	return c.Context.Value(key)
}

// arrive returns when the replica would answer.
func (r *replica) arrive(ctx context.Context) error {
	trip := ctx.Value(tripKey{}).(*trip)
	if err := r.table.config.Runtime.Sleep(ctx, trip.takes); err != nil {
		return err
	}
	if trip.lost {
		return origin.ErrTimeout
	}
	return nil
}

// Put implements origin.Store.
func (r *replica) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := r.arrive(ctx); err != nil {
		return err
	}
	t := r.table
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.take((*Zone)(r), key, o, now)
}

// Get implements origin.Store.
func (r *replica) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if err := r.arrive(ctx); err != nil {
		return origin.Object{}, err
	}
	t := r.table
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.find((*Zone)(r), t.rows[key], digest, now); v != nil {
		return v.Object, nil
	}
	return origin.Object{}, origin.ErrNotFound
}
