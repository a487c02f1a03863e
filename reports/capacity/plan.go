package capacity

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/liveorigin/liveorigin/reports"
)

// Schema names the layout of capacity.json; it changes when a field's meaning does.
const Schema = "liveorigin-capacity/1"

// Plan is a capacity plan: capacity.json, field by field. Times are milliseconds since the event's availability start.
type Plan struct {
	Schema   string `json:"schema"`
	Version  string `json:"version"`
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	Command  string `json:"command"` // repeats the replay
	// ResolutionMs is what a peak is the peak of: the sum over one second.
	ResolutionMs   int64    `json:"resolution_ms"`
	ViewersPeak    int64    `json:"viewers_peak"`
	ViewersPlanned int64    `json:"viewers_planned"`
	Zones          int      `json:"zones"` // of a region, of which one may be lost
	CalmBlocks     int      `json:"calm_blocks"`
	Units          []Unit   `json:"units"`
	Tiers          []Tier   `json:"tiers"`
	Needs          []Need   `json:"needs"`
	Limits         []Limit  `json:"limits"` // the most utilised first
	Growth         []Growth `json:"growth"`
	Notes          []string `json:"notes"`
}

// Read plans with what the replay in a directory carried. The error wraps fs.ErrNotExist where there is no load.jsonl,
// as after a run on the wall clock.
func Read(dir string, in Inputs) (*Plan, error) {
	f, err := os.Open(filepath.Join(dir, reports.LoadFile))
	if err != nil {
		return nil, fmt.Errorf("read load: %w", err)
	}
	defer f.Close()
	return Make(f, in)
}

// Make plans with what load.jsonl says was carried.
func Make(load io.Reader, in Inputs) (*Plan, error) {
	if err := in.check(); err != nil {
		return nil, fmt.Errorf("capacity plan: %w", err)
	}
	t, cut, err := readTimeline(load)
	if err != nil {
		return nil, err
	}
	blocks := t.calmBlocks(in.disturbed())
	p := &Plan{
		Schema: Schema, Version: in.Plan.Version, Scenario: in.Plan.Scenario, Seed: in.Plan.Seed, Command: in.Plan.Command,
		ResolutionMs: 1000, ViewersPeak: int64(t.peak), ViewersPlanned: int64(in.Plan.Viewers), Zones: in.Zones,
		CalmBlocks: len(blocks), Units: append([]Unit{}, in.Units...), Tiers: []Tier{}, Needs: []Need{},
		Limits: t.limits(in.Units, blocks), Growth: t.growth(&in, blocks), Notes: []string{},
	}
	for _, s := range t.series {
		p.Tiers = append(p.Tiers, t.summary(s))
	}
	for i := range in.Units {
		p.addNeeds(&in.Units[i], t)
	}
	p.explain()
	if cut != "" {
		p.Notes = append(p.Notes, cut)
	}
	return p, nil
}

func (p *Plan) addNeeds(u *Unit, t *timeline) {
	carried := false
	for _, s := range t.of(u.Tier) {
		if n, ok := needOf(u, s, p.Zones); ok {
			p.Needs = append(p.Needs, n)
			carried = true
		}
	}
	if !carried {
		p.Notes = append(p.Notes,
			fmt.Sprintf("nothing is planned for %ss: tier %s carried nothing that limits one", u.Name, u.Tier))
	}
}

// explain says how the figures came about.
func (p *Plan) explain() {
	p.Notes = append(p.Notes,
		"a peak is the busiest second, faults and all; p99 is over the seconds in which the tier had requests or bytes; "+
			"that of memory is over all",
		"a dash is a measure of which a tier had nothing in the whole replay, or which is not modelled there",
		fmt.Sprintf("trends are straight lines through %d calm blocks of %d s: ramp and plateau, without faults, surges and "+
			"the %v after each; a block counts with the mean of what is spent and the most of what is held",
			p.CalmBlocks, blockSeconds, settling),
		"intervals are of 95 %; where what a line leaves over hangs together from block to block, they are widened",
	)
	if len(p.Growth) > 1 {
		p.Notes = append(p.Notes, "rows marked extrapolated are beyond the viewers of the calm blocks, at most by as many "+
			"again; a peak is taken to keep the ratio to its trend that it had")
	}
}
