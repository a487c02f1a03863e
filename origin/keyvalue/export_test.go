package keyvalue

import "github.com/liveorigin/liveorigin/origin"

// Left counts what a store holds of calls that are under way.
func Left(s *Store) int {
	s.mu.Lock()
	n := int(s.behind.Load()) + len(s.flights)
	s.mu.Unlock()
	for _, q := range []*alarms{&s.timeouts, &s.hedges, &s.patience} {
		q.mu.Lock()
		n += len(q.queue)
		if q.awake {
			n++
		}
		q.mu.Unlock()
	}
	return n
}

// Forge is an index of an object with these bytes that says that it is of another.
func Forge(o origin.Object, chunk int, digest uint32) []byte {
	x := newIndex(o, chunk)
	x.digest = digest
	return x.encode()
}

// Alarms is how many are set.
func Alarms(s *Store) (n int) {
	for _, q := range []*alarms{&s.timeouts, &s.hedges, &s.patience} {
		q.mu.Lock()
		n += len(q.queue)
		q.mu.Unlock()
	}
	return n
}
