package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
		if m == nil || len(steps) == maxDepth {
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
func (r *reader) override(root *node, o Override) {
	here := position{set: o.String()}
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
	if value == nil || value.shape == empty {
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
func (r *reader) takeOut(root *node, o Override, steps []step, here position) {
	n := root
	for at, s := range steps {
		i := slices.IndexFunc(n.entries, func(e *entry) bool { return e.key == s.key })
		if i < 0 {
			r.add(here, o.Path, "there is no %q to take out", o.Path)
			return
		}
		if at == len(steps)-1 && len(s.items) == 0 {
			n.entries = slices.Delete(n.entries, i, i+1)
			return
		}
		n = n.entries[i].value
		for k, item := range s.items {
			if item >= len(n.items) {
				r.add(here, o.Path, "there is no %q to take out", o.Path)
				return
			}
			if at == len(steps)-1 && k == len(s.items)-1 {
				n.items = slices.Delete(n.items, item, item+1)
				return
			}
			n = n.items[item]
		}
	}
}

// step goes one step down, or says why it cannot.
func (r *reader) step(n *node, path string, s step, here position) *node {
	if n.shape == empty {
		*n = node{shape: mapping, at: here}
	}
	if n.shape != mapping {
		r.add(here, path, "%s is %v; there is no %q in it", path, n.shape, s.key)
		return nil
	}
	e := n.entry(s.key)
	if e == nil {
		e = &entry{key: s.key, at: here, value: &node{at: here}}
		n.entries = append(n.entries, e)
	}
	path, n = join(path, s.key), e.value
	for _, i := range s.items {
		if n.shape != list {
			r.add(here, item(path, i), "%s does not exist: %s is %v", item(path, i), path, n.shape)
			return nil
		}
		if i >= len(n.items) {
			r.add(here, item(path, i), "%s does not exist: the list has %d, from 0", item(path, i), len(n.items))
			return nil
		}
		path, n = item(path, i), n.items[i]
	}
	return n
}
