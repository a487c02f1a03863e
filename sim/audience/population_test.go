package audience

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/streams"
	"pgregory.net/rapid"
)

// populations are both kinds, over rules that a test may change first.
func populations(t rapid.TB, change func(c *Config)) map[string]population {
	made := map[string]population{}
	for _, kind := range []string{"counts", "agents"} {
		w := newWorld(0, 4, instant)
		change(&w.config)
		r, err := newRules(&w.config)
		if err != nil {
			t.Fatal(err)
		}
		r.attend(streams.New(1, "share"))
		made[kind] = newCounts(r, streams.New(1, kind))
		if kind == "agents" {
			made[kind] = newAgents(r, streams.New(1, kind))
		}
	}
	return made
}

// served is a turn in which everybody got something.
func served(number int) *turn {
	t := &turn{number: number, share: make([]float64, 1000)}
	for i := range t.share {
		t.share[i] = 1
	}
	return t
}

// Whatever happens, no viewer is lost, made up, or split.
func TestNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peak := rapid.IntRange(1, 5000).Draw(t, "peak")
		all := populations(t, func(c *Config) {
			c.Audience.Viewers = scenarios.Viewers{Start: peak, Peak: peak}
			c.Audience.Adaptive = rapid.Bool().Draw(t, "adaptive")
			c.Audience.DVRShare, c.Audience.Rewinds = rapid.Float64Range(0, 1).Draw(t, "dvr"), 0.5
			c.Audience.Restarts = scenarios.Restarts{
				After:  time.Duration(rapid.IntRange(0, 9).Draw(t, "after")) * time.Second,
				Within: time.Duration(rapid.IntRange(0, 9).Draw(t, "within")) * time.Second, Surge: 3,
			}
		})
		for number := range rapid.IntRange(1, 30).Draw(t, "turns") {
			turn := served(number)
			for i := range turn.share {
				turn.share[i] = []float64{0, 0.3, 1}[(i+number/3)%3]
			}
			come, leave := rapid.Float64Range(0, 1).Draw(t, "come"), rapid.Float64Range(0, 1).Draw(t, "leave")
			for _, kind := range []string{"counts", "agents"} {
				c := all[kind].census()
				turn.come = int64(come * float64(int64(peak)-c.come))
				turn.leave = int64(leave * float64(c.come-c.gone))
				all[kind].advance(turn)
				c.check() // panics
				for i, n := range append(c.watching, c.starting...) {
					if n < 0 {
						t.Fatalf("%s: %d viewers of kind %d", kind, n, i)
					}
				}
			}
		}
	})
}

// A population that loses a viewer is found out.
func TestLossIsFoundOut(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a viewer was lost, and nobody noticed")
		}
	}()
	c := census{watching: []int64{3, 4}, starting: []int64{1}, waiting: 2, come: 12, gone: 1}
	c.check()
}

// sumOf adds up the viewers in a mode.
func sumOf(r *rules, c *census, m mode) (sum int64) {
	for h := range r.homes {
		for g := range r.groups {
			sum += c.watching[r.place(h, m, g)]
		}
	}
	return sum
}

// rulesOf finds a population's rules.
func rulesOf(p population) *rules {
	if c, ok := p.(*counts); ok {
		return c.rules
	}
	return p.(*agents).rules
}

// Viewers are seated evenly, edge after edge and set after set, and exactly the share of them watches behind live.
func TestSeating(t *testing.T) {
	for kind, p := range populations(t, func(c *Config) {
		c.Audience.Viewers = scenarios.Viewers{Start: 1200, Peak: 1200}
		c.Audience.DVRShare = 0.25
		c.Edges[1].Alike = 3
	}) {
		turn := served(0)
		turn.come = 700
		p.advance(turn)
		turn.come = 500
		p.advance(turn)
		r, c := rulesOf(p), p.census()
		if got := sumOf(r, c, behind); got != 300 {
			t.Errorf("%s: %d of 1200 behind live; want 300", kind, got)
		}
		for h := range r.homes {
			for g := range r.groups {
				want := int64(1200 * r.homes[h].Alike / 6 / 3)
				if got := c.watching[r.place(h, atEdge, g)] + c.watching[r.place(h, behind, g)]; got < want-3 || got > want+3 {
					t.Errorf("%s: %d viewers of set %d at home %d; want %d", kind, got, g, h, want)
				}
			}
		}
	}
}

// Links change, and remain as frequent as each other; viewers go back and return until both are in balance.
func TestBalance(t *testing.T) {
	t.Parallel()
	for kind, p := range populations(t, func(c *Config) {
		c.Audience.Viewers = scenarios.Viewers{Start: 32_000, Peak: 32_000}
		c.Audience.Adaptive, c.Audience.Rewinds = true, 0.5
	}) {
		turn := served(0)
		turn.come = 32_000
		p.advance(turn)
		turn.come = 0
		r, c := rulesOf(p), p.census()
		before := fmt.Sprint(c.watching)
		for n := range 150 {
			turn.number = n + 1
			p.advance(turn)
		}
		if fmt.Sprint(c.watching) == before {
			t.Errorf("%s: nothing changed", kind)
		}
		byLink := make([]float64, r.groups)
		for h := range r.homes {
			for m := range modes {
				for g := range r.groups {
					byLink[g] += float64(c.watching[r.place(h, m, g)])
				}
			}
		}
		for g, n := range byLink {
			if math.Abs(n-2_000) > 5*45 {
				t.Errorf("%s: %v viewers have links of class %d; want 2000", kind, n, g)
			}
		}
		away := 1 - math.Pow(0.5, 1.0/30)
		back := 1 - math.Exp(-2.0/60)
		want := 32_000 * away / (away + back)
		if got := float64(sumOf(r, c, wentBack)); math.Abs(got-want) > 5*90 {
			t.Errorf("%s: %v viewers have gone back; want %.0f", kind, got, want)
		}
	}
}

// A link changes as often as it should, and no more than by one class.
func TestLinkChanges(t *testing.T) {
	for kind, p := range populations(t, func(c *Config) {
		c.Audience.Viewers = scenarios.Viewers{Start: 16_000, Peak: 16_000}
		c.Audience.Adaptive = true
	}) {
		turn := served(0)
		turn.come = 16_000
		p.advance(turn)
		r, c := rulesOf(p), p.census()
		// Put all of one home into class 5, and look where they are after a turn.
		total := int64(0)
		for g := range r.groups {
			total += c.watching[r.place(2, atEdge, g)]
		}
		switch p := p.(type) {
		case *counts:
			clear(p.level[0][r.place(2, 0, 0):r.place(3, 0, 0)])
			p.level[0][r.place(2, atEdge, 5)] = total
		case *agents:
			for i := range p.viewers {
				if p.viewers[i].home == 2 {
					p.viewers[i].group = 5
				}
			}
		}
		turn.come, turn.number = 0, 1
		p.advance(turn)
		at := func(g int) float64 { return float64(c.watching[r.place(2, atEdge, g)]) / float64(total) }
		half := (1 - math.Exp(-2.0/60)) / 2
		if math.Abs(at(4)-half) > 0.01 || math.Abs(at(6)-half) > 0.01 || at(4)+at(5)+at(6) != 1 {
			t.Errorf("%s: %v, %v, %v around class 5; want %v moved to each side", kind, at(4), at(5), at(6), half)
		}
	}
}

// Who gets nothing for longer than After starts again, within Within, and again one turn after each start in vain.
func TestRestarts(t *testing.T) {
	for kind, p := range populations(t, func(c *Config) {
		c.Audience.Viewers = scenarios.Viewers{Start: 90_000, Peak: 90_000}
		c.Audience.Restarts = scenarios.Restarts{After: 5 * time.Second, Within: 3 * time.Second, Surge: 10}
	}) {
		started := func() (sum int64) {
			for _, n := range p.census().starting {
				sum += n
			}
			return sum
		}
		turn := served(0)
		turn.come = 90_000
		p.advance(turn)
		turn.come = 0
		clear(turn.share)
		// Two turns are 4 s without a segment, three are longer than 5 s. Two thirds of 3 s are in the first turn. Who has
		// started watches for one turn, and is silent again in the next.
		for n, want := range [][2]int64{
			{0, 0}, {0, 0}, {60_000, 30_000}, {30_000, 0}, {40_000, 20_000}, {40_000, 10_000}, {36_667, 13_333},
			{40_000, 13_333},
		} {
			turn.number = n + 1
			p.advance(turn)
			if off := max(apart(started(), want[0]), apart(p.census().waiting, want[1])); off > 800 {
				t.Errorf("%s: after %d turns %d start and %d wait; want %v", kind, n+1, started(), p.census().waiting, want)
			}
		}
		for i := range turn.share {
			turn.share[i] = 1
		}
		for n := range 4 {
			turn.number = n + 9
			p.advance(turn)
		}
		if started() != 0 || p.census().waiting != 0 {
			t.Errorf("%s: %d start and %d wait after the outage", kind, started(), p.census().waiting)
		}
	}
}

func apart(a, b int64) int64 { return max(a-b, b-a) }
