package admission

import "time"

// A window is a second, in buckets: what happened is forgotten a bucket at a time.
const (
	bucket  = 100 * time.Millisecond
	buckets = int(time.Second / bucket)
)

// tally is what happened.
type tally struct {
	reads, slow int64
	bytes       int64
}

func (t *tally) add(o tally) {
	t.reads, t.slow, t.bytes = t.reads+o.reads, t.slow+o.slow, t.bytes+o.bytes
}

func (t *tally) take(o tally) {
	t.reads, t.slow, t.bytes = t.reads-o.reads, t.slow-o.slow, t.bytes-o.bytes
}

// window adds up what happened within the last second: in the newest bucket, which has not ended, and those before it.
type window struct {
	ring   [buckets]tally
	newest int
	sum    tally
}

func (w *window) add(t tally) {
	w.ring[w.newest].add(t)
	w.sum.add(t)
}

// turn begins so many new buckets.
func (w *window) turn(n int64) {
	for range min(n, int64(buckets)) {
		w.newest = (w.newest + 1) % buckets
		w.sum.take(w.ring[w.newest])
		w.ring[w.newest] = tally{}
	}
}
