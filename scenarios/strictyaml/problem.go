package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/agext/levenshtein"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File         string // or what brought it in instead, as Position.From says; then Line and Column are 0
	Line, Column int    // from 1
	Path         string // of the value, such as faults[0].region
	Message      string
	Suggestion   string // what was probably meant; often empty
	Source       string // the line
}

// Problems is all that is wrong with a file, in its order.
type Problems struct {
	List []Problem
	// More is how many problems there were beyond the listed ones.
	More int
}

// MaxProblems is how many problems are listed: a file with more needs another look first.
const MaxProblems = 100

// Error shows every problem with the line that it is in.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, one := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.String())
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", p.More)
	}
	return b.String()
}

// String is file:line:column, the message, the line, and a caret below the column.
func (p Problem) String() string {
	s := p.at() + ": " + p.Message
	if p.Suggestion != "" {
		s += fmt.Sprintf("; did you mean %q?", p.Suggestion)
	}
	return s + p.excerpt()
}

func (p Problem) at() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// excerpt is the line and the caret; nothing for a line that no screen could hold.
func (p Problem) excerpt() string {
	line := []rune(p.Source)
	if p.Line == 0 || len(line) == 0 || len(line) > 300 {
		return ""
	}
	below := make([]rune, 0, len(line))
	for i, c := range line {
		switch {
		case c == '\t':
		case !unicode.IsPrint(c): // a terminal must not be told what to do by a file's contents
			line[i] = '?'
			c = ' '
		default:
			c = ' '
		}
		if i < p.Column-1 {
			below = append(below, c)
		}
	}
	return "\n" + string(line) + "\n" + string(below) + "^"
}

// sort orders problems by position: those of the file itself first, then those of a file beside it, those that came from
// elsewhere last. Those of one place stay as they were found.
func (p *Problems) sort(file string) {
	class := func(p Problem) int {
		switch {
		case p.Line == 0:
			return 2
		case p.File != file:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(p.List, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Nearest is the valid word that was probably meant, or nothing: a far-fetched guess is worse than none.
func Nearest(word string, valid []string) string {
	n := len([]rune(word))
	if n > 64 {
		return ""
	}
	best, near := "", min(3, n/2)+1
	for _, v := range valid {
		if d := levenshtein.Distance(strings.ToLower(word), v, nil); d < near {
			best, near = v, d
		}
	}
	return best
}

// OneOf lists what would have been right, for a message; a long list is cut.
func OneOf(valid []string) string {
	const most = 16
	if len(valid) > most {
		return strings.Join(valid[:most], ", ") + ", …"
	}
	return strings.Join(valid, ", ")
}
