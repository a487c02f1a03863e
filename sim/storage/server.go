package storage

import (
	"math/rand/v2"
	"time"
)

// Capacity is what one zone's machines do in a second, all together; zero is without limit.
type Capacity struct {
	Operations float64
	Bytes      float64 // sent or received
}

// server is a zone's machines as a queue in front of one server: M/G/1 when calls come as a Poisson process. The state
// of such a queue is one number, the time at which the server has done all that it was given (Lindley's recursion), so
// a call's wait is known when it comes.
type server struct {
	perOperation time.Duration
	perByte      float64 // nanoseconds

	pauses     episodes // nothing gets done
	throttling episodes // latencies are a multiple
	slowdown   float64  // the multiple

	freeAt time.Duration
	busy   time.Duration // cumulative service
}

func newServer(c Capacity, pauses, throttling episodes, slowdown float64) server {
	s := server{pauses: pauses, throttling: throttling, slowdown: slowdown}
	if c.Operations > 0 {
		s.perOperation = time.Duration(float64(time.Second) / c.Operations)
	}
	if c.Bytes > 0 {
		s.perByte = float64(time.Second) / c.Bytes
	}
	return s
}

// operate puts an operation that carries so many bytes into the queue, and returns when it is through. One that would not
// be before its caller gives up is dropped, as Cassandra drops messages that are older than their timeout; that also
// bounds the queue.
func (s *server) operate(now time.Duration, bytes int, patience time.Duration) (through time.Duration, ok bool) {
	return s.serve(now, s.perOperation+s.transfer(bytes), patience)
}

// serve is operate for what is known to take so long.
func (s *server) serve(now, service, patience time.Duration) (through time.Duration, ok bool) {
	s.pauses.forget(now)
	through = s.pauses.after(max(now, s.freeAt), service)
	if through-now >= patience {
		return 0, false
	}
	s.occupy(through, service)
	return through, true
}

// occupy keeps the server busy with a service until a time.
func (s *server) occupy(until, service time.Duration) {
	if service > 0 {
		s.busy += service
		s.freeAt = until
	}
}

// transfer is how long so many bytes take.
func (s *server) transfer(bytes int) time.Duration { return time.Duration(float64(bytes) * s.perByte) }

// respond is when an answer that is ready at a time arrives: later by a latency, which counts for more while the server
// is throttled, and only while it is not paused.
func (s *server) respond(now, ready time.Duration, latency distribution, r *rand.Rand) time.Duration {
	d := latency.draw(r)
	if s.throttling.active(now) {
		d = time.Duration(float64(d) * s.slowdown)
	}
	return s.pauses.after(ready, d)
}
