package player

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options say how an audience behaves; the same for all its viewers.
type Options struct {
	Event string
	Edges []Edge
	// Ladder says which video a viewer plays: Spread, Lowest, Highest, or a rendition's id. Audio comes with it.
	Ladder string
	// Buffer is how far behind availability a viewer plays.
	Buffer time.Duration
	// DVRShare is the part of the viewers, 0 to 1, that watches behind live.
	DVRShare float64
	// Scrub is when every DVR viewer jumps about; empty when nobody does.
	Scrub Window
	// CheckEvery says that one segment of a viewer in so many has its bytes checked; 0 checks none.
	CheckEvery int
	// Phases name stretches of the event, each up to the next; ordered by From.
	Phases []Phase
	Seed   uint64
}

// The ladders that are not a rendition's id.
const (
	Spread  = "spread"
	Lowest  = "lowest"
	Highest = "highest"
)

// Edge is a place where viewers ask.
type Edge struct {
	Name   string
	Region string
	URL    string // up to the event's id, without a slash at the end
}

// Window is a half-open stretch of the event.
type Window struct{ From, Until time.Duration }

// Phase is a named stretch of the event.
type Phase struct {
	Name string
	From time.Duration
}

// Plan is one call's load.
type Plan struct {
	Viewers Curve
	// Until is the instant up to which viewers ask for what becomes available; For is the same counted from now. With
	// neither, the event's own end.
	Until, For time.Duration
}

// Curve is the size of an audience: Start at the event's start, then evenly up to Peak within Ramp.
type Curve struct {
	Start int
	Ramp  time.Duration
	Peak  int
}

// joins is the instant at which viewer i comes.
func (c Curve) joins(i int) time.Duration {
	if i < c.Start || c.Peak <= c.Start {
		return 0
	}
	share := float64(i+1-c.Start) / float64(c.Peak-c.Start)
	return time.Duration(share * float64(c.Ramp))
}

// phaseAt is the index of the phase at t; -1 before the first.
func (o *Options) phaseAt(t time.Duration) int {
	i, found := slices.BinarySearchFunc(o.Phases, t, func(p Phase, t time.Duration) int { return cmp.Compare(p.From, t) })
	if found {
		return i
	}
	return i - 1
}

// fallback is the order in which a viewer with that home tries the edges: home, the others of its region, the rest. Each
// group begins after the home, so that the viewers of a dead edge do not all fall on the same one.
func fallback(edges []Edge, home int) []int {
	order := []int{home}
	for _, same := range []bool{true, false} {
		for i := 1; i < len(edges); i++ {
			j := (home + i) % len(edges)
			if (edges[j].Region == edges[home].Region) == same {
				order = append(order, j)
			}
		}
	}
	return order
}

// ladder lists what viewers play: viewer i plays the i-th set, and so on around. Numbers are places in e.Renditions.
func ladder(e *Event, choice string) ([][]int, error) {
	var videos, sound []int
	for i, r := range e.Renditions {
		switch {
		case r.Kind == video:
			videos = append(videos, i)
		case r.Kind == audio && sound == nil:
			sound = []int{i}
		}
	}
	slices.SortStableFunc(videos, func(a, b int) int {
		return cmp.Compare(e.Renditions[a].Bandwidth, e.Renditions[b].Bandwidth)
	})
	var sets [][]int
	switch chosen := e.find(choice); {
	case chosen >= 0 && e.Renditions[chosen].Kind == audio:
		return [][]int{{chosen}}, nil
	case chosen >= 0:
		videos = []int{chosen}
	case choice == Lowest && len(videos) > 0:
		videos = videos[:1]
	case choice == Highest && len(videos) > 0:
		videos = videos[len(videos)-1:]
	case choice != Spread && choice != Lowest && choice != Highest:
		return nil, fmt.Errorf("ladder: event %s has no rendition %q; choose spread, lowest, highest, %s",
			e.ID, choice, strings.Join(e.renditionIDs(), ", "))
	}
	for _, v := range videos {
		sets = append(sets, append([]int{v}, sound...))
	}
	if sets == nil && sound == nil {
		return nil, fmt.Errorf("event %s has neither video nor audio", e.ID)
	}
	if sets == nil {
		sets = [][]int{sound}
	}
	return sets, nil
}

func (e *Event) find(rendition string) int {
	return slices.IndexFunc(e.Renditions, func(r Rendition) bool { return r.ID == rendition })
}

func (e *Event) renditionIDs() (ids []string) {
	for _, r := range e.Renditions {
		ids = append(ids, r.ID)
	}
	return ids
}
