package storage

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// The figures of a profile's file carry their units, so that none is read as something else.

// Span is a time: 5.2ms.
type Span time.Duration

// Rate is operations a second: 181/s.
type Rate float64

// Speed is bytes a second: 29.1MB/s.
type Speed float64

// Percent is a part, 0.1 for 10%.
type Percent float64

func (s Span) String() string { return time.Duration(s).String() }

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *Span) UnmarshalYAML(n ast.Node) error {
	d, err := time.ParseDuration(word(n))
	if err != nil {
		return wrong(n, "a time; write one with its unit, as 5.2ms")
	}
	*s = Span(d)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(digits(float64(r)) + "/s"), nil }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (r *Rate) UnmarshalYAML(n ast.Node) error {
	return number((*float64)(r), n, "/s", 1, "operations a second, as 181/s")
}

// MarshalText implements encoding.TextMarshaler.
func (s Speed) MarshalText() ([]byte, error) { return []byte(digits(float64(s)/1e6) + "MB/s"), nil }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *Speed) UnmarshalYAML(n ast.Node) error {
	return number((*float64)(s), n, "MB/s", 1e6, "bytes a second, as 29.1MB/s")
}

// MarshalText implements encoding.TextMarshaler.
func (p Percent) MarshalText() ([]byte, error) {
	return []byte(fmt.Sprintf("%+.1f%%", 100*float64(p))), nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *Percent) UnmarshalYAML(n ast.Node) error {
	return number((*float64)(p), n, "%", 0.01, "a part, as +1.5%")
}

// number reads a plain decimal number with its unit.
func number(into *float64, n ast.Node, unit string, times float64, what string) error {
	figure, ok := strings.CutSuffix(word(n), unit)
	v, err := strconv.ParseFloat(figure, 64)
	if !ok || err != nil || !decimal.MatchString(figure) {
		return wrong(n, what)
	}
	*into = v * times
	return nil
}

// word is a value as it stands in the file; empty for what is not one word.
func word(n ast.Node) string {
	if s, ok := n.(ast.ScalarNode); ok {
		return s.GetToken().Value
	}
	return ""
}

// wrong says with its place that a value is not what it should be.
func wrong(n ast.Node, what string) error {
	return &yaml.SyntaxError{Message: fmt.Sprintf("%.40q is not %s", word(n), what), Token: n.GetToken()}
}

var decimal = regexp.MustCompile(`^[+-]?[0-9]{1,15}(\.[0-9]{1,9})?$`)

// digits is a number with four of them at least, and no exponent.
func digits(v float64) string {
	after := 0
	for n := v; n != 0 && n < 1000 && after < 6; n *= 10 {
		after++
	}
	return strconv.FormatFloat(v, 'f', after, 64)
}

// The limits on a profile's figures. What lies beyond them is a slip of the pen, and not a store.
const (
	spanLeast, spanMost = Span(time.Microsecond), Span(time.Minute)
	everyMost           = Span(24 * time.Hour)
	rateMost            = 1e9
	speedMost           = 1e13
	nodesMost           = 10_000
	fitMost             = 100
)

// check says what is wrong with a profile, and at which path.
func (p *Profile) check() (path string, err error) {
	switch {
	case CheckProfileName(p.Name) != nil:
		return "name", CheckProfileName(p.Name)
	case p.Measured.At.IsZero():
		return "measured", errors.New("at is missing: when it was measured")
	case p.Measured.Stack == "":
		return "measured", errors.New("stack is missing: on what it was measured")
	case p.Measured.Calls < 1 || p.Measured.Failed < 0 || p.Measured.Failed > p.Measured.Calls:
		return "measured", fmt.Errorf("%d of %d calls failed cannot be", p.Measured.Failed, p.Measured.Calls)
	case p.Nodes < 1 || p.Nodes > nodesMost:
		return "nodes", fmt.Errorf("%d is not between 1 and %d", p.Nodes, nodesMost)
	case len(p.Fit) > fitMost:
		return "fit", fmt.Errorf("%d lines are more than %d", len(p.Fit), fitMost)
	}
	if path, err := p.Write.check("write"); err != nil {
		return path, err
	}
	if path, err := p.Read.check("read"); err != nil {
		return path, err
	}
	if path, err := p.Pauses.check(); err != nil {
		return path, err
	}
	if path, err := p.WriteCapacity.check("write_capacity"); err != nil {
		return path, err
	}
	return p.ReadCapacity.check("read_capacity")
}

// CheckProfileName says why a profile cannot be called so.
func CheckProfileName(name string) error {
	if !nameShape.MatchString(name) {
		return fmt.Errorf("%.70q is not a name: a to z, 0 to 9 and -, beginning with a letter, at most 63", name)
	}
	return nil
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

func (b Body) check(path string) (string, error) {
	if at, err := percentiles(b.P50, b.P99, spanLeast); err != nil {
		return path + "." + at, err
	}
	if at, err := percentiles(b.MiBP50, b.MiBP99, 0); err != nil {
		return path + ".mib_" + at, err
	}
	if b.MiBP50 == 0 && b.MiBP99 > 0 {
		return path + ".mib_p99", errors.New("more than nothing, with a mib_p50 of nothing; give both or neither")
	}
	return "", nil
}

func (p *Pauses) check() (string, error) {
	if p == nil {
		return "", nil
	}
	if p.Every < Span(ms) || p.Every > everyMost {
		return "pauses.every", outside(p.Every, Span(ms), everyMost)
	}
	at, err := percentiles(p.P50, p.P99, spanLeast)
	return "pauses." + at, err
}

func percentiles(p50, p99, least Span) (at string, err error) {
	switch {
	case p50 < least || p50 > spanMost:
		return "p50", outside(p50, least, spanMost)
	case p99 < least || p99 > spanMost:
		return "p99", outside(p99, least, spanMost)
	case p99 < p50:
		return "p99", fmt.Errorf("%v is less than p50 %v", p99, p50)
	}
	return "", nil
}

func (r *Rates) check(path string) (string, error) {
	switch {
	case r == nil:
		return "", nil
	case *r == Rates{}:
		return path, errors.New("has no figure; give operations or bytes, or leave it out")
	case r.Operations != 0 && (r.Operations < 0.1 || r.Operations > rateMost):
		return path + ".operations", outside(float64(r.Operations), 0.1, rateMost)
	case r.Bytes != 0 && (r.Bytes < 100 || r.Bytes > speedMost):
		return path + ".bytes", outside(float64(r.Bytes), 100, speedMost)
	}
	return "", nil
}

func outside[T cmp.Ordered](v, least, most T) error {
	return fmt.Errorf("%v is not between %v and %v", v, least, most)
}
