package originhttp

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longest is the longest lifetime and duration that we believe: RFC 9111 section 1.2.2 lets caches cap delta-seconds.
const longest = 365 * 24 * time.Hour

// appendCacheControl writes a lifetime twice: in whole seconds, rounded down, for every cache there is, and exact to
// the millisecond in a directive of our own, which others must ignore (RFC 9111, 5.2.3).
func appendCacheControl(b []byte, maxAge time.Duration) []byte {
	ms := maxAge.Milliseconds()
	if ms <= 0 {
		return append(b, "no-store"...)
	}
	b = append(b, "max-age="...)
	b = strconv.AppendInt(b, ms/1000, 10)
	b = append(b, ", live-max-age-ms="...)
	return strconv.AppendInt(b, ms, 10)
}

// maxAge is how long a shared cache may keep an answer from now on: live-max-age-ms before s-maxage before max-age,
// less Age (RFC 9111, 4.2.1 and 5.1). Whatever is missing or makes no sense counts as no time at all.
func maxAge(h http.Header) time.Duration {
	var lifetime time.Duration
	rank := 0
	for name, value := range directives(h["Cache-Control"]) {
		switch {
		case name == "no-store", name == "no-cache", name == "private":
			return 0
		case name == "live-max-age-ms":
			lifetime, rank = count(value, time.Millisecond), 3
		case name == "s-maxage" && rank < 2:
			lifetime, rank = count(value, time.Second), 2
		case name == "max-age" && rank < 1:
			lifetime, rank = count(value, time.Second), 1
		}
	}
	return max(0, lifetime-count(h.Get("Age"), time.Second))
}

// directives yields the comma-separated directives of a field: names in lower case, values without their quotes.
func directives(values []string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for _, line := range values {
			for _, part := range splitOutsideQuotes(line, ',') {
				name, value, _ := strings.Cut(part, "=")
				name = strings.ToLower(strings.TrimSpace(name))
				if name != "" && !yield(name, strings.Trim(strings.TrimSpace(value), `"`)) {
					return
				}
			}
		}
	}
}

func splitOutsideQuotes(s string, sep byte) (parts []string) {
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

// count reads a number of units, at most longest; 0 for nonsense.
func count(s string, unit time.Duration) time.Duration {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0
	}
	return time.Duration(min(n, uint64(longest/unit))) * unit
}

func clampSeconds(n int64) time.Duration {
	limit := int64(longest / time.Second)
	return time.Duration(max(-limit, min(n, limit))) * time.Second
}

// appendTiming writes Server-Timing metrics in milliseconds, exact to the microsecond that records use; nothing for a
// time that was not spent.
func appendTiming(b []byte, store, hold time.Duration) []byte {
	b = appendMetric(b, "store", store)
	if store.Microseconds() > 0 && hold.Microseconds() > 0 {
		b = append(b, ", "...)
	}
	return appendMetric(b, "hold", hold)
}

func appendMetric(b []byte, name string, d time.Duration) []byte {
	us := d.Microseconds()
	if us <= 0 {
		return b
	}
	b = append(b, name...)
	b = append(b, ";dur="...)
	b = strconv.AppendInt(b, us/1000, 10)
	return append(b, '.', byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

// timing finds a metric's duration in Server-Timing; zero when it is not there, or not a number.
func timing(h http.Header, metric string) time.Duration {
	for _, line := range h[fieldTiming] {
		for _, part := range splitOutsideQuotes(line, ',') {
			params := splitOutsideQuotes(part, ';')
			if strings.TrimSpace(params[0]) != metric {
				continue
			}
			for name, value := range directives(params[1:]) {
				if name == "dur" {
					return millis(value)
				}
			}
		}
	}
	return 0
}

func millis(s string) time.Duration {
	ms, err := strconv.ParseFloat(s, 64)
	if err != nil || !(ms >= 0) || ms > float64(longest/time.Millisecond) {
		return 0
	}
	return time.Duration(ms*1000+0.5) * time.Microsecond
}
