package faults

import (
	"context"

	"github.com/liveorigin/liveorigin/origin"
)

// regionLoss takes a whole region away: its encoders hand over nothing, its origins cut every connection and its store
// takes no copies. Edges stay: they belong to the delivery network.
type regionLoss struct{ base }

func newRegionLoss(b base) Fault { return regionLoss{b} }

func (f regionLoss) WrapSource(at Place, s origin.Source) origin.Source {
	if at.Region != f.spec.Region {
		return s
	}
	return f.stop(s)
}

func (f regionLoss) WrapPublisher(at Place, p origin.Publisher) origin.Publisher {
	if at.Region != f.spec.Region {
		return p
	}
	return f.cutPublisher(p)
}

func (f regionLoss) WrapGetter(at Place, g origin.Getter) origin.Getter {
	if at.Region != f.spec.Region {
		return g
	}
	return getterFunc(func(ctx context.Context, r origin.Request) (resp origin.Response, err error) {
		err = f.cut(ctx, func(ctx context.Context) error {
			resp, err = g.Get(ctx, r)
			return err
		})
		return resp, err
	})
}

func (f regionLoss) WrapStore(at Place, s origin.Store) origin.Store {
	if at.Zone != "" || at.Region != f.spec.Region {
		return s
	}
	return before{s, f.cut}
}

// Felt asks for an edge that could not reach the region, or a publication that failed there.
func (f regionLoss) Felt(r origin.Record) bool {
	switch r.Kind {
	case origin.KindFetch:
		return r.UpstreamRegion == f.spec.Region && r.Error != ""
	case origin.KindPublish:
		return r.Region == f.spec.Region && r.Error != ""
	}
	return false
}
