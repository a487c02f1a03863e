package origin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// State is an event as its operators have it now: the Live Event Configuration, and what was done to it since. Every
// change is the next Version; a node or an edge that knows a version takes nothing older.
type State struct {
	Event
	Version int64
	// OnAir is when the programme begins; what is published before is the pre-show. Zero is the event's start.
	OnAir time.Time
	// Removed takes the event away, whatever is still in its time-shift buffer.
	Removed bool
	// CacheVersion is part of every cache's key: the next one makes all that was cached unreachable at once.
	CacheVersion int64
	// Redirect names the pipeline that is preferred to all others in every region; empty leaves the usual order.
	Redirect      string
	Masks         []Mask
	Invalidations []Invalidation
	// Notices are cumulative: each stays until the event is over, or it is withdrawn.
	Notices []Notice
	// Operations are the newest that made the state what it is, the oldest first: one that comes again is known by its
	// name. Only the control plane needs them; nodes are told of a state without.
	Operations []Operation
}

// Operation is what a state remembers of one that was done to it.
type Operation struct {
	ID     string `json:"id"`
	Digest uint32 `json:"digest"` // of what it was
}

// Mask keeps a range of one pipeline's segments from being served, in all regions or in one.
type Mask struct {
	ID       string        `json:"id"`
	Pipeline string        `json:"pipeline"`
	Region   string        `json:"region,omitempty"` // where it is not served; empty: anywhere
	From     SegmentNumber `json:"from"`
	To       SegmentNumber `json:"to"` // included
}

// Covers says whether a mask keeps a region's nodes from serving a candidate.
func (m *Mask) Covers(region, pipeline string, n SegmentNumber) bool {
	return pipeline == m.Pipeline && m.From <= n && n <= m.To && (m.Region == "" || m.Region == region)
}

// Invalidation makes caches take a range of one pipeline's segments for expired, if they came from a region. Those that
// were cached in an event's state of this Version or a later one are not meant: they were fetched after it.
type Invalidation struct {
	ID       string        `json:"id"`
	Pipeline string        `json:"pipeline"`
	Region   string        `json:"region,omitempty"` // of the origin that served it; empty: any
	From     SegmentNumber `json:"from"`
	To       SegmentNumber `json:"to"` // included
	Version  int64         `json:"version"`
}

// Covers says whether an invalidation is meant for what an origin of a region served.
func (i *Invalidation) Covers(region, pipeline string, n SegmentNumber) bool {
	return pipeline == i.Pipeline && i.From <= n && n <= i.To && (i.Region == "" || i.Region == region)
}

// Notice is something that viewers' devices are told with every response.
type Notice struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	Text string    `json:"text"` // printable ASCII, for it travels in a header
}

// Phase is where an event is in its life.
type Phase string

// The phases, in order.
const (
	Scheduled Phase = "scheduled" // it has not begun
	PreShow   Phase = "pre-show"  // segments come, the programme has not begun
	OnAir     Phase = "live"
	Ended     Phase = "ended"   // nothing new comes, the time-shift buffer can be asked for
	Removed   Phase = "removed" // nothing can be asked for any more
)

// Phase follows from the state and a clock reading.
func (s *State) Phase(now time.Time) Phase {
	switch {
	case s.Removed:
		return Removed
	case now.Before(s.AvailabilityStartTime):
		return Scheduled
	case !s.End.IsZero() && !now.Before(s.End.Add(s.TimeShiftBufferDepth)):
		return Removed
	case !s.End.IsZero() && !now.Before(s.End):
		return Ended
	case now.Before(s.OnAir):
		return PreShow
	}
	return OnAir
}

// How much can be done to one event. What is full has to be cleared: a mask or a notice that has lost its meaning is
// withdrawn, and a new cache version makes all invalidations superfluous.
const (
	maxMasks   = 1000
	MaxNotices = 32
	MaxNotice  = 256 // bytes of text
)

// MaxOperations is how many operations a state remembers.
const MaxOperations = 256

// Validate says what is wrong with a state.
func (s *State) Validate() error {
	if err := s.Event.Validate(); err != nil {
		return err
	}
	switch pipelines := s.Order(""); {
	case s.Version < 1 || s.CacheVersion < 0:
		return fmt.Errorf("event %s: version %d, cache version %d: the first are 1 and 0", s.ID, s.Version, s.CacheVersion)
	case len(s.Masks) > maxMasks || len(s.Invalidations) > maxMasks || len(s.Notices) > MaxNotices:
		return fmt.Errorf("event %s has %d masks, %d invalidations and %d notices; at most %d, %d and %d are kept",
			s.ID, len(s.Masks), len(s.Invalidations), len(s.Notices), maxMasks, maxMasks, MaxNotices)
	case len(s.Operations) > MaxOperations:
		return fmt.Errorf("event %s remembers %d operations; at most %d are kept", s.ID, len(s.Operations), MaxOperations)
	case s.Redirect != "" && !slices.Contains(pipelines, s.Redirect):
		return fmt.Errorf("event %s has no pipeline %q to redirect to; there are %v", s.ID, s.Redirect, pipelines)
	}
	for _, m := range s.Masks {
		if err := s.validateRange("mask", m.ID, m.Pipeline, m.Region, m.From, m.To); err != nil {
			return err
		}
	}
	for _, i := range s.Invalidations {
		if err := s.validateRange("invalidation", i.ID, i.Pipeline, i.Region, i.From, i.To); err != nil {
			return err
		}
	}
	for _, n := range s.Notices {
		printable := !strings.ContainsFunc(n.Text, func(r rune) bool { return r < ' ' || r > '~' })
		if !ValidToken(n.ID) || n.Text == "" || len(n.Text) > MaxNotice || !printable {
			return fmt.Errorf("event %s: notice %q: it needs a name that begins with a letter, and 1 to %d bytes of printable ASCII", s.ID, n.ID, MaxNotice)
		}
	}
	return nil
}

func (s *State) validateRange(what, id, pipeline, region string, from, to SegmentNumber) error {
	_, known := s.RegionOf(pipeline)
	regional := region == "" || slices.ContainsFunc(s.Regions, func(r RegionPlan) bool { return r.Name == region })
	if !ValidName(id) || !known || !regional || from < s.StartNumber || to < from {
		return fmt.Errorf("event %s: %s %q of %d to %d of pipeline %q, region %q: no such range, pipeline or region", s.ID, what,
			id, from, to, pipeline, region)
	}
	return nil
}

// masked says whether a mask keeps a region's nodes from serving a candidate.
func (s *State) masked(region, pipeline string, n SegmentNumber) bool {
	for i := range s.Masks {
		if s.Masks[i].Covers(region, pipeline, n) {
			return true
		}
	}
	return false
}

// Bulletin is what travels with every response that belongs to an event.
type Bulletin struct {
	Version      int64
	CacheVersion int64
	// Notices is a structured field's list (RFC 9651): ad-1;at=@1763500000;text="...", as they came.
	Notices string
}

// Bulletin is the state's.
func (s *State) Bulletin() Bulletin {
	notices := make([]string, len(s.Notices))
	for i, n := range s.Notices {
		text := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(n.Text)
		notices[i] = fmt.Sprintf(`%s;at=@%d;text="%s"`, n.ID, n.At.Unix(), text)
	}
	return Bulletin{Version: s.Version, CacheVersion: s.CacheVersion, Notices: strings.Join(notices, ", ")}
}

// Apply makes the node serve an event as this state has it, if it knows no newer one. Errors: what Validate says, a change
// that an event cannot have any more, and too many events; then everything stays as it was.
func (n *Node) Apply(s State) error {
	if err := s.Validate(); err != nil {
		return err
	}
	n.mu.Lock()
	c := n.events[s.ID]
	if c == nil {
		err := n.addEvent(s)
		n.mu.Unlock()
		return err
	}
	n.mu.Unlock()
	err := c.apply(s)
	c.watchers.Wake()
	return err
}

// addEvent makes room among the events that are over, if it has to. The caller holds the lock.
func (n *Node) addEvent(s State) error {
	if len(n.events) >= n.MaxEvents {
		now := n.Runtime.Now()
		for id, c := range n.events { // any order: all of them are over
			if st := c.state.Load(); st.Phase(now) == Removed {
				delete(n.events, id)
			}
		}
	}
	if len(n.events) >= n.MaxEvents {
		return fmt.Errorf("event %s: %d events are served already, which is the limit", s.ID, len(n.events))
	}
	n.events[s.ID] = newCatalog(s, n.Region)
	return nil
}

// State is what the node knows of an event.
func (n *Node) State(id string) (State, bool) {
	c := n.catalog(id)
	if c == nil {
		return State{}, false
	}
	return c.state.Load().State, true
}

// States lists what the node knows of all events, by their names.
func (n *Node) States() []State {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := make([]State, 0, len(n.events))
	for _, id := range slices.Sorted(maps.Keys(n.events)) {
		all = append(all, n.events[id].state.Load().State)
	}
	return all
}
