// Package streams gives every part of a run its own stream of random numbers, made from the run's one seed and the
// part's name, so that adding a part does not disturb the others.
package streams

import (
	"hash/fnv"
	"math/rand/v2"
)

// New is the stream of a name under a seed.
func New(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
