package tables

import (
	"math"
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 99_999: "99999", 100_000: "100k", 123_456: "123k", 999_499: "999k", 999_500: "1M", 1_234_567: "1.23M",
		65_000_000: "65M", 999_499_999: "999M", 999_500_000: "1G", 325_000_000_000: "325G", 1_000_000_000_000: "1T",
		999_999_999_999_999: "1P", 1 << 53: "9.01P", math.MaxInt64: "9.22E", -123_456: "-123k",
	} {
		if got := Short(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.000012: "0.000", 0.0123: "0.0123", 0.5: "0.5", 99.96: "100", 999.4: "999", 999.5: "1k", 1234: "1.23k", 90: "90",
		-1234: "-1.23k", 1e18: "1E", 5e21: "5000.000E",
	} {
		if got := Figure(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestWordsAreClippedAndFiguresAreNot(t *testing.T) {
	table := &Table{Title: "t", Labels: 2, Header: []string{"word", "other", "figure"}}
	table.Row(strings.Repeat("a", 90), strings.Repeat("b", 20), strings.Repeat("9", 40))
	lines, err := table.Lines()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("a", 35) + "…  " + strings.Repeat("b", 20)
	if len(lines) != 2 || len([]rune(lines[1])) != Width || !strings.HasPrefix(lines[1], want) || !strings.HasSuffix(lines[1], strings.Repeat("9", 40)) {
		t.Errorf("%q, want %q and 40 figures", lines, want)
	}
	if lines, err := (&Table{Header: []string{"word"}}).Lines(); err != nil || lines != nil {
		t.Errorf("a table without rows draws %q, %v", lines, err)
	}
}

func TestLinesAreBrokenBetweenWords(t *testing.T) {
	var b strings.Builder
	WriteList(&b, "Title", []string{strings.Repeat("words ", 30), "short  as  it is"})
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 6 || lines[1] != "Title" || len(lines[2]) > Width || !strings.HasPrefix(lines[2], "  - words") ||
		!strings.HasPrefix(lines[3], "    words") || lines[4] != "  - short  as  it is" {
		t.Errorf("%q", lines)
	}
	b.Reset()
	if WriteList(&b, "Title", nil); b.Len() > 0 {
		t.Errorf("a list of nothing is %q", b.String())
	}
}
