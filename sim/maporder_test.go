package sim

import (
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// The order of a map is another one every time, and must never reach a record or a decision. This test wants every loop
// over a map, below the seams and in the models, to be over sorted keys, or to say why its order does not matter.

// anyOrder begins the comment that says why.
const anyOrder = "any order:"

// mapRooms are the folders in which a map's order would be seen.
var mapRooms = slices.Concat(rooms, models, []string{"sim", "sim/stack"})

func TestMapOrder(t *testing.T) {
	for _, complaint := range mapRanges(t, nil) {
		t.Error(complaint)
	}
}

func TestMapOrderCatches(t *testing.T) {
	examples := []struct {
		src  string
		want int
	}{
		{"func f%d(m map[int]int) (s int) { for _, v := range m { s = v }; return s }", 1},
		{"type set map[int]bool; func f%d(m set) { for k := range m { println(k) } }", 1},
		{"func f%d(m map[int]int) {\n// any order: all go.\nfor k := range m { delete(m, k) } }", 0},
		{"func f%d(l []int) (s int) { for _, v := range l { s += v }; return s }", 0},
		{"func f%d(m map[int]int) { for range slices.Sorted(maps.Keys(m)) {} }", 0},
		{"func f%d(m map[int]int) (s int) { for k := range maps.Keys(m) { s = k }; return s }", 1},
		{"func f%d(m map[int]int) []int { return slices.Collect(maps.Values(m)) }", 1},
		{"func f%d(m map[int]int) []int { return slices.SortedFunc(maps.Values(m), cmp.Compare) }", 0},
		{"func f%d(m map[int]int) []int { s := slices.Collect(maps.Values(m)) // any order: a set\nreturn s }", 0},
	}
	overlay := map[string][]byte{}
	for i, e := range examples {
		file, err := filepath.Abs(fmt.Sprintf("../origin/example_%d.go", i))
		if err != nil {
			t.Fatal(err)
		}
		overlay[file] = fmt.Appendf(nil, `package origin
import ("cmp"; "maps"; "slices")
var _ = cmp.Compare[int]; var _ = maps.Keys[map[int]int]; var _ = slices.Max[[]int]
`+e.src, i)
	}
	all := strings.Join(mapRanges(t, overlay), "\n")
	for i, e := range examples {
		if got := strings.Count(all, fmt.Sprintf("example_%d.go", i)); got != e.want {
			t.Errorf("%s: %d complaints, want %d:\n%s", e.src, got, e.want, all)
		}
	}
}

// mapRanges lists the loops over maps that do not say why they may be; overlay adds files.
func mapRanges(t *testing.T, overlay map[string][]byte) (complaints []string) {
	t.Helper()
	var patterns []string
	for _, room := range mapRooms {
		patterns = append(patterns, "./"+room)
	}
	if overlay != nil {
		patterns = []string{"./origin"}
	}
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: "..", Overlay: overlay}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Fatalf("%v", e)
		}
		for _, file := range p.Syntax {
			complaints = append(complaints, mapRangesIn(p, file)...)
		}
	}
	return complaints
}

func mapRangesIn(p *packages.Package, file *ast.File) (complaints []string) {
	excused := map[int]bool{} // lines, and the ones after
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(c.Text, "//")), anyOrder) {
				line := p.Fset.Position(group.End()).Line
				excused[line], excused[line+1] = true, true
			}
		}
	}
	say := func(n ast.Node, what string) {
		at := p.Fset.Position(n.Pos())
		if !excused[at.Line] {
			complaints = append(complaints, fmt.Sprintf("%s:%d: %s; write slices.Sorted(maps.Keys(m)), or say \"// %s\" and why",
				at.Filename, at.Line, what, anyOrder))
		}
	}
	sorted := map[ast.Node]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if _, ok := p.TypesInfo.TypeOf(n.X).Underlying().(*types.Map); ok {
				say(n, "a loop over a map")
			}
		case *ast.CallExpr:
			switch name := called(p, n); name {
			case "slices.Sorted", "slices.SortedFunc":
				sorted[n.Args[0]] = true
			case "maps.Keys", "maps.Values", "maps.All":
				if !sorted[n] {
					say(n, name+" without an order")
				}
			}
		}
		return true
	})
	return complaints
}

// called is the package and name of a function of the standard library that is called.
func called(p *packages.Package, call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	f, ok := p.TypesInfo.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil {
		return ""
	}
	return f.Pkg().Path() + "." + f.Name()
}
