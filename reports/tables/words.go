package tables

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Short keeps a count within six columns, with three digits at least.
func Short(n int64) string {
	if n > -100_000 && n < 100_000 {
		return strconv.FormatInt(n, 10)
	}
	return Figure(float64(n))
}

// Figure has three digits, and a letter for the thousands: 999 G is followed by 1 T. Small figures keep their fraction.
func Figure(v float64) string {
	unit := -1
	// What rounds up to a thousand is one of the next unit.
	for ; (v >= 999.5 || v <= -999.5) && unit+1 < len(units); unit++ {
		v /= 1000
	}
	s := strconv.FormatFloat(v, 'g', 3, 64)
	if strings.Contains(s, "e") { // too small, or beyond all units
		s = strconv.FormatFloat(v, 'f', 3, 64)
	}
	if unit < 0 {
		return s
	}
	return s + units[unit:unit+1]
}

const units = "kMGTPE"

// Clip shortens words that would break a table.
func Clip(s string, width int) string {
	rs := []rune(s)
	if len(rs) <= width {
		return s
	}
	return string(rs[:width-1]) + "…"
}

// WriteList writes a title and a line for each item, broken between words; nothing when there are none.
func WriteList(w io.Writer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, item := range items {
		WriteWrapped(w, "  - ", item)
	}
}

// WriteWrapped breaks a line between words, and indents what follows. A line that fits is left as it is, a word that
// does not fit stays whole: it may be a command.
func WriteWrapped(w io.Writer, lead, s string) {
	indent := strings.Repeat(" ", len(lead))
	if len([]rune(s))+len(lead) <= Width {
		fmt.Fprintf(w, "%s%s\n", lead, s)
		return
	}
	line := lead
	for i, word := range strings.Fields(s) {
		if i > 0 && len([]rune(line))+1+len([]rune(word)) > Width {
			fmt.Fprintln(w, line)
			line = indent + word
			continue
		}
		if i > 0 {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}

// EscapeMarkdown keeps words from ending a cell, a span or a list item early.
func EscapeMarkdown(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "'").Replace(s)
}
