package storage

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// profileSource is a file with everything that one can have.
const profileSource = `name: mine
measured: {at: 2026-11-21T18:00:00Z, stack: containers, machine: "linux/amd64, 2 cores", images: ["cassandra:5.0"],
  version: "0.4", command: bin/liveorigin calibrate, for: 1m15s, calls: 4000, failed: 2}
write: {p50: 5.3ms, p99: 35ms, mib_p50: 24ms, mib_p99: 150ms}
read: {p50: 4.6ms, p99: 11ms, mib_p50: 9ms, mib_p99: 9ms}
pauses: {every: 1m0s, p50: 200ms, p99: 1s}
write_capacity: {operations: 181.5/s, bytes: 29.1MB/s}
read_capacity: {operations: 1800/s}
one_machine: true
nodes: 1
fit:
- {call: put, bytes: 2048, calls: 500, p50: -1.5%, p99: +12.0%}
`

func TestProfileFile(t *testing.T) {
	p, err := ReadProfile("mine.yaml", []byte(profileSource))
	if err != nil {
		t.Fatal(err)
	}
	want := StoreProfile{Name: "mine", Replica: ReplicaProfile{
		Write: Latency{5300 * time.Microsecond, 35 * ms}, WriteMiB: Latency{24 * ms, 150 * ms},
		Read: Latency{4600 * time.Microsecond, 11 * ms}, ReadMiB: Latency{9 * ms, 9 * ms},
		Pauses:   Episodes{time.Minute, Latency{200 * ms, time.Second}},
		Capacity: Capacity{181.5, 29.1e6}, ReadCapacity: Capacity{Operations: 1800}, OneMachine: true, Nodes: 1}}
	if got := p.Store(); got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if p.Measured.Calls != 4000 || p.Fit[0] != (Miss{"put", 2048, 500, -0.015, 0.12}) || p.Measured.At.Hour() != 18 {
		t.Errorf("%+v", p)
	}
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	again, err := ReadProfile("again.yaml", b.Bytes())
	if err != nil || again.Store() != want || again.Fit[0] != p.Fit[0] {
		t.Errorf("written and read again: %v %+v", err, again)
	}
}

// Where writes have a limit and reads have none, reads do not get that of writes.
func TestProfileWithoutLimitOfReads(t *testing.T) {
	p, err := ReadProfile("mine.yaml", []byte(strings.Replace(profileSource, "read_capacity: {operations: 1800/s}\n", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Store().Replica; got.Capacity.Operations != 181.5 || got.ReadCapacity != Unlimited {
		t.Errorf("%+v, %+v", got.Capacity, got.ReadCapacity)
	}
}

// What is wrong is told with its place.
func TestProfileProblems(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{"nodes: 1", "node: 1", "mine.yaml:10:1: unknown key \"node\"; did you mean \"nodes\"?\nnode: 1\n^"},
		{"p50: 5.3ms", "p50: 5", `mine.yaml:4:14: "5" is not a time`},
		{"p50: 5.3ms", "p50: 5.3 seconds", `mine.yaml:4:14: "5.3 seconds" is not a time`},
		{"p50: 5.3ms", "p50: -5ms", `mine.yaml:4:14: write.p50: -5ms is not between 1µs and 1m0s`},
		{"p50: 5.3ms, ", "", `write.p50: 0s is not between`},
		{"p99: 35ms", "p99: 3ms", `mine.yaml:4:26: write.p99: 3ms is less than p50 5.3ms`},
		{"mib_p99: 150ms", "mib_p99: 15ms", `write.mib_p99: 15ms is less than p50 24ms`},
		{"mib_p50: 24ms, ", "", `write.mib_p99: more than nothing, with a mib_p50 of nothing`},
		{"p99: 35ms", "p99: 35h", `write.p99: 35h0m0s is not between`},
		{"every: 1m0s", "every: 0s", `pauses.every: 0s is not between`},
		{"p50: 200ms", "p50: 2h", `mine.yaml:6:28: pauses.p50: 2h0m0s is not between`},
		{"181.5/s", "181.5", `"181.5" is not operations a second, as 181/s`},
		{"181.5/s", "181.5/min", `mine.yaml:7:30: "181.5/min" is not operations a second`},
		{"181.5/s", "NaN/s", `is not operations a second`},
		{"181.5/s", "-3/s", `write_capacity.operations: -3 is not between`},
		{"29.1MB/s", "29.1MiB/s", `is not bytes a second`},
		{"29.1MB/s", "29.1/s", `is not bytes a second`},
		{"{operations: 1800/s}", "{}", `read_capacity: has no figure`},
		{"+12.0%", "12", `is not a part, as +1.5%`},
		{"nodes: 1", "nodes: 0", `nodes: 0 is not between 1 and 10000`},
		{"name: mine", "name: My Store", `mine.yaml:1:7: name: "My Store" is not a name`},
		{"failed: 2", "failed: 5000", `5000 of 4000 calls failed`},
		{"name: mine", "name: mine\nname: yours", `mine.yaml:2:1: key "name" is given twice; first in line 1`},
		{"name: mine", "name: &a mine", `mine.yaml:1:7: "&": a profile has no anchors`},
		{"fit:", "---\nfit:", `a second document; a profile is one`},
		{"images: [", "images: [[", `mine.yaml:3:88: `},
		{profileSource, "", "mine.yaml:1:1: nothing in here; a profile begins with `name:`"},
		{profileSource, "[]", `mine.yaml:1:1: a profile should be a mapping, not a list`},
		{profileSource, profileSource[:300], `mine.yaml`},
		{profileSource, strings.Repeat("#", strictyaml.MaxBytes+1), `no profile is as large`},
		// All of it is told at once.
		{profileSource, "nodes: many\nname: 1s\nwrit: {}", "mine.yaml:1:8: \"many\" is not a whole number\nnodes: many\n       ^\nmine.yaml:3:1: unknown key \"writ\"; did you mean \"write\"?"},
		{"p50: 5.3ms, p99: 35ms", "p50: 0s, p99: 35h", "write.p50: 0s is not between 1µs and 1m0s\n"},
		{"p50: 5.3ms, p99: 35ms", "p50: 0s, p99: 35h", "write.p99: 35h0m0s is not between"},
	} {
		src := strings.Replace(profileSource, c.was, c.is, 1)
		_, err := ReadProfile("mine.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q instead of %.40q: got %v, want %s", c.is, c.was, err, c.want)
		}
	}
}

// Whatever is in a file, reading it ends, and what is taken can be simulated and written again.
func FuzzReadProfile(f *testing.F) {
	f.Add([]byte(profileSource))
	f.Add([]byte("name: a\nwrite: {p50: 1ms, p99: 1ms}"))
	f.Add([]byte("- &a [*a, *a]"))
	f.Add([]byte("? {a: b}\n: !!binary x"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := ReadProfile("fuzz.yaml", src)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if _, err := p.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadProfile("again.yaml", b.Bytes())
		if err != nil {
			t.Fatalf("%v in\n%s", err, &b)
		}
		if a, b := p.Store().Replica, again.Store().Replica; a.Write != b.Write || a.Pauses != b.Pauses || a.Nodes != b.Nodes {
			t.Errorf("%+v is read again as %+v", a, b)
		}
	})
}

// Every shipped profile can be read, and is found by its name.
func TestShippedProfiles(t *testing.T) {
	for _, p := range shippedProfiles() {
		if got, ok := StoreByName(p.Name); !ok || got != p.Store() {
			t.Errorf("%s is not found: %+v", p.Name, got)
		}
	}
}

// What a MiB adds counts at the same percentile, and a size in between its part.
func TestGrowth(t *testing.T) {
	const n = 20_000
	p := ReplicaProfile{Write: Latency{10 * ms, 20 * ms}, WriteMiB: Latency{40 * ms, 200 * ms},
		Read: Latency{5 * ms, 5 * ms}, ReadMiB: Latency{20 * ms, 20 * ms}}
	onLoop(t, func(w *world) {
		table := w.ungated(TableConfig{Seed: 1, Replica: p, Timeout: time.Minute})
		z := table.zones[0]
		took := make([]time.Duration, n)
		for i := range took {
			took[i] = z.writing(mib / 2).draw(z.rand)
		}
		slices.Sort(took)
		// Half of the draws are below 10 + 40/2, one in a hundred above 20 + 200/2.
		if got := took[n/2]; (got - 30*ms).Abs() > ms {
			t.Errorf("p50 of half a MiB is %v, want 30ms", got)
		}
		if got := took[n*99/100]; (got - 120*ms).Abs() > 8*ms {
			t.Errorf("p99 of half a MiB is %v, want 120ms", got)
		}
		if got := z.reading(mib / 4).draw(z.rand); got != 10*ms {
			t.Errorf("a read of a quarter of a MiB takes %v, want 10ms", got)
		}
		if got := z.reading(0).draw(z.rand); got != 5*ms {
			t.Errorf("a read of nothing takes %v, want 5ms", got)
		}
	})
}

// A remark has the worst that the fit says of sizes, and of all of them.
func TestRemark(t *testing.T) {
	p, err := ReadProfile("mine.yaml", []byte(profileSource+"- {call: get, bytes: 2048, calls: 500, p50: +9%}\n- {call: get, calls: 5, p50: 50%, p99: -22%}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "the store is a model, by profile mine: measured on containers (linux/amd64, 2 cores) on 2026-11-21; there it is " +
		"off by up to 9 % at p50 of a size and 22 % at p99 of all sizes; all zones shared that machine, which says little about " +
		"zones that do not"
	if got := p.Remark(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
