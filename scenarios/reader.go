package scenarios

import (
	"fmt"
	"strings"
)

// reader goes over a file's values by the tables of keys, notes where each value is, and collects what is wrong.
//
// Values are known by their paths: event.duration, faults[0].region. What is checked after reading needs no position,
// only the path; a value that is not in the file has the position of the nearest mapping around it.
type reader struct {
	file   string
	lines  []string
	places map[string]place
	bad    map[string]bool // paths of values that have a problem already
	unread map[string]bool // paths of values among them that could not be read, or are missing
	checks bool            // reading is done; what is found now is about values that are known
	found  Problems
}

// place is where a value and its key are.
type place struct{ key, value position }

func newReader(file string, src []byte) *reader {
	r := &reader{file: file, places: map[string]place{}, bad: map[string]bool{}, unread: map[string]bool{}}
	if len(src) <= maxBytes {
		text := strings.TrimPrefix(string(src), byteOrderMark)
		r.lines = strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	}
	return r
}

// err is everything that was found, or nil.
func (r *reader) err() error {
	if len(r.found.List) == 0 {
		return nil
	}
	r.found.sort(r.file)
	return &r.found
}

// problem notes what is wrong with the value at a path.
func (r *reader) problem(path, format string, args ...any) {
	r.add(r.place(path).value, path, format, args...)
}

// problemOfKey notes that a key should not be where it is.
func (r *reader) problemOfKey(path, format string, args ...any) {
	r.add(r.place(path).key, path, format, args...)
}

// unknown notes a word that is not among the valid ones.
func (r *reader) unknown(path, what, word string, valid []string) {
	r.unknownAt(r.place(path).value, path, fmt.Sprintf("unknown %s %q", what, word), word, valid)
}

// unknownAt names the word that was probably meant, and gives it back; or, when none is near, all that there are.
func (r *reader) unknownAt(at position, path, message, word string, valid []string) (meant string) {
	meant = nearest(word, valid)
	if meant == "" && len(valid) > 0 {
		message += "; there is " + oneOf(valid)
	}
	r.suggest(at, path, meant, "%s", message)
	return meant
}

func (r *reader) add(at position, path, format string, args ...any) {
	r.suggest(at, path, "", format, args...)
}

// suggest makes a problem of what is wrong in the file itself, or in an override.
func (r *reader) suggest(at position, path, guess, format string, args ...any) {
	p := Problem{File: r.file, Line: at.line, Column: at.column, Path: path,
		Message: fmt.Sprintf(format, args...), Suggestion: guess}
	if at.set != "" {
		p.File, p.Line, p.Column = at.set, 0, 0
	} else if at.line <= len(r.lines) && at.line > 0 {
		p.source = r.lines[at.line-1]
	}
	r.note(path, p)
}

// note adds a problem with the value at a path.
func (r *reader) note(path string, p Problem) {
	r.mark(path)
	if len(r.found.List) == maxProblems {
		r.found.More++
		return
	}
	r.found.List = append(r.found.List, p)
}

// again is a reader of the same file that has found nothing.
func (r *reader) again() *reader {
	fresh := newReader(r.file, nil)
	fresh.lines, fresh.places = r.lines, r.places
	return fresh
}

// mark notes that the value at a path has a problem.
func (r *reader) mark(path string) {
	r.bad[path] = true
	if !r.checks {
		r.unread[path] = true
	}
}

// place is where the value is, or the nearest value around it that the file has.
func (r *reader) place(path string) place {
	for {
		if p, ok := r.places[path]; ok {
			return p
		}
		if path == "" {
			return place{key: position{line: 1, column: 1}, value: position{line: 1, column: 1}}
		}
		path = parent(path)
	}
}

// given says whether the file or an override has a value there.
func (r *reader) given(path string) bool {
	_, ok := r.places[path]
	return ok
}

// known says whether values were read, so that others can be compared with them. They may be wrong for all that: an
// event that lasts 11s has no whole number of segments, and yet a phase at 40s is beyond its end.
func (r *reader) known(paths ...string) bool { return !marked(r.unread, paths) }

// sound says whether values have no problem so far, so that there is something to gain from another look at them.
func (r *reader) sound(paths ...string) bool { return !marked(r.bad, paths) }

// marked says whether one of the values, or a mapping or list around it, is among those marked.
func marked(marks map[string]bool, paths []string) bool {
	for _, path := range paths {
		for ; ; path = parent(path) {
			if marks[path] {
				return true
			}
			if path == "" {
				break
			}
		}
	}
	return false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i > 0 {
		return path[:i]
	}
	return ""
}

// key is one line of the table of what a mapping may hold.
type key struct {
	name, about string
	required    bool
	unless      string // another key that can stand in for a required one
	otherwise   string // the default, as a file would write it
	is          value
}

// value is how something is read, and how the schema describes it.
type value interface {
	read(r *reader, path string, n *node)
	schema() schema
}

// schema is a JSON schema, or a part of one.
type schema map[string]any

type keys []key

func (ks keys) names() []string {
	var names []string
	for _, k := range ks {
		names = append(names, k.name)
	}
	return names
}

func (ks keys) find(name string) (key, bool) {
	for _, k := range ks {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// section reads a mapping by its table of keys.
func (r *reader) section(path string, n *node, ks keys) {
	if !r.is(path, n, mapping) {
		return
	}
	r.enter(path, place{key: n.at, value: n.at})
	meant := map[string]bool{}
	for _, e := range n.entries {
		p := join(path, e.key)
		k, ok := ks.find(e.key)
		if !ok {
			guess := r.unknownAt(e.at, p, fmt.Sprintf("unknown key %q%s", e.key, in(path)), e.key, ks.names())
			meant[guess] = true
			continue
		}
		r.enter(p, place{key: e.at, value: e.value.at})
		if e.value.shape == empty {
			r.problem(p, "%s is empty; give it a value or leave the key out", p)
			continue
		}
		k.is.read(r, p, e.value)
	}
	for _, k := range ks {
		if n.entry(k.name) == nil {
			r.absent(path, n, k, meant[k.name] || k.unless != "" && meant[k.unless])
		}
	}
}

// absent gives a key that the file does not have its default, by the way that the file's values go. A key that is there
// with a slip of the pen is not reported missing as well.
func (r *reader) absent(path string, n *node, k key, mistyped bool) {
	p := join(path, k.name)
	switch {
	case k.unless != "" && n.entry(k.unless) != nil:
	case k.required && mistyped:
		r.mark(p)
	case k.required && k.unless != "":
		r.add(n.at, p, "missing key %q or %q%s: %s", k.name, k.unless, in(path), k.about)
	case k.required:
		r.add(n.at, p, "missing key %q%s: %s", k.name, in(path), k.about)
	case k.otherwise != "":
		k.is.read(r, p, literal(k.otherwise, position{}))
	}
}

// enter notes where a value is, unless it is a default and nowhere. The first one counts, so that a section's key keeps
// its position.
func (r *reader) enter(path string, at place) {
	if _, ok := r.places[path]; !ok && at.value != (position{}) {
		r.places[path] = at
	}
}

// is says whether a value has the shape that is wanted, and complains if not.
func (r *reader) is(path string, n *node, want shape) bool {
	if n.shape == want {
		return true
	}
	what := path
	if what == "" {
		what = "a scenario"
	}
	r.add(n.at, path, "%s should be %v, not %v", what, want, n.shape)
	return false
}

func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// literal is a value as a default or an override writes it; nil when that is not YAML.
func literal(text string, at position) *node {
	r := newReader("", []byte(text))
	n := r.tree([]byte(text))
	if r.err() != nil {
		return nil
	}
	n.move(at)
	return n
}

// move gives a value and all that is in it one position.
func (n *node) move(at position) {
	n.at = at
	for _, i := range n.items {
		i.move(at)
	}
	for _, e := range n.entries {
		e.at = at
		e.value.move(at)
	}
}
