// Package storage models what lies below the origin's Store seam: a region's store as replicas in zones that answer by
// quorum, each with its latency. It is the embedded store of a wall-clock run, and the model of a virtual one.
package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Replica is one zone's copy of the store.
type Replica struct {
	Zone  string
	Store origin.Store
}

// Zoned is a region's store: every object in every zone, acknowledged by a quorum (Cassandra's LOCAL_QUORUM). A read
// quorum and a write quorum overlap, so that what was acknowledged is found while most zones are there.
type Zoned struct {
	Region   string
	Runtime  origin.Runtime
	Replicas []Replica
	// Timeout bounds a call.
	Timeout time.Duration
	// Context ends the writes that go on after the quorum has answered.
	Context  context.Context
	Start    time.Time // the history's zero
	Recorder origin.Recorder
}

func (z *Zoned) quorum() int { return len(z.Replicas)/2 + 1 }

// ballot counts the replicas' answers until they decide.
type ballot struct {
	mu      sync.Mutex
	decided origin.Signal
	yes, no int
	absent  int // of the noes: replicas that answered that there is no such object
	other   int // of the noes: replicas that have other bytes
	object  origin.Object
}

// Put implements origin.Store: nil once a quorum has the object. ErrNoQuorum means that the object may be in some zones.
// Every zone keeps the first bytes that it is given, so of two writers only one can gather a quorum; what the other left
// in a zone is never read, since reads name the bytes they want.
func (z *Zoned) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	b := &ballot{decided: z.Runtime.NewSignal()}
	for _, r := range z.Replicas {
		z.Runtime.Go(func() {
			err := r.Store.Put(z.Context, key, o)
			z.note(r, key, err)
			b.vote(err, origin.Object{}, func() bool { return b.yes >= z.quorum() || b.no > len(z.Replicas)-z.quorum() })
		})
	}
	if err := z.wait(ctx, b); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.yes >= z.quorum():
		return nil
	case b.other > 0:
		return origin.ErrExists
	default:
		return fmt.Errorf("store %s: %d of %d zones: %w", key.Rendition, b.yes, len(z.Replicas), origin.ErrNoQuorum)
	}
}

// Get implements origin.Store. Objects never change, so the first replica that has it is right; that there is none takes
// a quorum to say.
func (z *Zoned) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	b := &ballot{decided: z.Runtime.NewSignal()}
	for _, r := range z.Replicas {
		z.Runtime.Go(func() {
			o, err := r.Store.Get(z.Context, key, digest)
			b.vote(err, o, func() bool { return b.yes > 0 || b.absent >= z.quorum() || b.no == len(z.Replicas) })
		})
	}
	if err := z.wait(ctx, b); err != nil {
		return origin.Object{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.yes > 0:
		return b.object, nil
	case b.absent >= z.quorum():
		return origin.Object{}, origin.ErrNotFound
	}
	return origin.Object{}, fmt.Errorf("read %s: %w", key.Rendition, origin.ErrNoQuorum)
}

func (z *Zoned) wait(ctx context.Context, b *ballot) error {
	return b.decided.Wait(ctx, z.Runtime.Now().Add(z.Timeout))
}

// vote counts one answer, and tells the caller when the outcome is decided.
func (b *ballot) vote(err error, o origin.Object, decided func() bool) {
	b.mu.Lock()
	switch {
	case err == nil:
		b.yes++
		b.object = o
	case errors.Is(err, origin.ErrNotFound):
		b.absent++
		b.no++
	case errors.Is(err, origin.ErrExists):
		b.other++
		b.no++
	default:
		b.no++
	}
	over := decided()
	b.mu.Unlock()
	if over {
		b.decided.Fire()
	}
}

// note records a replica that did not take a write.
func (z *Zoned) note(r Replica, key origin.Key, err error) {
	if err == nil || errors.Is(err, origin.ErrExists) || z.Context.Err() != nil {
		return
	}
	z.Recorder.Record(origin.Record{AtUs: z.Runtime.Now().Sub(z.Start).Microseconds(), Kind: origin.KindReplica,
		Region: z.Region, Name: r.Zone, Rendition: key.Rendition, Number: key.Number, Pipeline: key.Pipeline,
		Error: err.Error()})
}
