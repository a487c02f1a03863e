package capacity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/liveorigin/liveorigin/reports"
)

// The files that WriteFiles makes in a run directory.
const (
	JSONFile = "capacity.json"
	CSVFile  = "capacity.csv"
)

// WriteFiles writes capacity.json and capacity.csv. Each appears whole or not at all.
func (p *Plan) WriteFiles(dir string) error {
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{{JSONFile, p.WriteJSON}, {CSVFile, p.WriteCSV}} {
		var b bytes.Buffer
		err := f.write(&b)
		if err == nil {
			err = reports.ReplaceFile(filepath.Join(dir, f.name), b.Bytes())
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

// WriteJSON writes capacity.json.
func (p *Plan) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(p)
}
