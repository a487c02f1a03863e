package audience

import (
	"cmp"
	"slices"
	"time"
)

// wave is the fetches of a turn before they begin, in order of time. They begin one after the other, also those of one
// instant, so that a fetch that is answered at once leaves its memory to the next one.
type wave struct {
	audience *Audience
	askings  []asking
	next     int
}

// asking is a slice's turn to ask.
type asking struct {
	at            time.Duration
	cell          *cell
	slice, slices int64 // which of how many
	order         int   // among those of one instant
}

func (w *wave) add(a asking) {
	a.order = len(w.askings)
	w.askings = append(w.askings, a)
}

// begin lets the fetches begin that were added.
func (w *wave) begin() {
	slices.SortFunc(w.askings, func(a, b asking) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
	})
	w.next = 0
	w.wake()
}

func (w *wave) wake() {
	if w.next < len(w.askings) {
		w.audience.wake(w.askings[w.next].at, w)
	} else {
		w.askings = w.askings[:0]
	}
}

// Wake implements loop.Waker.
func (w *wave) Wake() {
	if w.audience.ctx.Err() != nil {
		return
	}
	w.audience.ask(&w.askings[w.next])
	w.next++
	w.wake()
}
