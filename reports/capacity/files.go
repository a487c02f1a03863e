package capacity

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

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

// WriteCSV writes capacity.csv: a row a tier, region and measure. What a measure has no use for is left empty.
func (p *Plan) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"tier", "region", "measure", "unit", "event", "peak", "p99", "worst_minute"}}
	for i := range p.Tiers {
		rows = append(rows, p.Tiers[i].rows()...)
	}
	for i := range p.Needs {
		n := &p.Needs[i]
		nodes := strconv.FormatInt(n.Nodes, 10)
		rows = append(rows, []string{string(n.Tier), n.Region, n.Unit + "s needed", "nodes", "", nodes, "", ""})
	}
	return out.WriteAll(rows)
}

func (t *Tier) rows() [][]string {
	row := func(measure, unit, event, peak, p99, worst string) []string {
		return []string{string(t.Tier), t.Region, measure, unit, event, peak, p99, worst}
	}
	rows := [][]string{row("nodes", "nodes", "", strconv.FormatInt(t.Nodes, 10), "", "")}
	for _, m := range []struct {
		measure, unit string
		peaks         Peaks
	}{
		{"requests", "1/s", t.Requests}, {"traffic", "Gbit/s", t.Gbps}, {"cpu", "cores", t.Cores},
		{"store operations", "1/s", t.StoreOps}, {"holders", "requests", t.Holders}, {"memory", "bytes", t.MemoryBytes},
	} {
		rows = append(rows, row(m.measure, m.unit, "", decimal(&m.peaks.Peak), decimal(&m.peaks.P99), ""))
	}
	return append(rows,
		row("cache hit ratio", "1", decimal(t.HitRatio.Event), "", "", decimal(t.HitRatio.WorstMinute)),
		row("shed", "requests", strconv.FormatInt(t.Shed, 10), "", "", ""),
		row("failed", "requests", strconv.FormatInt(t.Failed, 10), "", "", ""))
}

func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}
