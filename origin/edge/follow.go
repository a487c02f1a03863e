package edge

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

const (
	// firstRetry and lastRetry are how long nobody is asked after all have failed, for the first time and at the most.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	// pace is how often one is asked at the most who answers at once, and says nothing new.
	pace = time.Second
)

// Follow keeps what the edge knows of an event fresh, until ctx ends: it waits at one of the upstreams that tell for the
// next state. Where there is none for a while it goes on to the next upstream, as when there is no answer: a node that
// hears of no change itself looks like an event that does not change. Jitter keeps edges apart that have failed together.
func (e *Edge) Follow(ctx context.Context, id string, jitter *rand.Rand) {
	var from []origin.Configs
	for _, up := range e.Upstreams {
		if c, ok := up.Getter.(origin.Configs); ok {
			from = append(from, c)
		}
	}
	for at, failed := 0, 0; len(from) > 0; {
		asked, version := e.Runtime.Now(), e.version(id)
		s, err := from[at].Changed(ctx, id, version)
		if ctx.Err() != nil {
			return
		}
		var pause time.Duration
		switch {
		case err != nil:
			failed++
			if failed%len(from) == 0 {
				pause = retryAfter(failed / len(from))
			}
		case s.ID == id && s.Version > version:
			e.Learn(s)
			failed = 0
			continue
		default:
			failed = 0
			pause = max(0, pace-e.Runtime.Now().Sub(asked))
		}
		at = (at + 1) % len(from)
		if pause > 0 && e.Runtime.Sleep(ctx, pause/2+time.Duration(jitter.Int64N(int64(pause)))) != nil {
			return
		}
	}
}

// retryAfter doubles with every round in which all have failed.
func retryAfter(rounds int) time.Duration {
	return min(lastRetry, firstRetry<<min(rounds-1, 10))
}

// version is that of the state that the edge knows; 0 while it knows none.
func (e *Edge) version(id string) int64 {
	if st, _ := e.known(id); st != nil {
		return st.Version
	}
	return 0
}
