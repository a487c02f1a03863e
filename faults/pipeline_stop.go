package faults

import "github.com/liveorigin/liveorigin/origin"

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

// Felt asks for a segment that the packager never got.
func (f pipelineStop) Felt(r origin.Record) bool { return f.published(r) && r.Error != "" }
