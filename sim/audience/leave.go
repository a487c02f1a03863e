package audience

import "github.com/liveorigin/liveorigin/origin"

// over says of a refusal that there is nothing more to come: the event has ended before, or is not there any more.
func over(r origin.Reason) bool { return r == origin.AfterEnd || r == origin.EventRemoved }

// leave lets the viewers go who were told so: quietly, for nothing was kept from them. Of a slice of many behind live,
// which is a sample of them, some may not have come to the end yet: it goes on until all of the event is gone.
func (f *fetch) leave(r origin.Reason) {
	f.tries(f.audience.record.sum(f, f.cell.home, variant{}), f.viewers)
	if f.kind == next || f.kind == jump {
		f.cell.came += f.viewers // they do not wait for anything
	}
	if r == origin.EventRemoved || f.certain {
		f.slot.left, f.audience.leaving = true, true
	}
}

// departed is how many have left, though they would be there by the plan.
func (a *Audience) departed() (sum int64) {
	for i := range a.cells {
		sum += a.departedOf(&a.cells[i])
	}
	return sum
}

// departedOf is how many of a cell's viewers have, of those who play nothing that matters more.
func (a *Audience) departedOf(c *cell) (sum int64) {
	if !a.leaving {
		return 0
	}
	k := min(c.size, int64(a.cut[c.class]))
	for j := range k {
		if int(j) >= len(c.slots) || !c.slots[j].left {
			continue
		}
		deal(c.parts, j, k, func(p part, n int64) {
			if a.homes[c.home].plays[p.group][0] == c.rendition {
				sum += n
			}
		})
	}
	return sum
}
