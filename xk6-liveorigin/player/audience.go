package player

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Audience is what Play needs besides the plan.
type Audience struct {
	Options   Options
	Event     *Event
	Transport http.RoundTripper
	Header    http.Header // of every request, nil for none; never changed
	VU        uint64      // of this process's VUs, from 1
	Sink      Sink
}

// audience is an Audience at play.
type audience struct {
	options   *Options
	event     *Event
	transport http.RoundTripper
	header    http.Header
	vu        uint64
	sink      Sink

	until  time.Duration
	bases  []*url.URL // by edge
	orders [][]int    // by home edge
	sets   [][]int    // what there is to play
	dvr    []bool     // by viewer
	names  names

	jittering sync.Mutex
	jitter    *rand.Rand

	fetches  sync.WaitGroup
	viewers  sync.WaitGroup
	watching atomic.Int64
	peak     atomic.Int64
	requests atomic.Int64
	segments atomic.Int64
	missed   atomic.Int64
}

var errNoEnd = errors.New("the event has no end: say how long to play, by until or for")

// Play lets the plan's viewers watch, and returns when all have gone and every fetch is over, or soon after ctx is done.
// A Result comes with every error that did not prevent playing.
func (p *Audience) Play(ctx context.Context, plan Plan) (Result, error) {
	a, err := p.prepare(plan)
	if err != nil {
		return Result{}, err
	}
	ticking, stop := context.WithCancel(ctx)
	var ticks sync.WaitGroup
	ticks.Go(func() { a.tick(ticking) })
	a.admit(ctx, plan.Viewers)
	a.viewers.Wait()
	a.fetches.Wait()
	stop()
	ticks.Wait()
	r := Result{
		At: a.event.now(), PlannedPeak: plan.Viewers.Peak, Peak: int(a.peak.Load()), Requests: a.requests.Load(),
		Segments: a.segments.Load(), Missed: a.missed.Load(), Interrupted: ctx.Err() != nil,
	}
	return r, a.sink.End(r)
}

func (p *Audience) prepare(plan Plan) (*audience, error) {
	a := &audience{
		options: &p.Options, event: p.Event, transport: p.Transport, header: p.Header, vu: max(1, p.VU), sink: p.Sink,
		until: plan.Until, jitter: stream(p.Options.Seed, streamJitter, p.VU, 0),
	}
	switch {
	case plan.For > 0:
		a.until = max(0, a.event.now()) + plan.For
	case plan.Until == 0 && a.event.Length == 0:
		return nil, errNoEnd
	case plan.Until == 0:
		a.until = math.MaxInt64
	}
	sets, err := ladder(a.event, a.options.Ladder)
	if err != nil {
		return nil, err
	}
	a.sets = sets
	for i, e := range a.options.Edges {
		base, err := url.Parse(e.URL)
		if err != nil {
			return nil, err
		}
		a.bases, a.orders = append(a.bases, base), append(a.orders, fallback(a.options.Edges, i))
	}
	a.dvr = a.chooseDVR(plan.Viewers.Peak)
	return a, nil
}

// chooseDVR says which viewers watch behind live. Their number is exactly the share, or one of the two next to it in the
// proportion that makes the share right on average: many VUs of one viewer each have their DVR viewers too. They are
// spread over all viewers like the offsets are, from a place that is drawn, so that those who stay at the live edge of a
// small audience are as evenly spread as all of them.
func (a *audience) chooseDVR(viewers int) []bool {
	r := stream(a.options.Seed, streamShare, a.vu, 0)
	count := min(int(a.options.DVRShare*float64(viewers)+r.Float64()), viewers)
	begin := r.Float64()
	order := make([]int, viewers)
	at := make([]float64, viewers)
	for i := range order {
		order[i] = i
		_, at[i] = math.Modf(begin + float64(i)*golden)
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(at[i], at[j]) })
	chosen := make([]bool, viewers)
	for _, i := range order[:count] {
		chosen[i] = true
	}
	return chosen
}

// admit lets viewers in as the curve says.
func (a *audience) admit(ctx context.Context, c Curve) {
	for i := range c.Peak {
		joins := c.joins(i)
		if joins > a.until || !sleep(ctx, joins-a.event.now()) {
			return
		}
		v := a.viewer(i)
		joins = max(joins, a.event.now())
		a.viewers.Add(1)
		go func() {
			defer a.viewers.Done()
			a.come()
			defer a.watching.Add(-1)
			v.watch(ctx, joins)
		}()
	}
}

func (a *audience) come() {
	n := a.watching.Add(1)
	for {
		peak := a.peak.Load()
		if n <= peak || a.peak.CompareAndSwap(peak, n) {
			return
		}
	}
}

// tick tells the sink every whole second how many viewers are watching.
func (a *audience) tick(ctx context.Context) {
	for {
		second := (a.event.now()/time.Second + 1) * time.Second
		if a.event.now() < 0 {
			second = 0
		}
		if !sleep(ctx, second-a.event.now()) {
			return
		}
		a.sink.Tick(second, int(a.watching.Load()))
	}
}

// report hands an outcome on.
func (a *audience) report(o *Outcome) {
	a.requests.Add(int64(o.Requests))
	switch {
	case o.Received:
		a.segments.Add(1)
	case !o.Left:
		a.missed.Add(1)
	}
	a.sink.Segment(o)
}

// names keeps one copy of each name that edges send, and lets in only so many: names become tags and keys.
type names struct{ known sync.Map }

const (
	namesMost = 256
	otherName = "other"
)

func (n *names) intern(s string) string {
	if s == "" {
		return ""
	}
	if known, ok := n.known.Load(s); ok {
		return known.(string)
	}
	size := 0
	n.known.Range(func(any, any) bool { size++; return true })
	if size >= namesMost {
		return otherName
	}
	known, _ := n.known.LoadOrStore(s, s)
	return known.(string)
}
