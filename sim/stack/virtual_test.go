package stack

import (
	"context"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// virtualWorld is an event on a delivery network, of which nothing has happened yet.
func virtualWorld(t *testing.T, src string) (*Stack, *Virtual, *loop.Loop, *records) {
	t.Helper()
	sc, err := scenarios.Parse("virtual.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l, rec := loop.New(start.Add(-time.Second)), new(records)
	t.Cleanup(func() { l.Close() })
	ev := sc.Event(start)
	v, err := NewVirtual(l, sc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(context.Background(), Config{Scenario: sc, Event: ev, Runtime: l, Recorder: rec, Wiring: v, Media: Sizes})
	if err != nil {
		t.Fatal(err)
	}
	return s, v, l, rec
}

const network = `
about: a test
event: {duration: 20s, ladder: small}
regions:
  east: {pipelines: [a], origins: 3}
  west: {pipelines: [b], origins: 3}
machines: {profile: cloud}
network: {profile: world}
delivery: {sites: 60, servers: 180, top_tier: 6, groups: 12, backbone: 1Gbps}
audience: {viewers: {peak: 1000}}
`

// askAll asks every group of sites for every segment when it is available.
func askAll(s *Stack, l *loop.Loop) (asked int) {
	ev := &s.Event
	for _, e := range s.Edges() {
		for _, r := range ev.Renditions {
			l.Go(func() {
				for n := ev.StartNumber; n <= ev.LastNumber(); n++ {
					_ = l.Sleep(context.Background(), ev.AvailableAt(n).Sub(l.Now()))
					_, _ = e.Getter.Get(context.Background(), origin.Request{Event: ev.ID, Rendition: r.ID, Number: n})
				}
			})
			asked += int(ev.LastNumber())
		}
	}
	return asked
}

// A network's requests are what arithmetic says: one for each site, rendition and segment at the top tier, one for each
// cache of the top tier at the origins, over all of them alike, and all bytes over the backbone.
func TestDeliveryNetworkArithmetic(t *testing.T) {
	s, v, l, _ := virtualWorld(t, network)
	s.Publish()
	askAll(s, l)
	if err := l.Run(s.Event.End.Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := v.Check(); err != nil {
		t.Error(err)
	}
	const segments, renditions, sites, servers, top = 10, 2, 60, 180, 6
	sums := map[Tier]Carried{}
	for _, c := range v.Carried() {
		if c.Side == Publishing {
			continue
		}
		sum := sums[c.Tier]
		sum.Nodes += c.Nodes
		sum.Requests += c.Requests
		sum.Hits += c.Hits
		sum.Misses += c.Misses
		sum.Bytes += c.Bytes
		sums[c.Tier] = sum
	}
	for tier, want := range map[Tier]Carried{
		Site:    {Nodes: servers},
		TopTier: {Nodes: top, Requests: sites * segments * renditions, Misses: 12 * segments * renditions, Hits: (sites - 12) * segments * renditions},
		Origin:  {Nodes: 6, Requests: top * segments * renditions},
	} {
		got := sums[tier]
		if got.Nodes != want.Nodes || got.Requests != want.Requests || got.Misses+got.Hits != want.Misses+want.Hits || got.Misses > want.Misses {
			t.Errorf("%s: %+v; want %+v", tier, got, want)
		}
	}
	var fills, backbone int64
	for _, f := range v.Fills() {
		fills += f.Requests
	}
	for _, b := range v.Backbones() {
		backbone += b.Bytes
		if b.Limit != 1e9 {
			t.Errorf("backbone of %s has %d bit/s", b.Region, b.Limit)
		}
	}
	if fills != servers*segments*renditions || backbone != sums[Origin].Bytes {
		t.Errorf("%d fills, want %d; %d bytes over the backbone, %d from origins", fills, servers*segments*renditions, backbone, sums[Origin].Bytes)
	}
}

// Caches of a region do not all ask its first origin: the others would idle while one network card queues.
func TestCachesShareTheOrigins(t *testing.T) {
	s, _, l, rec := virtualWorld(t, network)
	s.Publish()
	askAll(s, l)
	if err := l.Run(s.Event.End.Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	decisions := map[string]int{}
	for _, r := range rec.all {
		if r.Kind == origin.KindDecision {
			decisions[r.Node]++
		}
	}
	for _, name := range []string{"east-origin-1", "east-origin-2", "east-origin-3", "west-origin-1", "west-origin-2", "west-origin-3"} {
		if decisions[name] != 20 {
			t.Errorf("%s decided %d times, want 20 of 120: %v", name, decisions[name], decisions)
		}
	}
}
