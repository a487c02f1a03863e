package player

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

func TestLifetime(t *testing.T) {
	for _, c := range []struct {
		control, age string
		want         time.Duration
	}{
		{"max-age=1, live-max-age-ms=1740", "", 1740 * time.Millisecond},
		{"live-max-age-ms=340,max-age=9", "", 340 * time.Millisecond},
		{"MAX-AGE=2", "", 2 * time.Second},
		{"max-age=5, live-max-age-ms=4500", "2", 2500 * time.Millisecond},
		{"live-max-age-ms=0", "", leastLifetime}, // so that nobody spins
		{"max-age=3", "7", leastLifetime},
		{"max-age=0", "", usualLifetime}, // whole seconds, rounded down, say nothing here
		{"no-store", "", usualLifetime},
		{"", "", usualLifetime},
		{"max-age=x, live-max-age-ms=-3", "", usualLifetime},
		{"max-age=99999999999999999999", "", usualLifetime},
		{"max-age=999999999999", "", mostLifetime},
	} {
		h := http.Header{}
		if c.control != "" {
			h.Set("Cache-Control", c.control)
		}
		if c.age != "" {
			h.Set("Age", c.age)
		}
		if got := lifetime(h); got != c.want {
			t.Errorf("%q, Age %q: %v; want %v", c.control, c.age, got, c.want)
		}
	}
}

func TestHeldOpen(t *testing.T) {
	for value, want := range map[string]bool{
		"store;dur=3.1, hold;dur=340.0": true, "hold;desc=x;dur=1": true, `hold;dur="2.5"`: true,
		"store;dur=3.1": false, "hold": false, "hold;dur=0": false, "hold;dur=x": false, "household;dur=3": false, "": false,
	} {
		if got := heldOpen([]string{value}); got != want {
			t.Errorf("%q: %v; want %v", value, got, want)
		}
	}
}

func TestDefects(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   []string
	}{
		{nil, nil}, {[]string{""}, nil},
		{[]string{"decode-time, short-segment"}, []string{"decode-time", "short-segment"}},
		{[]string{"a", "b;since=4"}, []string{"a", "b"}}, // lines of one field, and parameters that nobody knows
		{[]string{"a, 5, (b c)"}, []string{"a", "unreadable", "unreadable"}},
		{[]string{",,"}, []string{"unreadable"}},
	} {
		if got := defects(c.values); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q; want %q", c.values, got, c.want)
		}
	}
}

func TestName(t *testing.T) {
	for value, want := range map[string]string{"a": "a", `"4k-east"`: "4k-east", "us-east;v=1": "us-east", "4k": "", "a b": "", "(a)": ""} {
		if got := name([]string{value}); got != want {
			t.Errorf("%q: %q; want %q", value, got, want)
		}
	}
}

func TestDigest(t *testing.T) {
	for value, ok := range map[string]bool{
		"crc32c=:y/U6cQ==:": true, "sha-256=:AAAA:, crc32c=:y/U6cQ==:": true, "crc32c=:AAAA:": false, "crc32c=5": false,
		"sha-256=:AAAA:": false, "crc32c": false, "%": false,
	} {
		if sum, got := crc32c([]string{value}); got != ok || ok && sum != 0xcbf53a71 {
			t.Errorf("%q: %x, %v; want %v", value, sum, got, ok)
		}
	}
}

// FuzzFields shows that no header of a stranger makes a player spin, choke, or keep more than it should.
func FuzzFields(f *testing.F) {
	f.Add("max-age=1, live-max-age-ms=1740", "store;dur=3.1, hold;dur=340.0", "a", "short-segment", "crc32c=:y/U6cQ==:")
	f.Add("max-age=", "hold;dur", `"\`, "((a", "crc32c=::")
	f.Fuzz(func(t *testing.T, control, timing, token, list, digest string) {
		h := http.Header{fieldCache: {control}, "Age": {token}}
		if d := lifetime(h); d < leastLifetime || d > mostLifetime {
			t.Errorf("lifetime of %q is %v", control, d)
		}
		if s := name([]string{token}); len(s) > maxToken {
			t.Errorf("name of %d bytes", len(s))
		}
		ds := defects([]string{list})
		if len(ds) > maxDefects || list != "" && len(ds) == 0 && len(list) == len(trimOWS(list)) {
			t.Errorf("defects of %q are %q", list, ds)
		}
		heldOpen([]string{timing})
		crc32c([]string{digest})
	})
}

func trimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

func TestFirstDecodeTime(t *testing.T) {
	segment := origintest.Fragment(1<<40, 10)
	prft := []byte("\x00\x00\x00\x10prft\x00\x00\x00\x00\x00\x00\x00\x00")
	version0 := []byte("\x00\x00\x00\x20moof\x00\x00\x00\x18traf\x00\x00\x00\x10tfdt\x00\x00\x00\x00\x00\x00\x00\x07")
	long := []byte("\x00\x00\x00\x01skip\x00\x00\x00\x00\x00\x00\x00\x10")
	for about, c := range map[string]struct {
		b    []byte
		want uint64
		ok   bool
	}{
		"styp, moof, mdat":           {segment, 1 << 40, true},
		"prft before it":             {append(slices.Clone(prft), segment...), 1 << 40, true},
		"a 64-bit size before it":    {append(slices.Clone(long), segment...), 1 << 40, true},
		"32-bit decode time":         {version0, 7, true},
		"moof without a tfdt":        {[]byte("\x00\x00\x00\x10moof\x00\x00\x00\x08traf"), 0, false},
		"moof longer than the bytes": {segment[:40], 0, false},
		"a box shorter than itself":  {[]byte("\x00\x00\x00\x04styp" + string(version0)), 0, false},
		"nothing":                    {nil, 0, false},
	} {
		if got, ok := firstDecodeTime(c.b); got != c.want || ok != c.ok {
			t.Errorf("%s: %d, %v; want %d, %v", about, got, ok, c.want, c.ok)
		}
	}
}

// FuzzFirstDecodeTime shows that the walk ends, within the bytes, and finds what was put in.
func FuzzFirstDecodeTime(f *testing.F) {
	f.Add(origintest.Fragment(77, 10), []byte{})
	f.Add([]byte("\x00\x00\x00\x00moof\xff\xff\xff\xfftraf"), []byte("\x00\x00\x00\x08free"))
	f.Fuzz(func(t *testing.T, b, before []byte) {
		firstDecodeTime(b)
		whole := append(slices.Clone(before), origintest.Fragment(77, 1)...)
		if _, hasMoof := find(before, "moof"); hasMoof || !wholeBoxes(before) {
			return
		}
		if got, ok := firstDecodeTime(whole); !ok || got != 77 {
			t.Errorf("after %x: %d, %v; want 77", before, got, ok)
		}
	})
}

// wholeBoxes says whether b is boxes of 32-bit sizes, none of which goes to the end.
func wholeBoxes(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 8 {
			return false
		}
		size := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if size < 8 || size > len(b) {
			return false
		}
		b = b[size:]
	}
	return true
}
