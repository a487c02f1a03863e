package guard

import (
	"log/slog"
	"net"
	"sync/atomic"
	"time"
)

// Stats are counts since the listener was made, but for Open.
type Stats struct {
	Open        int    // connections, now
	Accepted    uint64 // connections that were let in
	Requests    uint64 // heads of HTTP/1 that were let through
	Panics      uint64 // of handlers
	HTTP2Errors uint64 // what net/http counts as one in HTTP/2: floods and frames that may not be, for the most part
	Refused     map[Refusal]uint64
}

// tally counts, and says at most once a second of each kind that there was something to count: a log that a stranger
// can fill is a fault of its own.
type tally struct {
	logger      *slog.Logger
	accepted    atomic.Uint64
	requests    atomic.Uint64
	panics      atomic.Uint64
	http2Errors atomic.Uint64
	refused     [refusals]atomic.Uint64
	logNext     [refusals]atomic.Int64 // when the next line may be written, in nanoseconds of the epoch
}

func (t *tally) refuse(r Refusal, client net.Addr) {
	count := t.refused[r].Add(1)
	if t.logger != nil && t.mayLog(r) {
		t.logger.Warn("refused", "what", r.String(), "status", r.Status(), "client", client.String(), "so_far", count)
	}
}

// mayLog says whether it is time for a line of this kind again; None is for panics.
func (t *tally) mayLog(r Refusal) bool {
	now := time.Now()
	next := t.logNext[r].Load()
	return now.UnixNano() >= next && t.logNext[r].CompareAndSwap(next, now.Add(time.Second).UnixNano())
}

// Stats are the listener's counts.
func (l *Listener) Stats() Stats {
	l.mu.Lock()
	s := Stats{Open: l.open}
	l.mu.Unlock()
	s.Accepted, s.Requests = l.tally.accepted.Load(), l.tally.requests.Load()
	s.Panics, s.HTTP2Errors = l.tally.panics.Load(), l.tally.http2Errors.Load()
	s.Refused = make(map[Refusal]uint64, refusals)
	for r := None + 1; r < refusals; r++ {
		s.Refused[r] = l.tally.refused[r].Load()
	}
	return s
}
