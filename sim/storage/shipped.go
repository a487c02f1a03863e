package storage

import (
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
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
	if source != nil {
		p, err := ReadProfile(filepath.ToSlash(name), source)
		if err != nil {
			return StoreProfile{}, fmt.Errorf("read profile of storage: %w", err)
		}
		return p.Store(), nil
	}
	if p, ok := StoreByName(name); ok {
		return p, nil
	}
	return StoreProfile{}, fmt.Errorf("unknown profile of storage %q", name)
}
