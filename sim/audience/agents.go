package audience

import "math/rand/v2"

// agents are a population as one state for every viewer: the reference that counts are checked against. Every viewer
// draws for itself, by the same rules in the same order.
type agents struct {
	*rules
	random  *rand.Rand
	now     census
	viewers []agent

	unseated, unseatedDVR int64
}

// agent is one viewer.
type agent struct {
	home  uint16
	group uint16
	// turns is how many have passed without a segment; of one that waits, the one in which it starts again, modulo 65536.
	turns uint16
	state state
}

// state is a mode, or one of those in which a viewer does not watch.
type state uint8

const (
	waiting state = iota + state(modes)
	starting
	gone
)

func newAgents(r *rules, random *rand.Rand) *agents {
	return &agents{rules: r, random: random, now: newCensus(r), unseated: r.comers, unseatedDVR: r.dvr}
}

func (a *agents) census() *census { return &a.now }

// advance implements population.
func (a *agents) advance(t *turn) {
	for i := range a.viewers {
		a.step(t, &a.viewers[i])
	}
	a.leave(t.leave)
	a.arrive(t.come)
	a.tally()
}

// step is one viewer's turn.
func (a *agents) step(t *turn, v *agent) {
	switch {
	case v.state == gone:
		return
	case v.state == starting:
		v.state, v.turns = state(atEdge), uint16(a.silent)
	case v.state < waiting && a.restarting():
		a.hear(t, v)
	}
	if v.state < waiting {
		bits := a.random.Uint64()
		a.change(v, uint32(bits))
		a.rewind(v, uint32(bits>>32))
	}
	if v.state == waiting && v.turns == uint16(t.number) {
		v.state = starting
	}
}

// hear says whether the viewer got a segment, and lets it restart after too long a silence.
func (a *agents) hear(t *turn, v *agent) {
	share := t.share[a.cellAt(int(v.home), mode(v.state).class(), a.homes[v.home].plays[v.group][0])]
	switch {
	case share == 1 || share > 0 && a.random.Float64() < share:
		v.turns = 0
	case int(v.turns) < a.silent:
		v.turns++
	default:
		v.state, v.turns = waiting, uint16(t.number+a.bin())
	}
}

// bin draws in which turn from now on a restart falls.
func (a *agents) bin() int {
	u := a.random.Float64()
	for i, p := range a.bins[:len(a.bins)-1] {
		if u < p {
			return i
		}
		u -= p
	}
	return len(a.bins) - 1
}

// chance says whether something of probability p happens; bits are a draw.
func chance(bits uint32, p float64) bool { return float64(bits) < p*(1<<32) }

func (a *agents) change(v *agent, bits uint32) {
	p := a.changes[v.home]
	if a.classes == 1 || !chance(bits, p) {
		return
	}
	link := int(v.group) / a.sets
	switch {
	case chance(bits, p/2) && link < a.classes-1:
		v.group += uint16(a.sets)
	case !chance(bits, p/2) && link > 0:
		v.group -= uint16(a.sets)
	}
}

func (a *agents) rewind(v *agent, bits uint32) {
	switch {
	case v.state == state(atEdge) && chance(bits, a.rewinds):
		v.state = state(wentBack)
	case v.state == state(wentBack) && a.rewinds > 0 && chance(bits, a.returns):
		v.state = state(atEdge)
	}
}

// leave takes so many viewers out, each of those present with the same probability (Knuth, The Art of Computer
// Programming 2, 3.4.2, Algorithm S).
func (a *agents) leave(n int64) {
	present := a.now.come - a.now.gone
	a.now.gone += n
	for i := range a.viewers {
		v := &a.viewers[i]
		switch {
		case n == 0:
			return
		case v.state == gone:
			continue
		case a.random.Int64N(present) < n:
			v.state = gone
			n--
		}
		present--
	}
}

// arrive seats so many comers, as counts do.
func (a *agents) arrive(n int64) {
	for range n {
		chair := a.chair(a.now.come)
		a.now.come++
		v := agent{home: uint16(chair / a.groups), group: uint16(chair % a.groups)}
		if a.random.Int64N(a.unseated) < a.unseatedDVR {
			v.state = state(behind)
			a.unseatedDVR--
		}
		a.unseated--
		a.viewers = append(a.viewers, v)
	}
}

// tally counts the viewers.
func (a *agents) tally() {
	clear(a.now.watching)
	clear(a.now.starting)
	a.now.waiting = 0
	for i := range a.viewers {
		switch v := &a.viewers[i]; v.state {
		case gone:
		case waiting:
			a.now.waiting++
		case starting:
			a.now.starting[int(v.home)*a.groups+int(v.group)]++
		default:
			a.now.watching[a.place(int(v.home), mode(v.state), int(v.group))]++
		}
	}
}
