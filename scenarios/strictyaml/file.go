package strictyaml

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Kind is a kind of file, for messages.
type Kind struct {
	Name  string // with "a" before it: scenario
	First string // the key that one begins with
}

// File is a file that is being read. It collects what is wrong with it.
type File struct {
	Name     string // in messages
	kind     Kind
	lines    []string
	problems Problems
}

// Parse reads YAML. The value is nil where it cannot be read or has something that is refused; where there is one, the
// file may have problems nevertheless.
func Parse(kind Kind, name string, src []byte) (*File, *Node) {
	f := &File{Name: name, kind: kind}
	if len(src) > MaxBytes {
		f.Add(start, "", "", fmt.Sprintf("more than %d bytes; no %s is as large", MaxBytes, kind.Name))
		return f, nil
	}
	text, bad := Text(src)
	f.lines = strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if bad > 0 {
		f.Add(Position{Line: bad, Column: 1}, "", "", "not text in UTF-8")
		return f, nil
	}
	return f, f.tree(text)
}

// Text is what a file says, without the byte order mark that some editors put before it. bad is the first line that is not
// UTF-8, from 1; 0 where all are.
func Text(src []byte) (text string, bad int) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRune(src[i:])
		if c == utf8.RuneError && size == 1 {
			return string(src), 1 + bytes.Count(src[:i], []byte("\n"))
		}
		i += size
	}
	return string(src), 0
}

// ReadAtMost reads a little more than the limit, so that a file that is too large is refused and not held.
func ReadAtMost(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// Add notes what is wrong at a position with the value at a path, and what was probably meant; meant may be empty.
func (f *File) Add(at Position, path, meant, message string) {
	p := Problem{File: f.Name, Line: at.Line, Column: at.Column, Path: path, Message: message, Suggestion: meant}
	if at.From != "" {
		p.File, p.Line, p.Column = at.From, 0, 0
	} else if at.Line <= len(f.lines) && at.Line > 0 {
		p.Source = f.lines[at.Line-1]
	}
	f.Note(p)
}

// Note notes a problem, which may be one of another file.
func (f *File) Note(p Problem) {
	if len(f.problems.List) == MaxProblems {
		f.problems.More++
		return
	}
	f.problems.List = append(f.problems.List, p)
}

// Err is everything that was found, as *Problems, or nil.
func (f *File) Err() error {
	if len(f.problems.List) == 0 {
		return nil
	}
	f.problems.sort(f.Name)
	return &f.problems
}

// Found lists what was found so far.
func (f *File) Found() []Problem { return f.problems.List }

// Again is the same file, in which nothing was found.
func (f *File) Again() *File { return &File{Name: f.Name, kind: f.kind, lines: f.lines} }

// Misshapen says what is wrong with a value that has another shape than is wanted; nothing where it has that.
func (f *File) Misshapen(path string, n *Node, want Shape) string {
	switch {
	case n.Shape == want:
		return ""
	case path == "":
		path = "a " + f.kind.Name
	}
	return fmt.Sprintf("%s should be %v, not %v", path, want, n.Shape)
}

// Unknown completes the message about a word that is not among the valid ones: it gives the one that was probably meant,
// or, when none is near, says all that there are.
func Unknown(message, word string, valid []string) (full, meant string) {
	meant = Nearest(word, valid)
	if meant == "" && len(valid) > 0 {
		message += "; there is " + OneOf(valid)
	}
	return message, meant
}

// UnknownKey is the message about a key that the mapping at a path does not take, and the key that was probably meant.
func UnknownKey(path, key string, valid []string) (message, meant string) {
	message = fmt.Sprintf("unknown key %q", key)
	if path != "" {
		message += " in " + path
	}
	return Unknown(message, key, valid)
}

// IsEmpty is the message about a key without a value.
func IsEmpty(path string) string { return path + " is empty; give it a value or leave the key out" }

// Join is the path of a key's value in the mapping at a path: event.duration.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Item is the path of an item of the list at a path, from 0: faults[0].
func Item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// Parent is the path of the mapping or list around the value at a path.
func Parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }
