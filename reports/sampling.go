package reports

import (
	"fmt"
	"maps"
	"slices"
)

// A long history in virtual time does not hold every ordinary record, and says so (origin.KindSampling). The judge needs
// ordinary records only for their number, and for that there are counters: what it says of a sampled history is what it
// would say of the whole one.

// count is how many records of a kind there were, by the counter if there is one. A counter cannot be less than what was
// read.
func (h *history) count(kind string, read int64) int64 { return max(h.exact[kind], read) }

// samplingNotes state the rule of each kind that was sampled, and whether its counts can be relied on.
func (h *history) samplingNotes() []string {
	var notes []string
	for _, kind := range slices.Sorted(maps.Keys(h.sampled)) {
		if h.sampled[kind] <= 1 {
			continue
		}
		counts := "counts are exact"
		if _, ok := h.exact[kind]; !ok {
			counts = "no counter says how many there were, so counts are too low"
		}
		notes = append(notes, fmt.Sprintf("%s: of the ordinary %s records (published, no error) one in %d was written, of "+
			"the others all; %s", HistoryFile, kind, h.sampled[kind], counts))
	}
	return notes
}
