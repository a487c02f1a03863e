package faults

import (
	"context"

	"github.com/liveorigin/liveorigin/origin"
)

// pipelineStop is an encoder that hands over nothing, and does not say so: its packager publishes neither segments nor
// declared holes.
type pipelineStop struct{ base }

func newPipelineStop(b base) Fault { return pipelineStop{b} }

func (f pipelineStop) WrapSource(at Place, s origin.Source) origin.Source {
	if at.Pipeline != f.spec.Pipeline {
		return s
	}
	return f.stop(s)
}

// stop loses what the source hands over inside the window.
func (b base) stop(s origin.Source) origin.Source {
	return sourceFunc(func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
		o, err := s.Segment(ctx, r, n)
		if err == nil && meant(b.spec.Rendition, r.ID) && b.active() {
			b.touch()
			return origin.Object{}, origin.ErrUnreachable
		}
		return o, err
	})
}

// Felt asks for a segment that the packager never got.
func (f pipelineStop) Felt(r origin.Record) bool { return f.published(r) && r.Error != "" }
