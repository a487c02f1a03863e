package strictyaml

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The limits on a file. What people write is a few pages; whatever is larger was not meant to be read here.
const (
	MaxBytes  = 1 << 20
	MaxTokens = 50_000
	MaxKeys   = 1000 // in one mapping
	MaxDepth  = 32
)

// Position is where something is: in the file, from 1, or elsewhere, as From says: in an override.
type Position struct {
	Line, Column int
	From         string
}

var start = Position{Line: 1, Column: 1}

// Shape is what YAML made of a value.
type Shape int

const (
	Empty Shape = iota
	Scalar
	List
	Mapping
)

func (s Shape) String() string { return [...]string{"nothing", "one value", "a list", "a mapping"}[s] }

// Node is a value of a file.
type Node struct {
	Shape   Shape
	At      Position
	Text    string // of a scalar
	Quoted  bool   // so it is text, whatever it looks like
	Items   []*Node
	Entries []*Entry
}

// Entry is one key of a mapping.
type Entry struct {
	Key   string
	At    Position
	Value *Node
}

// Entry finds a key of a mapping; nil where it is not there.
func (n *Node) Entry(key string) *Entry {
	for _, e := range n.Entries {
		if e.Key == key {
			return e
		}
	}
	return nil
}

// Move gives a value and all that is in it one position.
func (n *Node) Move(at Position) {
	n.At = at
	for _, i := range n.Items {
		i.Move(at)
	}
	for _, e := range n.Entries {
		e.At = at
		e.Value.Move(at)
	}
}

// tree reads YAML; nil when it cannot be read or has something that is refused.
func (f *File) tree(text string) *Node {
	tokens := lexer.Tokenize(text)
	if wrong, t := f.plain(tokens); t != nil {
		f.Add(at(t), "", "", wrong)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		f.syntax(err)
		return nil
	}
	return f.document(file)
}

func (f *File) syntax(err error) {
	var se *yaml.SyntaxError
	if errors.As(err, &se) && se.Token != nil {
		f.Add(at(se.Token), "", "", "not YAML: "+se.Message)
		return
	}
	f.Add(start, "", "", "not YAML: "+err.Error())
}

// document picks the one document of a file.
func (f *File) document(file *ast.File) *Node {
	var docs []*ast.DocumentNode
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 {
		f.Add(start, "", "", fmt.Sprintf("nothing in here; a %s begins with `%s:`", f.kind.Name, f.kind.First))
		return nil
	}
	if len(docs) > 1 {
		f.Add(at(first(docs[1].Body)), "", "", fmt.Sprintf("a second document; a %s is one", f.kind.Name))
		return nil
	}
	return f.node("", docs[0].Body)
}

// plain looks for what files do without, before anything is built of it: aliases that multiply, tags, and depths that only
// an attack has. It gives the token that is refused, and why.
func (f *File) plain(tokens token.Tokens) (wrong string, refused *token.Token) {
	if len(tokens) > MaxTokens {
		return fmt.Sprintf("too much of everything; a %s is a page or two", f.kind.Name), tokens[MaxTokens]
	}
	depth, row, line := 0, 0, 0 // row counts the dashes of one line
	for _, t := range tokens {
		if t.Position.Line != line {
			line, row = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return fmt.Sprintf("%q: a %s has no anchors, aliases or merge keys; write the value out", t.Value, f.kind.Name), t
		case token.TagType, token.DirectiveType, token.MappingKeyType:
			return fmt.Sprintf("%q: a %s has no tags, directives or complex keys", t.Value, f.kind.Name), t
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			row++
		}
		if depth > MaxDepth || row > MaxDepth || t.Position.IndentNum > 8*MaxDepth {
			return fmt.Sprintf("nested deeper than %d; no part of a %s is", MaxDepth, f.kind.Name), t
		}
	}
	return "", nil
}

func at(t *token.Token) Position { return Position{Line: t.Position.Line, Column: t.Position.Column} }

// first is the token that a value begins with: for a mapping in block style YAML names its first colon instead.
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

func (f *File) node(path string, n ast.Node) *Node {
	out := &Node{At: at(first(n))}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.Shape = Mapping
		for _, v := range n.Values {
			f.entry(path, out, v)
		}
	case *ast.MappingValueNode:
		out.Shape = Mapping
		f.entry(path, out, n)
	case *ast.SequenceNode:
		out.Shape = List
		for i, v := range n.Values {
			out.Items = append(out.Items, f.node(Item(path, i), v))
		}
	case *ast.LiteralNode:
		out.Shape, out.Text, out.Quoted = Scalar, n.Value.Value, true
	default:
		t := n.GetToken()
		out.Shape, out.Text = Scalar, t.Value
		out.Quoted = t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType
	}
	return out
}

// entry adds a key to a mapping. A key given twice is a mistake that YAML readers hide, each in its own way.
func (f *File) entry(path string, out *Node, v *ast.MappingValueNode) {
	k := v.Key.GetToken()
	path = Join(path, k.Value)
	if before := out.Entry(k.Value); before != nil {
		f.Add(at(k), path, "", fmt.Sprintf("key %q is given twice; first in line %d", k.Value, before.At.Line))
		return
	}
	if len(out.Entries) == MaxKeys {
		f.Add(at(k), path, "", fmt.Sprintf("more than %d keys in one mapping", MaxKeys))
		return
	}
	out.Entries = append(out.Entries, &Entry{Key: k.Value, At: at(k), Value: f.node(path, v.Value)})
}
