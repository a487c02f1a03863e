// Package tables lays words and figures out for a terminal of a hundred columns, and the same for Markdown.
package tables

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Width is what every line fits into, so that a log of a build shows it whole.
const Width = 100

const (
	columnGap = 2
	wordMin   = 9 // no column of words gets narrower: "recovery" and the like must stay legible
)

// Table is what the terminal and the summary show alike. Labels are the columns on the left that hold words; the others
// hold figures. A table without rows draws nothing.
type Table struct {
	Title  string
	Labels int
	Header []string
	Rows   [][]string
}

// Row adds a row.
func (t *Table) Row(cells ...string) { t.Rows = append(t.Rows, cells) }

// Lines draws plain columns for a terminal, without the title. Words are clipped where they do not fit.
func (t *Table) Lines() ([]string, error) {
	if len(t.Rows) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	if err := t.fit(Width).render(&b, false); err != nil {
		return nil, fmt.Errorf("draw %s: %w", t.Title, err)
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return lines, nil
}

// WriteMarkdown writes the title as a heading, and the table.
func (t *Table) WriteMarkdown(w io.Writer) error {
	if len(t.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n### %s\n\n", t.Title); err != nil {
		return err
	}
	if err := t.escape().render(w, true); err != nil {
		return fmt.Errorf("draw %s: %w", t.Title, err)
	}
	return nil
}

func (t *Table) render(w io.Writer, markdown bool) error {
	align := make([]tw.Align, len(t.Header))
	for i := range align {
		align[i] = tw.AlignRight
		if i < t.Labels {
			align[i] = tw.AlignLeft
		}
	}
	opts := []tablewriter.Option{
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	}
	if markdown {
		opts = append(opts, tablewriter.WithRenderer(renderer.NewMarkdown()))
	} else {
		opts = append(opts, tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.Off},
			},
		})), tablewriter.WithPadding(tw.Padding{Left: "", Right: strings.Repeat(" ", columnGap), Overwrite: true}))
	}
	tab := tablewriter.NewTable(w, opts...)
	tab.Header(t.Header)
	for _, row := range t.Rows {
		if err := tab.Append(row); err != nil {
			return err
		}
	}
	return tab.Render()
}

// fit clips words, the longest first, until the table is no wider than that. Figures are never clipped.
func (t *Table) fit(width int) *Table {
	widths := make([]int, len(t.Header))
	total := columnGap * (len(t.Header) - 1)
	for i := range widths {
		for _, row := range append(t.Rows, t.Header) {
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
		total += widths[i]
	}
	for ; total > width; total-- {
		widest := 0
		for i := range t.Labels {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= wordMin {
			break
		}
		widths[widest]--
	}
	for _, row := range t.Rows {
		for i := range t.Labels {
			row[i] = Clip(row[i], widths[i])
		}
	}
	return t
}

// escape keeps cells from ending early in Markdown.
func (t *Table) escape() *Table {
	for _, row := range t.Rows {
		for i := range row {
			row[i] = EscapeMarkdown(row[i])
		}
	}
	return t
}
