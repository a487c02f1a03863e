package calibrate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// rows writes and reads rows of a table, and remembers which there are to be read.
type rows struct {
	table  origin.Store
	name   string // of the rows
	plan   Plan
	bodies map[int]origin.Object // by size; every row of a size has the same bytes

	mu      sync.Mutex
	next    origin.SegmentNumber
	written map[int][]origin.SegmentNumber // the newest of each size
	oldest  map[int]int                    // of them, the one to be replaced next
	rand    *rand.Rand
}

// remembered is how many rows of a size can be read back.
const remembered = 256

// keptFor is how long after the end of the plan a table still has to keep what was written.
const keptFor = time.Minute

func newRows(table origin.Store, region string, p Plan) *rows {
	r := &rows{table: table, name: region, plan: p, bodies: map[int]origin.Object{}, written: map[int][]origin.SegmentNumber{},
		oldest: map[int]int{}, rand: streams.New(p.Seed, "calibrate rows "+region)}
	for _, n := range p.Sizes {
		body := make([]byte, n)
		for i := range body { // media does not compress
			body[i] = byte(r.rand.Uint32())
		}
		r.bodies[n] = origin.Object{Body: body, Size: n, Digest: origin.Checksum(body)}
	}
	return r
}

func (r *rows) key(n origin.SegmentNumber) origin.Key {
	return origin.Key{Event: "calibrate", Rendition: r.name, Pipeline: "a", Number: n}
}

// call makes one call. A row that comes back as another is a failure too.
func (r *rows) call(ctx context.Context, kind Kind, bytes int) error {
	o := r.bodies[bytes]
	if kind == Put {
		return r.put(ctx, bytes, o)
	}
	n, ok := r.draw(bytes)
	if !ok {
		return fmt.Errorf("read %d bytes: nothing has been written yet: %w", bytes, origin.ErrNotFound)
	}
	got, err := r.table.Get(ctx, r.key(n), o.Digest)
	if err == nil && (got.Size != o.Size || got.Digest != o.Digest) {
		err = fmt.Errorf("read row %d: %d bytes with digest %08x, not %d with %08x", n, got.Size, got.Digest, o.Size, o.Digest)
	}
	return err
}

func (r *rows) put(ctx context.Context, bytes int, o origin.Object) error {
	o.ExpiresAt = r.plan.Runtime.Now().Add(r.plan.For + keptFor)
	r.mu.Lock()
	r.next++
	n := r.next
	r.mu.Unlock()
	if err := r.table.Put(ctx, r.key(n), o); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept := r.written[bytes]; len(kept) < remembered {
		r.written[bytes] = append(kept, n)
	} else {
		kept[r.oldest[bytes]] = n
		r.oldest[bytes] = (r.oldest[bytes] + 1) % remembered
	}
	return nil
}

// draw is a row of a size that is there.
func (r *rows) draw(bytes int) (origin.SegmentNumber, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.written[bytes]
	if len(kept) == 0 {
		return 0, false
	}
	return kept[r.rand.IntN(len(kept))], true
}

// group waits for what it started.
type group struct {
	runtime origin.Runtime
	mu      sync.Mutex
	running int
	waits   origin.Signal // fired when fewer are running than somebody waits for
	below   int
}

func (g *group) start(fn func()) {
	g.mu.Lock()
	g.running++
	g.mu.Unlock()
	g.runtime.Go(func() {
		defer g.end()
		fn()
	})
}

func (g *group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running--; g.waits != nil && g.running < g.below {
		g.waits.Fire()
		g.waits = nil
	}
}

// wait returns when fewer than so many are running, and says whether that took time. Calls end by their own timeouts;
// what does not end for all that is given up.
func (g *group) wait(ctx context.Context, fewer int, patience time.Duration) (waited bool, err error) {
	g.mu.Lock()
	if g.running < fewer {
		g.mu.Unlock()
		return false, nil
	}
	s := g.runtime.NewSignal()
	g.waits, g.below = s, fewer
	g.mu.Unlock()
	if err := s.Wait(ctx, g.runtime.Now().Add(patience)); err != nil {
		return true, fmt.Errorf("calls that do not end within %v: %w", patience, err)
	}
	return true, nil
}
