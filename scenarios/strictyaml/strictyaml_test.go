package strictyaml

import (
	"encoding"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// garden is one of everything that Read can fill.
type garden struct {
	Name    string            `yaml:"name"`
	Beds    []bed             `yaml:"beds"`
	Tools   map[string]tool   `yaml:"tools"`
	Opened  time.Time         `yaml:"opened,omitempty"`
	Gate    *bed              `yaml:"gate"`
	Visits  *uint32           `yaml:"visits"`
	Paths   map[string]string `yaml:"paths"`
	Secret  string            `yaml:"-"`
	Omitted string
}

type bed struct {
	Plants []string `yaml:"plants,flow"`
	Rows   int      `yaml:"rows"`
	Shade  bool     `yaml:"shade"`
	Water  litres   `yaml:"water"`
}

type tool struct {
	Price int8 `yaml:"price"`
}

// litres is a text with a unit.
type litres int

var _ encoding.TextUnmarshaler = new(litres)

func (l *litres) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%dl", (*int)(l)); err != nil {
		return fmt.Errorf("%q is no volume, such as 5l", text)
	}
	return nil
}

var gardens = Kind{Name: "garden", First: "name"}

// read reads a garden, in which tall plants need room.
func read(src string) (garden, error) {
	var g garden
	err := Read(gardens, "g.yaml", []byte(src), &g, func(wrong Wrong) {
		for i, b := range g.Beds {
			if b.Rows > 9 {
				wrong(fmt.Sprintf("beds[%d].rows", i), "%d is more than fit", b.Rows)
				wrong(fmt.Sprintf("beds[%d].width", i), "is missing")
				wrong(fmt.Sprintf("beds[%d].depth", i), "is missing")
			}
		}
	})
	return g, err
}

func TestRead(t *testing.T) {
	got, err := read("\ufeff" + `# a garden
name: 007
beds:
  - {plants: [leek, 'oak', "5"], rows: -3, shade: true, water: 5l}
  - rows: 2
tools: {rake: {price: 127}, spade: {}}
opened: 2026-11-21T20:00:00Z
gate: {rows: 1}
visits: 4294967295
paths:
  true: a
  b: |
    long
`)
	visits := uint32(1<<32 - 1)
	want := garden{Name: "007", Beds: []bed{{[]string{"leek", "oak", "5"}, -3, true, 5}, {Rows: 2}},
		Tools: map[string]tool{"rake": {127}, "spade": {}}, Opened: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC),
		Gate: &bed{Rows: 1}, Visits: &visits, Paths: map[string]string{"true": "a", "b": "long\n"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// What is wrong is told with its place, which a ^ in front of the value shows.
func TestReadMistakes(t *testing.T) {
	for _, c := range []struct{ src, want, hint string }{
		{"^nmae: x", `unknown key "nmae"`, "name"},
		{"beds: [{^row: 1}]", `unknown key "row" in beds[0]`, "rows"},
		{"gate: {^zzzzzzzz: 1}", `unknown key "zzzzzzzz" in gate; there is plants, rows, shade, water`, ""},
		{"^Omitted: x", `unknown key "Omitted"; there is name, beds, tools, opened, gate, visits, paths`, ""},
		{"^secret: x", `unknown key "secret"; there is name, beds, tools, opened, gate, visits, paths`, ""},
		{"^-: x", `unknown key "-"; there is name, beds, tools, opened, gate, visits, paths`, ""},
		{"^'': x", `unknown key ""; there is name, beds, tools, opened, gate, visits, paths`, ""},
		{"tools:\n  rake:\n    ^prize: 1", `unknown key "prize" in tools.rake`, "price"},
		{"name: a\n^name: b", `key "name" is given twice; first in line 1`, ""},
		{"beds: ^5", `beds should be a list, not one value`, ""},
		{"beds: [^[]]", `beds[0] should be a mapping, not a list`, ""},
		{"beds: [{plants: [^{}]}]", `beds[0].plants[0] should be one value, not a mapping`, ""},
		{"gate: {water: ^[]}", `gate.water should be one value, not a list`, ""},
		{"tools: ^[]", `tools should be a mapping, not a list`, ""},
		{"^- a", `a garden should be a mapping, not a list`, ""},
		{"^name", `a garden should be a mapping, not one value`, ""},
		{"gate: {water: ^5}", `"5" is no volume, such as 5l`, ""},
		{"gate: {rows: ^1.5}", `"1.5" is not a whole number`, ""},
		{"gate: {rows: ^010}", `"010" is not a whole number`, ""},
		{"gate: {rows: ^0x10}", `"0x10" is not a whole number`, ""},
		{"gate: {rows: ^'1'}", `"1" is not a whole number`, ""},
		{"tools: {a: {price: ^128}}", `128 is out of range`, ""},
		{"visits: ^-1", `-1 is out of range`, ""},
		{"visits: ^4294967296", `4294967296 is out of range`, ""},
		{"gate: {shade: ^yes}", `"yes" is neither true nor false`, ""},
		{"gate: {shade: ^'true'}", `"true" is neither true nor false`, ""},
		{"^", "nothing in here; a garden begins with `name:`", ""},
		{"^# a remark", "nothing in here; a garden begins with `name:`", ""},
		{"name: a\n---\n^name: b", "a second document; a garden is one", ""},
		{"name: a\n^b: \xff", "not text in UTF-8", ""},
		{"name: ^&a x", `"&": a garden has no anchors, aliases or merge keys; write the value out`, ""},
		{"name: ^*a", `"*": a garden has no anchors, aliases or merge keys; write the value out`, ""},
		{"name: ^!!int 2", `"!!int": a garden has no tags, directives or complex keys`, ""},
		{"^? name\n: a", `"?": a garden has no tags, directives or complex keys`, ""},
		{"beds: [^[", `not YAML: sequence end token ']' not found`, ""},
		{"beds:\n- {rows: 1}\n- {rows: ^10, width: 3}", `unknown key "width" in beds[1]`, ""},
	} {
		before, after, _ := strings.Cut(c.src, "^")
		_, err := read(before + after)
		p := new(Problems)
		if !errors.As(err, &p) || len(p.List) != 1 {
			t.Errorf("%s: got %v, want %s and nothing else", c.src, err, c.want)
			continue
		}
		got := p.List[0]
		if strings.Contains(c.src, "width") { // which is where the caret is not
			before = c.src[:strings.Index(c.src, "width")-1]
		}
		line, column := 1+strings.Count(before, "\n"), len(before)-strings.LastIndex(before, "\n")
		if got.Line != line || got.Column != column || !strings.HasPrefix(got.Message, c.want) || got.Suggestion != c.hint {
			t.Errorf("%q: got %d:%d %s (%s), want %d:%d %s (%s)", c.src, got.Line, got.Column, got.Message, got.Suggestion,
				line, column, c.want, c.hint)
		}
	}
}

// Everything that is wrong comes at once, in the order of the file and each with its line; what is compared comes when all
// could be read.
func TestAllAtOnce(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"beds:\n  - {rows: x, shde: true}\nname:\nopend: now\n", `g.yaml:2:12: "x" is not a whole number
  - {rows: x, shde: true}
           ^
g.yaml:2:15: unknown key "shde" in beds[0]; did you mean "shade"?
  - {rows: x, shde: true}
              ^
g.yaml:3:6: name is empty; give it a value or leave the key out
name:
     ^
g.yaml:4:1: unknown key "opend"; did you mean "opened"?
opend: now
^`},
		{"beds:\r\n  - rows: 11\r\n  - rows: 12\r\n", `g.yaml:2:5: beds[0].depth: is missing
  - rows: 11
    ^
g.yaml:2:5: beds[0].width: is missing
  - rows: 11
    ^
g.yaml:2:11: beds[0].rows: 11 is more than fit
  - rows: 11
          ^
g.yaml:3:5: beds[1].depth: is missing
  - rows: 12
    ^
g.yaml:3:5: beds[1].width: is missing
  - rows: 12
    ^
g.yaml:3:11: beds[1].rows: 12 is more than fit
  - rows: 12
          ^`},
	} {
		if _, err := read(c.src); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	var g garden
	path := filepath.Join(t.TempDir(), "g.yaml")
	nothing := func(Wrong) {}
	if err := ReadFile(gardens, path, &g, nothing); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "read the garden: ") {
		t.Errorf("got %v", err)
	}
	for src, want := range map[string]string{"name: x": "", strings.Repeat("#", MaxBytes+1): path + ":1:1: more than 1048576 bytes; no garden is as large"} {
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := ReadFile(gardens, path, &g, nothing); (err != nil || want != "" || g.Name != "x") && fmt.Sprint(err) != want {
			t.Errorf("got %v, %+v; want %s", err, g, want)
		}
	}
}

// No file makes many problems, or much work.
func TestBounded(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{strings.Repeat("#", MaxBytes+1), "more than 1048576 bytes"},
		{strings.Repeat("a: b\n", MaxTokens), "too much of everything"},
		{keys(2000), "1001:1: more than 1000 keys in one mapping"},
		{strings.Repeat("[", MaxTokens), "1:33: nested deeper than 32"},
		{strings.Repeat("- ", MaxTokens/2), "1:65: nested deeper than 32"},
		{strings.Repeat("{a: ", MaxTokens/4), "nested deeper than 32"},
		{strings.Repeat(" ", 300) + "a: b", "nested deeper than 32"},
		{strings.Repeat(`"`, MaxBytes), ""},
		{strings.Repeat("a ,", MaxTokens), ""},
		{strings.Repeat(" ", MaxBytes), "nothing in here"},
	} {
		_, err := read(c.src)
		p := new(Problems)
		if !errors.As(err, &p) || len(p.List) > MaxProblems || len(err.Error()) > 64<<10 {
			t.Errorf("%.20q: got %.200v; want a few problems", c.src, err)
		} else if !slices.ContainsFunc(p.List, func(p Problem) bool { return strings.Contains(p.String(), c.want) }) {
			t.Errorf("%.20q: got %.200v; want %s", c.src, err, c.want)
		}
	}
	if g, err := read("beds:\n" + strings.Repeat("- {rows: 1}\n", 2*MaxDepth)); err != nil || len(g.Beds) != 2*MaxDepth {
		t.Errorf("a long list: %v", err)
	}
	if _, root := Parse(gardens, "g.yaml", []byte(keys(2000))); len(root.Entries) != MaxKeys {
		t.Errorf("%d keys are kept", len(root.Entries))
	}
	if _, err := read(keys(150)); err == nil || !strings.HasSuffix(err.Error(), "\nand 50 more") {
		t.Errorf("got %v", err)
	}
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// A line of a file must not reach the terminal as anything but text, and the caret stays below its column.
func TestExcerpt(t *testing.T) {
	for _, row := range []struct{ line, want string }{
		{"seed: ü\x1b[2Jtwo", "\nseed: ü?[2Jtwo\n      ^"},
		{"\tseed: two", "\n\tseed: two\n\t     ^"},
		{strings.Repeat("a", 301), ""},
	} {
		if got := (Problem{File: "x", Line: 1, Column: 7, Source: row.line}).excerpt(); got != row.want {
			t.Errorf("excerpt(%q) = %q; want %q", row.line, got, row.want)
		}
	}
}

func TestNearest(t *testing.T) {
	valid := []string{"name", "region", "listen", "limits"}
	for word, want := range map[string]string{"nmae": "name", "NAME": "name", "regin": "region", "limit": "limits", "x": "", "nothing": "",
		strings.Repeat("n", 65): ""} {
		if got := Nearest(word, valid); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if long := strings.Repeat("n", 65); Nearest(long, []string{long + "m"}) != "" {
		t.Error("a word as long as that is looked for")
	}
	if got := OneOf(strings.Split(strings.Repeat("a ", 17), " ")); !strings.HasSuffix(got, "a, …") || strings.Count(got, "a") != 16 {
		t.Errorf("got %s", got)
	}
}

// Whatever is in a file, reading it ends with a value or with problems that name it.
func FuzzRead(f *testing.F) {
	f.Add("name: x\nbeds: [{plants: [a], rows: 1}]\ntools: {a: {price: 3}}")
	f.Add("a: &x [*x]")
	f.Add("? {a: b}\n: !!binary x")
	f.Add("- - - {a: [b: c]}")
	f.Fuzz(func(t *testing.T, src string) {
		_, err := read(src)
		if p := new(Problems); err != nil && !errors.As(err, &p) {
			t.Fatalf("%q: %T %v; want *Problems", src, err, err)
		} else if err != nil && !strings.HasPrefix(err.Error(), "g.yaml:") {
			t.Fatalf("%q: %v", src, err)
		}
	})
}
