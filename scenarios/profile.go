package scenarios

import (
	"strings"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// storeProfile is the profile of a store: one with a name, or one that liveorigin calibrate wrote to a file.
type storeProfile struct{ form *form }

const profilePattern = `\.yaml$`

func (storeProfile) schema() schema {
	return schema{"type": "string", "anyOf": []schema{{"enum": storageProfiles}, {"pattern": profilePattern}}}
}

func (p storeProfile) read(r *reader, path string, n *strictyaml.Node) {
	f := p.form
	if n.Shape != strictyaml.Scalar || !strings.HasSuffix(n.Text, ".yaml") {
		choice(&f.Storage.Profile, "profile of storage", storageProfiles).read(r, path, n)
		return
	}
	f.Storage.Profile = n.Text
	if f.open == nil {
		r.add(n.At, path, "%q is beside a scenario file, and this scenario is none; name a profile", n.Text)
		return
	}
	src, err := f.open(n.Text)
	if err != nil {
		r.add(n.At, path, "read profile: %v; names are relative to the scenario's folder, or for a shipped scenario to this one", err)
		return
	}
	f.ProfileFile, f.ProfileSource = n.Text, src
}
