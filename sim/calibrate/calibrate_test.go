package calibrate

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/liveorigin/liveorigin/sim/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onOneThread is for tests that search for a fit on the loop: the race detector takes fifteen times as long for it, and
// sees one thread. make test runs them without.
func onOneThread(t *testing.T) {
	if underRace {
		t.Skip("one thread; runs without the race detector")
	}
}

const ms = time.Millisecond

// known is a store whose figures the fit has to find.
func known() storage.ReplicaProfile {
	return storage.ReplicaProfile{
		Write: storage.Latency{P50: 8 * ms, P99: 40 * ms}, WriteMiB: storage.Latency{P50: 20 * ms, P99: 120 * ms},
		Read: storage.Latency{P50: 6 * ms, P99: 18 * ms}, ReadMiB: storage.Latency{P50: 8 * ms, P99: 16 * ms},
		Pauses: storage.Episodes{Every: 3 * time.Minute, Length: storage.Latency{P50: 700 * ms, P99: 1200 * ms}},
		Nodes:  1,
	}
}

// fit measures a store in virtual time and fits it.
func fit(t *testing.T, p storage.ReplicaProfile, plan Plan) *Fit {
	t.Helper()
	s, err := Virtually(storage.StoreProfile{Name: "known", Replica: p}, plan)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Fit()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// near holds a figure against the known one.
func near[T time.Duration | float64](t *testing.T, what string, got, want T, part float64) {
	t.Helper()
	if d := float64(got) - float64(want); d > part*float64(want) || d < -part*float64(want) {
		t.Errorf("%s is %v, want %v within %.0f %%", what, got, want, 100*part)
	}
}

// What was put into the model comes out of the fit.
func TestFitFindsWhatIsKnown(t *testing.T) {
	onOneThread(t)
	want := known()
	f := fit(t, want, Plan{Seed: 3, For: 20 * time.Minute, Rate: 60})
	got := f.Replica
	if got.OneMachine {
		t.Error("takes the zones to stand on one machine")
	}
	near(t, "write p50", got.Write.P50, want.Write.P50, 0.08)
	near(t, "write p99", got.Write.P99, want.Write.P99, 0.20)
	near(t, "write p50 of a MiB", got.WriteMiB.P50, want.WriteMiB.P50, 0.10)
	near(t, "write p99 of a MiB", got.WriteMiB.P99, want.WriteMiB.P99, 0.30)
	near(t, "read p50", got.Read.P50, want.Read.P50, 0.08)
	near(t, "read p99", got.Read.P99, want.Read.P99, 0.20)
	near(t, "read p50 of a MiB", got.ReadMiB.P50, want.ReadMiB.P50, 0.20)
	near(t, "pauses every", got.Pauses.Every, want.Pauses.Every, 0.35)
	near(t, "pauses p50", got.Pauses.Length.P50, want.Pauses.Length.P50, 0.15)
	if got.Capacity != (storage.Capacity{}) || got.ReadCapacity != (storage.Capacity{}) {
		t.Errorf("limits %+v, %+v where there are none", got.Capacity, got.ReadCapacity)
	}
	if f.Within() != Yes {
		report(t, f)
	}
}

// Where zones stand on one machine, what a call takes is what a replica does.
func TestFitOfOneMachine(t *testing.T) {
	onOneThread(t)
	want := known()
	want.Write, want.WriteMiB = storage.Latency{P50: 12 * ms, P99: 240 * ms}, storage.Latency{P50: 30 * ms, P99: 400 * ms}
	want.Pauses, want.OneMachine = storage.Episodes{}, true
	f := fit(t, want, Plan{Seed: 2, For: 15 * time.Minute, Rate: 24})
	got := f.Replica
	if !got.OneMachine {
		t.Fatal("takes the zones to be apart")
	}
	if of := f.Profile("known", "1", "again").Store().Replica; of != got {
		t.Errorf("the profile has %+v\nof %+v", of, got)
	}
	near(t, "write p50", got.Write.P50, want.Write.P50, 0.10)
	near(t, "write p99", got.Write.P99, want.Write.P99, 0.25)
	near(t, "write p50 of a MiB", got.WriteMiB.P50, want.WriteMiB.P50, 0.20)
	near(t, "read p50", got.Read.P50, want.Read.P50, 0.05)
	near(t, "read p99", got.Read.P99, want.Read.P99, 0.10)
	if f.Within() != Yes {
		report(t, f)
	}
}

// What bursts wait for is told apart from what calls take, and so a model of what was measured in bursts is one of calls that
// come one by one, too.
func TestFitFindsQueuesOfBursts(t *testing.T) {
	onOneThread(t)
	want := known()
	want.Pauses, want.OneMachine = storage.Episodes{}, true
	want.Capacity, want.ReadCapacity = storage.Capacity{Operations: 150, Bytes: 20e6}, storage.Capacity{Operations: 1500, Bytes: 100e6}
	f := fit(t, want, Plan{Seed: 2, For: 5 * time.Minute, Rate: 8, Burst: 4})
	near(t, "writes a second", f.Replica.Capacity.Operations, 150, 0.15)
	near(t, "bytes a second", f.Replica.Capacity.Bytes, 20e6, 0.15)
	if f.Within() != Yes {
		report(t, f)
	}
	f.Samples.Plan.Burst, f.Compared = 1, nil
	if err := f.compareOpen(); err != nil {
		t.Fatal(err)
	}
	if f.Within() != No {
		t.Error("calls that come one by one take as long as those that come in bursts")
	}
}

// A replica's level is the one at which two of three, or the first of three, are as likely as the call.
func TestLevel(t *testing.T) {
	for _, u := range []float64{0.01, 0.25, 0.5, 0.9, 0.99, 0.9999} {
		f := distuv.UnitNormal.CDF(apart(Put, u))
		near(t, "two of three", 3*f*f-2*f*f*f, u, 1e-6)
		f = distuv.UnitNormal.CDF(apart(Get, u))
		near(t, "the first of three", 1-(1-f)*(1-f)*(1-f), u, 1e-6)
	}
}

// A table that is full is known by what many callers reach.
func TestFitFindsLimits(t *testing.T) {
	onOneThread(t)
	want := known()
	want.Pauses = storage.Episodes{}
	want.Capacity = storage.Capacity{Operations: 300, Bytes: 60e6}
	want.ReadCapacity = storage.Capacity{Operations: 500, Bytes: 100e6}
	f := fit(t, want, Plan{Seed: 5, For: 5 * time.Minute})
	near(t, "writes a second", f.Replica.Capacity.Operations, 300, 0.15)
	near(t, "bytes a second", f.Replica.Capacity.Bytes, 60e6, 0.15)
	near(t, "reads a second", f.Replica.ReadCapacity.Operations, 500, 0.20)
	near(t, "bytes read a second", f.Replica.ReadCapacity.Bytes, 100e6, 0.30)
	for _, c := range f.Closed {
		if c.Callers == 8 {
			near(t, "8 callers of "+string(c.Kind)+" "+size(c.Bytes), c.Modelled, c.Measured, 0.20)
		}
	}
	if f.Within() != Yes {
		report(t, f)
	}
}

// A fit that is wrong is seen to be.
func TestWrongFitsAreSeen(t *testing.T) {
	onOneThread(t)
	right := fit(t, known(), Plan{Seed: 7, For: 3 * time.Minute, Rate: 100})
	for what, spoil := range map[string]func(*storage.ReplicaProfile){
		"writes slower by a fifth":   func(p *storage.ReplicaProfile) { p.Write.P50 = p.Write.P50 * 6 / 5 },
		"a longer tail of reads":     func(p *storage.ReplicaProfile) { p.Read.P99 *= 3 },
		"size does not matter":       func(p *storage.ReplicaProfile) { p.WriteMiB = storage.Latency{} },
		"figures of calls, not ours": func(p *storage.ReplicaProfile) { p.Read = storage.Latency{P50: 4 * ms, P99: 8 * ms} },
		"pauses all the time":        func(p *storage.ReplicaProfile) { p.Pauses.Every = 5 * time.Second },
	} {
		wrong := &Fit{Samples: right.Samples, Replica: right.Replica}
		spoil(&wrong.Replica)
		if err := wrong.compareOpen(); err != nil {
			t.Fatal(err)
		}
		if wrong.Within() != No {
			t.Errorf("%s: within %v", what, wrong.Within())
		}
	}
}

// What could not be measured is not judged.
func TestTooFewCallsAreUnknown(t *testing.T) {
	onOneThread(t)
	f := fit(t, known(), Plan{Seed: 1, For: 40 * time.Second, Rate: 30})
	if f.Within() != Unknown {
		t.Errorf("within: %v", f.Within())
		report(t, f)
	}
	if s, err := Virtually(storage.StoreProfile{Replica: known()}, Plan{Seed: 1, For: 4 * time.Second, Rate: 60}); err != nil {
		t.Error(err)
	} else if _, err := s.Fit(); err == nil || !strings.Contains(err.Error(), "measure for longer") {
		t.Errorf("fits next to nothing: %v", err)
	}
}

// The same seed gives the same fit.
func TestFitIsTheSameEveryTime(t *testing.T) {
	onOneThread(t)
	plan := Plan{Seed: 9, For: 90 * time.Second, Rate: 40}
	if a, b := fit(t, known(), plan), fit(t, known(), plan); a.Replica != b.Replica {
		t.Errorf("%+v\n%+v", a.Replica, b.Replica)
	}
}

func report(t *testing.T, f *Fit) {
	t.Helper()
	var b strings.Builder
	if err := f.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	t.Errorf("%+v\n%s", f.Replica, &b)
}

// What no log-normal explains is not explained by an absurd one.
func TestSpreadIsBounded(t *testing.T) {
	g := grow([]int{1 << 10, 1 << 20}, []logNormal{{mu: -5, sigma: 3}, {mu: -3, sigma: 3}})
	if g.p99 > 50*g.p50 || g.mib99 > 50*g.mib50 || g.mib50 == 0 {
		t.Errorf("%+v", g)
	}
	if g = grow([]int{1 << 10}, []logNormal{{mu: -5, sigma: 3}}); g.p99 > 50*g.p50 {
		t.Errorf("of one size: %+v", g)
	}
}
