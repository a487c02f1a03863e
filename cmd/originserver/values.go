package originserver

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration with a unit, as Go writes it: 2s, 500ms, 1h30m.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		return fmt.Errorf("%s needs a unit; did you mean %q?", s, s+"s")
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no duration, such as 2s, 500ms or 1h30m", s)
	}
	*d = Duration(v)
	return nil
}

// Bytes is a size with a unit: 512KiB, 16MiB, 2GiB.
type Bytes int64

// sizes are the units of Bytes, the largest first.
var sizes = []struct {
	unit string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return fmt.Errorf("%s needs a unit; did you mean %q?", s, s+"MiB")
	}
	for _, u := range sizes {
		number, ok := strings.CutSuffix(s, u.unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/u.size {
			break
		}
		*b = Bytes(n * u.size)
		return nil
	}
	return fmt.Errorf("%q is no size, such as 512KiB, 16MiB or 2GiB", s)
}

// String is the size in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range sizes {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.unit
		}
	}
	return "0B"
}

// Start is when an event starts: an instant, or, zero, the second in which the origin is started.
type Start time.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Start) UnmarshalText(text []byte) error {
	if string(text) == "now" {
		*s = Start{}
		return nil
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil || t.IsZero() {
		return fmt.Errorf("%q is neither an instant, such as 2026-11-21T20:00:00Z, nor now", text)
	}
	*s = Start(t)
	return nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not like http://host:port", s)
	}
	return nil
}
