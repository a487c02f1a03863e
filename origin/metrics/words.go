package metrics

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// other is the label of a word that its set does not have.
const other = "other"

// words numbers a closed set, so that what belongs to a word is found without building labels.
type words[T ~string] struct {
	names []T // the last is other
	at    map[T]int
}

func newWords[T ~string](names []T) words[T] {
	w := words[T]{names: append(append([]T(nil), names...), other), at: make(map[T]int, len(names))}
	for i, name := range names {
		w.at[name] = i
	}
	return w
}

// of is a word's number; that of other, if the set does not have it.
func (w *words[T]) of(name T) int {
	if i, ok := w.at[name]; ok {
		return i
	}
	return len(w.names) - 1
}

var (
	reasons  = newWords(origin.Reasons())
	classes  = newWords(origin.Classes())
	outcomes = newWords(origin.Outcomes())
	defects  = newWords(origin.DefectNames())
)

// SlowPublish is from when on a publication is counted as slow.
const SlowPublish = 500 * time.Millisecond

// buckets are the bounds, in seconds, that Prometheus servers see which do not take native histograms.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4}
