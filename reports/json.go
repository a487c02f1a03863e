package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The files that WriteFiles makes in a run directory.
const (
	JSONFile     = "report.json"
	JUnitFile    = "junit.xml"
	MarkdownFile = "summary.md"
)

// WriteJSON writes report.json. The timeline has a line a second: it is most of the file, and easier to read that way.
func (r *Report) WriteJSON(w io.Writer) error {
	head := *r
	head.Served = []ServedSecond{}
	b, err := encodeJSON(&head, "  ")
	if err != nil {
		return err
	}
	const empty = "[]\n}\n"
	b = append(bytes.TrimSuffix(b, []byte(empty)), '[')
	for i, s := range r.Served {
		line, err := encodeJSON(s, "")
		if err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, "\n    "...), bytes.TrimSpace(line)...)
	}
	if len(r.Served) > 0 {
		b = append(b, "\n  "...)
	}
	_, err = w.Write(append(b, "]\n}\n"...))
	return err
}

func encodeJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// WriteFiles writes report.json, junit.xml and summary.md. Each appears whole or not at all.
func (r *Report) WriteFiles(dir string) error {
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{{JSONFile, r.WriteJSON}, {JUnitFile, r.WriteJUnit}, {MarkdownFile, r.WriteMarkdown}} {
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		if err := ReplaceFile(filepath.Join(dir, f.name), b.Bytes()); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

// ReplaceFile writes beside the file and renames, so that a reader never sees half of it.
func ReplaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
