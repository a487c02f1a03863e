package liveorigin

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// reader takes the fields of a JavaScript object one by one, and remembers the first thing that is wrong. The keys that
// it was asked for are the keys that there are.
type reader struct {
	what   string // "new Player", or the path of the object
	fields map[string]any
	known  []string
	err    error
}

func newReader(what string, v any) *reader {
	r := &reader{what: what}
	fields, ok := v.(map[string]any)
	if !ok {
		r.err = fmt.Errorf("%s: need an object, such as {…}, not %s", what, shape(v))
	}
	r.fields = fields
	return r
}

func (r *reader) fail(key, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s: %s", r.what, key, fmt.Sprintf(format, args...))
	}
}

// get gives a field; null counts as left out.
func (r *reader) get(key string) (v any, ok bool) {
	r.known = append(r.known, key)
	v = r.fields[key]
	return v, v != nil && r.err == nil
}

func (r *reader) text(key string, to *string) {
	v, ok := r.get(key)
	if !ok {
		return
	}
	s, ok := v.(string)
	if !ok || s == "" {
		r.fail(key, "need a text, not %s", shape(v))
		return
	}
	*to = s
}

// duration reads '4s' or '1m30s'. A bare number has no unit, so it is refused, except zero.
func (r *reader) duration(key string, to *time.Duration) {
	v, ok := r.get(key)
	if !ok {
		return
	}
	s, isText := v.(string)
	if n, ok := number(v); ok && n == 0 {
		s, isText = "0s", true
	}
	d, err := time.ParseDuration(s)
	switch {
	case !isText:
		r.fail(key, "need a time with a unit, such as '4s' or '250ms', not %s", shape(v))
	case err != nil:
		r.fail(key, "%q is not a time; write one with a unit, such as '4s', '250ms' or '1m30s'", s)
	case d < 0 || d > 1000*24*time.Hour:
		r.fail(key, "%s is not within 0 and 1000 days", s)
	default:
		*to = d
	}
}

func (r *reader) number(key string, to *float64, least, most float64) {
	v, ok := r.get(key)
	if !ok {
		return
	}
	n, ok := number(v)
	switch {
	case !ok:
		r.fail(key, "need a number, not %s", shape(v))
	case !(n >= least && n <= most):
		r.fail(key, "%v is not within %v and %v", n, least, most)
	default:
		*to = n
	}
}

func (r *reader) whole(key string, to *int, least, most int) {
	n := float64(*to)
	if r.number(key, &n, float64(least), float64(most)); n != math.Trunc(n) {
		r.fail(key, "need a whole number, not %v", n)
		return
	}
	*to = int(n)
}

// list reads an array.
func (r *reader) list(key string, each func(i int, v any) error) {
	v, ok := r.get(key)
	if !ok {
		return
	}
	items, ok := v.([]any)
	if !ok {
		r.fail(key, "need a list, such as […], not %s", shape(v))
		return
	}
	for i, item := range items {
		if err := each(i, item); err != nil {
			r.err = err
			return
		}
	}
}

// close looks for keys that nobody asked for.
func (r *reader) close() error {
	if r.err != nil {
		return r.err
	}
	var unknown []string
	for key := range r.fields {
		if !slices.Contains(r.known, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("%s: unknown key %q; %s", r.what, unknown[0], suggest(unknown[0], r.known))
}

// suggest names the nearest of the valid words, or all of them.
func suggest(word string, valid []string) string {
	best, least := "", len(word)/2+2
	for _, v := range valid {
		if d := distance(strings.ToLower(word), v); d < least {
			best, least = v, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "there are " + strings.Join(valid, ", ")
}

// distance is Levenshtein's: how many letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, !math.IsNaN(n)
	}
	return 0, false
}

// shape says in a word what a value is.
func shape(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case int64, float64, bool:
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("a %T", v)
}
