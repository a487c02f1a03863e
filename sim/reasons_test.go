package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// reasonScenarios show, together, every answer that an origin or an edge can give.
var reasonScenarios = []string{"not-found-storm", "defects", "quorum-loss", "late-encoder", "few-holders", "no-origin", "masked", "shed-dvr", "removed", "taken-down", "no-store", "late-start"}

// Every reason that a response can have is produced by some scenario; and of the decisions that origins made from the same
// candidates, all chose alike, on whatever node, unless the chosen one could not be read.
func TestEveryReasonIsShown(t *testing.T) {
	if testing.Short() {
		t.Skip("a dozen replays")
	}
	seen := map[origin.Reason]string{}
	for _, name := range reasonScenarios {
		sc, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		_, files := replayed(t, sc, false)
		choices := map[string]string{}
		for _, r := range records(t, files[historyFile]) {
			switch r.Kind {
			case origin.KindReason, origin.KindFetch:
				if seen[origin.Reason(r.Reason)] == "" {
					seen[origin.Reason(r.Reason)] = name
				}
			case origin.KindDecision:
				sameChoice(t, choices, name, r)
			}
		}
		for _, r := range records(t, files[audienceFile]) {
			if seen[origin.Reason(r.Reason)] == "" {
				seen[origin.Reason(r.Reason)] = name
			}
		}
	}
	for _, reason := range origin.Reasons() {
		if seen[reason] == "" {
			t.Errorf("no scenario of %v shows %s", reasonScenarios, reason)
		}
	}
}

// sameChoice compares a decision with those that were made from the same candidates. One that came to nothing, or was made
// elsewhere since the bytes could not be read, was still waiting or failing.
func sameChoice(t *testing.T, choices map[string]string, scenario string, r origin.Record) {
	t.Helper()
	if r.Inputs == 0 || r.Reason != string(origin.Published) && r.Reason != string(origin.Defective) || r.StoreUs >= origin.RegionPatience.Microseconds() {
		return
	}
	inputs := fmt.Sprintf("%s in %s, %s/%d, inputs %08x", scenario, r.Region, r.Rendition, r.Number, r.Inputs)
	choice := r.Reason + " " + r.Pipeline
	if before := choices[inputs]; before != "" && before != choice {
		t.Errorf("%s: %s on %s, %s before", inputs, choice, r.Node, before)
	}
	choices[inputs] = choice
}

func records(t *testing.T, history []byte) (all []origin.Record) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(history))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r origin.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err == nil { // what is no record has none of its fields
			all = append(all, r)
		}
	}
	return all
}
