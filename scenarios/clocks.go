package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/faults"
)

// maxViewers is how many viewers a scenario can have: three times the largest audience of a live stream that is known
// (facts.md SCL-1: 65 million streams).
const maxViewers = 200_000_000

// What an audience is limited to by the way it is played: by k6 on one machine with the stack, and one by one in virtual
// time, where each viewer takes memory. Both are more than is comfortable.
const (
	maxPlayers = 100_000
	maxAgents  = 20_000_000
)

// virtualOnly is the table of what only virtual time has: how to tell that a scenario uses it, and what to do instead.
var virtualOnly = []struct {
	path    string
	uses    func(s *Scenario) bool
	what    string
	instead string
}{
	{"event.ladder", func(s *Scenario) bool { return !s.hasMedia() }, "a ladder without media", "take ladder hd or small"},
	{"machines", func(s *Scenario) bool { return s.Machines.Profile != Unlimited }, "modelled machines", "take it out"},
	{"network", func(s *Scenario) bool { return s.Network.Profile != Loopback }, "a modelled network", "take it out"},
	{"monitoring", func(s *Scenario) bool { return s.Monitoring.Every > 0 }, "somebody who watches the metrics", "take it out"},
	{"delivery", func(s *Scenario) bool { return s.Delivery.Sites > 0 }, "a delivery network", "give audience.edges"},
	{"audience.curve", func(s *Scenario) bool { return len(s.Audience.Curve) > 0 }, "an audience from a file",
		"give audience.viewers"},
	{"audience.viewers.peak", func(s *Scenario) bool { return len(s.Audience.Curve) == 0 && s.Peak() > maxPlayers },
		fmt.Sprintf("an audience of more than %d viewers", maxPlayers), "give fewer"},
	{"audience.viewers.leave", func(s *Scenario) bool { return s.Audience.Viewers.Leave > 0 }, "an audience that leaves",
		"take it out"},
	{"audience.adaptive", func(s *Scenario) bool { return s.Audience.Adaptive }, "adaptive viewers",
		"choose with audience.ladder"},
	{"audience.rewinds", func(s *Scenario) bool { return s.Audience.Rewinds > 0 }, "viewers who rewind",
		"choose with audience.dvr_share and audience.scrub"},
	{"audience.retries", func(s *Scenario) bool { return s.Audience.IgnoreLifetimes }, "viewers who ignore lifetimes",
		"take it out"},
	{"audience.manifest", func(s *Scenario) bool { return s.Audience.Refresh }, "players that read the manifest again",
		"take it out"},
	{"audience.restarts", func(s *Scenario) bool { return s.Audience.Restarts.Surge > 0 }, "viewers who restart",
		"take it out"},
}

// WallClock says why the scenario cannot run on the wall clock: as *Problems, one for each key that only virtual time
// has; nil when it can.
func (s *Scenario) WallClock() error {
	r := s.reader.again()
	for _, v := range virtualOnly {
		if v.uses(s) {
			at := r.place(v.path).key
			if value := r.place(v.path).value; value.From != "" {
				at = value // what is overridden is where the file has it, but not what the file says
			}
			r.add(at, v.path, "only virtual time has %s; use `liveorigin replay`, or %s", v.what, v.instead)
		}
	}
	return r.Err()
}

// Models says why the scenario cannot run on a stack whose parts are models in one process, as *Problems; nil when it can.
func (s *Scenario) Models() error {
	r := s.reader.again()
	for i, spec := range s.faults {
		if kind, _ := faults.KindByName(spec.Kind); kind.Real {
			path := join(item("faults", i), "kind")
			r.add(r.place(path).value, path, "%s needs parts that are processes and containers; use `liveorigin run --stack containers`",
				kind.Name)
		}
	}
	return r.Err()
}

// Databases says why the scenario cannot run over real databases, as *Problems; nil when it can. What faults do to
// databases can only be done to our own.
func (s *Scenario) Databases(ours bool) error {
	r := s.reader.again()
	problem := func(path, format string, args ...any) { r.add(r.place(path).value, path, format, args...) }
	if s.Storage.Profile == ObjectStore {
		problem("storage.profile", "there is no real %s to run on; take it out, or leave --stack out", ObjectStore)
	}
	for i, spec := range s.faults {
		if actor, ok := faults.New(spec, time.Time{}, nil).(faults.Actor); ok && !ours && onDatabases(actor) {
			problem(join(item("faults", i), "kind"), "%s would break databases that are not ours; use --stack containers", spec.Kind)
		}
	}
	return r.Err()
}

func onDatabases(f faults.Actor) bool {
	return slices.ContainsFunc(f.Acts(), func(a faults.Act) bool { return a.At.Node == "" })
}

func (s *Scenario) hasMedia() bool {
	for _, r := range s.Renditions {
		if !encoders.HasMedia(r.ID) {
			return false
		}
	}
	return true
}

// Agents says why the scenario's viewers cannot be simulated one by one; nil when they can.
func (s *Scenario) Agents() error {
	if peak := s.Peak(); peak > maxAgents {
		return fmt.Errorf("%d viewers are more than the %d that are simulated one by one; leave --agents out, or scale the "+
			"audience down with --viewers %.2g", peak, maxAgents, math.Floor(maxAgents/float64(peak)*100)/100)
	}
	return nil
}

// Scaling is what Scale was called with; zero when it was not.
type Scaling struct {
	Viewers float64 `json:"viewers"`
	Speed   float64 `json:"speed"`
}

// Scale multiplies the number of viewers at any time, and speeds up their coming and going: the ramp, the leave and the
// times of a curve are divided by speed. The event itself, its phases and faults stay as they are. After an error,
// nothing has changed.
func (s *Scenario) Scale(viewers, speed float64) error {
	if err := cmp.Or(badFactor("--viewers", viewers), badFactor("--speed", speed)); err != nil {
		return err
	}
	scaled := *s
	scaled.scaleViewers(viewers, speed)
	scaled.scaleCurve(viewers, speed)
	if err := scaled.checkScaled(viewers, speed); err != nil {
		return err
	}
	s.Audience, s.Scaled = scaled.Audience, Scaling{viewers, speed}
	return nil
}

// maxFactor is more than makes sense of any audience.
const maxFactor = 1e9

func badFactor(flag string, x float64) error {
	if x > 0 && x <= maxFactor {
		return nil
	}
	return fmt.Errorf("%s %v: a factor is above 0, and at most %d", flag, x, int64(maxFactor))
}

func (s *Scenario) scaleViewers(viewers, speed float64) {
	v := &s.Audience.Viewers
	v.Start, v.Peak = times(v.Start, viewers), times(v.Peak, viewers)
	v.Ramp, v.Leave = faster(v.Ramp, speed), faster(v.Leave, speed)
}

func (s *Scenario) scaleCurve(viewers, speed float64) {
	var scaled []CurvePoint
	for _, p := range s.Audience.Curve {
		scaled = append(scaled, CurvePoint{faster(p.At, speed), times(p.Viewers, viewers)})
	}
	s.Audience.Curve = scaled
}

// checkScaled holds a scaled audience against the limits of a file.
func (s *Scenario) checkScaled(viewers, speed float64) error {
	points, v := s.arrivals(), s.Audience.Viewers
	for i := 1; i < len(points); i++ {
		if points[i].At <= points[i-1].At {
			return fmt.Errorf("--speed %v: points of the curve come together at %v; give less", speed, points[i].At)
		}
	}
	switch peak := s.Peak(); {
	case peak > maxViewers:
		return fmt.Errorf("--viewers %v: %d viewers are more than the %d that a scenario has at most; give less",
			viewers, peak, maxViewers)
	case peak == 0:
		return fmt.Errorf("--viewers %v: nobody is left; give more", viewers)
	case v.Ramp+v.Leave > s.Duration:
		return fmt.Errorf("--speed %v: coming takes %s and leaving %s, but the event only %s; give more",
			speed, short(v.Ramp), short(v.Leave), short(s.Duration))
	case points[0].At >= s.Duration:
		return fmt.Errorf("--speed %v: the curve begins at %s, but the event ends at %s; give more",
			speed, short(points[0].At), short(s.Duration))
	}
	return nil
}

// times is n multiplied and rounded; what does not fit is more than any limit.
func times(n int, factor float64) int {
	return int(math.Round(min(float64(n)*factor, maxViewers+1)))
}

// faster is d divided and rounded; what does not fit is more than any event.
func faster(d time.Duration, speed float64) time.Duration {
	return time.Duration(math.Round(min(float64(d)/speed, float64(100*day))))
}
