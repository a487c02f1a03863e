package audience

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

func TestLadder(t *testing.T) {
	e := testEvent(time.Minute)
	for choice, want := range map[string]string{
		"spread": "[[2 3] [1 3] [0 3]]", "lowest": "[[2 3]]", "highest": "[[0 3]]", "v720": "[[1 3]]", "a128": "[[3]]",
	} {
		if got, err := ladder(&e, choice); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v; want %s", choice, got, err, want)
		}
	}
	if _, err := ladder(&e, "v999"); err == nil || !strings.Contains(err.Error(), "v720") {
		t.Errorf("an unknown rendition: %v; want an error that lists the event's", err)
	}
	e.Renditions = e.Renditions[3:]
	if got, err := ladder(&e, spread); err != nil || fmt.Sprint(got) != "[[0]]" {
		t.Errorf("an event without video: %v, %v; want its audio", got, err)
	}
	e.Renditions = nil
	if _, err := ladder(&e, spread); err == nil {
		t.Error("an event without renditions can be played")
	}
}

// An adaptive viewer plays the highest rung that fits into four fifths of its bandwidth.
func TestRung(t *testing.T) {
	e := testEvent(time.Minute)
	for _, c := range []struct {
		why  string
		rate float64
		want string
	}{
		{"nothing fits", 0.1e6, "[2 3]"}, {"just not the second", 3.74e6, "[2 3]"}, {"just the second", 3.76e6, "[1 3]"},
		{"just not the third", 7.49e6, "[1 3]"}, {"just the third", 7.51e6, "[0 3]"}, {"plenty", 1e9, "[0 3]"},
		{"loopback", 0, "[0 3]"},
	} {
		if got := fmt.Sprint(rung(&e, c.rate)); got != c.want {
			t.Errorf("%s (%v bit/s): %s; want %s", c.why, c.rate, got, c.want)
		}
	}
}

func edgesOf(regions string) (edges []Edge) {
	for _, r := range regions {
		edges = append(edges, Edge{Region: string(r), Alike: 1})
	}
	return edges
}

func TestFallback(t *testing.T) {
	for _, c := range []struct {
		why, regions string
		home         int
		want         string
	}{
		{"alone", "e", 0, "[0]"},
		{"own region first, from the home on", "eeww", 1, "[1 0 2 3]"},
		{"in turn", "ewew", 2, "[2 0 3 1]"},
		{"eight are all tried", "eeeewwww", 2, "[2 3 0 1 4 5 6 7]"},
		{"of more, three of the region and four others", "eeeeeewwwwww", 0, "[0 1 2 3 6 7 8 9]"},
		{"others are few", "eeeeeeeeeew", 0, "[0 1 2 3 4 5 6 10]"},
		{"own are few", "ewwwwwwwwww", 0, "[0 1 2 3 4 5 6 7]"},
		{"one region", "eeeeeeeeee", 9, "[9 0 1 2 3 4 5 6]"},
	} {
		if got := fmt.Sprint(fallback(edgesOf(c.regions), c.home)); got != c.want {
			t.Errorf("%s: %s; want %s", c.why, got, c.want)
		}
	}
}

// When a region is gone, its viewers are spread evenly over the others, however the edges are listed.
func TestFallbackSpreads(t *testing.T) {
	for _, regions := range []string{strings.Repeat("e", 20) + strings.Repeat("w", 20), strings.Repeat("ew", 20)} {
		edges, load := edgesOf(regions), map[int]int{}
		for home := range edges {
			if edges[home].Region == "e" {
				load[fallback(edges, home)[4]]++
			}
		}
		if len(load) != 20 {
			t.Errorf("%s: 20 homes fall on %d edges", regions, len(load))
		}
	}
}

// Viewers come to edges in turn, and to one that stands for three as often as to three.
func TestSeats(t *testing.T) {
	edges := edgesOf("ewe")
	if got := seats(edges); !slices.Equal(got, []int32{0, 1, 2}) {
		t.Errorf("alike: %v; want each once", got)
	}
	edges[1].Alike, edges[2].Alike = 3, 2
	if got := seats(edges); !slices.Equal(got, []int32{0, 1, 2, 1, 2, 1}) {
		t.Errorf("of one, three and two: %v", got)
	}
}

// Each class of link is as frequent as the others: their bandwidths are quantiles, symmetrical about the median.
func TestRates(t *testing.T) {
	a := Access{Median: 10e6, Sigma: 1}
	rates := a.rates()
	if !slices.IsSorted(rates[:]) || rates[0] < 1.5e6 || rates[0] > 1.6e6 { // exp(-1.863) of the median
		t.Errorf("rates %v", rates)
	}
	for i := range links / 2 {
		if product := rates[i] * rates[links-1-i] / 1e14; product < 0.999 || product > 1.001 {
			t.Errorf("rates %v and %v are not on both sides of the median", rates[i], rates[links-1-i])
		}
	}
	if got := transfer(1_000_000, 8e6); got != time.Second {
		t.Errorf("a megabyte at 8 Mb/s takes %v", got)
	}
	if new(Access).rates() != [links]float64{} || transfer(1_000_000, 0) != 0 {
		t.Error("a loopback takes time")
	}
}

func TestConfigsThatCannotBe(t *testing.T) {
	for why, spoil := range map[string]func(c *Config){
		"no edges":             func(c *Config) { c.Edges = nil },
		"an edge for none":     func(c *Config) { c.Edges[0].Alike = 0 },
		"nobody to ask":        func(c *Config) { c.Edges[0].Getter = nil },
		"no end":               func(c *Config) { c.Event.End = time.Time{} },
		"nowhere to write":     func(c *Config) { c.Out = nil },
		"an unknown rendition": func(c *Config) { c.Audience.Ladder = "v9" },
		"no event":             func(c *Config) { c.Event = origin.Event{End: begin} },
	} {
		w := newWorld(1, 1, instant)
		spoil(&w.config)
		if _, err := New(w.config); err == nil {
			t.Errorf("%s: no error", why)
		}
	}
}
