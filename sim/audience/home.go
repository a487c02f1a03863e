package audience

import (
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// home is an edge as its own viewers know it.
type home struct {
	Edge
	region int   // place in the audience's regions
	order  []int // the edges in the order in which its viewers try them, itself first
	rates  [links]float64
	access Access
	// plays is what the viewers of each group play, the one that matters first: places in the event's renditions.
	plays [][]int
	// players is the opposite: the groups that play a rendition.
	players [][]int
}

// orderMost is how many edges a viewer tries. A steering service hands out a short list, not the whole network; it is
// long enough for the eight edges of a small scenario, where the wall clock's viewers try them all.
const orderMost = 8

// fallback is the order in which a viewer with that home tries the edges: home, the others of its region, the rest.
// Each part begins after the home, so that the viewers of a dead edge do not all fall on the same one. Where there
// are more than orderMost edges, those of other regions have half of the places, and the viewers of a dead region are
// spread over all of them.
func fallback(edges []Edge, home int) []int {
	var same, rest []int
	for i := 1; i < len(edges); i++ {
		if j := (home + i) % len(edges); edges[j].Region == edges[home].Region {
			same = append(same, j)
		} else {
			rest = append(rest, j)
		}
	}
	if len(edges) > orderMost {
		rank := 0 // of the home in its region
		for _, j := range same {
			if j < home {
				rank++
			}
		}
		slices.Sort(rest)
		first := rank * len(rest) / (len(same) + 1)
		rest = slices.Concat(rest[first:], rest[:first])
		same = same[:min(len(same), max(orderMost/2-1, orderMost-1-len(rest)))]
		rest = rest[:min(len(rest), orderMost-1-len(same))]
	}
	return slices.Concat([]int{home}, same, rest)
}

// seats lists the edges in the order in which viewers come to them, again and again: one after the other, and then
// those that stand for more once more, so that every edge fills at the same pace.
func seats(edges []Edge) (list []int32) {
	for round := 0; ; round++ {
		before := len(list)
		for i, e := range edges {
			if e.Alike > round {
				list = append(list, int32(i))
			}
		}
		if len(list) == before {
			return list
		}
	}
}

// chair is the home of viewer i and its group, as home*groups+group: edge after edge, then set after set, as on the
// wall clock, then class of link after class of link.
func (r *rules) chair(i int64) int {
	seats, sets := int64(len(r.seats)), int64(r.sets)
	link := int(i/(seats*sets)) % r.classes
	return int(r.seats[i%seats])*r.groups + link*r.sets + int(i/seats%sets)
}

const (
	offsetMost  = 100 * time.Millisecond // after availability, viewers ask within that
	avoidance   = 5 * time.Second        // of an edge that could not be reached
	jumpCadence = 250 * time.Millisecond
	behindLeast = 10 * time.Second // of who watches behind live for good
	// stay is for how long a viewer that went back watches there on average, before it returns to the live edge; an
	// assumption: long enough to see a scene again.
	stay = time.Minute
)

// newHome works out what an edge's viewers play: those of group link*len(sets)+set.
func (r *rules) newHome(edges []Edge, i int, e *origin.Event, sets [][]int) home {
	h := home{Edge: edges[i], order: fallback(edges, i), players: make([][]int, len(e.Renditions))}
	if h.Access != nil {
		h.access = *h.Access
	}
	if r.Adaptive && h.access.Median == 0 {
		h.access = HomeAccess()
	}
	h.rates = h.access.rates()
	for group := range r.groups {
		plays := sets[group%r.sets]
		if r.Adaptive {
			plays = rung(e, h.rates[group/r.sets])
		}
		h.plays = append(h.plays, plays)
		for _, rendition := range plays {
			h.players[rendition] = append(h.players[rendition], group)
		}
	}
	return h
}
