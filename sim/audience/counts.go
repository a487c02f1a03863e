package audience

import "math/rand/v2"

// counts are a population as numbers of viewers: those of one home, group, mode and level of silence are alike. What
// each of them would draw for itself is drawn for all at once, from the binomial distribution that the sum of their
// draws has, so that counts and agents differ in nothing but luck, and one viewer is never a fraction.
type counts struct {
	*rules
	random *rand.Rand
	now    census
	// level holds viewers by turns without a segment: each as census.watching.
	level [][]int64
	// waiting holds who restarts by turn, around: each as census.starting.
	waiting     [][]int64
	loudest     []int // by home: the highest level that may have somebody
	unseated    int64 // comers and, of them, those who will watch behind live: who have not come yet
	unseatedDVR int64
	arrivals    []int64 // of this turn, by home and group
}

func newCounts(r *rules, random *rand.Rand) *counts {
	c := &counts{
		rules: r, random: random, now: newCensus(r), loudest: make([]int, len(r.homes)), unseated: r.comers,
		unseatedDVR: r.dvr, arrivals: make([]int64, len(r.homes)*r.groups),
	}
	for range r.silent + 1 {
		c.level = append(c.level, make([]int64, len(c.now.watching)))
	}
	for range r.bins {
		c.waiting = append(c.waiting, make([]int64, len(c.now.starting)))
	}
	return c
}

func (c *counts) census() *census { return &c.now }

// advance implements population.
func (c *counts) advance(t *turn) {
	for h := range c.homes {
		if c.restarting() {
			c.hear(t, h)
			c.rejoin(h)
		}
		for l := range c.loudest[h] + 1 {
			c.change(h, c.level[l])
			c.rewind(h, c.level[l])
		}
	}
	c.restart(t)
	c.leave(t.leave)
	c.arrive(t.come)
	c.tally()
}

// hear moves those who got nothing one level up, those who did to level zero, and lets those restart who have reached
// the top.
func (c *counts) hear(t *turn, h int) {
	loudest := c.loudest[h]
	for m := range modes {
		for g := range c.groups {
			if share := t.share[c.cellAt(h, m.class(), c.homes[h].plays[g][0])]; share < 1 || loudest > 0 {
				c.quiet(t, h, g, c.place(h, m, g), loudest, share)
			}
		}
	}
	for c.loudest[h] > 0 && c.silentAt(h, c.loudest[h]) == 0 {
		c.loudest[h]--
	}
}

// quiet does so for the viewers of one mode and group, of whom a share got a segment. It goes through the levels from
// the top, so that nobody is moved twice.
func (c *counts) quiet(t *turn, h, group, at, loudest int, share float64) {
	heard := int64(0)
	for l := loudest; l >= 0; l-- {
		n := c.level[l][at]
		got := binomial(c.random, n, share)
		c.level[l][at] = 0
		heard += got
		switch {
		case n == got:
		case l == c.silent:
			c.wait(t, h, group, n-got)
		default:
			c.level[l+1][at] = n - got
			c.loudest[h] = max(c.loudest[h], l+1)
		}
	}
	c.level[0][at] += heard
}

func (c *counts) silentAt(h, l int) (sum int64) {
	for _, n := range c.level[l][c.place(h, 0, 0):c.place(h+1, 0, 0)] {
		sum += n
	}
	return sum
}

// wait spreads restarts evenly over the time within which they come.
func (c *counts) wait(t *turn, h, group int, n int64) {
	rest := 1.0
	for i, p := range c.bins {
		k := n
		if i < len(c.bins)-1 {
			k = binomial(c.random, n, p/rest)
		}
		c.waiting[(t.number+i)%len(c.bins)][h*c.groups+group] += k
		n, rest = n-k, rest-p
	}
}

// rejoin lets those watch who started their player in the last turn: at the live edge, and with one turn's patience.
func (c *counts) rejoin(h int) {
	for g := range c.groups {
		n := &c.now.starting[h*c.groups+g]
		if *n > 0 {
			c.level[c.silent][c.place(h, atEdge, g)] += *n
			c.loudest[h] = c.silent
			*n = 0
		}
	}
}

// change lets links become better and worse: to a neighbouring class, if there is one, either with half the
// probability.
func (c *counts) change(h int, level []int64) {
	if c.classes == 1 || c.changes[h] == 0 {
		return
	}
	for m := range modes {
		for set := range c.sets {
			up := int64(0) // from the class before
			for l := range c.classes {
				at := c.place(h, m, l*c.sets+set)
				movers := binomial(c.random, level[at], c.changes[h])
				better := binomial(c.random, movers, 0.5)
				worse := movers - better
				if l == 0 {
					worse = 0
				} else {
					level[at-c.sets] += worse
				}
				if l == c.classes-1 {
					better = 0
				}
				level[at] += up - better - worse
				up = better
			}
		}
	}
}

// rewind lets viewers go back from the live edge, and return to it.
func (c *counts) rewind(h int, level []int64) {
	if c.rewinds == 0 {
		return
	}
	for g := range c.groups {
		edge, back := &level[c.place(h, atEdge, g)], &level[c.place(h, wentBack, g)]
		away, home := binomial(c.random, *edge, c.rewinds), binomial(c.random, *back, c.returns)
		*edge += home - away
		*back += away - home
	}
}

// restart takes those out whose restart falls into this turn.
func (c *counts) restart(t *turn) {
	if !c.restarting() {
		return
	}
	due := c.waiting[t.number%len(c.bins)]
	for i, n := range due {
		c.now.starting[i] += n
	}
	clear(due)
}

// leave takes so many viewers out, whoever they are.
func (c *counts) leave(n int64) {
	c.now.gone += n
	present := c.now.come - c.now.gone + n
	for _, kind := range c.kinds() {
		for i := range kind {
			if n == 0 {
				return
			}
			if kind[i] == 0 {
				continue
			}
			k := hypergeometric(c.random, present, kind[i], n)
			present -= kind[i]
			kind[i] -= k
			n -= k
		}
	}
}

// kinds lists all places in which viewers are.
func (c *counts) kinds() [][]int64 {
	return append(append([][]int64{c.now.starting}, c.level...), c.waiting...)
}

// arrive seats so many comers.
func (c *counts) arrive(n int64) {
	if n == 0 {
		return
	}
	c.seat(c.now.come, c.now.come+n)
	c.now.come += n
	for i, n := range c.arrivals {
		if n == 0 {
			continue
		}
		back := hypergeometric(c.random, c.unseated, c.unseatedDVR, n)
		c.unseated -= n
		c.unseatedDVR -= back
		h, g := i/c.groups, i%c.groups
		c.level[0][c.place(h, atEdge, g)] += n - back
		c.level[0][c.place(h, behind, g)] += back
		c.arrivals[i] = 0
	}
}

// seat counts the viewers with numbers in a half-open range by home and group, which come around again and again.
func (c *counts) seat(from, until int64) {
	cycle := int64(len(c.seats) * c.groups)
	for ; from < until && from%cycle != 0; from++ {
		c.arrivals[c.chair(from)]++
	}
	whole := (until - from) / cycle
	for i := range cycle * min(whole, 1) {
		c.arrivals[c.chair(i)] += whole
	}
	for from += whole * cycle; from < until; from++ {
		c.arrivals[c.chair(from)]++
	}
}

// tally brings the census up to date.
func (c *counts) tally() {
	copy(c.now.watching, c.level[0])
	for h, loudest := range c.loudest {
		from, until := c.place(h, 0, 0), c.place(h+1, 0, 0)
		for l := 1; l <= loudest; l++ {
			for i, n := range c.level[l][from:until] {
				c.now.watching[from+i] += n
			}
		}
	}
	c.now.waiting = 0
	for _, due := range c.waiting {
		for _, n := range due {
			c.now.waiting += n
		}
	}
}
