package scenarios

import "strings"

// storeProfile is the profile of a store: one with a name, or one that liveorigin calibrate wrote to a file.
type storeProfile struct{ form *form }

const profilePattern = `\.yaml$`

func (storeProfile) schema() schema {
	return schema{"type": "string", "anyOf": []schema{{"enum": storageProfiles}, {"pattern": profilePattern}}}
}

func (p storeProfile) read(r *reader, path string, n *node) {
	f := p.form
	if n.shape != scalar || !strings.HasSuffix(n.text, ".yaml") {
		choice(&f.Storage.Profile, "profile of storage", storageProfiles).read(r, path, n)
		return
	}
	f.Storage.Profile = n.text
	if f.open == nil {
		r.add(n.at, path, "%q is beside a scenario file, and this scenario is none; name a profile", n.text)
		return
	}
	src, err := f.open(n.text)
	if err != nil {
		r.add(n.at, path, "read profile: %v; names are relative to the scenario's folder, or for a shipped scenario to this one", err)
		return
	}
	f.ProfileFile, f.ProfileSource = n.text, src
}
