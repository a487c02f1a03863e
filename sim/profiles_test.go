package sim

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// Every profile of a store that a scenario can name is there, and can be named.
func TestProfilesOfStorage(t *testing.T) {
	var schema struct {
		Properties struct {
			Storage struct {
				Properties struct {
					Profile struct {
						AnyOf []struct{ Enum []string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(scenarios.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, p := range storage.Stores() {
		want = append(want, p.Name)
	}
	for _, kind := range schema.Properties.Storage.Properties.Profile.AnyOf {
		got = append(got, kind.Enum...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("scenarios can name %v; there are %v", got, want)
	}
}

// What a replay says of its store is where the figures come from, if they were measured, and by how much they are off.
func TestRemarks(t *testing.T) {
	for _, p := range storage.Stores() {
		sc, err := scenarios.Load("quiet", scenarios.Override{Path: "storage.profile", Value: p.Name})
		if err != nil {
			t.Fatal(err)
		}
		measured, err := storage.MeasuredOf(p.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := remarks(sc); len(got) > 0 != (measured != nil) {
			t.Errorf("%s: measured %v, remarks %q", p.Name, measured != nil, got)
		}
	}
}
