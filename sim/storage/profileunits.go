package storage

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
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

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return wrong(text, "a time; write one with its unit, as 5.2ms")
	}
	*s = Span(d)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(digits(float64(r)) + "/s"), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	return number((*float64)(r), text, "/s", 1, "operations a second, as 181/s")
}

// MarshalText implements encoding.TextMarshaler.
func (s Speed) MarshalText() ([]byte, error) { return []byte(digits(float64(s)/1e6) + "MB/s"), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Speed) UnmarshalText(text []byte) error {
	return number((*float64)(s), text, "MB/s", 1e6, "bytes a second, as 29.1MB/s")
}

// MarshalText implements encoding.TextMarshaler.
func (p Percent) MarshalText() ([]byte, error) {
	return []byte(fmt.Sprintf("%+.1f%%", 100*float64(p))), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Percent) UnmarshalText(text []byte) error {
	return number((*float64)(p), text, "%", 0.01, "a part, as +1.5%")
}

// number reads a plain decimal number with its unit.
func number(into *float64, text []byte, unit string, times float64, what string) error {
	figure, ok := strings.CutSuffix(string(text), unit)
	v, err := strconv.ParseFloat(figure, 64)
	if !ok || err != nil || !decimal.MatchString(figure) {
		return wrong(text, what)
	}
	*into = v * times
	return nil
}

func wrong(text []byte, what string) error { return fmt.Errorf("%.40q is not %s", text, what) }

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

// check says everything that is wrong with a profile.
func (p *Profile) check(wrong strictyaml.Wrong) {
	if err := CheckProfileName(p.Name); err != nil {
		wrong("name", "%v", err)
	}
	m := p.Measured
	if m.At.IsZero() {
		wrong("measured", "at is missing: when it was measured")
	}
	if m.Stack == "" {
		wrong("measured", "stack is missing: on what it was measured")
	}
	if m.Calls < 1 || m.Failed < 0 || m.Failed > m.Calls {
		wrong("measured", "%d of %d calls failed cannot be", m.Failed, m.Calls)
	}
	if len(p.Fit) > fitMost {
		wrong("fit", "%d lines are more than %d", len(p.Fit), fitMost)
	}
	within(wrong, "nodes", p.Nodes, 1, nodesMost)
	p.Write.check(wrong, "write")
	p.Read.check(wrong, "read")
	if p.Pauses != nil {
		within(wrong, "pauses.every", p.Pauses.Every, Span(ms), everyMost)
		percentiles(wrong, "pauses.", p.Pauses.P50, p.Pauses.P99, spanLeast)
	}
	p.WriteCapacity.check(wrong, "write_capacity")
	p.ReadCapacity.check(wrong, "read_capacity")
}

// CheckProfileName says why a profile cannot be called so.
func CheckProfileName(name string) error {
	if !nameShape.MatchString(name) {
		return fmt.Errorf("%.70q is not a name: a to z, 0 to 9 and -, beginning with a letter, at most 63", name)
	}
	return nil
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

func (b Body) check(wrong strictyaml.Wrong, path string) {
	percentiles(wrong, path+".", b.P50, b.P99, spanLeast)
	percentiles(wrong, path+".mib_", b.MiBP50, b.MiBP99, 0)
	if b.MiBP50 == 0 && b.MiBP99 > 0 {
		wrong(path+".mib_p99", "more than nothing, with a mib_p50 of nothing; give both or neither")
	}
}

func percentiles(wrong strictyaml.Wrong, path string, p50, p99, least Span) {
	known := within(wrong, path+"p50", p50, least, spanMost)
	known = within(wrong, path+"p99", p99, least, spanMost) && known
	if known && p99 < p50 {
		wrong(path+"p99", "%v is less than p50 %v", p99, p50)
	}
}

func (r *Rates) check(wrong strictyaml.Wrong, path string) {
	if r == nil {
		return
	}
	if *r == (Rates{}) {
		wrong(path, "has no figure; give operations or bytes, or leave it out")
	}
	if r.Operations != 0 {
		within(wrong, path+".operations", float64(r.Operations), 0.1, rateMost)
	}
	if r.Bytes != 0 {
		within(wrong, path+".bytes", float64(r.Bytes), 100, speedMost)
	}
}

func within[T cmp.Ordered](wrong strictyaml.Wrong, path string, v, least, most T) bool {
	if v < least || v > most {
		wrong(path, "%v is not between %v and %v", v, least, most)
		return false
	}
	return true
}
