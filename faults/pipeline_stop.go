package faults

import (
	"time"

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

// HeaderFrom implements HeaderBreaker. An encoder that is stopped when the event begins was not there before: it has no CMAF
// header until the stop is over. One that stops later has handed its own over long ago.
func (f pipelineStop) HeaderFrom(at Place) (from time.Time, ok bool) {
	return f.window.Until, at.Pipeline == f.spec.Pipeline && f.spec.Rendition == "" && f.spec.At == 0
}

// Felt asks for a segment that the packager never got.
func (f pipelineStop) Felt(r origin.Record) bool { return f.published(r) && r.Error != "" }
