package origin

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// catalog is what a node knows of one event: for every rendition, the candidates of the segments in the time-shift
// buffer. It lives in memory, so that every refusal and every choice is made without asking a store.
type catalog struct {
	region string
	order  []string // of preference
	state  atomic.Pointer[known]

	mu      sync.Mutex
	tracks  map[string]*track
	holders int

	watchers Watchers // of state
}

// known is a state with what follows from it.
type known struct {
	State
	bulletin Bulletin
}

func newCatalog(s State, region string) *catalog {
	c := &catalog{region: region, order: s.Order(region), tracks: make(map[string]*track, len(s.Renditions))}
	c.state.Store(&known{s, s.Bulletin()})
	for _, r := range s.Renditions {
		c.tracks[r.ID] = &track{ring: make([]slot, ringSize(&s.Event))}
	}
	return c
}

func (c *catalog) event() *Event { return &c.state.Load().Event }

// apply takes a newer state in, and lets everyone decide again who waits. What segments are made of cannot change, nor
// can their times once there are any.
func (c *catalog) apply(s State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.state.Load()
	if s.Version <= old.Version {
		return nil
	}
	if err := old.allows(&s.Event, c.published()); err != nil {
		return err
	}
	for _, t := range c.tracks { // any order: each by itself
		t.resize(ringSize(&s.Event))
		t.wake()
	}
	c.state.Store(&known{s, s.Bulletin()})
	return nil
}

// allows says why an event cannot become another one.
func (e *Event) allows(next *Event, published bool) error {
	switch {
	case e.StartNumber != next.StartNumber || e.SegmentDuration != next.SegmentDuration ||
		!reflect.DeepEqual(e.Renditions, next.Renditions) || !reflect.DeepEqual(e.Regions, next.Regions) ||
		e.CrossPublish != next.CrossPublish:
		return fmt.Errorf("event %s: renditions, regions, pipelines, the first number and the segment duration stay as they are", e.ID)
	case published && !e.AvailabilityStartTime.Equal(next.AvailabilityStartTime):
		return fmt.Errorf("event %s has segments: its start stays as it is", e.ID)
	}
	return nil
}

// published says whether there is any segment. The caller holds the lock.
func (c *catalog) published() bool {
	for _, t := range c.tracks { // any order: one is enough
		for i := range t.ring {
			if len(t.ring[i].candidates) > 0 {
				return true
			}
		}
	}
	return false
}

// look copies segment n's candidates into buf, without an allocation while buf has room, as a state has them: masked, and
// with the pipeline first that is redirected to. kept is false for a segment whose place a newer one has.
func (c *catalog) look(st *known, rendition string, n SegmentNumber, buf []Candidate) (cs []Candidate, kept bool) {
	c.mu.Lock()
	s := c.tracks[rendition].slot(n)
	if s != nil {
		buf = append(buf, s.candidates...)
	}
	c.mu.Unlock()
	if s == nil {
		return nil, false
	}
	if len(st.Masks) > 0 && n != Header {
		for i := range buf {
			buf[i].Masked = st.masked(c.region, buf[i].Pipeline, n)
		}
	}
	for i := range buf {
		if st.Redirect != "" && buf[i].Pipeline == st.Redirect {
			first := buf[i]
			copy(buf[1:i+1], buf[:i])
			buf[0] = first
		}
	}
	return buf, true
}

// watch returns a signal that fires when segment n gets another candidate than so many, or the event another state.
func (c *catalog) watch(rt Runtime, st *known, rendition string, n SegmentNumber, candidates int) Signal {
	fresh := rt.NewSignal()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.tracks[rendition].slot(n)
	if s == nil || len(s.candidates) != candidates || c.state.Load() != st {
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

// known lists all candidates; see Node.Known.
func (c *catalog) known() (all []Announcement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ev := c.event()
	for _, r := range ev.Renditions {
		t := c.tracks[r.ID]
		slots := append([]slot{t.header}, t.ring...)
		slices.SortFunc(slots, func(a, b slot) int { return cmp.Compare(a.number, b.number) })
		for _, s := range slots {
			for _, k := range s.candidates {
				all = append(all, Announcement{Key{Event: ev.ID, Rendition: r.ID, Number: s.number, Pipeline: k.Pipeline}, k})
			}
		}
	}
	return all
}
