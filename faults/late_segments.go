package faults

import (
	"context"

	"github.com/liveorigin/liveorigin/origin"
)

// lateSegments is an encoder that takes longer than it should.
type lateSegments struct{ base }

func newLateSegments(b base) Fault { return lateSegments{b} }

func (f lateSegments) WrapSource(at Place, s origin.Source) origin.Source {
	if at.Pipeline != f.spec.Pipeline {
		return s
	}
	return changedSource{s, f.base, f.delay}
}

func (f lateSegments) delay(ctx context.Context, _ origin.Rendition, o origin.Object) (origin.Object, error) {
	f.touch()
	return o, f.runtime.Sleep(ctx, f.spec.Delay)
}

// Felt asks for a publication at least as late as the encoder was made, or too late to be one.
func (f lateSegments) Felt(r origin.Record) bool {
	return f.published(r) && (r.LateUs >= f.spec.Delay.Microseconds() || r.Error != "")
}
