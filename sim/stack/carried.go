package stack

import (
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/sim/resources"
)

// Calls is how many requests and publications have been simulated.
func (v *Virtual) Calls() int64 { return v.calls }

// Check holds every node, machine and link to conservation and to Little's law.
func (v *Virtual) Check() error {
	for _, e := range v.endpoints {
		if err := e.flow.Check(); err != nil {
			return fmt.Errorf("%s %s: %w", e.Name, e.side, err)
		}
		if e.machine != nil {
			if err := e.machine.Check(); err != nil {
				return fmt.Errorf("machine of %s %s: %w", e.Name, e.side, err)
			}
		}
		if e.card != nil {
			if err := e.card.Check(); err != nil {
				return fmt.Errorf("network card of %s %s: %w", e.Name, e.side, err)
			}
		}
	}
	for _, w := range v.all {
		for _, l := range []*resources.Link{w.up, w.down} {
			if err := l.Check(); err != nil {
				return fmt.Errorf("link between %s and %s: %w", w.from, w.to, err)
			}
		}
	}
	if v.together != nil {
		return v.together.Check()
	}
	return nil
}

// Carried is what the parts of one tier in one region have carried since the beginning. Holders is the sum of the most
// that each of them held open at a moment since Carried was last called: looked at whenever a held request is answered,
// and when it is called.
type Carried struct {
	Tier     Tier
	Side     Side
	Region   string
	Nodes    int64
	Requests int64
	Bytes    int64
	Hits     int64
	Misses   int64
	Shed     int64
	Failed   int64
	Holders  int64
	CPU      time.Duration
}

// Carried adds up what has been carried, by tier, stack and region, in the order of their making. It begins to look for
// the most holders anew.
func (v *Virtual) Carried() []Carried {
	var all []Carried
	place := map[Carried]int{}
	for _, e := range v.endpoints {
		key := Carried{Tier: e.Tier, Side: e.side, Region: e.Region}
		i, ok := place[key]
		if !ok {
			i = len(all)
			place[key] = i
			all = append(all, key)
		}
		if e.holders != nil {
			e.carried.Holders = max(e.carried.Holders, int64(e.holders.Holders()))
		}
		all[i].add(e)
		e.carried.Holders = 0
	}
	return all
}

func (c *Carried) add(e *endpoint) {
	c.Nodes += int64(e.Machines())
	c.Requests += e.carried.Requests
	c.Bytes += e.carried.Bytes
	c.Hits += e.carried.Hits
	c.Misses += e.carried.Misses
	c.Shed += e.carried.Shed
	c.Failed += e.carried.Failed
	c.Holders += e.carried.Holders
	if e.machine != nil && !e.lodger {
		c.CPU += e.machine.Busy()
	}
}

// Fill is what the edge servers of one region had to ask for: each server its site's designated filler, and that one the
// tier behind.
type Fill struct {
	Region   string
	Requests int64
}

// Fills adds up what edge servers asked for, by their region.
func (v *Virtual) Fills() []Fill { return v.fills }

// filled counts requests of edge servers.
func (v *Virtual) filled(region string, requests int64) {
	for i := range v.fills {
		if v.fills[i].Region == region {
			v.fills[i].Requests += requests
			return
		}
	}
	v.fills = append(v.fills, Fill{region, requests})
}

// Backbone is what one region's link to the caches has carried.
type Backbone struct {
	Region string
	Bytes  int64
	Limit  int64 // bit/s; zero: none
}

// Backbones lists them in the order of their making.
func (v *Virtual) Backbones() []Backbone {
	var all []Backbone
	for _, w := range v.all {
		if w.from == backboneLeg {
			limit := v.network.Top.Bandwidth
			if v.backbone > 0 {
				limit = v.backbone
			}
			all = append(all, Backbone{w.to, w.down.Flow.Counts().Bytes, 8 * int64(limit)})
		}
	}
	return all
}
