package storage

import (
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// What a zone missed is kept for it as hints, and handed over when it is back: the defaults of Apache Cassandra's
// cassandra.yaml and of its HintsDispatchExecutor.
const (
	maxHintWindow = 3 * time.Hour    // max_hint_window: a zone that is away for longer gets no new ones
	hintInterval  = 10 * time.Second // between looks whether the zone is back
	hintThrottle  = 1024 << 10       // hinted_handoff_throttle: bytes a second to one node, of all others together
)

// hints are what one zone has still to be given, oldest first.
type hints struct {
	waiting   []hint
	size      int  // bytes of those waiting
	handing   bool // a coroutine hands them over
	stored    int64
	delivered int64
	expired   int64 // or of no use any more
	refused   int64
}

type hint struct {
	key    origin.Key
	object origin.Object
}

// hint keeps what a zone missed. It says whether a coroutine has to be started that hands it over.
func (t *Table) hint(z *Zone, key origin.Key, o origin.Object, now time.Duration) (start bool) {
	if now-z.away > maxHintWindow || z.limit > 0 && z.hints.size+o.Size > z.limit {
		z.refused++
		return false
	}
	z.stored++
	z.waiting = append(z.waiting, hint{key, o})
	z.hints.size += o.Size
	start = !z.handing
	z.handing = true
	return start
}

// handOver hands a zone its hints until there are no more.
func (t *Table) handOver(z *Zone) {
	rt, ctx := t.config.Runtime, t.config.Context
	for rt.Sleep(ctx, hintInterval) == nil {
		for {
			h, ok := t.nextHint(z)
			if !ok {
				return
			}
			pace := time.Duration(h.object.Size) * time.Second / hintThrottle
			if rt.Sleep(ctx, pace) != nil || !t.deliver(z, h) {
				break
			}
		}
	}
}

// nextHint is the oldest hint that is still worth something.
func (t *Table) nextHint(z *Zone) (hint, bool) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(z.waiting) > 0 {
		h := z.waiting[0]
		if now < t.expiry(h.object) {
			return h, true
		}
		z.pop()
		z.hints.expired++
	}
	z.handing = false
	return hint{}, false
}

func (h *hints) pop() {
	h.size -= h.waiting[0].object.Size
	h.waiting[0] = hint{}
	h.waiting = h.waiting[1:]
}

// deliver gives a zone one hint; it returns false when the zone cannot be reached. Only one coroutine delivers to a
// zone.
func (t *Table) deliver(z *Zone, h hint) bool {
	now := t.now()
	t.mu.Lock()
	away := z.away != never
	ready, ok := z.receive(now, true, h.object.Size, t.config.Timeout)
	t.mu.Unlock()
	if !ok {
		return false
	}
	var store origin.Store = (*replica)(z)
	if z.gate != nil {
		store = z.gate
	}
	err := store.Put(&tripContext{t.config.Context, trip{zone: z, takes: ready - now}}, h.key, h.object)
	t.mu.Lock()
	defer t.mu.Unlock()
	if away && answers(err) {
		z.given(true)
	}
	switch {
	case err == nil:
		z.away = never
		z.delivered++
	case errors.Is(err, origin.ErrExists): // of two writers this one lost
		z.hints.expired++
	default:
		return false
	}
	z.pop()
	return true
}

// repair gives the row that was read to the zones that answered before that they have none.
func (t *Table) repair(c *call, now time.Duration) {
	for _, z := range c.without {
		if r := t.rows[c.key]; r != nil && r.copies[z.zone] == nil && t.take(z, c.key, c.object, now) == nil {
			z.receive(now, true, c.object.Size, t.config.Timeout)
			t.stats.Repairs++
		}
	}
}
