package capacity

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/reports"
)

// world is the load of an event made by hand: the right answers are known.
type world struct {
	in    Inputs
	loads []reports.Load
}

const (
	peakViewers = 60_000_000
	rampSeconds = 600
	plateau     = 600
)

// viewersAt ramps up, stays, and sends everybody home in a minute.
func viewersAt(second int64) int64 {
	switch {
	case second < rampSeconds:
		return peakViewers * second / rampSeconds
	case second < rampSeconds+plateau:
		return peakViewers
	}
	return max(0, peakViewers*(rampSeconds+plateau+60-second)/60)
}

const eventSeconds = rampSeconds + plateau + 60

// ordinary is an event in which two edges' regions each carry half the viewers at 5 Mb/s, one request in two seconds
// each; origins are asked the same at any number of viewers; and nothing is exact, by 1 % (one standard deviation). The
// stores have something to do in one second of fifty, and hold what they have in all.
func ordinary() *world {
	w := &world{in: Inputs{
		Plan: reports.Plan{
			Version: "test", Scenario: "by-hand", Seed: 7, Command: "liveorigin replay by-hand", Viewers: peakViewers,
		},
		Units: []Unit{
			{Name: "edge server", Tier: reports.TierEdge, Cores: 32, NICBps: 100e9, Target: 0.8, Source: "by hand"},
			{Name: "origin instance", Tier: reports.TierOrigin, Cores: 16, NICBps: 25e9, OpsPerSecond: 4000, HoldersMax: 2000,
				Target: 0.5, Source: "by hand"},
		},
		Zones: 3,
	}}
	rng := rand.New(rand.NewPCG(1, 2))
	about := func(v float64) int64 { return int64(v * (1 + 0.01*rng.NormFloat64())) }
	for s := range int64(eventSeconds) {
		v := float64(viewersAt(s)) / 2
		if v == 0 {
			continue
		}
		for _, region := range []string{"us-east", "us-west"} {
			w.add(s, reports.TierViewers, region, reports.Load{Viewers: int64(v), Requests: about(v / 2)})
			w.add(s, reports.TierEdge, region, reports.Load{Nodes: 2000, Requests: about(v / 2), Bytes: about(v * 5e6 / 8),
				CPUUs: about(v * 200), Hits: int64(v / 2), Misses: 900})
			w.add(s, reports.TierBackbone, region, reports.Load{Bytes: about(1e9), LimitBps: 40e9})
			w.add(s, reports.TierOrigin, region, reports.Load{Nodes: 6, Requests: about(900), Bytes: about(1e9),
				CPUUs: about(2e6), Holders: about(500)})
			store := reports.Load{Nodes: 12, MemoryBytes: 1 << 20 * s}
			if s%50 == 0 {
				store.Requests, store.StoreReads, store.StoreWrites, store.Bytes = 300, 100, 200, 6e6
			}
			w.add(s, reports.TierStore, region, store)
		}
	}
	return w
}

func (w *world) add(second int64, tier reports.Tier, region string, l reports.Load) {
	l.AtUs, l.Tier, l.Region = second*1e6, tier, region
	w.loads = append(w.loads, l)
}

// each changes the seconds of a tier and region in a half-open time.
func (w *world) each(tier reports.Tier, region string, from, until int64, change func(*reports.Load)) *world {
	for i := range w.loads {
		l := &w.loads[i]
		if l.Tier == tier && l.Region == region && l.AtUs >= from*1e6 && l.AtUs < until*1e6 {
			change(l)
		}
	}
	return w
}

func (w *world) file(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i := range w.loads {
		if err := enc.Encode(&w.loads[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func (w *world) plan(t testing.TB) *Plan {
	t.Helper()
	p, err := Make(bytes.NewReader(w.file(t)), w.in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func near(got, want, share float64) bool { return math.Abs(got-want) <= share*math.Abs(want) }
