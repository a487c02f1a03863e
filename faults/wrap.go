package faults

import (
	"context"

	"github.com/liveorigin/liveorigin/origin"
)

// The seams as functions, so that a wrap is one closure.
type (
	sourceFunc    func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error)
	publisherFunc func(ctx context.Context, p origin.Publication) (origin.Receipt, error)
	getterFunc    func(ctx context.Context, r origin.Request) (origin.Response, error)
)

func (f sourceFunc) Segment(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
	return f(ctx, r, n)
}

func (f publisherFunc) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	return f(ctx, p)
}

func (f getterFunc) Get(ctx context.Context, r origin.Request) (origin.Response, error) {
	return f(ctx, r)
}

// before is a store in front of which something happens to every call.
type before struct {
	store origin.Store
	do    func(ctx context.Context, call func(context.Context) error) error
}

func (b before) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	return b.do(ctx, func(ctx context.Context) error { return b.store.Put(ctx, key, o) })
}

func (b before) Get(ctx context.Context, key origin.Key) (o origin.Object, err error) {
	err = b.do(ctx, func(ctx context.Context) error {
		o, err = b.store.Get(ctx, key)
		return err
	})
	return o, err
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

// cut loses every call that is under way while the fault is active. One that began before the window is given up when
// the window opens, as a pulled cable ends a request that is being held: the caller learns of it then, not at the end.
func (b base) cut(ctx context.Context, call func(context.Context) error) error {
	if b.active() {
		b.touch()
		return origin.ErrUnreachable
	}
	if now := b.runtime.Now(); now.Before(b.window.From) {
		var cancel context.CancelFunc
		ctx, cancel = b.runtime.WithCancel(ctx)
		defer cancel()
		b.runtime.Go(func() {
			if b.runtime.Sleep(ctx, b.window.From.Sub(now)) == nil {
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

// published says whether a record is of a publication from the region or pipeline that the fault is aimed at.
func (b base) published(r origin.Record) bool {
	return r.Kind == origin.KindPublish && meant(b.spec.Region, r.Region) &&
		meant(b.spec.Pipeline, r.Pipeline) && meant(b.spec.Rendition, r.Rendition)
}
