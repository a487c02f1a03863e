package storage

import (
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed profiles
var profiles embed.FS

// shippedProfiles are the measured profiles that come with the command, in the order of their names.
var shippedProfiles = sync.OnceValue(func() (all []*Profile) {
	files, err := fs.Glob(profiles, "profiles/*.yaml")
	if err != nil {
		panic("storage: embedded files: " + err.Error()) // they are part of the program
	}
	for _, file := range files {
		src, err := profiles.ReadFile(file)
		if err != nil {
			panic("storage: embedded files: " + err.Error())
		}
		p, err := ReadProfile(file, src)
		if err != nil {
			panic("storage: " + err.Error())
		}
		all = append(all, p)
	}
	return all
})

// StoreOf finds the profile that a scenario has: by its name, or in what stands in the file that is called so.
func StoreOf(name string, source []byte) (StoreProfile, error) {
	measured, err := MeasuredOf(name, source)
	if err != nil {
		return StoreProfile{}, err
	}
	if measured != nil {
		return measured.Store(), nil
	}
	if p, ok := StoreByName(name); ok {
		return p, nil
	}
	return StoreProfile{}, fmt.Errorf("unknown profile of storage %q", name)
}

// MeasuredOf finds what is behind a scenario's profile that was measured; nil for one that was not.
func MeasuredOf(name string, source []byte) (*Profile, error) {
	if source != nil {
		p, err := ReadProfile(filepath.ToSlash(name), source)
		if err != nil {
			return nil, fmt.Errorf("read profile of storage: %w", err)
		}
		return p, nil
	}
	for _, p := range shippedProfiles() {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, nil
}

// Remark says what a profile is worth: on what it was measured, and by how much the model is off.
func (p *Profile) Remark() string {
	m := p.Measured
	off := map[string]string{}
	for _, f := range p.Fit {
		if f.Bytes > 0 {
			off["p50"] += fmt.Sprintf(", %s %.0f KiB %+.0f %%", f.Call, float64(f.Bytes)/1024, 100*f.P50)
		} else {
			off["p99"] += fmt.Sprintf(", %s %+.0f %%", f.Call, 100*f.P99)
		}
	}
	s := fmt.Sprintf("the store is a model, by profile %s: measured on %s, %s, on %s", p.Name, m.Stack, m.Machine, m.At.Format(time.DateOnly))
	for _, q := range []string{"p50", "p99"} {
		if off[q] != "" {
			s += "; " + q + " is off by" + strings.TrimPrefix(off[q], ",")
		}
	}
	if p.OneMachine {
		s += "; all its zones stood on one machine, which says little about zones that stand apart"
	}
	return s
}
