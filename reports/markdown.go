package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/liveorigin/liveorigin/reports/tables"
)

// WriteMarkdown writes summary.md, which a build shows beside its log. The verdict comes first: long summaries are cut.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## %s %s\n\n", strings.ToUpper(string(r.Verdict)), tables.EscapeMarkdown(r.Scenario))
	if r.About != "" {
		fmt.Fprintf(&b, "%s\n\n", tables.EscapeMarkdown(r.About))
	}
	fmt.Fprintf(&b, "Seed %d. Repeat: `%s`\n", r.Seed, strings.ReplaceAll(r.Command, "`", "'"))
	markdownList(&b, "Why not a pass", r.Reasons)
	markdownList(&b, "Invariants", r.invariantLines())
	for _, t := range []*tables.Table{
		r.objectiveTable(), r.faultTable(), r.alertTable(), r.operationTable(), r.defectTable(), r.latencyTable(), r.countTable(),
	} {
		if err := t.WriteMarkdown(&b); err != nil {
			return err
		}
	}
	if lines := r.stripLines(); len(lines) > 0 {
		fmt.Fprintf(&b, "\n### Served from\n\n```\n%s\n```\n", strings.Join(lines, "\n"))
	}
	markdownList(&b, "Notes", r.Notes)
	_, err := w.Write(b.Bytes())
	return err
}

func markdownList(b *bytes.Buffer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", title)
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", tables.EscapeMarkdown(item))
	}
}
