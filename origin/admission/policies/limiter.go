package policies

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
)

// Limiter is the Admission by failsafe-go's adaptive limiter: the number of reads of the store at once that it admits rises
// while they take no longer than they used to, and falls when they do. That library's own priorities need requests that wait
// in a queue, and Admit must not block; so classes are given shares of the limit instead, as in Netflix's
// concurrency-limits. It reads the wall clock itself, so it is not for virtual time.
type Limiter struct {
	clock   origin.Clock
	limiter adaptivelimiter.AdaptiveLimiter[any]

	mu      sync.Mutex
	reading []read // in the order in which they began
}

// read is one under way.
type read struct {
	began  time.Time
	permit adaptivelimiter.Permit
}

// shares is how much of the limit each class can have, in per cent.
var shares = map[origin.Class]int{origin.LiveEdge: 100, origin.DVR: 80, origin.Background: 60}

// With what the limit begins, unless less is allowed.
const firstLimit = 20

// NewLimiter makes a Limiter that lets at most so many reads be under way; zero means admission.DefaultReads.
func NewLimiter(clock origin.Clock, reads int) *Limiter {
	most := uint(cmp.Or(reads, admission.DefaultReads))
	return &Limiter{clock: clock,
		limiter: adaptivelimiter.NewBuilder[any]().WithLimits(1, most, min(firstLimit, most)).Build()}
}

// Admit implements origin.Admission. What takes nothing of the store is admitted.
func (l *Limiter) Admit(a origin.Ask) bool {
	if a.Free() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if 100*len(l.reading) >= shares[a.Class]*l.limiter.Limit() {
		return false
	}
	permit, ok := l.limiter.TryAcquirePermit()
	if ok {
		l.reading = append(l.reading, read{l.clock.Now(), permit})
	}
	return ok
}

// Done implements origin.Admission.
func (l *Limiter) Done(a origin.Ask, store time.Duration, failed bool) {
	if a.Free() {
		return
	}
	permit := l.take(l.clock.Now().Add(-store))
	switch {
	case permit == nil:
	case failed: // how long it took says nothing: the client may have left
		permit.Drop()
	default:
		permit.Record()
	}
}

// take finds the read that began at this time, or next to it: reads have no names.
func (l *Limiter) take(began time.Time) adaptivelimiter.Permit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.reading) == 0 {
		return nil
	}
	i, _ := slices.BinarySearchFunc(l.reading, began, func(r read, t time.Time) int { return r.began.Compare(t) })
	if i == len(l.reading) || i > 0 && began.Sub(l.reading[i-1].began) < l.reading[i].began.Sub(began) {
		i--
	}
	permit := l.reading[i].permit
	l.reading = slices.Delete(l.reading, i, i+1)
	return permit
}
