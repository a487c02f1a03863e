package keyvalue

import (
	"container/list"
	"slices"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
)

// recent keeps the newest segments of each track, and headers, in the process.
type recent struct {
	segments, limit int // of one track; bytes of all

	mu      sync.Mutex
	objects map[origin.Key]*list.Element
	order   list.List // of kept, as they came
	tracks  map[track][]origin.SegmentNumber
	bytes   int
}

// track is one pipeline's version of a rendition.
type track struct{ event, rendition, pipeline string }

type kept struct {
	key    origin.Key
	object origin.Object
}

// overhead is what an object costs besides its bytes, roughly, so that small ones are bounded too.
const overhead = 512

func newRecent(segments, limit int) recent {
	return recent{segments: segments, limit: limit, objects: make(map[origin.Key]*list.Element),
		tracks: make(map[track][]origin.SegmentNumber)}
}

func (r *recent) get(key origin.Key, digest uint32) (origin.Object, bool) {
	if r.segments <= 0 {
		return origin.Object{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.objects[key]
	if !ok {
		return origin.Object{}, false
	}
	o := at.Value.(*kept).object
	return o, o.Digest == digest
}

// keep takes an object in, unless newer ones have its place. Beyond the limit, what came first goes first.
func (r *recent) keep(key origin.Key, o origin.Object) {
	if r.segments <= 0 || o.Size+overhead > r.limit {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.objects[key]; ok || !r.enter(key) {
		return
	}
	r.objects[key] = r.order.PushBack(&kept{key, o})
	for r.bytes += o.Size + overhead; r.bytes > r.limit; {
		r.drop(r.order.Front().Value.(*kept).key)
	}
}

// enter finds a place for a segment among its track's newest, and makes room.
func (r *recent) enter(key origin.Key) bool {
	if key.Number == origin.Header {
		return true
	}
	t := track{key.Event, key.Rendition, key.Pipeline}
	numbers := r.tracks[t]
	if len(numbers) >= r.segments {
		if key.Number < numbers[0] {
			return false
		}
		oldest := key
		oldest.Number = numbers[0]
		r.drop(oldest)
		numbers = r.tracks[t]
	}
	at, _ := slices.BinarySearch(numbers, key.Number)
	r.tracks[t] = slices.Insert(numbers, at, key.Number)
	return true
}

func (r *recent) drop(key origin.Key) {
	gone := r.order.Remove(r.objects[key]).(*kept)
	r.bytes -= gone.object.Size + overhead
	delete(r.objects, key)
	t := track{key.Event, key.Rendition, key.Pipeline}
	numbers := r.tracks[t]
	if at, ok := slices.BinarySearch(numbers, key.Number); ok && key.Number != origin.Header {
		numbers = slices.Delete(numbers, at, at+1)
	}
	if r.tracks[t] = numbers; len(numbers) == 0 {
		delete(r.tracks, t)
	}
}
