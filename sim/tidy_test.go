package sim

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Below the seams a piece of code must run on either clock, so nothing there may reach for the real world. This test
// says where something does, and what to write instead.

// rooms are the folders below the seams; the adapters to real things are not among them.
var rooms = []string{"origin", "origin/edge", "origin/keyvalue", "origin/control", "origin/admission", "origin/origintest", "encoders", "faults"}

// models are the folders of what lies below the seams in virtual time, which reaches for the real world as little.
var models = []string{"sim/storage", "sim/resources", "sim/audience", "sim/streams", "sim/loop"}

// modelFiles are those of a folder that has both.
var modelFiles = map[string]bool{
	"sim/load.go": true, "sim/stack/stack.go": true, "sim/stack/virtual.go": true, "sim/stack/delivery.go": true,
	"sim/stack/endpoint.go": true, "sim/stack/carried.go": true, "sim/stack/storage.go": true, "sim/stack/models.go": true, "sim/stack/breaking.go": true,
}

// windows are the files in which a seam meets the real world.
var windows = map[string]bool{"origin/wall.go": true, "sim/loop/context.go": true}

// instead says what to write in place of a function of the standard library.
var instead = map[string]string{
	"time.Now": "Clock.Now", "time.Since": "Clock.Now().Sub", "time.Until": "t.Sub(Clock.Now())",
	"time.Sleep": "Clock.Sleep", "time.After": "Clock.Sleep", "time.AfterFunc": "Runtime.Go and Clock.Sleep",
	"time.Tick": "Clock.Sleep", "time.NewTimer": "Clock.Sleep", "time.NewTicker": "Clock.Sleep",
	"context.WithCancel": "Runtime.WithCancel", "context.WithTimeout": "Signal.Wait with a deadline",
	"context.WithDeadline": "Signal.Wait with a deadline", "context.AfterFunc": "Runtime.Go",
}

// arrows are the imports of our own that each part may have, by prefix (style.md, "The shape").
var arrows = map[string][]string{
	"origin":    {"origin"},
	"encoders":  {"origin", "encoders"},
	"faults":    {"origin", "faults"},
	"reports":   {"origin", "reports"},
	"scenarios": {"origin", "encoders", "faults", "reports", "scenarios"},
	"sim":       {"origin", "encoders", "faults", "reports", "scenarios", "sim"},
	"cmd":       {"origin", "encoders", "faults", "reports", "scenarios", "sim", "cmd"},
}

const module = "github.com/liveorigin/liveorigin/"

func TestTidy(t *testing.T) {
	for part := range arrows {
		err := filepath.WalkDir(filepath.Join("..", part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, complaint := range complaints(t, path, nil) {
				t.Error(complaint)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Every rule has to catch its own example, or it is no rule.
func TestTidyCatches(t *testing.T) {
	for src, want := range map[string]string{
		`import "time"; var x = time.Now()`:                               "write Clock.Now",
		`import t2 "time"; func f() { t2.Sleep(1) }`:                      "write Clock.Sleep",
		`import "context"; var _, c = context.WithCancel(nil)`:            "write Runtime.WithCancel",
		`import "math/rand/v2"; var x = rand.IntN(3)`:                     "write a *rand.Rand argument",
		`func f() { go f() }`:                                             "write Runtime.Go",
		`func f() { select {} }`:                                          "write Signal.Wait",
		`var c chan int`:                                                  "write a Signal",
		`import "github.com/liveorigin/liveorigin/sim"; var _ = sim.Run`:  "origin must not import sim",
		`import "github.com/liveorigin/liveorigin/faults/x"; var _ = x.Y`: "origin must not import faults/x",
		`import "github.com/Eyevinn/mp4ff/mp4"; var _ = mp4.X`:            "only the standard library",
	} {
		got := complaints(t, "../origin/example.go", []byte("package origin\n"+src))
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s\ngot %q, want one that says %q", src, got, want)
		}
	}
	if got := complaints(t, "../origin/fine.go", []byte(`package origin; import ("time"; "math/rand/v2")
var d = time.Second; func f(r *rand.Rand) int { return r.IntN(3) }`)); len(got) != 0 {
		t.Errorf("complains about tidy code: %q", got)
	}
}

// complaints lists what is wrong with a file; src overrides its contents.
func complaints(t *testing.T, path string, src any) (out []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	place := strings.TrimPrefix(filepath.ToSlash(path), "../")
	say := func(at token.Pos, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s:%d: %s", place, set.Position(at).Line, fmt.Sprintf(format, args...)))
	}
	names := checkImports(file, place, say)
	if dir := filepath.ToSlash(filepath.Dir(place)); (slices.Contains(rooms, dir) || slices.Contains(models, dir) || modelFiles[place]) && !windows[place] {
		checkSeams(file, names, say)
	}
	return out
}

// checkImports complains about arrows that point the wrong way, and returns the file's names for what it imports.
func checkImports(file *ast.File, place string, say func(token.Pos, string, ...any)) map[string]string {
	part, _, _ := strings.Cut(place, "/")
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := strings.TrimSuffix(path, "/v2")
		name = name[strings.LastIndex(name, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
		ours, isOurs := strings.CutPrefix(path, module)
		first, _, _ := strings.Cut(ours, "/")
		switch {
		case isOurs && !slices.Contains(arrows[part], first):
			say(spec.Pos(), "%s must not import %s: imports flow main, cmd, sim, scenarios, then encoders, faults, reports, then origin", part, ours)
		case !isOurs && strings.Contains(path, ".") && slices.Contains([]string{"origin", "origin/edge", "origin/keyvalue", "origin/control", "origin/admission"}, filepath.Dir(place)):
			say(spec.Pos(), "%s imports %s: decisions import only the standard library", place, path)
		}
	}
	return names
}

// checkSeams complains about what reaches past the seams.
func checkSeams(file *ast.File, names map[string]string, say func(token.Pos, string, ...any)) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			say(n.Pos(), "a go statement; write Runtime.Go")
			return false
		case *ast.SelectStmt:
			say(n.Pos(), "a select; write Signal.Wait")
			return false
		case *ast.ChanType:
			say(n.Pos(), "a channel; write a Signal")
			return false
		case *ast.SelectorExpr:
			from, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			path := names[from.Name]
			what := path + "." + n.Sel.Name
			if better, bad := instead[what]; bad {
				say(n.Pos(), "%s; write %s", what, better)
			}
			if path == "math/rand/v2" && globalRandom(n.Sel.Name) {
				say(n.Pos(), "%s draws from the process; write a *rand.Rand argument", what)
			}
			if path == "math/rand" {
				say(n.Pos(), "%s; write math/rand/v2's *rand.Rand argument", what)
			}
		}
		return true
	})
}

// globalRandom says whether a function of math/rand/v2 draws from the process-wide source: all do but the makers.
func globalRandom(name string) bool {
	return !strings.HasPrefix(name, "New") && !slices.Contains([]string{"Rand", "Source", "PCG", "ChaCha8", "Zipf"}, name)
}
