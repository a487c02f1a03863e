package audience

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// avoid leaves an edge alone that could not be reached, so that not every segment has to find that out again.
func (s *slot) avoid(edge, edges int, now time.Duration) {
	if s.avoided == nil {
		s.avoided = make([]time.Duration, edges)
	}
	s.avoided[edge] = now + avoidance
}

// firstEdge is the place in the home's order of the first edge that is not avoided; the home when all are.
func (s *slot) firstEdge(now time.Duration) int {
	for i, until := range s.avoided {
		if now >= until {
			return i
		}
	}
	return 0
}

// switched says whether a segment is of another pipeline than the one before it. One that was overtaken by its
// successor has nothing to say.
func (s *slot) switched(n origin.SegmentNumber, pipeline string) bool {
	if pipeline == "" || n < s.number {
		return false
	}
	before := s.pipeline
	s.number, s.pipeline = n, pipeline
	return before != "" && before != pipeline
}
