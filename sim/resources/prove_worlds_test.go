package resources

import (
	"container/list"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/streams"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// law draws service times of mean 1.
type law func(*rand.Rand) float64

func exponential(r *rand.Rand) float64 { return r.ExpFloat64() }
func constant(*rand.Rand) float64      { return 1 }

// hyperexponential is one of two exponentials, with balanced means, so that the squared coefficient of variation is
// cv2.
func hyperexponential(cv2 float64) law {
	p := (1 + math.Sqrt((cv2-1)/(cv2+1))) / 2
	return func(r *rand.Rand) float64 {
		if r.Float64() < p {
			return r.ExpFloat64() / (2 * p)
		}
		return r.ExpFloat64() / (2 * (1 - p))
	}
}

// shop is a Poisson stream of customers, with a rate for each class, through one machine or several in tandem.
type shop struct {
	machines []Capacity
	rates    []float64
	service  law
	quantile bool // the waits' distribution is wanted
}

// tally is what the customers of a class have told, of those who count.
type tally struct {
	served, late  int // late: had to wait
	wait, sojourn float64
}

// visitors is a shop at work.
type visitors struct {
	shop
	loop     *loop.Loop
	rooms    []*Machine
	rand     *rand.Rand
	total    float64 // rate
	free     []*customer
	arrived  int
	skip     int // so many do not count, nor who comes after last
	last     int
	lost     int
	classes  []tally
	waits    *hdrhistogram.Histogram
	from, to reading
	err      error
}

// reading is the first machine's counters at an instant.
type reading struct {
	at, occupancy, busy float64 // seconds
}

// customer is a job that goes from room to room.
type customer struct {
	Job
	at     *visitors
	came   time.Duration
	spent  time.Duration // of work
	room   int
	counts bool
}

// open lets customers come until so many have, and then lets all leave. The first tenth comes to a shop that was empty,
// and does not count.
func (s shop) open(r run) (*visitors, error) {
	l := loop.New(epoch)
	defer l.Close()
	v := &visitors{shop: s, loop: l, rand: r.rand, skip: r.arrivals / 10, last: r.arrivals + r.arrivals/10}
	for _, c := range s.machines {
		v.rooms = append(v.rooms, NewMachine(l, c))
	}
	for _, rate := range s.rates {
		v.total += rate
	}
	v.classes = make([]tally, len(s.rates))
	if s.quantile {
		v.waits = hdrhistogram.New(1, 1e11, 4)
	}
	l.After(v.gap(), v)
	if err := l.Run(endOfTime); err != nil {
		return nil, err
	}
	return v, errors.Join(v.err, v.check())
}

func seconds(x float64) time.Duration { return time.Duration(math.Round(x * 1e9)) }

func (v *visitors) gap() time.Duration { return seconds(v.rand.ExpFloat64() / v.total) }

// Wake is an arrival.
func (v *visitors) Wake() {
	switch v.arrived++; {
	case v.arrived == v.skip:
		v.from = v.read()
	case v.arrived == v.last:
		v.to = v.read()
	}
	if v.arrived&(1<<10-1) == 0 && v.err == nil {
		v.err = v.check()
	}
	if v.arrived < v.last {
		v.loop.After(v.gap(), v)
	}
	c := v.customer()
	c.Class = v.class()
	c.came, c.room, c.spent, c.counts = v.loop.Elapsed(), 0, 0, v.arrived > v.skip
	c.enter()
}

// class draws which of the streams an arrival belongs to.
func (v *visitors) class() int {
	if len(v.rates) == 1 {
		return 0
	}
	for x, i := v.rand.Float64()*v.total, 0; ; i++ {
		if x -= v.rates[i]; x < 0 || i == len(v.rates)-1 {
			return i
		}
	}
}

func (v *visitors) customer() *customer {
	if n := len(v.free); n > 0 {
		c := v.free[n-1]
		v.free = v.free[:n-1]
		return c
	}
	c := &customer{at: v}
	c.Done = c
	return c
}

func (c *customer) enter() {
	c.Work = seconds(c.at.service(c.at.rand))
	c.spent += c.Work
	if err := c.at.rooms[c.room].Enter(&c.Job); err != nil {
		if c.counts {
			c.at.lost++
		}
		c.at.free = append(c.at.free, c)
	}
}

// Wake is a customer who has been served.
func (c *customer) Wake() {
	v := c.at
	if c.room++; c.room < len(v.rooms) {
		c.enter()
		return
	}
	if c.counts {
		sojourn := v.loop.Elapsed() - c.came
		wait := sojourn - c.spent
		t := &v.classes[c.Class]
		t.served++
		t.sojourn += sojourn.Seconds()
		t.wait += wait.Seconds()
		if wait > 0 {
			t.late++
		}
		if v.waits != nil {
			_ = v.waits.RecordValue(wait.Microseconds()) // fails beyond 10^5 s, which the 99th percentile shows
		}
	}
	v.free = append(v.free, c)
}

func (v *visitors) read() reading {
	return reading{v.loop.Elapsed().Seconds(), v.rooms[0].Flow.Counts().Occupancy, v.rooms[0].Busy().Seconds()}
}

func (v *visitors) check() (err error) {
	for _, m := range v.rooms {
		err = errors.Join(err, m.Check())
	}
	return err
}

func (v *visitors) wait(class int) float64 {
	return v.classes[class].wait / float64(v.classes[class].served)
}
func (v *visitors) sojourn(class int) float64 {
	return v.classes[class].sojourn / float64(v.classes[class].served)
}
func (v *visitors) late() float64 { return float64(v.classes[0].late) / float64(v.classes[0].served) }
func (v *visitors) loss() float64 { return float64(v.lost) / float64(v.last-v.skip) }
func (v *visitors) p99() float64  { return float64(v.waits.ValueAtQuantile(99)) / 1e6 }

// queue is Lq, from the machine's own integrals.
func (v *visitors) queue() float64 {
	return (v.to.occupancy - v.from.occupancy - (v.to.busy - v.from.busy)) / (v.to.at - v.from.at)
}

// crowd is many jobs that come at once to a machine with a core for each, again and again: what a request that needs
// all of them waits for.
type crowd struct {
	machine *Machine
	rand    *rand.Rand
	jobs    []Job
	missing int
	begun   time.Duration
	left    int // trials
	slowest float64
}

// slowestOf measures the mean of the longest of so many service times.
func slowestOf(n int, r run) (float64, error) {
	l := loop.New(epoch)
	defer l.Close()
	trials := max(r.arrivals/n, 1)
	c := &crowd{machine: NewMachine(l, Capacity{}), rand: r.rand, jobs: make([]Job, n), left: trials}
	c.gather()
	err := l.Run(endOfTime)
	return c.slowest / float64(trials), errors.Join(err, c.machine.Check())
}

func (c *crowd) gather() {
	c.begun, c.missing = c.machine.loop.Elapsed(), len(c.jobs)
	for i := range c.jobs {
		c.jobs[i].Work, c.jobs[i].Done = seconds(c.rand.ExpFloat64()), c
		_ = c.machine.Enter(&c.jobs[i]) // has no limit
	}
}

// Wake is one of them done.
func (c *crowd) Wake() {
	if c.missing--; c.missing > 0 {
		return
	}
	c.slowest += (c.machine.loop.Elapsed() - c.begun).Seconds()
	if c.left--; c.left > 0 {
		c.gather()
	}
}

// hitRatio is that of an LRU cache of so many items, asked for independently of each other, once it is full.
func hitRatio(popularity []float64, items int, r run) float64 {
	cumulative := make([]float64, len(popularity))
	sum := 0.0
	for i, p := range popularity {
		sum += p
		cumulative[i] = sum
	}
	order, held := list.New(), map[int]*list.Element{}
	ask := func() (hit bool) {
		item, _ := slices.BinarySearch(cumulative, r.rand.Float64()*sum)
		if e, ok := held[item]; ok {
			order.MoveToFront(e)
			return true
		}
		if order.Len() == items {
			delete(held, order.Remove(order.Back()).(int))
		}
		held[item] = order.PushFront(item)
		return false
	}
	for range 20 * items {
		ask()
	}
	hits := 0
	for range r.arrivals {
		if ask() {
			hits++
		}
	}
	return float64(hits) / float64(r.arrivals)
}

// bothBad is how often Choose has nothing clean to choose from, when each of two pipelines' segments are defective
// with probability p, independently. Only the segments in which the first is defective are looked at (the gaps
// between them are geometric), and so many of them.
func bothBad(p float64, r run) float64 {
	segments, bad := 0.0, 0
	candidates := make([]origin.Candidate, 2)
	for range r.arrivals {
		segments += math.Ceil(math.Log(1-r.rand.Float64()) / math.Log1p(-p))
		candidates[0].Defects, candidates[1].Defects = origin.ShortSegment, 0
		if r.rand.Float64() < p {
			candidates[1].Defects = origin.ShortSegment
		}
		if best, ok := origin.Choose(candidates); ok && best.Defects != 0 {
			bad++
		}
	}
	return float64(bad) / segments
}

// run is one replication.
type run struct {
	rand     *rand.Rand
	arrivals int // that count
}

func newRun(seed uint64, name string, arrivals int) run {
	return run{streams.New(seed, name), arrivals}
}
