package scenarios

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// Everything that only virtual time has is told at once, each where the file has it, with the next step.
func TestWallClock(t *testing.T) {
	s, err := Parse("virtual.yaml", []byte(virtual), Override{"audience.viewers.leave", "1m"})
	if err != nil {
		t.Fatal(err)
	}
	const begin, use = "only virtual time has ", "; use `liveorigin replay`, or "
	want := []string{
		"2:23: " + begin + "a ladder without media" + use + "take ladder hd or small",
		"5:1: " + begin + "modelled machines" + use + "take it out",
		"6:1: " + begin + "a modelled network" + use + "take it out",
		"7:1: " + begin + "a delivery network" + use + "give audience.edges",
		"9:34: " + begin + "an audience of more than 100000 viewers" + use + "give fewer",
		"10:3: " + begin + "adaptive viewers" + use + "choose with audience.ladder",
		"11:3: " + begin + "viewers who rewind" + use + "choose with audience.dvr_share and audience.scrub",
		"12:3: " + begin + "viewers who ignore lifetimes" + use + "take it out",
		"13:3: " + begin + "players that read the manifest again" + use + "take it out",
		"14:3: " + begin + "viewers who restart" + use + "take it out",
		"--set audience.viewers.leave=1m: " + begin + "an audience that leaves" + use + "take it out",
	}
	p := new(strictyaml.Problems)
	if !errors.As(s.WallClock(), &p) {
		t.Fatalf("got %v", s.WallClock())
	}
	var got []string
	for _, one := range p.List {
		one.Source = ""
		got = append(got, strings.TrimPrefix(one.String(), "virtual.yaml:"))
	}
	same(t, "problems", got, want)
	if !strings.Contains(p.Error(), "  adaptive: true\n  ^") {
		t.Errorf("no line is shown in\n%v", p)
	}
	if err := s.WallClock(); err == nil || err.Error() != p.Error() {
		t.Errorf("asked again: %v", err)
	}
}

// Saying what is the default keeps a scenario on both clocks.
func TestWallClockTakesDefaults(t *testing.T) {
	s, err := Parse("least.yaml", []byte(least), Override{"machines.profile", "unlimited"},
		Override{"network.profile", "loopback"}, Override{"audience.viewers.peak", "100000"},
		Override{"audience.viewers.leave", "0s"}, Override{"audience.adaptive", "false"},
		Override{"audience.rewinds", "0%"}, Override{"audience.retries", "obey"}, Override{"audience.manifest", "template"},
		Override{"storage", "{profile: cassandra, cache: memcached}"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WallClock(); err != nil {
		t.Error(err)
	}
	s, err = Parse("least.yaml", []byte(least), Override{"audience.viewers.peak", "100001"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WallClock(); err == nil {
		t.Error("100,001 viewers on the wall clock")
	}
}

func TestAgents(t *testing.T) {
	s := &Scenario{Duration: time.Hour, Audience: Audience{Viewers: Viewers{Peak: maxAgents}}}
	if err := s.Agents(); err != nil {
		t.Error(err)
	}
	s.Audience.Viewers.Peak = 65_000_000
	if err := s.Agents(); err == nil || !strings.Contains(err.Error(), "leave --agents out, or scale the audience down with --viewers 0.3") {
		t.Errorf("65 million one by one: %v", err)
	}
	if err := s.Scale(0.3, 1); err != nil || s.Agents() != nil {
		t.Errorf("the advice does not help: %v, %v", err, s.Agents())
	}
}

func TestArrivals(t *testing.T) {
	const m = time.Minute
	for _, row := range []struct {
		why  string
		v    Viewers
		want []CurvePoint
	}{
		{"all at once", Viewers{Peak: 9}, []CurvePoint{{0, 9}}},
		{"a start without a ramp is none", Viewers{Start: 3, Peak: 9}, []CurvePoint{{0, 9}}},
		{"a ramp", Viewers{Start: 3, Ramp: m, Peak: 9}, []CurvePoint{{0, 3}, {m, 9}}},
		{"and a leave", Viewers{Start: 3, Ramp: m, Peak: 9, Leave: 2 * m}, []CurvePoint{{0, 3}, {m, 9}, {8 * m, 9}, {10 * m, 0}}},
		{"with no time between", Viewers{Ramp: 4 * m, Peak: 9, Leave: 6 * m}, []CurvePoint{{0, 0}, {4 * m, 9}, {10 * m, 0}}},
		{"a leave from the beginning", Viewers{Peak: 9, Leave: 10 * m}, []CurvePoint{{0, 9}, {10 * m, 0}}},
	} {
		s := &Scenario{Duration: 10 * m, Audience: Audience{Viewers: row.v}}
		same(t, row.why, s.arrivals(), row.want)
		if s.Peak() != 9 {
			t.Errorf("%s: a peak of %d", row.why, s.Peak())
		}
	}
	s := &Scenario{Audience: Audience{Curve: []CurvePoint{{m, 3}, {2 * m, 4}}, Viewers: Viewers{Peak: 9}}}
	same(t, "a curve", s.arrivals(), s.Audience.Curve)
	s.arrivals()[0].Viewers = 7
	if s.Audience.Curve[0].Viewers != 3 {
		t.Error("a caller changed the curve")
	}
}

func TestScale(t *testing.T) {
	const m = time.Minute
	ramp := Audience{Viewers: Viewers{Start: 10, Ramp: 2 * m, Peak: 1001, Leave: 4 * m}}
	curve := Audience{Curve: []CurvePoint{{0, 5}, {2 * m, 1001}, {4 * m, 0}}}
	close := Audience{Curve: []CurvePoint{{0, 5}, {2, 7}}}
	for _, row := range []struct {
		why            string
		from           Audience
		viewers, speed float64
		want           []CurvePoint
		wrong          string
	}{
		{"as it is", ramp, 1, 1, []CurvePoint{{0, 10}, {2 * m, 1001}, {6 * m, 1001}, {10 * m, 0}}, ""},
		{"twice as many, four times as fast", ramp, 2, 4, []CurvePoint{{0, 20}, {m / 2, 2002}, {9 * m, 2002}, {10 * m, 0}}, ""},
		{"a third, rounded", ramp, 1. / 3, 1, []CurvePoint{{0, 3}, {2 * m, 334}, {6 * m, 334}, {10 * m, 0}}, ""},
		{"a curve", curve, 2, 4, []CurvePoint{{0, 10}, {m / 2, 2002}, {m, 0}}, ""},
		{"a slower curve, of which the end is cut off", curve, 1, 0.25, []CurvePoint{{0, 5}, {8 * m, 1001}, {16 * m, 0}}, ""},
		{"as many as there can be", ramp, 199_800.19, 1, []CurvePoint{{0, 1_998_002}, {2 * m, 199_999_990},
			{6 * m, 199_999_990}, {10 * m, 0}}, ""},
		{"more than there can be", ramp, 200_000, 1, nil, "--viewers 200000: 200000001 viewers are more than the 200000000"},
		{"far more than there can be", curve, 1e9, 1, nil, "--viewers 1e+09: 200000001 viewers are more"},
		{"nobody", ramp, 0.0001, 1, nil, "--viewers 0.0001: nobody is left; give more"},
		{"too slow", ramp, 1, 0.5, nil, "--speed 0.5: coming takes 4m and leaving 8m, but the event only 10m; give more"},
		{"far too slow", ramp, 1, 1e-300, nil, "but the event only 10m; give more"},
		{"too fast for a curve", close, 1, 1e9, nil, "--speed 1e+09: points of the curve come together"},
		{"a curve that begins too late", Audience{Curve: []CurvePoint{{m, 5}}}, 1, 0.1, nil,
			"--speed 0.1: the curve begins at 10m, but the event ends at 10m; give more"},
		{"no factor", ramp, 0, 1, nil, "--viewers 0: a factor is above 0, and at most 1000000000"},
		{"less than none", ramp, 1, -2, nil, "--speed -2: a factor is above 0"},
		{"no number", ramp, math.NaN(), 1, nil, "--viewers NaN: a factor is above 0"},
		{"too much", ramp, 1, math.Inf(1), nil, "--speed +Inf: a factor is above 0"},
	} {
		s := &Scenario{Duration: 10 * m, Audience: row.from}
		err := s.Scale(row.viewers, row.speed)
		switch {
		case row.wrong == "" && err != nil:
			t.Errorf("%s: %v", row.why, err)
		case row.wrong == "":
			same(t, row.why, s.arrivals(), row.want)
			same(t, row.why+": it is written down", s.Scaled, Scaling{row.viewers, row.speed})
		case err == nil || !strings.Contains(err.Error(), row.wrong):
			t.Errorf("%s: got %v, want %s", row.why, err, row.wrong)
		default:
			same(t, row.why+": nothing has changed", s.Audience, row.from)
			same(t, row.why+": nothing is written down", s.Scaled, Scaling{})
		}
	}
	same(t, "what scaled scenarios were made of", curve.Curve, []CurvePoint{{0, 5}, {2 * m, 1001}, {4 * m, 0}})
}
