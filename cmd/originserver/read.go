package originserver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The limits on a file: a configuration is a page or two of text.
const (
	maxBytes  = 1 << 20
	maxTokens = 50_000
	maxDepth  = 16
)

// Read reads a configuration, strictly. An error has file:line:column, the line, and what was probably meant; where the
// YAML is right, it has everything that is wrong.
func Read(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes; a configuration has at most %d", path, info.Size(), maxBytes)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := parse(path, src)
	if err != nil {
		return nil, err
	}
	c.beside = filepath.Dir(path)
	return c, c.readDatabases()
}

// parse reads the text of a file.
func parse(file string, src []byte) (*Config, error) {
	if !utf8.Valid(src) {
		return nil, fmt.Errorf("%s:1:1: not text in UTF-8", file)
	}
	lines := strings.Split(string(src), "\n")
	tokens := lexer.Tokenize(string(src))
	if err := plain(tokens); err != nil {
		return nil, shown(file, lines, err)
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, shown(file, lines, err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s:1:1: a configuration is one YAML document, which begins with `name:`", file)
	}
	c := new(Config)
	if err := yaml.NodeToValue(tree.Docs[0].Body, c, yaml.Strict()); err != nil {
		return nil, shown(file, lines, err)
	}
	var all problems
	c.check(func(path, format string, args ...any) {
		line, column := place(tree, path)
		all = append(all, problem{file, line, column, path + ": " + fmt.Sprintf(format, args...), lines})
	})
	if len(all) > 0 {
		slices.SortFunc(all, func(a, b problem) int {
			return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.message, b.message))
		})
		return nil, all
	}
	c.setDefaults()
	return c, nil
}

// plain refuses what a configuration has no use for, and what can take a parser a long time.
func plain(tokens token.Tokens) error {
	depth, dashes, line := 0, 0, 0 // dashes are those of one line
	for i, t := range tokens {
		refuse := func(what string) error {
			return &yaml.SyntaxError{Message: "a configuration has no " + what, Token: t}
		}
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType, token.MappingKeyType:
			return refuse("anchors, aliases, tags and the like; write the value out")
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			dashes++
		}
		if depth > maxDepth || dashes > maxDepth || t.Position.IndentNum > 8*maxDepth {
			return refuse("such depth")
		}
		if i >= maxTokens {
			return refuse("so many words")
		}
	}
	return nil
}

// problem is one thing that is wrong; line and column count from 1.
type problem struct {
	file         string
	line, column int
	message      string
	lines        []string // of the file
}

// Error is file:line:column, the message, the line, and a caret below the column.
func (p problem) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.file, p.line, p.column, p.message)
	if p.line > len(p.lines) {
		return s
	}
	line := strings.TrimRight(p.lines[p.line-1], "\r")
	if line == "" || len(line) > 300 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return s // nothing that a terminal could take for more than text
	}
	return s + "\n" + line + "\n" + strings.Repeat(" ", max(0, p.column-1)) + "^"
}

type problems []problem

func (ps problems) Error() string {
	all := make([]string, len(ps))
	for i, p := range ps {
		all[i] = p.Error()
	}
	return strings.Join(all, "\n")
}

// shown says what the YAML library has to say, in our words where its own are about Go.
func shown(file string, lines []string, err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	t, message := at.GetToken(), at.GetMessage()
	var unknown *yaml.UnknownFieldError
	var mistyped *yaml.TypeError
	switch {
	case errors.As(err, &unknown):
		message = fmt.Sprintf("unknown key %q", t.Value)
		if meant := nearest(t.Value); meant != "" {
			message += fmt.Sprintf("; did you mean %q?", meant)
		}
	case errors.As(err, &mistyped):
		message = fmt.Sprintf("%q is not what belongs here, which is %s", t.Value, words[mistyped.DstType.Kind()])
	}
	return problem{file, t.Position.Line, t.Position.Column, message, lines}
}

// words say what a Go type is in a YAML file.
var words = map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Uint32: "a whole number",
	reflect.String: "a text", reflect.Bool: "true or false"}

var typeOfConfig = reflect.TypeFor[Config]()

// nearest is the key of a configuration that was probably meant, or nothing.
func nearest(word string) string {
	best, near := "", min(3, len(word)/2)+1
	for _, key := range keysOf(typeOfConfig) {
		if d := levenshtein.Distance(strings.ToLower(word), key, nil); d < near {
			best, near = key, d
		}
	}
	return best
}

// keysOf lists the keys of a configuration's part, and of all parts of that.
func keysOf(t reflect.Type) (keys []string) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("yaml"); ok {
			keys = append(append(keys, tag), keysOf(t.Field(i).Type)...)
		}
	}
	return keys
}

// place is where the value at a path stands; of one that is not there, where the value around it does.
func place(tree *ast.File, path string) (line, column int) {
	for path != "" {
		p, err := yaml.PathString("$." + path)
		if err != nil {
			break
		}
		if n, err := p.FilterFile(tree); err == nil && n != nil {
			t := first(n)
			return t.Position.Line, t.Position.Column
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1, 1
}

// first is the token that a value begins with: of a mapping in block style the library names its first colon instead.
func first(n ast.Node) *token.Token {
	for {
		switch m := n.(type) {
		case *ast.MappingValueNode:
			n = m.Key
		case *ast.MappingNode:
			if m.IsFlowStyle || len(m.Values) == 0 {
				return n.GetToken()
			}
			n = m.Values[0].Key
		default:
			return n.GetToken()
		}
	}
}
