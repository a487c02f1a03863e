package resources

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
	"github.com/liveorigin/liveorigin/sim/streams"
)

func TestProfilesByName(t *testing.T) {
	if got := MachineProfiles(); !slices.Equal(got, []string{"unlimited", "cloud"}) {
		t.Errorf("machines: %v", got)
	}
	if got := NetworkProfiles(); !slices.Equal(got, []string{"loopback", "world"}) {
		t.Errorf("networks: %v", got)
	}
	for _, name := range append(MachineProfiles(), "") {
		if p, err := MachineByName(name); err != nil || p.Name != name && name != "" {
			t.Errorf("machine %q: %v, %v", name, p.Name, err)
		}
	}
	for _, name := range append(NetworkProfiles(), "") {
		if p, err := NetworkByName(name); err != nil || p.Name != name && name != "" {
			t.Errorf("network %q: %v, %v", name, p.Name, err)
		}
	}
	_, err := NetworkByName("wrold")
	if want := `"wrold"; there are [loopback world]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("no such network: %v", err)
	}
}

// The cloud machine answers as fast as the table it comes from (performance.md section 2, one core).
func TestCloudIsAsMeasured(t *testing.T) {
	p, _ := MachineByName("cloud")
	for bytes, perSecond := range map[int64]float64{2 << 10: 63_000, 64 << 10: 38_900, 512 << 10: 9_920} {
		if got := 1 / p.Work(bytes).Seconds(); math.Abs(got/perSecond-1) > 0.02 {
			t.Errorf("%d bytes: %.0f/s, want %.0f/s", bytes, got, perSecond)
		}
	}
	none, _ := MachineByName("")
	if got := none.Work(1 << 30); got != 0 {
		t.Errorf("without a model of CPU: %v", got)
	}
}

// Loopback is some milliseconds at most, and all legs of the world cost something.
func TestLegs(t *testing.T) {
	for _, n := range networks {
		v := reflect.ValueOf(n)
		for i := range v.NumField() {
			leg, ok := v.Field(i).Interface().(LinkProfile)
			if !ok {
				continue
			}
			name := n.Name + " " + v.Type().Field(i).Name
			if n.Name == "loopback" && leg.Latency+10*leg.Jitter > 3*time.Millisecond {
				t.Errorf("%s: %+v", name, leg)
			}
			if n.Name == "world" && (leg.Latency == 0 || leg.Jitter == 0 || leg.Bandwidth == 0 || leg.Loss == 0) {
				t.Errorf("%s: %+v", name, leg)
			}
		}
	}
}

// A machine that pauses by itself does so as often and for as long as its profile says.
func TestPausesAtRandom(t *testing.T) {
	l := loop.New(epoch)
	p := MachineProfile{Capacity: Capacity{Cores: 1}, Pauses: Pauses{Every: time.Second, P50: 50 * ms, P99: 200 * ms}}
	m := p.New(l, streams.New(1, "pauses"))
	j := &Job{Work: 1 << 62}
	_ = m.Enter(j)
	const hours = 10
	_ = l.Run(epoch.Add(hours * time.Hour))
	sigma := math.Log(4) / streams.Z99
	mean := 0.05 * math.Exp(sigma*sigma/2) // of a log-normal
	idle := math.Exp(-mean)                // M/G/inf: no pause under way
	if got := m.Busy().Hours() / hours; math.Abs(got/idle-1) > 0.005 {
		t.Errorf("works %.4f of the time, want %.4f", got, idle)
	}
}
