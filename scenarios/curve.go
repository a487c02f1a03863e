package scenarios

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// Opener reads a file that a scenario refers to, by the name that the scenario has for it: relative to the scenario's
// own folder, or absolute.
type Opener func(name string) ([]byte, error)

// The limits on a curve: a day of seconds fits.
const (
	maxCurveBytes  = 4 << 20
	maxCurvePoints = 100_000
)

// curveFile is the name of a CSV file of time and viewers.
type curveFile struct{ form *form }

const curvePattern = `\.csv$`

func (curveFile) schema() schema { return schema{"type": "string", "pattern": curvePattern} }

func (c curveFile) read(r *reader, path string, n *strictyaml.Node) {
	if !r.is(path, n, strictyaml.Scalar) {
		return
	}
	f := c.form
	if !strings.HasSuffix(n.Text, ".csv") {
		r.add(n.At, path, "%q is not the name of a .csv file with time and viewers", n.Text)
		return
	}
	if f.open == nil {
		r.add(n.At, path, "%q is beside a scenario file, and this scenario is none; give audience.viewers", n.Text)
		return
	}
	src, err := f.open(n.Text)
	if err != nil {
		r.add(n.At, path, "read curve: %v; names are relative to the scenario's folder", err)
		return
	}
	f.CurveFile, f.CurveSource = n.Text, src
	table := &curveTable{file: n.Text}
	if !filepath.IsAbs(n.Text) {
		table.file = filepath.Join(filepath.Dir(r.Name), n.Text)
	}
	f.Audience.Curve = table.read(src)
	for _, p := range table.found {
		r.mark(path)
		r.Note(p)
	}
}

// curveTable reads a curve and collects what is wrong with it, line by line.
type curveTable struct {
	file   string
	lines  []string // split when the first problem is found
	src    string
	points []CurvePoint
	found  []strictyaml.Problem
}

// read gives the points of a CSV file (RFC 4180) with the header time,viewers; those of the lines that are right, where
// others are not.
func (c *curveTable) read(src []byte) []CurvePoint {
	var bad int
	c.src, bad = strictyaml.Text(src)
	if len(src) > maxCurveBytes {
		c.problem(1, 1, "more than %d bytes; leave out points on the way: between two the audience changes evenly",
			maxCurveBytes)
		return nil
	}
	if bad > 0 {
		c.problem(bad, 1, "not text in UTF-8; save it as such")
		return nil
	}
	in := csv.NewReader(strings.NewReader(c.src))
	in.FieldsPerRecord, in.ReuseRecord, in.TrimLeadingSpace = -1, true, true
	if !c.header(in) {
		return nil
	}
	for c.line(in) {
	}
	switch peak := peakOf(c.points); {
	case len(c.found) > 0:
	case len(c.points) == 0:
		c.problem(1, 1, "no points; add lines below the header, such as 0s,1000")
	case peak == 0:
		c.problem(1, 1, "nobody ever watches; give one point some viewers")
	}
	return c.points
}

func (c *curveTable) header(in *csv.Reader) bool {
	record, err := in.Read()
	if errors.Is(err, io.EOF) {
		c.problem(1, 1, "empty; begin with the line time,viewers")
		return false
	}
	if err != nil {
		c.syntax(err)
		return false
	}
	if len(record) != 2 || record[0] != "time" || record[1] != "viewers" {
		line, column := in.FieldPos(0)
		c.problem(line, column, "%.40q is not the header; begin with the line time,viewers", strings.Join(record, ","))
		return false
	}
	return true
}

// line reads one point; false ends the reading.
func (c *curveTable) line(in *csv.Reader) bool {
	record, err := in.Read()
	switch {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		c.syntax(err)
		return false
	}
	line, column := in.FieldPos(0)
	switch {
	case len(c.points) == maxCurvePoints:
		c.problem(line, column, "more than %d points; leave out some on the way: between two the audience changes evenly",
			maxCurvePoints)
		return false
	case len(c.found) == strictyaml.MaxProblems:
		return false
	case len(record) != 2:
		c.problem(line, column, "%d values; write two, time and viewers: 1m30s,2500", len(record))
		return true
	}
	at, wrong := curveTime(record[0])
	if wrong == "" && len(c.points) > 0 && at <= c.points[len(c.points)-1].At {
		wrong = fmt.Sprintf("%s is not after %s in the line before; sort the lines by time", short(at),
			short(c.points[len(c.points)-1].At))
	}
	if wrong != "" {
		c.problem(line, column, "%s", wrong)
		return true
	}
	viewers, wrong := curveViewers(record[1])
	if wrong != "" {
		line, column = in.FieldPos(1)
		c.problem(line, column, "%s", wrong)
		return true
	}
	c.points = append(c.points, CurvePoint{at, viewers})
	return true
}

// curveTime reads a time as scenarios write it, or in seconds.
func curveTime(text string) (at time.Duration, wrong string) {
	text = strings.TrimSpace(text)
	if plainNumber.MatchString(text) {
		text += "s"
	}
	if wrong, _ = duration(&at, 0, day).(word).parse(&strictyaml.Node{Shape: strictyaml.Scalar, Text: text}); wrong == "" {
		return at, ""
	}
	if strings.Contains(text, ":") {
		return 0, fmt.Sprintf("%.40q is a time of day; write how long after the event's start, as 90s, 1h2m or in seconds",
			text)
	}
	return 0, wrong
}

func curveViewers(text string) (viewers int, wrong string) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-") {
		return 0, fmt.Sprintf("%.40s viewers; write 0 for nobody", text)
	}
	if !strictyaml.WholeNumber.MatchString(text) {
		return 0, fmt.Sprintf("%.40q is not a whole number; write one without a unit or a comma", text)
	}
	viewers, err := strconv.Atoi(text)
	if err != nil || viewers > maxViewers {
		return 0, fmt.Sprintf("%.40s viewers are more than the %d that a scenario has at most", text, maxViewers)
	}
	return viewers, ""
}

func (c *curveTable) syntax(err error) {
	line, column, why := 1, 1, err
	var se *csv.ParseError
	if errors.As(err, &se) {
		line, column, why = se.Line, se.Column, se.Err
	}
	c.problem(line, column, "not CSV: %v; write lines such as 1m30s,2500", why)
}

func (c *curveTable) problem(line, column int, format string, args ...any) {
	if c.lines == nil {
		c.lines = strings.Split(c.src, "\n")
	}
	p := strictyaml.Problem{File: c.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	if line <= len(c.lines) {
		p.Source = strings.TrimSuffix(c.lines[line-1], "\r")
	}
	c.found = append(c.found, p)
}

// arrivals is how many viewers there are at which time, whether the scenario has a curve or a ramp: at least one point,
// in order of time.
func (s *Scenario) arrivals() []CurvePoint {
	if len(s.Audience.Curve) > 0 {
		return append([]CurvePoint(nil), s.Audience.Curve...)
	}
	v := s.Audience.Viewers
	var points []CurvePoint
	add := func(at time.Duration, viewers int) {
		if n := len(points); n == 0 || at > points[n-1].At {
			points = append(points, CurvePoint{at, viewers})
		}
	}
	if v.Ramp > 0 {
		add(0, v.Start)
	}
	add(v.Ramp, v.Peak)
	if v.Leave > 0 {
		add(s.Duration-v.Leave, v.Peak)
		add(s.Duration, 0)
	}
	return points
}

// Peak is the most viewers that there are at any time, whether the scenario has a curve or a ramp.
func (s *Scenario) Peak() int { return peakOf(s.arrivals()) }

func peakOf(points []CurvePoint) (peak int) {
	for _, p := range points {
		peak = max(peak, p.Viewers)
	}
	return peak
}
