package storage

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// Witness is a store, or a node of a cache, whose failures go into the history, sampled as what zones fail to do is:
// otherwise nothing would show that it was away, since its callers go on without it.
type Witness struct {
	origin.Store
	Name, Region string
	Runtime      origin.Runtime
	Recorder     origin.Recorder
	Start        time.Time // the history's zero
	// Patience is how long callers wait at most. A call that ends sooner was given up for their own reasons, and is no
	// failure.
	Patience time.Duration

	mu    sync.Mutex
	notes notes
}

// Put implements origin.Store.
func (w *Witness) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	began := w.Runtime.Now()
	err := w.Store.Put(ctx, key, o)
	w.note(ctx, key, began, err)
	return err
}

// Get implements origin.Store.
func (w *Witness) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	began := w.Runtime.Now()
	o, err := w.Store.Get(ctx, key, digest)
	w.note(ctx, key, began, err)
	return o, err
}

// GetInto implements keyvalue.Filler, as far as the node does.
func (w *Witness) GetInto(ctx context.Context, key origin.Key, digest uint32, into []byte) (o origin.Object, err error) {
	filler, ok := w.Store.(keyvalue.Filler)
	if !ok {
		return w.Get(ctx, key, digest)
	}
	began := w.Runtime.Now()
	o, err = filler.GetInto(ctx, key, digest, into)
	w.note(ctx, key, began, err)
	return o, err
}

// note records a failure of a call that began then.
func (w *Witness) note(ctx context.Context, key origin.Key, began time.Time, err error) {
	if answers(err) || errors.Is(err, ErrTooLarge) || ctx.Err() != nil && w.Runtime.Now().Sub(began) < w.Patience {
		return
	}
	now := w.Runtime.Now().Sub(w.Start)
	w.mu.Lock()
	sampled := w.notes.sample(now)
	w.mu.Unlock()
	if sampled {
		w.Recorder.Record(origin.Record{AtUs: now.Microseconds(), Kind: origin.KindReplica, Region: w.Region, Name: w.Name,
			Rendition: key.Rendition, Number: key.Number, Pipeline: key.Pipeline, Error: err.Error()})
	}
}
