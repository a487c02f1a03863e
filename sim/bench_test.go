package sim

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// BenchmarkOrigin counts whole requests with real handlers: a node's decision and its read from the modelled store of
// three zones, of the segments that the time-shift buffer holds. Sixty-four clients ask one after the other.
func BenchmarkOrigin(b *testing.B) {
	sc, err := scenarios.Load("quiet")
	if err != nil {
		b.Fatal(err)
	}
	l := loop.New(replayStart.Add(-startUp))
	defer l.Close()
	ev := sc.Event(replayStart)
	var g getters
	s, err := stack.New(context.Background(), stack.Config{Scenario: sc, Event: ev, Runtime: l, Recorder: origin.Discard,
		Wiring: &g, Media: stack.Sizes})
	if err != nil {
		b.Fatal(err)
	}
	s.Publish()
	if err := l.Run(ev.End); err != nil {
		b.Fatal(err)
	}
	c := &clients{loop: l, node: g.nodes[0], event: &ev}
	b.ReportAllocs()
	b.ResetTimer()
	c.left = b.N
	for range 64 {
		l.Go(c.ask)
	}
	if err := l.Settle(1 << 60); err != nil || c.served != b.N {
		b.Fatalf("%v: %d of %d served", err, c.served, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mreq/s")
}

// BenchmarkReplay plays whole scenarios, once each: a drill, and 65 million viewers for three hours.
func BenchmarkReplay(b *testing.B) {
	for _, name := range []string{"region-loss", "event-65m"} {
		b.Run(name, func(b *testing.B) {
			sc, err := scenarios.Load(name)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				o := Options{Out: filepath.Join(b.TempDir(), "run"), Command: "again", Progress: Quiet{}}
				report, _, err := Replay(context.Background(), sc, ReplayOptions{Options: o})
				if err != nil || report.Verdict != reports.Pass {
					b.Fatalf("%v: %v", err, report.Reasons)
				}
				b.ReportMetric(report.Replay.Compression(), "x")
				b.ReportMetric(float64(report.Replay.MemoryBytes)/(1<<20), "MiB")
				b.ReportMetric(report.Replay.RequestsPerSecond(), "req/s")
			}
		})
	}
}

// getters is a wiring that keeps the nodes that it is given.
type getters struct {
	stack.Calls
	nodes []origin.Getter
}

// Serve implements stack.Wiring.
func (g *getters) Serve(at stack.Part, to origin.Getter, broken func(origin.Getter) origin.Getter, c stack.Catalog) (stack.Door[origin.Getter], error) {
	if at.Tier == stack.Origin {
		g.nodes = append(g.nodes, to)
	}
	return g.Calls.Serve(at, to, broken, c)
}

// clients ask until all has been asked.
type clients struct {
	loop         *loop.Loop
	node         origin.Getter
	event        *origin.Event
	left, served int
}

func (c *clients) ask() {
	for c.left > 0 {
		n := c.event.StartNumber + origin.SegmentNumber(c.left)%c.event.LastNumber()
		r := c.event.Renditions[c.left%len(c.event.Renditions)].ID
		c.left--
		resp, err := c.node.Get(context.Background(), origin.Request{Event: c.event.ID, Rendition: r, Number: n})
		if err == nil && resp.OK() {
			c.served++
		}
	}
}
