package faults

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// doing is what a wrap does with a call: let it through, start it late, lose it.
type doing func(ctx context.Context, call func(context.Context) error) error

// The seams, with something done to every call.
type (
	doingStore struct {
		origin.Store
		do doing
	}
	doingPublisher struct {
		origin.Publisher
		do doing
	}
	doingGetter struct {
		origin.Getter
		do doing
	}
)

func (d doingStore) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	return d.do(ctx, func(ctx context.Context) error { return d.Store.Put(ctx, key, o) })
}

func (d doingStore) Get(ctx context.Context, key origin.Key, digest uint32) (o origin.Object, err error) {
	err = d.do(ctx, func(ctx context.Context) error {
		o, err = d.Store.Get(ctx, key, digest)
		return err
	})
	return o, err
}

func (d doingPublisher) Publish(ctx context.Context, p origin.Publication) (r origin.Receipt, err error) {
	err = d.do(ctx, func(ctx context.Context) error {
		r, err = d.Publisher.Publish(ctx, p)
		return err
	})
	return r, err
}

func (d doingGetter) Get(ctx context.Context, req origin.Request) (r origin.Response, err error) {
	err = d.do(ctx, func(ctx context.Context) error {
		r, err = d.Getter.Get(ctx, req)
		return err
	})
	return r, err
}

// changedSource changes what a source hands over while a fault is active.
type changedSource struct {
	origin.Source
	base
	change func(ctx context.Context, r origin.Rendition, o origin.Object) (origin.Object, error)
}

func (c changedSource) Segment(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
	o, err := c.Source.Segment(ctx, r, n)
	if err != nil || !meant(c.spec.Rendition, r.ID) || !c.active() {
		return o, err
	}
	return c.change(ctx, r, o)
}

// slow makes a call start late.
func (b base) slow(ctx context.Context, call func(context.Context) error) error {
	if b.active() {
		b.touch()
		if err := b.runtime.Sleep(ctx, b.spec.Delay); err != nil {
			return err
		}
	}
	return call(ctx)
}

// longestCall is more than any call takes: the longest is a request held open for the next segment, at most for that
// segment (2 s), its publish delay (less than 2 s) and its retry budget (at most a minute); a publication waits for another
// writer no longer than that budget.
const longestCall = 2 * time.Minute

// cut loses every call that is under way while the fault is active. One that began before the window is given up when
// the window opens, as a pulled cable ends a request that is being held: the caller learns of it then, not at the end.
// Only calls that can still be under way then are watched: an event has thousands a second, for hours before the fault.
func (b base) cut(ctx context.Context, call func(context.Context) error) error {
	if b.active() {
		b.touch()
		return origin.ErrUnreachable
	}
	if opens := b.window.From.Sub(b.runtime.Now()); opens > 0 && opens <= longestCall {
		var cancel context.CancelFunc
		ctx, cancel = b.runtime.WithCancel(ctx)
		defer cancel()
		b.runtime.Go(func() {
			if b.runtime.Sleep(ctx, opens) == nil {
				cancel()
			}
		})
	}
	err := call(ctx)
	if b.active() {
		b.touch()
		return origin.ErrUnreachable
	}
	return err
}

// lose is a source's change that leaves nothing, and says nothing about it.
func (b base) lose(context.Context, origin.Rendition, origin.Object) (origin.Object, error) {
	b.touch()
	return origin.Object{}, origin.ErrUnreachable
}

// slowed says whether a record is of a publication that took as long as the fault makes it, or longer than anyone waits.
func (b base) slowed(r origin.Record) bool {
	return b.published(r) && (r.WaitUs >= b.spec.Delay.Microseconds() || r.Attempts > 1 || r.Error != "")
}

// published says whether a record is of a publication from the region or pipeline that the fault is aimed at.
func (b base) published(r origin.Record) bool {
	return r.Kind == origin.KindPublish && meant(b.spec.Region, r.Region) &&
		meant(b.spec.Pipeline, r.Pipeline) && meant(b.spec.Rendition, r.Rendition)
}
