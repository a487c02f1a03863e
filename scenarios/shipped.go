package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

//go:embed *.yaml *.csv
var shipped embed.FS

// Shipped is a scenario that comes with the command.
type Shipped struct{ Name, About string }

// Names lists the shipped scenarios in the order of their names.
func Names() []Shipped {
	files, err := shipped.ReadDir(".")
	if err != nil {
		panic("scenarios: embedded files: " + err.Error()) // they are part of the program
	}
	var list []Shipped
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".yaml" {
			continue
		}
		list = append(list, Shipped{Name: nameOf(f.Name()), About: about(f.Name())})
	}
	return list
}

// about reads a shipped scenario's first line without the rest.
func about(file string) string {
	src, err := shipped.ReadFile(file)
	if err != nil {
		return ""
	}
	if _, root := newReader(file, src); root != nil && root.Entry("about") != nil {
		return root.Entry("about").Value.Text
	}
	return ""
}

// Load reads a scenario: a file, or a shipped one by its name.
func Load(name string, overrides ...Override) (*Scenario, error) {
	if !isFile(name) {
		src, err := shipped.ReadFile(name + ".yaml")
		if err == nil {
			return ParseWith(shippedOrHere, "scenarios/"+name+".yaml", src, overrides...)
		}
	}
	src, err := strictyaml.ReadAtMost(name, strictyaml.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) && !isFile(name) {
		return nil, unknownName(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return ParseWith(beside(name), name, src, overrides...)
}

// shippedOrHere opens the files of a shipped scenario. None has a profile of its own: one that an override names is looked
// for in the current directory.
func shippedOrHere(name string) ([]byte, error) {
	if filepath.Ext(name) == ".yaml" {
		return strictyaml.ReadAtMost(name, strictyaml.MaxBytes)
	}
	return shipped.ReadFile(name)
}

// beside opens files by their names relative to the folder of a scenario's file.
func beside(scenario string) Opener {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(scenario), name)
		}
		return strictyaml.ReadAtMost(name, maxCurveBytes)
	}
}

// isFile says whether a name can only be a file's.
func isFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || filepath.Ext(name) != ""
}

func unknownName(name string) error {
	var valid []string
	for _, s := range Names() {
		valid = append(valid, s.Name)
	}
	if guess := strictyaml.Nearest(name, valid); guess != "" {
		return fmt.Errorf("unknown scenario %q; did you mean %q?", name, guess)
	}
	return fmt.Errorf("unknown scenario %q: no such file, and the shipped ones are %s", name, strings.Join(valid, ", "))
}
