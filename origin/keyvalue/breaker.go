package keyvalue

import "time"

// breaker decides when a node of the cache is taken for dead, and when it is looked after again. The zero value takes it
// for alive.
type breaker struct {
	failures int       // one after the other
	since    time.Time // when the first of them began
	dead     bool
	probe    time.Time // when the next may be sent
}

// A node is dead after so many failures one after the other, or when for so long nothing else has come from it. Then it
// is asked once in a while whether it is back.
const (
	deadFailures = 3
	deadAfter    = 250 * time.Millisecond
	probeEvery   = time.Second
)

// admits says whether the node may be asked, and if not, whether it is time for a probe.
func (b *breaker) admits(now time.Time) (ok, probe bool) {
	if !b.dead || now.Before(b.probe) {
		return !b.dead, false
	}
	b.probe = now.Add(probeEvery)
	return false, true
}

// succeeded takes in that the node has answered, whatever it said.
func (b *breaker) succeeded() { *b = breaker{} }

// failed takes in that a call which began then has not been answered.
func (b *breaker) failed(began, now time.Time) {
	if b.failures == 0 || began.Before(b.since) {
		b.since = began
	}
	b.failures++
	if !b.dead && (b.failures >= deadFailures || now.Sub(b.since) >= deadAfter) {
		b.dead, b.probe = true, now.Add(probeEvery)
	}
}
