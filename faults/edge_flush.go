package faults

import "github.com/liveorigin/liveorigin/origin"

// edgeFlush makes edges forget their caches at one moment, so that all they are asked for next comes from an origin.
type edgeFlush struct{ base }

func newEdgeFlush(b base) Fault { return edgeFlush{b} }

func (f edgeFlush) Strike(at Place, c Flusher) {
	if at.Node != "" && meant(f.spec.Region, at.Region) && meant(f.spec.Edge, at.Node) && c.Flush() > 0 {
		f.touch()
	}
}

// Felt asks for an edge that had something to forget.
func (f edgeFlush) Felt(r origin.Record) bool {
	return r.Kind == origin.KindFlush && meant(f.spec.Region, r.Region) && meant(f.spec.Edge, r.Node) && r.Count > 0
}
