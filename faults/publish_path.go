package faults

import (
	"context"

	"github.com/liveorigin/liveorigin/origin"
)

// slowPublish delays every publication on its way to a region's origins.
type slowPublish struct{ base }

func newSlowPublish(b base) Fault { return slowPublish{b} }

func (f slowPublish) WrapPublisher(at Place, p origin.Publisher) origin.Publisher {
	if at.Region != f.spec.Region {
		return p
	}
	return publisherFunc(func(ctx context.Context, pub origin.Publication) (receipt origin.Receipt, err error) {
		err = f.slow(ctx, func(ctx context.Context) error {
			receipt, err = p.Publish(ctx, pub)
			return err
		})
		return receipt, err
	})
}

// Felt asks for a publication that took at least the delay.
func (f slowPublish) Felt(r origin.Record) bool {
	return f.published(r) && r.WaitUs >= f.spec.Delay.Microseconds()
}

// cutPublish loses every publication on its way to a region's origins.
type cutPublish struct{ base }

func newCutPublish(b base) Fault { return cutPublish{b} }

func (f cutPublish) WrapPublisher(at Place, p origin.Publisher) origin.Publisher {
	if at.Region != f.spec.Region {
		return p
	}
	return f.cutPublisher(p)
}

func (b base) cutPublisher(p origin.Publisher) origin.Publisher {
	return publisherFunc(func(ctx context.Context, pub origin.Publication) (receipt origin.Receipt, err error) {
		err = b.cut(ctx, func(ctx context.Context) error {
			receipt, err = p.Publish(ctx, pub)
			return err
		})
		return receipt, err
	})
}

// Felt asks for a publication that failed, or that had to be tried again.
func (f cutPublish) Felt(r origin.Record) bool {
	return f.published(r) && (r.Error != "" || r.Attempts > 1)
}
