package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// Override replaces one value of a scenario before it is read: `--set audience.viewers.peak=50`, `--set
// faults[0].for=10s`, `--set objectives=[]`. The value is YAML on one line. A key that the file leaves to its default
// can be set too; the value null takes out what is there, as in `--set regions.us-west=null`.
type Override struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// String is the override as the command line has it.
func (o Override) String() string { return "--set " + o.Path + "=" + o.Value }

// ParseOverride reads path=value.
func ParseOverride(s string) (Override, error) {
	path, value, ok := strings.Cut(s, "=")
	o := Override{Path: strings.TrimSpace(path), Value: value}
	if !ok || o.Path == "" {
		return o, fmt.Errorf("--set %s: write path=value, as in audience.viewers.peak=50", s)
	}
	if _, err := o.steps(); err != nil {
		return o, err
	}
	return o, nil
}

// step is one key on the way to a value, and the items that follow it: faults[0] is one step.
type step struct {
	key   string
	items []int
}

var stepShape = regexp.MustCompile(`^([A-Za-z0-9_-]+)((?:\[[0-9]{1,6}\])*)$`)

func (o Override) steps() ([]step, error) {
	var steps []step
	for _, part := range strings.Split(o.Path, ".") {
		m := stepShape.FindStringSubmatch(part)
		if m == nil || len(steps) == strictyaml.MaxDepth {
			return nil, fmt.Errorf("%v: %q is no path; write one like event.duration or faults[0].for", o, o.Path)
		}
		s := step{key: m[1]}
		for _, i := range strings.FieldsFunc(m[2], func(c rune) bool { return c == '[' || c == ']' }) {
			n, err := strconv.Atoi(i)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", o, err)
			}
			s.items = append(s.items, n)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// override puts the value into the tree. Keys on the way that the file does not have are made: if they are not valid
// ones, the reading that follows says so, with what was probably meant.
func (r *reader) override(root *strictyaml.Node, o Override) {
	here := strictyaml.Position{From: o.String()}
	steps, err := o.steps()
	if err != nil {
		r.add(here, o.Path, "%q is no path; write one like event.duration or faults[0].for", o.Path)
		return
	}
	if strings.TrimSpace(o.Value) == "null" {
		r.takeOut(root, o, steps, here)
		return
	}
	value := literal(o.Value, here)
	if value == nil || value.Shape == strictyaml.Empty {
		r.add(here, o.Path, "%q is not a value; an empty list is [], text with signs in it is 'quoted'", o.Value)
		return
	}
	n, path := root, ""
	for _, s := range steps {
		if n = r.step(n, path, s, here); n == nil {
			return
		}
		path = join(path, s.key)
	}
	*n = *value
}

// takeOut removes what the path leads to, which has to be there: a slip of the pen must not pass for a removal.
func (r *reader) takeOut(root *strictyaml.Node, o Override, steps []step, here strictyaml.Position) {
	n := root
	for at, s := range steps {
		i := slices.IndexFunc(n.Entries, func(e *strictyaml.Entry) bool { return e.Key == s.key })
		if i < 0 {
			r.add(here, o.Path, "there is no %q to take out", o.Path)
			return
		}
		if at == len(steps)-1 && len(s.items) == 0 {
			n.Entries = slices.Delete(n.Entries, i, i+1)
			return
		}
		n = n.Entries[i].Value
		for k, item := range s.items {
			if item >= len(n.Items) {
				r.add(here, o.Path, "there is no %q to take out", o.Path)
				return
			}
			if at == len(steps)-1 && k == len(s.items)-1 {
				n.Items = slices.Delete(n.Items, item, item+1)
				return
			}
			n = n.Items[item]
		}
	}
}

// step goes one step down, or says why it cannot.
func (r *reader) step(n *strictyaml.Node, path string, s step, here strictyaml.Position) *strictyaml.Node {
	if n.Shape == strictyaml.Empty {
		*n = strictyaml.Node{Shape: strictyaml.Mapping, At: here}
	}
	if n.Shape != strictyaml.Mapping {
		r.add(here, path, "%s is %v; there is no %q in it", path, n.Shape, s.key)
		return nil
	}
	e := n.Entry(s.key)
	if e == nil {
		e = &strictyaml.Entry{Key: s.key, At: here, Value: &strictyaml.Node{At: here}}
		n.Entries = append(n.Entries, e)
	}
	path, n = join(path, s.key), e.Value
	for _, i := range s.items {
		if n.Shape != strictyaml.List {
			r.add(here, item(path, i), "%s does not exist: %s is %v", item(path, i), path, n.Shape)
			return nil
		}
		if i >= len(n.Items) {
			r.add(here, item(path, i), "%s does not exist: the list has %d, from 0", item(path, i), len(n.Items))
			return nil
		}
		path, n = item(path, i), n.Items[i]
	}
	return n
}
