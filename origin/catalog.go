package origin

import (
	"cmp"
	"slices"
	"sync"
)

// catalog is what a node knows of one event: for every rendition, the candidates of the segments in the time-shift
// buffer. It lives in memory, so that every refusal and every choice is made without asking a store.
type catalog struct {
	event Event
	order []string // of preference

	mu     sync.Mutex
	tracks map[string]*track
}

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

func newCatalog(ev Event, region string) *catalog {
	c := &catalog{event: ev, order: ev.Order(region), tracks: make(map[string]*track, len(ev.Renditions))}
	size := int(ev.TimeShiftBufferDepth/ev.SegmentDuration) + slack
	for _, r := range ev.Renditions {
		c.tracks[r.ID] = &track{ring: make([]slot, size)}
	}
	return c
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

// look copies segment n's candidates into buf, without an allocation while buf has room.
func (c *catalog) look(rendition string, n SegmentNumber, buf []Candidate) []Candidate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.tracks[rendition].slot(n); s != nil {
		return append(buf, s.candidates...)
	}
	return buf
}

// watch returns a signal that fires when segment n gets another candidate than the known ones.
func (c *catalog) watch(rt Runtime, rendition string, n SegmentNumber, known int) Signal {
	fresh := rt.NewSignal()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.tracks[rendition].slot(n)
	if s == nil || len(s.candidates) != known {
		fresh.Fire() // it came while nobody was looking
		return fresh
	}
	if s.changed == nil {
		s.changed = fresh
	}
	return s.changed
}

// claimed is what claim found.
type claimed struct {
	known   Candidate // when known.Pipeline is not empty: already acknowledged
	pending Signal    // when not nil: the same candidate is being stored
	digest  uint32    // of the pending one
	gone    bool      // the buffer has moved on
}

// claim reserves a candidate for one writer; a zero claimed means that the caller has it now and must settle it.
func (c *catalog) claim(key Key, digest uint32, done Signal) claimed {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.tracks[key.Rendition].slot(key.Number)
	if s == nil {
		return claimed{gone: true}
	}
	for _, k := range s.candidates {
		if k.Pipeline == key.Pipeline {
			return claimed{known: k}
		}
	}
	for _, p := range s.claims {
		if p.pipeline == key.Pipeline {
			return claimed{pending: p.done, digest: p.digest}
		}
	}
	s.claims = append(s.claims, claim{key.Pipeline, digest, done})
	return claimed{}
}

// release gives a claim back, stored or not, and lets those go on who waited for it.
func (c *catalog) release(key Key) {
	c.mu.Lock()
	var done Signal
	if s := c.tracks[key.Rendition].slot(key.Number); s != nil {
		for i, p := range s.claims {
			if p.pipeline == key.Pipeline {
				done = p.done
				s.claims = append(s.claims[:i], s.claims[i+1:]...)
				break
			}
		}
	}
	c.mu.Unlock()
	if done != nil {
		done.Fire()
	}
}

// add enters a candidate in its place of the order and wakes everyone who waits for the segment. A pipeline's first
// candidate stays: later ones of the same pipeline change nothing, and are told what is known instead.
func (c *catalog) add(key Key, fresh Candidate) (known Candidate, added bool) {
	c.mu.Lock()
	s := c.tracks[key.Rendition].slot(key.Number)
	if s == nil {
		c.mu.Unlock()
		return Candidate{}, false
	}
	if known, added = s.insert(fresh, c.order); !added {
		c.mu.Unlock()
		return known, false
	}
	changed := s.changed
	s.changed = nil
	c.mu.Unlock()
	if changed != nil {
		changed.Fire()
	}
	return fresh, true
}

// insert returns the pipeline's candidate, and whether it is the fresh one.
func (s *slot) insert(fresh Candidate, order []string) (Candidate, bool) {
	at := len(s.candidates)
	for i, k := range s.candidates {
		if k.Pipeline == fresh.Pipeline {
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

// known lists all candidates; see Node.Known.
func (c *catalog) known() (all []Announcement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.event.Renditions {
		t := c.tracks[r.ID]
		slots := append([]slot{t.header}, t.ring...)
		slices.SortFunc(slots, func(a, b slot) int { return cmp.Compare(a.number, b.number) })
		for _, s := range slots {
			for _, k := range s.candidates {
				all = append(all, Announcement{Key{Event: c.event.ID, Rendition: r.ID, Number: s.number, Pipeline: k.Pipeline}, k})
			}
		}
	}
	return all
}

func rank(order []string, pipeline string) int {
	for i, p := range order {
		if p == pipeline {
			return i
		}
	}
	return len(order)
}
