package metrics_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/liveorigin/liveorigin/origin/metrics"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestParseTraceparent(t *testing.T) {
	for s, want := range map[string]bool{
		"00-" + traceID + "-" + spanID + "-01":                  true,
		"00-" + traceID + "-" + spanID + "-00":                  true,
		"00-" + traceID + "-" + spanID + "-03":                  true, // random: level 2
		"00-" + traceID + "-" + spanID + "-0a":                  true,
		"00-" + traceID + "-" + spanID + "-fb":                  true,
		"cc-" + traceID + "-" + spanID + "-01-more":             true, // a later version
		"cc-" + traceID + "-" + spanID + "-01":                  true,
		"cc-" + traceID + "-" + spanID + "-01more":              false,
		"00-" + traceID + "-" + spanID + "-01-more":             false,
		"ff-" + traceID + "-" + spanID + "-01":                  false, // no version
		"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01": false,
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01":  false,
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01": false,
		"00-" + traceID + "-" + spanID + "-0g":                  false,
		"00-" + traceID + "-" + spanID:                          false,
		"00_" + traceID + "-" + spanID + "-01":                  false,
		"00-" + traceID + "_" + spanID + "-01":                  false,
		"00-" + traceID + "-" + spanID + "_01":                  false,
		"0x-" + traceID + "-" + spanID + "-01":                  false,
		" 00-" + traceID + "-" + spanID + "-01":                 false,
		"":                                                      false,
	} {
		got, ok := metrics.ParseTraceparent(s)
		if ok != want || ok && (got.ID != traceID || got.Parent != spanID) {
			t.Errorf("%q: got %+v, %v, want %v", s, got, ok, want)
		}
	}
}

// OpenTelemetry's own parser is the judge.
func FuzzParseTraceparent(f *testing.F) {
	for _, s := range []string{"00-" + traceID + "-" + spanID + "-01", "cc-" + traceID + "-" + spanID + "-00-x", "", "ff-0-0-0",
		"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := metrics.ParseTraceparent(s)
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": s})
		want := trace.SpanContextFromContext(ctx)
		if len(s) >= 55 && s[:2] == "00" && s[53:55] > "02" {
			return // it refuses flags that it does not know; the standard ignores them (3.2.2.5)
		}
		if ok != want.IsValid() || ok && (got.ID != want.TraceID().String() || got.Parent != want.SpanID().String()) {
			t.Errorf("%q: got %+v, %v, want %v, %v", s, got, ok, want, want.IsValid())
		}
	})
}
