package resources

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/liveorigin/liveorigin/sim/streams"
)

// stop begins a pause, or lengthens the one that is: nothing gets done, as when a garbage collector stops the world or
// a virtual machine is moved. Jobs come and queue meanwhile.
func (m *Machine) stop(length time.Duration) {
	end := m.loop.Elapsed() + length
	if length <= 0 || end <= m.until {
		return
	}
	m.until = end
	m.loop.After(length, (*pauseEnd)(m))
	if m.paused {
		return
	}
	if m.shared != nil {
		m.shared.pause()
	}
	m.settle()
	m.eachServed(m.suspend)
	m.paused = true
}

// pauseEnd is a Machine whose pause is over, unless another has begun meanwhile.
type pauseEnd Machine

// Wake implements loop.Waker.
func (p *pauseEnd) Wake() {
	m := (*Machine)(p)
	if m.loop.Elapsed() < m.until {
		return
	}
	m.settle()
	m.paused = false
	if m.shared != nil {
		m.shared.resume()
	}
	m.eachServed(m.proceed)
}

func (m *Machine) eachServed(do func(*Job)) {
	for class := range m.serving {
		for j := m.serving[class].first; j != nil; j = j.after {
			do(j)
		}
	}
}

// Pauses is how often a machine pauses by itself, and for how long: a Poisson process of pauses with log-normal
// lengths.
type Pauses struct {
	Every    time.Duration // on average from one to the next; zero: never
	P50, P99 time.Duration // of the length
}

// PauseAtRandom lets the machine pause now and then for as long as the loop runs; r is its own from then on.
func (m *Machine) PauseAtRandom(p Pauses, r *rand.Rand) {
	if p.Every <= 0 {
		return
	}
	n := &nextPause{m, p, r}
	m.loop.After(n.gap(), n)
}

// nextPause waits for the next pause.
type nextPause struct {
	machine *Machine
	pauses  Pauses
	rand    *rand.Rand
}

// Wake implements loop.Waker.
func (n *nextPause) Wake() {
	sigma := math.Log(float64(n.pauses.P99)/float64(n.pauses.P50)) / streams.Z99
	n.machine.stop(time.Duration(float64(n.pauses.P50) * math.Exp(sigma*n.rand.NormFloat64())))
	n.machine.loop.After(n.gap(), n)
}

func (n *nextPause) gap() time.Duration {
	return time.Duration(float64(n.pauses.Every) * n.rand.ExpFloat64())
}
