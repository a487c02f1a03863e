package audience

import (
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/scenarios"
)

func TestCurve(t *testing.T) {
	at := func(v int, t time.Duration) scenarios.CurvePoint { return scenarios.CurvePoint{At: t, Viewers: v} }
	const s = time.Second
	ramp := scenarios.Viewers{Start: 2, Ramp: 2 * s, Peak: 12}
	leave := scenarios.Viewers{Start: 100, Peak: 100, Leave: 10 * s}
	for _, c := range []struct {
		why   string
		curve curve
		at    time.Duration
		want  int
	}{
		{"who is there from the start", curve{viewers: ramp}, 0, 2},
		{"nobody else before the first comes", curve{viewers: ramp}, 200*time.Millisecond - 1, 2},
		{"the first comes", curve{viewers: ramp}, 200 * time.Millisecond, 3},
		{"half of the ramp", curve{viewers: ramp}, s, 7},
		{"the last comes", curve{viewers: ramp}, 2 * s, 12},
		{"long after", curve{viewers: ramp}, time.Hour, 12},
		{"no ramp", curve{viewers: scenarios.Viewers{Peak: 65_000_000}}, 0, 65_000_000},
		{"all before they leave", curve{viewers: leave, length: 60 * s}, 50 * s, 100},
		{"half have left", curve{viewers: leave, length: 60 * s}, 55 * s, 50},
		{"all have left", curve{viewers: leave, length: 60 * s}, 60 * s, 0},
		{"before the first point", curve{points: []scenarios.CurvePoint{at(5, s), at(9, 3*s)}}, s - 1, 0},
		{"at a point", curve{points: []scenarios.CurvePoint{at(5, s), at(9, 3*s)}}, s, 5},
		{"between points", curve{points: []scenarios.CurvePoint{at(5, s), at(9, 3*s)}}, 2 * s, 7},
		{"downwards", curve{points: []scenarios.CurvePoint{at(9, s), at(0, 4*s)}}, 3 * s, 3},
		{"after the last point", curve{points: []scenarios.CurvePoint{at(5, s), at(9, 3*s)}}, time.Hour, 9},
	} {
		if got := c.curve.at(c.at); got != c.want {
			t.Errorf("%s: %d viewers at %v; want %d", c.why, got, c.at, c.want)
		}
	}
}
