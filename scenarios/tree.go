package scenarios

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The limits on a file. A scenario is a page of text; whatever is larger was not meant to be one.
const (
	maxBytes  = 1 << 20
	maxTokens = 50_000
	maxKeys   = 1000 // in one mapping
	maxDepth  = 32
)

// position is where in the file something is; set names the override that it came from instead.
type position struct {
	line, column int
	set          string
}

// shape is what YAML made of a value.
type shape int

const (
	empty shape = iota
	scalar
	list
	mapping
)

func (s shape) String() string { return [...]string{"nothing", "one value", "a list", "a mapping"}[s] }

// node is a value of the file: the part of YAML that scenarios are written in, which has no anchors and no tags.
type node struct {
	shape   shape
	at      position
	text    string // of a scalar
	quoted  bool   // so it is text, whatever it looks like
	items   []*node
	entries []*entry
}

// entry is one key of a mapping.
type entry struct {
	key   string
	at    position
	value *node
}

func (n *node) entry(key string) *entry {
	for _, e := range n.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

// tree reads YAML; nil when it cannot be read or has something that is refused.
func (r *reader) tree(src []byte) *node {
	if len(src) > maxBytes {
		r.add(position{line: 1, column: 1}, "", "%d bytes; a scenario has at most %d", len(src), maxBytes)
		return nil
	}
	if i := invalid(src); i >= 0 {
		r.add(position{line: 1 + bytes.Count(src[:i], []byte("\n")), column: 1}, "", "not text in UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(src), byteOrderMark))
	if !r.plain(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	return r.document(file)
}

// byteOrderMark is what some editors put before the first line.
const byteOrderMark = "\ufeff"

// invalid is where the text stops being UTF-8, or -1.
func invalid(src []byte) int {
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRune(src[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func (r *reader) syntax(err error) {
	var se *yaml.SyntaxError
	if errors.As(err, &se) && se.Token != nil {
		r.add(at(se.Token), "", "not YAML: %s", se.Message)
		return
	}
	r.add(position{line: 1, column: 1}, "", "not YAML: %v", err)
}

// document picks the one document of a file.
func (r *reader) document(file *ast.File) *node {
	var docs []*ast.DocumentNode
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 {
		r.add(position{line: 1, column: 1}, "", "nothing in here; a scenario begins with `about:`")
		return nil
	}
	if len(docs) > 1 {
		r.add(at(first(docs[1].Body)), "", "a second document; a scenario is one")
		return nil
	}
	return r.node("", docs[0].Body)
}

// plain looks for what scenarios do without, before anything is built of it: aliases that multiply, tags, and depths
// that only an attack has.
func (r *reader) plain(tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.add(at(tokens[maxTokens]), "", "too much of everything; a scenario is a page or two")
		return false
	}
	depth, row, line := 0, 0, 0 // row counts the dashes of one line
	for _, t := range tokens {
		if t.Position.Line != line {
			line, row = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			r.add(at(t), "", "%q: scenarios have no anchors, aliases or merge keys; write the value out", t.Value)
			return false
		case token.TagType, token.DirectiveType, token.MappingKeyType:
			r.add(at(t), "", "%q: scenarios have no tags, directives or complex keys", t.Value)
			return false
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			row++
		}
		if depth > maxDepth || row > maxDepth || t.Position.IndentNum > 8*maxDepth {
			r.add(at(t), "", "nested deeper than %d; no part of a scenario is", maxDepth)
			return false
		}
	}
	return true
}

func at(t *token.Token) position { return position{line: t.Position.Line, column: t.Position.Column} }

// first is the token that a value begins with: for a mapping in block style YAML names its first colon instead.
func first(n ast.Node) *token.Token {
	for {
		m, ok := n.(*ast.MappingNode)
		if !ok || m.IsFlowStyle || len(m.Values) == 0 {
			return n.GetToken()
		}
		n = m.Values[0].Key
	}
}

func (r *reader) node(path string, n ast.Node) *node {
	out := &node{at: at(first(n))}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.shape = mapping
		for _, v := range n.Values {
			r.entry(path, out, v)
		}
	case *ast.MappingValueNode:
		out.shape = mapping
		out.at = at(first(n.Key))
		r.entry(path, out, n)
	case *ast.SequenceNode:
		out.shape = list
		for i, v := range n.Values {
			out.items = append(out.items, r.node(item(path, i), v))
		}
	case *ast.LiteralNode:
		out.shape, out.text, out.quoted = scalar, n.Value.Value, true
	default:
		t := n.GetToken()
		out.shape, out.text = scalar, t.Value
		out.quoted = t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType
	}
	return out
}

// entry adds a key to a mapping. A key given twice is a mistake that YAML readers hide, each in its own way.
func (r *reader) entry(path string, out *node, v *ast.MappingValueNode) {
	k := v.Key.GetToken()
	path = join(path, k.Value)
	if before := out.entry(k.Value); before != nil {
		r.add(at(k), path, "key %q is given twice; first in line %d", k.Value, before.at.line)
		return
	}
	if len(out.entries) == maxKeys {
		r.add(at(k), path, "more than %d keys in one mapping", maxKeys)
		return
	}
	out.entries = append(out.entries, &entry{key: k.Value, at: at(k), value: r.node(path, v.Value)})
}
