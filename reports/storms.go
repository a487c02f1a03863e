package reports

import (
	"fmt"
	"maps"
	"slices"

	"github.com/liveorigin/liveorigin/origin"
)

// Unsent is the Reason of a storm's record whose Count are the requests that there was no room for.
const Unsent = "unsent"

// unsentPercentMax is how much of a storm may be missing before it was not the one that was planned.
const unsentPercentMax = 10

// stormed is how many requests of a storm were due, and how many of them were not sent.
type stormed struct{ due, unsent int64 }

func (h *history) addStorm(rec *origin.Record) {
	s := h.storms[rec.Name]
	if rec.Reason == Unsent {
		s.unsent += rec.Count
	} else {
		s.due += int64(rec.Attempts)
	}
	h.storms[rec.Name] = s
}

// weak says that too much of a storm was missing.
func (s stormed) weak() bool { return s.unsent*100 > s.due*unsentPercentMax }

// String is what was missing.
func (s stormed) String() string {
	line := fmt.Sprintf("%d of %d requests were not sent: too many were under way", s.unsent, s.due)
	if s.weak() {
		line += fmt.Sprintf("; %d %% is the most", unsentPercentMax)
	}
	return line
}

// stormNotes are of storms that missed a little.
func (h *history) stormNotes() (notes []string) {
	for _, fault := range slices.Sorted(maps.Keys(h.storms)) {
		if s := h.storms[fault]; s.unsent > 0 && !s.weak() {
			notes = append(notes, fmt.Sprintf("fault %s: %v", fault, s))
		}
	}
	return notes
}
