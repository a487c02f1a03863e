package liveorigin

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
)

// options are Player's, as README.md and index.d.ts list them.
type options struct {
	player.Options
	snapshot     string
	countersOnly bool
}

const (
	edgesMost   = 1000
	phasesMost  = 1000
	viewersMost = 1_000_000
)

func readOptions(v any) (*options, error) {
	o := &options{Options: player.Options{Ladder: player.Spread, Buffer: 4 * time.Second, CheckEvery: 16}}
	metrics, seed := "all", 1.0
	r := newReader("new Player", v)
	r.text("event", &o.Event)
	r.list("edges", o.readEdge)
	r.text("ladder", &o.Ladder)
	r.duration("buffer", &o.Buffer)
	r.number("dvr_share", &o.DVRShare, 0, 1)
	if scrub, ok := r.get("scrub"); ok {
		r.err = o.readScrub(scrub)
	}
	r.whole("check_every", &o.CheckEvery, 0, math.MaxInt32)
	r.list("phases", o.readPhase)
	r.number("seed", &seed, 0, 1<<64-2048) // the largest number that fits both a float64 and 64 bits
	r.text("snapshot", &o.snapshot)
	r.text("k6_metrics", &metrics)
	o.Seed, o.countersOnly = uint64(seed), metrics == "counters"
	if err := r.close(); err != nil {
		return nil, err
	}
	switch {
	case o.Event == "":
		return nil, fmt.Errorf("new Player: event: name the event")
	case len(o.Edges) == 0:
		return nil, fmt.Errorf("new Player: edges: name one at least, such as {name: 'edge-1', url: 'http://…'}")
	case o.Buffer > time.Hour:
		return nil, fmt.Errorf("new Player: buffer: %v is more than an hour", o.Buffer)
	case metrics != "all" && metrics != "counters":
		return nil, fmt.Errorf("new Player: k6_metrics: %q is neither 'all' nor 'counters'", metrics)
	}
	return o, nil
}

func (o *options) readEdge(i int, v any) error {
	var e player.Edge
	r := newReader(fmt.Sprintf("edges[%d]", i), v)
	r.text("name", &e.Name)
	r.text("region", &e.Region)
	r.text("url", &e.URL)
	if err := r.close(); err != nil {
		return err
	}
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: url: %q is not like 'http://127.0.0.1:8090'", r.what, e.URL)
	case e.Name == "":
		return fmt.Errorf("%s: name: give the edge a name", r.what)
	case i >= edgesMost:
		return fmt.Errorf("%s: more than %d edges", r.what, edgesMost)
	}
	for _, other := range o.Edges {
		if other.Name == e.Name {
			return fmt.Errorf("%s: name: another edge is called %q too", r.what, e.Name)
		}
	}
	e.URL = strings.TrimRight(e.URL, "/")
	o.Edges = append(o.Edges, e)
	return nil
}

func (o *options) readScrub(v any) error {
	var at, length time.Duration
	r := newReader("scrub", v)
	r.duration("at", &at)
	r.duration("for", &length)
	if err := r.close(); err != nil {
		return err
	}
	if length == 0 {
		return fmt.Errorf("scrub: for: say how long, such as '5s'")
	}
	o.Scrub = player.Window{From: at, Until: at + length}
	return nil
}

func (o *options) readPhase(i int, v any) error {
	var p player.Phase
	r := newReader(fmt.Sprintf("phases[%d]", i), v)
	r.text("name", &p.Name)
	r.duration("from", &p.From)
	if err := r.close(); err != nil {
		return err
	}
	switch {
	case p.Name == "":
		return fmt.Errorf("%s: name: give the phase a name", r.what)
	case i > 0 && p.From <= o.Phases[i-1].From:
		return fmt.Errorf("%s: from: %v is not after phase %q, which begins at %v", r.what, p.From, o.Phases[i-1].Name,
			o.Phases[i-1].From)
	case i >= phasesMost:
		return fmt.Errorf("%s: more than %d phases", r.what, phasesMost)
	}
	o.Phases = append(o.Phases, p)
	return nil
}

func readPlan(v any) (p player.Plan, err error) {
	r := newReader("play", v)
	viewers, _ := r.get("viewers")
	r.duration("until", &p.Until)
	r.duration("for", &p.For)
	if err := r.close(); err != nil {
		return p, err
	}
	if p.Until > 0 && p.For > 0 {
		return p, fmt.Errorf("play: until and for both say when to end; give one of them")
	}
	if p.Viewers, err = readCurve(viewers); err != nil {
		return p, err
	}
	return p, nil
}

// readCurve reads a number of viewers, or {start, ramp, peak}.
func readCurve(v any) (c player.Curve, err error) {
	if n, ok := number(v); ok {
		v = map[string]any{"start": n, "peak": n}
	}
	r := newReader("play: viewers", v)
	r.whole("start", &c.Start, 0, viewersMost)
	r.duration("ramp", &c.Ramp)
	r.whole("peak", &c.Peak, 1, viewersMost)
	if err := r.close(); err != nil {
		return c, err
	}
	switch {
	case c.Peak == 0:
		return c, fmt.Errorf("play: viewers: give a number, or {start: 0, ramp: '20s', peak: 200}")
	case c.Start > c.Peak:
		return c, fmt.Errorf("play: viewers: start %d is above peak %d", c.Start, c.Peak)
	}
	return c, nil
}
