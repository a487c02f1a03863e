package loop

import "math/bits"

// entry is a wakeup in the queue. It has no pointers, so that the garbage collector need not look at a million of them.
type entry struct {
	at         int64 // nanoseconds since the loop's start
	slot       uint32
	generation uint32
}

// queue is a monotone priority queue: nothing is ever pushed that is earlier than what was popped last. Entries come out
// by time, and those of one instant in the order in which they went in.
//
// It is a multi-level bucket queue (Denardo and Fox, "Shortest-route methods: 1. Reaching, pruning, and buckets",
// Operations Research 27, 1979), as in a radix heap, with base 64 and a sorted front. With floor the time up to which
// all is popped, an entry lies in the bucket of the highest digit in which its time differs from floor:
//
//	level 10 ...  2            1            0
//	  [64 buckets] [64 buckets] [64 buckets] [64 buckets, a nanosecond each]
//	                    |
//	                    '-- the first that is not empty is cut into the buckets of lower levels when its time comes,
//	                        or, when it is small, sorted into front, from which entries are popped
//
// Entries of the same time always lie in the same bucket, whenever they were pushed, because the bucket follows from the
// time and floor alone; buckets are appended to and cut in order. That is why no sequence number has to be stored.
type queue struct {
	floor int64
	size  int

	front    []entry // sorted; holds all entries before frontEnd
	head     int     // of front; what is before it has been popped
	frontEnd int64

	levels  uint16         // which levels have an entry
	filled  [levels]uint64 // which buckets of a level have
	buckets [levels][64][]entry
	spare   [][]entry // emptied buckets, to be filled again
}

const (
	digit  = 6 // bits
	levels = (63 + digit - 1) / digit
	// smallBucket is up to which size a bucket is sorted and not cut: a few cache lines.
	smallBucket = 24
	// frontMost is the size beyond which an insertion into the middle of the front costs more than to cut it.
	frontMost = 96
)

// place finds the bucket for a time that is not before floor.
func (q *queue) place(at int64) (level, bucket int) {
	highest := bits.Len64(uint64(at ^ q.floor))
	level = (max(highest, 1) - 1) * 43 >> 8 // divided by 6, for anything below 64
	return level, int(at>>(level*digit)) & 63
}

// horizon is the latest time that an entry can have, some 146 years: the end of every bucket must still be a time.
const horizon = 1 << 62

// push adds an entry; its time must not be before that of the last one popped, nor after the horizon.
func (q *queue) push(e entry) {
	q.size++
	if e.at < q.frontEnd {
		q.insert(e)
		return
	}
	q.drop(e)
}

// drop puts an entry into its bucket.
func (q *queue) drop(e entry) {
	l, b := q.place(e.at)
	into := &q.buckets[l][b]
	if *into == nil {
		if n := len(q.spare); n > 0 {
			*into = q.spare[n-1]
			q.spare = q.spare[:n-1]
		}
		q.filled[l] |= 1 << b
		q.levels |= 1 << l
	}
	*into = append(*into, e)
}

// insert puts an entry into the sorted front, behind those of the same time.
func (q *queue) insert(e entry) {
	if q.head == len(q.front) {
		q.front, q.head = q.front[:0], 0
	}
	i := len(q.front)
	q.front = append(q.front, e)
	for i > q.head && q.front[i-1].at > e.at {
		q.front[i] = q.front[i-1]
		i--
	}
	q.front[i] = e
	// What was pushed before the bucket in front, after a look ahead, is not in it: then floor must stay where it is.
	if len(q.front)-i > frontMost && q.front[q.head].at >= q.floor {
		q.cutFront()
	}
}

// cutFront gives the front back to the buckets, which is cheaper once it is long and new entries go into its middle.
func (q *queue) cutFront() {
	rest := append([]entry(nil), q.front[q.head:]...) // rare
	q.front, q.head = q.front[:0], 0
	q.floor = rest[0].at
	q.frontEnd = q.floor
	for _, e := range rest {
		q.drop(e)
	}
}

// peek is the time of the next entry; ok is false when there is none.
func (q *queue) peek() (at int64, ok bool) {
	if q.head == len(q.front) && !q.refill() {
		return 0, false
	}
	return q.front[q.head].at, true
}

// pop takes the next entry, which peek has seen.
func (q *queue) pop() entry {
	e := q.front[q.head]
	q.head++
	q.size--
	if q.head == popped && len(q.front) > popped { // a front that is appended to while it is popped must not grow for ever
		q.front = q.front[:copy(q.front, q.front[q.head:])]
		q.head = 0
	}
	return e
}

const popped = 1 << 12

// refill sorts the first bucket that is small enough into the front, cutting larger ones on the way.
func (q *queue) refill() bool {
	for q.levels != 0 {
		l := bits.TrailingZeros16(q.levels)
		b := bits.TrailingZeros64(q.filled[l])
		bucket := q.buckets[l][b]
		q.buckets[l][b] = nil
		if q.filled[l] &^= 1 << b; q.filled[l] == 0 {
			q.levels &^= 1 << l
		}
		q.floor = q.floor>>((l+1)*digit)<<((l+1)*digit) | int64(b)<<(l*digit)
		if l == 0 || len(bucket) <= smallBucket {
			q.frontEnd = q.floor + 1<<(l*digit)
			q.front = append(q.front[:0], bucket...)
			q.head = 0
			if l > 0 {
				sortStable(q.front)
			}
			q.spare = append(q.spare, bucket[:0])
			return true
		}
		q.frontEnd = q.floor
		for _, e := range bucket {
			q.drop(e)
		}
		q.spare = append(q.spare, bucket[:0])
	}
	return false
}

// sortStable is an insertion sort: buckets are small.
func sortStable(es []entry) {
	for i := 1; i < len(es); i++ {
		e := es[i]
		j := i
		for ; j > 0 && es[j-1].at > e.at; j-- {
			es[j] = es[j-1]
		}
		es[j] = e
	}
}

// filter removes the entries that are not to be kept.
func (q *queue) filter(keep func(entry) bool) {
	sift := func(es []entry) []entry {
		kept := es[:0]
		for _, e := range es {
			if keep(e) {
				kept = append(kept, e)
			}
		}
		return kept
	}
	q.front = q.front[:q.head+len(sift(q.front[q.head:]))]
	q.size = len(q.front) - q.head
	for l := range q.buckets {
		for b, bucket := range q.buckets[l] {
			if bucket == nil {
				continue
			}
			if bucket = sift(bucket); len(bucket) == 0 {
				q.spare = append(q.spare, bucket)
				bucket = nil
				if q.filled[l] &^= 1 << b; q.filled[l] == 0 {
					q.levels &^= 1 << l
				}
			}
			q.buckets[l][b] = bucket
			q.size += len(bucket)
		}
	}
}
