package scenarios

import (
	"fmt"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// reader goes over a file's values by the tables of keys, notes where each value is, and collects what is wrong.
//
// Values are known by their paths: event.duration, faults[0].region. What is checked after reading needs no position,
// only the path; a value that is not in the file has the position of the nearest mapping around it.
type reader struct {
	*strictyaml.File
	places map[string]place
	bad    map[string]bool // paths of values that have a problem already
	unread map[string]bool // paths of values among them that could not be read, or are missing
	checks bool            // reading is done; what is found now is about values that are known
}

// place is where a value and its key are.
type place struct{ key, value strictyaml.Position }

// join, item and parent make the paths.
var join, item, parent = strictyaml.Join, strictyaml.Item, strictyaml.Parent

// newReader begins with a file, and with the value that it is; that is nil where it cannot be read.
func newReader(file string, src []byte) (*reader, *strictyaml.Node) {
	f, root := strictyaml.Parse(strictyaml.Kind{Name: "scenario", First: "about"}, file, src)
	r := &reader{File: f, places: map[string]place{}, bad: map[string]bool{}, unread: map[string]bool{}}
	for _, p := range f.Found() {
		r.mark(p.Path)
	}
	return r, root
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
func (r *reader) unknownAt(at strictyaml.Position, path, message, word string, valid []string) (meant string) {
	message, meant = strictyaml.Unknown(message, word, valid)
	r.suggest(at, path, meant, "%s", message)
	return meant
}

func (r *reader) add(at strictyaml.Position, path, format string, args ...any) {
	r.suggest(at, path, "", format, args...)
}

func (r *reader) suggest(at strictyaml.Position, path, guess, format string, args ...any) {
	r.mark(path)
	r.Add(at, path, guess, fmt.Sprintf(format, args...))
}

// again is a reader of the same file that has found nothing.
func (r *reader) again() *reader {
	return &reader{File: r.Again(), places: r.places, bad: map[string]bool{}, unread: map[string]bool{}}
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
			return place{key: strictyaml.Position{Line: 1, Column: 1}, value: strictyaml.Position{Line: 1, Column: 1}}
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
	read(r *reader, path string, n *strictyaml.Node)
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
func (r *reader) section(path string, n *strictyaml.Node, ks keys) {
	if !r.is(path, n, strictyaml.Mapping) {
		return
	}
	r.enter(path, place{key: n.At, value: n.At})
	meant := map[string]bool{}
	for _, e := range n.Entries {
		p := join(path, e.Key)
		k, ok := ks.find(e.Key)
		if !ok {
			message, guess := strictyaml.UnknownKey(path, e.Key, ks.names())
			r.suggest(e.At, p, guess, "%s", message)
			meant[guess] = true
			continue
		}
		r.enter(p, place{key: e.At, value: e.Value.At})
		if e.Value.Shape == strictyaml.Empty {
			r.problem(p, "%s", strictyaml.IsEmpty(p))
			continue
		}
		k.is.read(r, p, e.Value)
	}
	for _, k := range ks {
		if n.Entry(k.name) == nil {
			r.absent(path, n, k, meant[k.name] || k.unless != "" && meant[k.unless])
		}
	}
}

// absent gives a key that the file does not have its default, by the way that the file's values go. A key that is there
// with a slip of the pen is not reported missing as well.
func (r *reader) absent(path string, n *strictyaml.Node, k key, mistyped bool) {
	p := join(path, k.name)
	switch {
	case k.unless != "" && n.Entry(k.unless) != nil:
	case k.required && mistyped:
		r.mark(p)
	case k.required && k.unless != "":
		r.add(n.At, p, "missing key %q or %q%s: %s", k.name, k.unless, in(path), k.about)
	case k.required:
		r.add(n.At, p, "missing key %q%s: %s", k.name, in(path), k.about)
	case k.otherwise != "":
		k.is.read(r, p, literal(k.otherwise, strictyaml.Position{}))
	}
}

// enter notes where a value is, unless it is a default and nowhere. The first one counts, so that a section's key keeps
// its position.
func (r *reader) enter(path string, at place) {
	if _, ok := r.places[path]; !ok && at.value != (strictyaml.Position{}) {
		r.places[path] = at
	}
}

// is says whether a value has the shape that is wanted, and complains if not.
func (r *reader) is(path string, n *strictyaml.Node, want strictyaml.Shape) bool {
	wrong := r.Misshapen(path, n, want)
	if wrong != "" {
		r.add(n.At, path, "%s", wrong)
	}
	return wrong == ""
}

func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// literal is a value as a default or an override writes it; nil when that is not YAML.
func literal(text string, at strictyaml.Position) *strictyaml.Node {
	r, n := newReader("", []byte(text))
	if r.Err() != nil {
		return nil
	}
	n.Move(at)
	return n
}
