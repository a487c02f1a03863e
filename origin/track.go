package origin

// track is one rendition's segments: a ring over the numbers that the time-shift buffer can hold, and the CMAF header.
type track struct {
	ring   []slot
	header slot
}

// slot is one segment.
type slot struct {
	number     SegmentNumber
	used       bool
	candidates []Candidate // in the node's order
	claims     []claim
	// changed is fired and replaced whenever a candidate comes; nil while nobody waits.
	changed Signal
}

// claim marks a candidate that is being stored, so that two writers cannot both be acknowledged.
type claim struct {
	pipeline string
	digest   uint32
	done     Signal
}

// slack is how many segments beyond the buffer a ring has room for: those that are being published while the oldest
// are still asked for.
const slack = 8

func ringSize(ev *Event) int { return int(ev.TimeShiftBufferDepth/ev.SegmentDuration) + slack }

// resize makes room for more segments, or for fewer: then the oldest go.
func (t *track) resize(size int) {
	if size == len(t.ring) {
		return
	}
	old := t.ring
	t.ring = make([]slot, size)
	for _, s := range old {
		if !s.used {
			continue
		}
		if at := &t.ring[int(s.number)%size]; !at.used || at.number < s.number {
			*at = s
		}
	}
}

// wake lets everyone look again who waits for one of the segments.
func (t *track) wake() {
	for i := range t.ring {
		if s := &t.ring[i]; s.changed != nil {
			s.changed.Fire()
			s.changed = nil
		}
	}
}

// slot finds segment n's place, clearing what a much older segment left there. It returns nil for a number that is
// older than what the place holds: the buffer has moved on.
func (t *track) slot(n SegmentNumber) *slot {
	if n == Header {
		t.header.number, t.header.used = n, true
		return &t.header
	}
	s := &t.ring[int(n)%len(t.ring)]
	switch {
	case s.used && s.number == n:
		return s
	case s.used && s.number > n:
		return nil
	}
	*s = slot{number: n, used: true}
	return s
}

// insert returns the pipeline's candidate, and whether it is the fresh one.
func (s *slot) insert(fresh Candidate, order []string) (Candidate, bool) {
	at := len(s.candidates)
	for i, k := range s.candidates {
		if k.Pipeline == fresh.Pipeline {
			if k.Digest == fresh.Digest && !fresh.Away {
				s.candidates[i].Away = false // its copy has come
			}
			return k, false
		}
		if at == len(s.candidates) && rank(order, fresh.Pipeline) < rank(order, k.Pipeline) {
			at = i
		}
	}
	s.candidates = append(s.candidates, Candidate{})
	copy(s.candidates[at+1:], s.candidates[at:])
	s.candidates[at] = fresh
	return fresh, true
}

func rank(order []string, pipeline string) int {
	for i, p := range order {
		if p == pipeline {
			return i
		}
	}
	return len(order)
}
