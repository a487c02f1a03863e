package origin

import "sync"

// Sharing is a Store of which everyone who asks for an object that is being read already waits for that read.
type Sharing interface {
	// SharesReads does nothing: it is a promise.
	SharesReads()
}

// variant names the bytes of one pipeline's version of a segment.
type variant struct {
	key    Key
	digest uint32
}

// reads is for how many requests each variant is being read now, from a store that shares its reads. A node counts for
// itself: of many holders that a segment wakes together, all are asked about before the first has come to the store.
type reads struct {
	mu sync.Mutex
	of map[variant]int
}

// shared says whether somebody else reads the same.
func (r *reads) shared(v variant, s Store) bool {
	if _, ok := s.(Sharing); !ok {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[v] > 0
}

// count takes down a read that begins, or ends.
func (r *reads) count(v variant, by int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = make(map[variant]int)
	}
	if r.of[v] += by; r.of[v] == 0 {
		delete(r.of, v)
	}
}
