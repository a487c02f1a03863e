package keyvalue

import (
	"cmp"
	"slices"

	"github.com/liveorigin/liveorigin/origin"
)

// ring spreads rows over nodes by consistent hashing: every node has many points on a circle, and a row belongs to the
// node of the first point at or after its own. All processes come to the same, and one node more or less moves only
// that node's share.
type ring []point

type point struct {
	at   uint64
	node int
}

// pointsPerNode makes nodes' shares differ by a few per cent: about one in its square root.
const pointsPerNode = 256

func newRing(nodes int) ring {
	r := make(ring, 0, nodes*pointsPerNode)
	for node := range nodes {
		for i := range pointsPerNode {
			r = append(r, point{spread(spread(uint64(node)) + uint64(i)), node})
		}
	}
	slices.SortFunc(r, func(a, b point) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.node, b.node)) })
	return r
}

// owner is the node that a row belongs to.
func (r ring) owner(key origin.Key) int {
	i, _ := slices.BinarySearchFunc(r, place(key), func(p point, at uint64) int { return cmp.Compare(p.at, at) })
	return r[i%len(r)].node
}

// place is a row's on the circle: FNV-1a of its key, spread.
func place(key origin.Key) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, name := range [...]string{key.Event, key.Rendition, key.Pipeline} {
		for i := range len(name) {
			h = (h ^ uint64(name[i])) * prime
		}
		h = (h ^ 0xff) * prime // which is in no name of UTF-8
	}
	return spread(spread(h^uint64(key.Number)) + uint64(key.Part))
}

// spread is SplitMix64's: every bit of what goes in changes half of what comes out.
func spread(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
