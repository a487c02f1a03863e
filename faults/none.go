package faults

import "github.com/liveorigin/liveorigin/origin"

// none breaks nothing. It is the smallest fault there is, and shows that a run whose fault nobody felt is inconclusive.
type none struct{ base }

func newNone(b base) Fault { return none{b} }

func (none) Felt(origin.Record) bool { return false }
