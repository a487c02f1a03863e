package audience

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// Config is what an Audience needs.
type Config struct {
	Loop     *loop.Loop
	Event    origin.Event // one that ends
	Audience scenarios.Audience
	Seed     uint64
	// Edges are the places where viewers ask, in the scenario's order.
	Edges []Edge
	// Agents keeps a state for every viewer instead of counts of those that are alike: the cross-check.
	Agents bool
	// Digest is what a clean object's digest must be; with nil nothing is checked.
	Digest func(r origin.Rendition, n origin.SegmentNumber, pipeline string) uint32
	// Out takes audience.jsonl.
	Out io.Writer
}

// Edge is a place where viewers ask.
type Edge struct {
	Name, Region string
	Getter       origin.Getter
	// Alike is how many such edges this one stands for, itself included; it has the viewers of all of them.
	Alike int
	// Access is what lies between the edge and its viewers: a loopback if nil, and for adaptive viewers HomeAccess.
	Access *Access
}

// Load is what the viewers have asked of the edges of one region so far, and got. Viewers are those who have their home
// there now, and none once the event is over; requests count where they were made.
type Load struct {
	Region                           string
	Viewers, Requests, Failed, Bytes int64
}

// Audience is the viewers of an event on a loop. Make one with New.
type Audience struct {
	*rules
	config Config
	people population
	record *recorder
	ctx    context.Context
	ahead  time.Duration // of the event's clock to the loop's

	cells   []cell // by home, class and rendition (rules.cellAt)
	turn    turn
	number  origin.SegmentNumber // of the turn
	cut     [classes]int         // into how many slices a cell is cut in this turn
	usual   *limit               // by which answers to this turn's requests begin
	wave    wave
	free    []*fetch
	flying  int  // fetches
	leaving bool // somebody has left before the planned end
	regions []string
	loads   []Load // by region
	sums    sums

	slots, jitter, jumps *rand.Rand
}

// sums are totals over all viewers; peak is the most who were there at once, and attempts are of fetches.
type sums struct{ peak, requests, segments, missed, attempts int64 }

// New makes an audience that has not begun to watch.
func New(c Config) (*Audience, error) {
	r, err := newRules(&c)
	if err != nil {
		return nil, err
	}
	r.attend(streams.New(c.Seed, "audience/share"))
	a := &Audience{
		rules: r, config: c, ahead: c.Loop.Now().Sub(r.start) - c.Loop.Elapsed(),
		slots: streams.New(c.Seed, "audience/slots"), jitter: streams.New(c.Seed, "audience/jitter"),
		jumps: streams.New(c.Seed, "audience/jumps"),
	}
	a.wave.audience = a
	a.people = newCounts(r, streams.New(c.Seed, "audience/counts"))
	if c.Agents {
		a.people = newAgents(r, streams.New(c.Seed, "audience/agents"))
	}
	a.turn.share = make([]float64, len(r.homes)*int(classes)*r.renditions)
	for h := range r.homes {
		for class := range classes {
			for rendition := range r.renditions {
				a.cells = append(a.cells, cell{home: h, class: class, rendition: rendition})
			}
		}
		r.homes[h].region = a.region(r.homes[h].Region)
	}
	a.record = newRecorder(c.Out, r.homes, c.Event.Renditions)
	return a, nil
}

// region is the place of a region's load.
func (a *Audience) region(name string) int {
	i := slices.Index(a.regions, name)
	if i < 0 {
		i = len(a.regions)
		a.regions = append(a.regions, name)
		a.loads = append(a.loads, Load{Region: name})
	}
	return i
}

// now is the event's clock: the time since its availability start.
func (a *Audience) now() time.Duration { return a.config.Loop.Elapsed() + a.ahead }

// Start lets the audience watch from now on, until the event's end or until ctx is done.
func (a *Audience) Start(ctx context.Context) {
	a.ctx = ctx
	a.number = a.next(a.now()) - 1 // turns begin with the next one
	a.turn.number = int(a.number - a.first)
	if a.number < a.final {
		a.wake(a.available(a.number+1), (*turns)(a))
	}
	second := time.Duration(0)
	if a.now() >= 0 {
		second = a.now().Truncate(time.Second) + time.Second
	}
	a.wake(second, (*seconds)(a))
	if a.Scrub.For > 0 {
		a.wake(a.Scrub.At, (*scrubs)(a))
	}
}

func (a *Audience) wake(at time.Duration, w loop.Waker) { a.config.Loop.After(at-a.now(), w) }

// Finish writes what has not been written, and that this is the end, or that it was interrupted before. It gives the
// first trouble there was with writing.
func (a *Audience) Finish(interrupted bool) error {
	return a.record.finish(end{
		Kind: "end", AtUs: a.now().Microseconds(), VU: onlyVU, ViewersPeak: a.sums.peak, PlannedPeak: a.planned(),
		Requests: a.sums.requests, Segments: a.sums.segments, Missed: a.sums.missed, Interrupted: interrupted,
	})
}

// planned is the largest size that the curve has in the event.
func (a *Audience) planned() (peak int64) {
	if len(a.Curve) == 0 {
		return int64(a.Viewers.Peak)
	}
	for _, p := range a.Curve {
		peak = max(peak, int64(p.Viewers))
	}
	return peak
}

// Progress is how many viewers there are, and how many segments they have got, and missed, so far.
func (a *Audience) Progress() (viewers int, segments, missed int64) {
	return int(a.watching()), a.sums.segments, a.sums.missed
}

// Attempts is how many requests were made of edges so far, each for all the viewers of a slice.
func (a *Audience) Attempts() int64 { return a.sums.attempts }

// Loads is what each region carries, in the order in which the edges name them.
func (a *Audience) Loads() []Load {
	loads := slices.Clone(a.loads)
	if a.now() >= a.available(a.final) { // they only wait for what is left
		return loads
	}
	per := int(modes) * a.groups
	for i, n := range a.people.census().watching {
		loads[a.homes[i/per].region].Viewers += n
	}
	for i := range a.cells {
		loads[a.homes[a.cells[i].home].region].Viewers -= a.departedOf(&a.cells[i])
	}
	return loads
}

// watching is how many are there now, without those who are about to start again.
func (a *Audience) watching() int64 {
	c := a.people.census()
	return c.present() - c.waiting - a.departed()
}
