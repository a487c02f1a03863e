package storage

import (
	"embed"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
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
	s := fmt.Sprintf("the store is a model, by profile %s: measured on %s (%s) on %s", p.Name, m.Stack, m.Machine, m.At.Format(time.DateOnly))
	var p50, p99 float64
	for _, f := range p.Fit {
		if f.Bytes > 0 {
			p50 = max(p50, math.Abs(float64(f.P50)))
		} else {
			p99 = max(p99, math.Abs(float64(f.P99)))
		}
	}
	s += fmt.Sprintf("; there it is off by up to %.0f %% at p50 of a size and %.0f %% at p99 of all sizes", 100*p50, 100*p99)
	if p.OneMachine {
		s += "; all zones shared that machine, which says little about zones that do not"
	}
	return s
}
