package strictyaml

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Wrong notes what is wrong with the value at a path, such as peers[0].url.
type Wrong func(path, format string, args ...any)

// Read fills the struct that into points to. It takes structs by their yaml tags, pointers to what may be left out, lists,
// mappings from strings, strings, whole numbers, booleans, and what is an encoding.TextUnmarshaler. A value that is left out
// stays as it is. When all could be read, check says what cannot be. The error is *Problems.
func Read(kind Kind, name string, src []byte, into any, check func(Wrong)) error {
	f, root := Parse(kind, name, src)
	if root == nil {
		return f.Err()
	}
	d := &decoder{f, map[string]Position{}}
	d.value("", root, reflect.ValueOf(into).Elem())
	if f.Err() == nil {
		check(func(path, format string, args ...any) {
			f.Add(d.place(path), path, "", path+": "+fmt.Sprintf(format, args...))
		})
		// Those of one place come in the order of their words, so that check may go over maps.
		slices.SortFunc(f.problems.List, func(a, b Problem) int { return cmp.Compare(a.Message, b.Message) })
	}
	return f.Err()
}

// ReadFile reads a file as Read does.
func ReadFile(kind Kind, name string, into any, check func(Wrong)) error {
	src, err := ReadAtMost(name, MaxBytes)
	if err != nil {
		return fmt.Errorf("read the %s: %w", kind.Name, err)
	}
	return Read(kind, name, src, into, check)
}

// decoder goes over a file's values by the types that they are read into, and notes where each is.
type decoder struct {
	*File
	places map[string]Position
}

// place is where the value at a path is; of one that is not there, where the value around it is.
func (d *decoder) place(path string) Position {
	for {
		if at, ok := d.places[path]; ok {
			return at
		}
		path = Parent(path) // the file itself, "", is somewhere
	}
}

func (d *decoder) value(path string, n *Node, v reflect.Value) {
	d.places[path] = n.At
	if n.Shape == Empty {
		d.Add(n.At, path, "", IsEmpty(path))
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	unmarshaler, isText := v.Addr().Interface().(encoding.TextUnmarshaler)
	if !d.is(path, n, shapeOf(v.Kind(), isText)) {
		return
	}
	if isText {
		if err := unmarshaler.UnmarshalText([]byte(n.Text)); err != nil {
			d.Add(n.At, path, "", err.Error())
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
		for i, item := range n.Items {
			d.value(Item(path, i), item, v.Index(i))
		}
	default:
		if wrong := scalar(n, v); wrong != "" {
			d.Add(n.At, path, "", wrong)
		}
	}
}

func shapeOf(k reflect.Kind, isText bool) Shape {
	switch {
	case isText:
		return Scalar
	case k == reflect.Struct, k == reflect.Map:
		return Mapping
	case k == reflect.Slice:
		return List
	}
	return Scalar
}

// is says whether a value has the shape that is wanted, and complains if not.
func (d *decoder) is(path string, n *Node, want Shape) bool {
	wrong := d.Misshapen(path, n, want)
	if wrong != "" {
		d.Add(n.At, path, "", wrong)
	}
	return wrong == ""
}

func (d *decoder) fields(path string, n *Node, v reflect.Value) {
	fields, keys := map[string]int{}, []string{}
	for i := range v.NumField() {
		tag, _ := v.Type().Field(i).Tag.Lookup("yaml")
		if key, _, _ := strings.Cut(tag, ","); key != "" && key != "-" {
			fields[key], keys = i, append(keys, key)
		}
	}
	for _, e := range n.Entries {
		p := Join(path, e.Key)
		i, ok := fields[e.Key]
		if !ok {
			message, meant := UnknownKey(path, e.Key, keys)
			d.Add(e.At, p, meant, message)
			continue
		}
		d.value(p, e.Value, v.Field(i))
	}
}

func (d *decoder) mapping(path string, n *Node, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range n.Entries {
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(Join(path, e.Key), e.Value, one)
		v.SetMapIndex(reflect.ValueOf(e.Key), one)
	}
}

// WholeNumber is one in decimal: YAML's older readers take 010 for eight.
var WholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// scalar reads a plain value, or says what is wrong with it.
func scalar(n *Node, v reflect.Value) (wrong string) {
	var err error
	switch {
	case v.Kind() == reflect.String:
		v.SetString(n.Text)
		return ""
	case v.Kind() == reflect.Bool:
		if n.Quoted || n.Text != "true" && n.Text != "false" {
			return fmt.Sprintf("%q is neither true nor false", n.Text)
		}
		v.SetBool(n.Text == "true")
		return ""
	case n.Quoted || !WholeNumber.MatchString(n.Text):
		return fmt.Sprintf("%q is not a whole number", n.Text)
	case v.CanInt():
		var i int64
		i, err = strconv.ParseInt(n.Text, 10, v.Type().Bits())
		v.SetInt(i)
	default: // whatever else has a tag is a mistake of the program, and panics here
		var u uint64
		u, err = strconv.ParseUint(n.Text, 10, v.Type().Bits())
		v.SetUint(u)
	}
	if err != nil {
		return n.Text + " is out of range"
	}
	return ""
}
