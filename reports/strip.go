package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/reports/tables"
)

// stripWidth is how many columns the strip may take beside the regions' names.
const stripWidth = 80

// strip draws from where each second was served, a row a region and a letter a column:
//
//	faults           1111111
//	us-east   eeeeeeeEwwwwwwEeeee
//	us-west   wwwwwwwwwwwwwwwwwww
//
// A column stands for a segment, or for as many as it takes to fit: viewers ask once a segment, so that anything finer
// would show holes. It shows where most of its segments came from, as a capital when not all did.
type strip struct {
	from    int64 // first second
	columns int
	each    int64 // seconds a column
	letters map[variant]byte
	order   []variant
}

func newStrip(served []ServedSecond, segment time.Duration) *strip {
	s := &strip{letters: map[variant]byte{}}
	if len(served) == 0 {
		return s
	}
	s.from = served[0].Second
	length := served[len(served)-1].Second - s.from + 1
	least := max(1, int64((segment+time.Second-1)/time.Second))
	s.each = least * max(1, (length+stripWidth*least-1)/(stripWidth*least))
	s.columns = int((length + s.each - 1) / s.each)
	for _, sec := range served {
		for _, sh := range sec.From {
			if v := (variant{sh.Region, sh.Pipeline}); !slices.Contains(s.order, v) {
				s.order = append(s.order, v)
			}
		}
	}
	slices.SortFunc(s.order, func(a, b variant) int { return strings.Compare(a.region+"/"+a.pipeline, b.region+"/"+b.pipeline) })
	s.nameVariants()
	return s
}

// nameVariants gives each variant a letter of its own, from the part of the region's name that tells it from the others,
// else of the pipeline's, else the first that is free.
func (s *strip) nameVariants() {
	names := make([]string, len(s.order))
	for i, v := range s.order {
		names[i] = v.region
	}
	common := len(commonPrefix(names))
	taken := map[byte]bool{}
	for _, v := range s.order {
		name := v.region[common:] + v.pipeline + "abcdefghijklmnopqrstuvwxyz"
		for _, c := range []byte(strings.ToLower(name)) {
			if c >= 'a' && c <= 'z' && !taken[c] {
				taken[c], s.letters[v] = true, c
				break
			}
		}
		if s.letters[v] == 0 {
			s.letters[v] = '?'
		}
	}
}

// commonPrefix is empty for a single name: then all of it is what matters.
func commonPrefix(names []string) string {
	distinct := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(distinct) < 2 {
		return ""
	}
	prefix := distinct[0]
	for _, n := range distinct {
		for !strings.HasPrefix(n, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}

// row is the strip of one region; a dot where nothing was served.
func (s *strip) row(served []ServedSecond, region string) string {
	by := make([]map[variant]int64, s.columns)
	for _, sec := range served {
		if sec.Region != region {
			continue
		}
		col := (sec.Second - s.from) / s.each
		if by[col] == nil {
			by[col] = map[variant]int64{}
		}
		for _, sh := range sec.From {
			by[col][variant{sh.Region, sh.Pipeline}] += sh.Segments
		}
	}
	row := make([]byte, s.columns)
	for i, shares := range by {
		row[i] = s.letter(shares)
	}
	return string(row)
}

func (s *strip) letter(shares map[variant]int64) byte {
	most, letter := int64(0), byte('.')
	for _, v := range s.order {
		if n := shares[v]; n > most {
			most, letter = n, s.letters[v]
		}
	}
	if len(shares) > 1 && letter >= 'a' && letter <= 'z' {
		letter -= 'a' - 'A'
	}
	return letter
}

// faultRow marks the columns in which faults were at work, each with its number; later ones over earlier ones.
func (s *strip) faultRow(faults []FaultReport) string {
	row := []byte(strings.Repeat(" ", s.columns))
	for i, f := range faults {
		first := (secondOf(time.Duration(f.FromMs)*time.Millisecond) - s.from) / max(1, s.each)
		last := (secondOf(time.Duration(max(f.FromMs, f.UntilMs-1))*time.Millisecond) - s.from) / max(1, s.each)
		for col := max(0, first); col <= last && col < int64(s.columns); col++ {
			row[col] = faultMark(i)[0]
		}
	}
	return strings.TrimRight(string(row), " ")
}

// legend says what the letters mean.
func (s *strip) legend() string {
	words := []string{fmt.Sprintf("a column is %ds", s.each)}
	mixed := "capital: most, not all"
	for _, v := range s.order {
		words = append(words, fmt.Sprintf("%c = %s/%s", s.letters[v], v.region, v.pipeline))
	}
	if len(s.order) > 1 {
		words = append(words, mixed)
	}
	return strings.Join(words, ", ")
}

// lines is the whole strip.
func (r *Report) stripLines() []string {
	s := newStrip(r.Served, time.Duration(r.SegmentMs)*time.Millisecond)
	if s.columns == 0 {
		return nil
	}
	var regions []string
	for _, sec := range r.Served {
		regions = append(regions, sec.Region)
	}
	slices.Sort(regions)
	var lines []string
	if row := s.faultRow(r.Faults); row != "" {
		lines = append(lines, fmt.Sprintf("%-16s  %s", "faults", row))
	}
	for _, region := range slices.Compact(regions) {
		lines = append(lines, fmt.Sprintf("%-16s  %s", tables.Clip(region, 16), s.row(r.Served, region)))
	}
	return append(lines, s.legend())
}
