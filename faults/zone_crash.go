package faults

// zoneCrash is the machine of one zone's replica losing its power: what it had acknowledged and not yet synced to its
// disk is forgotten at once, and it is gone until the window ends. Then it is back, without what it forgot and without
// what it missed; the quorum of the others must have both.
type zoneCrash struct{ zoneLoss }

func newZoneCrash(b base) Fault { return zoneCrash{zoneLoss{b}} }

// Strike makes the replica forget.
func (f zoneCrash) Strike(at Place, replica Flusher) {
	if at.Region == f.spec.Region && at.Zone == f.spec.Zone && replica.Flush() > 0 {
		f.touch()
	}
}
