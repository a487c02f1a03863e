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
	return changedSource{s, f.base, f.lose}
}

// AwaitHeader implements HeaderBreaker. An encoder that is stopped when the event begins was not there before: it has no CMAF
// header until the stop is over. One that stops later has handed its own over long ago.
func (f pipelineStop) AwaitHeader(ctx context.Context, at Place) error {
	if at.Pipeline != f.spec.Pipeline || f.spec.Rendition != "" || f.spec.At > 0 {
		return nil
	}
	f.touch()
	return f.runtime.Sleep(ctx, f.window.Until.Sub(f.runtime.Now()))
}

// Felt asks for a segment that the packager never got.
func (f pipelineStop) Felt(r origin.Record) bool { return f.published(r) && r.Error != "" }
