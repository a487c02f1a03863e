package storage

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Episodes are stretches of time in which a machine is not itself: it stands still for its garbage collector, it is
// slow because it compacts, it fails. They belong to the machine and not to a call: every call that meets one has its
// share, and so bad answers come together. Every is the mean time from the end of one to the beginning of the next
// (exponential, so they come as a Poisson process does); zero means never.
type Episodes struct {
	Every  time.Duration
	Length Latency
}

// span is one episode, half-open.
type span struct{ from, until time.Duration }

// episodes draws Episodes as time goes by. What it draws depends on nothing but its stream, so that the same machine
// has the same episodes under any load.
type episodes struct {
	every  float64 // nanoseconds
	length logNormal
	rand   *rand.Rand
	spans  []span // not over yet, in order; one at least lies ahead of every time that was asked for
	end    time.Duration
}

func newEpisodes(e Episodes, r *rand.Rand) episodes {
	return episodes{every: float64(e.Every), length: e.Length.distribution(), rand: r}
}

// reach draws until an episode begins after t.
func (e *episodes) reach(t time.Duration) {
	for e.every > 0 && (len(e.spans) == 0 || e.spans[len(e.spans)-1].from <= t) {
		from := e.end + time.Duration(e.every*e.rand.ExpFloat64())
		e.end = from + e.length.draw(e.rand)
		e.spans = append(e.spans, span{from, e.end})
	}
}

// forget drops what is over.
func (e *episodes) forget(now time.Duration) {
	over := 0
	for over < len(e.spans) && e.spans[over].until <= now {
		over++
	}
	if over > 0 {
		e.spans = slices.Delete(e.spans, 0, over)
	}
}

// active says whether there is one now. Times before now are not asked for any more.
func (e *episodes) active(now time.Duration) bool {
	e.reach(now)
	e.forget(now)
	return len(e.spans) > 0 && e.spans[0].from <= now
}

// after is when work that begins at from is done, if no work gets done during episodes.
func (e *episodes) after(from, work time.Duration) time.Duration {
	e.reach(from + work)
	for i := 0; i < len(e.spans); i++ {
		s := e.spans[i]
		if s.until <= from {
			continue
		}
		if s.from > from {
			if s.from >= from+work {
				break
			}
			work -= s.from - from
		}
		from = s.until
		e.reach(from + work)
	}
	return from + work
}
