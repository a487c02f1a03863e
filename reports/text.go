package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/liveorigin/liveorigin/reports/tables"
)

// WriteText writes the report for a terminal. Nothing depends on colour; it is only for those who see it.
func (r *Report) WriteText(w io.Writer, color bool) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  seed %d\n", r.Scenario, r.Seed)
	if r.About != "" {
		fmt.Fprintln(&b, r.About)
	}
	if err := r.writeTables(&b, color); err != nil {
		return err
	}
	tables.WriteList(&b, "Invariants", r.invariantLines())
	tables.WriteList(&b, "Why not a pass", r.Reasons)
	tables.WriteList(&b, "Notes", r.Notes)
	r.writeCosts(&b)
	fmt.Fprintf(&b, "\n%s\n", paint(r.Verdict, r.VerdictLine(), color))
	_, err := w.Write(b.Bytes())
	return err
}

func (r *Report) writeTables(b *bytes.Buffer, color bool) error {
	for _, t := range []*tables.Table{
		r.latencyTable(), r.countTable(),
		nil, // here goes the strip
		r.faultTable(), r.alertTable(), r.operationTable(), r.defectTable(), r.objectiveTable(),
	} {
		if t == nil {
			writeStrip(b, r.stripLines())
			continue
		}
		lines, err := t.Lines()
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			fmt.Fprintf(b, "\n%s\n", t.Title)
		}
		for _, line := range lines {
			fmt.Fprintln(b, paintWord(line, color))
		}
	}
	return nil
}

// writeCosts says what was refused, what holding saved, and what the run took of the machine.
func (r *Report) writeCosts(b *bytes.Buffer) {
	fmt.Fprintln(b)
	for _, line := range r.publishing() {
		tables.WriteWrapped(b, "", line)
	}
	if n := r.Counts.Held; n > 0 {
		fmt.Fprintf(b, "holding open spared viewers %d early 404s, and as many second requests\n", n)
	}
	if r.Stack != nil {
		tables.WriteWrapped(b, "", r.Stack.String())
	}
	if r.Replay != nil {
		tables.WriteWrapped(b, "", r.Replay.String())
	}
	for _, u := range []struct {
		name  string
		cores *float64
		rss   *int64
	}{
		{"harness", r.Usage.HarnessCPUCores, r.Usage.HarnessRSSBytes}, {"k6", r.Usage.K6CPUCores, r.Usage.K6RSSBytes},
		{"origin processes", r.Usage.OriginCPUCores, r.Usage.OriginRSSBytes},
		{"edge processes", r.Usage.EdgeCPUCores, r.Usage.EdgeRSSBytes},
	} {
		if u.cores != nil && u.rss != nil {
			fmt.Fprintf(b, "%s used %.2f cores and %d MiB\n", u.name, *u.cores, *u.rss>>20)
		}
	}
}

func writeStrip(b *bytes.Buffer, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\nServed from\n")
	for _, line := range lines {
		tables.WriteWrapped(b, "  ", line)
	}
}

// VerdictLine is the last line: what came of it, of what, and how to see it again.
func (r *Report) VerdictLine() string {
	return fmt.Sprintf("%s %s  seed %d  repeat: %s", strings.ToUpper(string(r.Verdict)), r.Scenario, r.Seed, r.Command)
}

var ansi = map[Verdict]string{Pass: "\x1b[32m", Fail: "\x1b[31m", Inconclusive: "\x1b[33m"}

func paint(v Verdict, s string, color bool) string {
	if !color {
		return s
	}
	return ansi[v] + s + "\x1b[0m"
}

// paintWord colours the verdict that a row begins with.
func paintWord(line string, color bool) string {
	for v, word := range verdictWord {
		if rest, ok := strings.CutPrefix(line, word+" "); ok {
			return paint(v, word, color) + " " + rest
		}
	}
	return line
}
