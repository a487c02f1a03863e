package audience

import "fmt"

// population is who watches, and how each turn changes it.
type population interface {
	// advance goes on by one turn and brings the census up to date.
	advance(t *turn)
	census() *census
}

// turn is what a population needs to know of the turn that begins.
type turn struct {
	number      int   // from 0
	come, leave int64 // how many viewers come and go
	// share is the part of the viewers who got a segment since the last turn, by home, class and rendition.
	share []float64
}

// mode is where a viewer is in the time-shift buffer.
type mode int

// The modes of watching.
const (
	atEdge   mode = iota // at the live edge
	wentBack             // rewound, and will return
	behind               // behind live for good
	modes
)

// class is how a mode is told in records.
type class int

const (
	live class = iota
	dvr
	classes
)

func (c class) String() string { return [...]string{"live", "dvr"}[c] }

func (m mode) class() class {
	if m == atEdge {
		return live
	}
	return dvr
}

// census is how many viewers there are of each kind.
type census struct {
	watching   []int64 // by home, mode and group
	starting   []int64 // by home and group: who starts a player again within this turn
	waiting    int64   // who will
	come, gone int64
}

func newCensus(r *rules) census {
	return census{
		watching: make([]int64, len(r.homes)*int(modes)*r.groups), starting: make([]int64, len(r.homes)*r.groups),
	}
}

// place is where in watching a kind is.
func (r *rules) place(home int, m mode, group int) int {
	return (home*int(modes)+int(m))*r.groups + group
}

// cellAt is the place of a cell, and of its share in a turn.
func (r *rules) cellAt(home int, c class, rendition int) int {
	return (home*int(classes)+int(c))*r.renditions + rendition
}

// present is how many viewers there are, whether they watch or are about to.
func (c *census) present() int64 {
	sum := c.waiting
	for _, n := range c.watching {
		sum += n
	}
	for _, n := range c.starting {
		sum += n
	}
	return sum
}

// check panics when a viewer has been lost or made up, which ends the loop's run with an error.
func (c *census) check() {
	if present := c.present(); c.come != present+c.gone {
		panic(fmt.Sprintf("audience: %d viewers came, %d left, %d are there", c.come, c.gone, present))
	}
}
