package player

import (
	"slices"
	"testing"
	"time"
)

// The offsets of a small audience are as even as those of a large one, in all and in each half of the edges.
func TestOffsetsAreEvenForFew(t *testing.T) {
	const viewers, edges, sets = 200, 8, 3
	var all, half []time.Duration
	for i := range viewers {
		o := offset(i, edges*sets)
		all = append(all, o)
		if i%edges < edges/2 {
			half = append(half, o)
		}
	}
	for name, offsets := range map[string][]time.Duration{"all": all, "half of the edges": half} {
		slices.Sort(offsets)
		for i, o := range offsets {
			even := time.Duration((float64(i) + 0.5) / float64(len(offsets)) * float64(offsetMost))
			if o < 0 || o >= offsetMost || (o-even).Abs() > 5*time.Millisecond {
				t.Errorf("%s: the %dth of %d is %v; want about %v", name, i, len(offsets), o, even)
			}
		}
	}
}
