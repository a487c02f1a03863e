package metrics

import (
	"context"
	"log/slog"
	"net/http"
)

// Trace is what a caller says of the trace that its request belongs to (W3C Trace Context, 3.2).
type Trace struct {
	ID     string // 32 hexadecimal digits
	Parent string // 16 hexadecimal digits: the caller's span
}

// ParseTraceparent reads a traceparent field: version-traceid-parentid-flags. ok is false where the standard wants it to
// be treated as if it were not there.
func ParseTraceparent(s string) (t Trace, ok bool) {
	const length = 55
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return Trace{}, false
	}
	version, id, parent, flags := s[:2], s[3:35], s[36:52], s[53:55]
	switch {
	case !hex(version) || version == "ff":
		return Trace{}, false
	case len(s) > length && (version == "00" || s[length] != '-'): // later versions may have more to say
		return Trace{}, false
	case !hex(id) || !hex(parent) || !hex(flags) || zeros(id) || zeros(parent):
		return Trace{}, false
	}
	return Trace{ID: id, Parent: parent}, true
}

// hex says whether a string is of lower-case hexadecimal digits.
func hex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func zeros(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}

type traceKey struct{}

// Traced gives h requests whose context knows the trace that they belong to, for LogRefusals to tell.
func Traced(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t, ok := ParseTraceparent(r.Header.Get("Traceparent")); ok {
			r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
		}
		h.ServeHTTP(w, r)
	})
}

// TraceAttrs are the attributes of a log line about what belongs to a context's trace; none where there is no trace.
func TraceAttrs(ctx context.Context) []slog.Attr {
	t, ok := ctx.Value(traceKey{}).(Trace)
	if !ok {
		return nil
	}
	return []slog.Attr{slog.String("trace_id", t.ID), slog.String("span_id", t.Parent)}
}
