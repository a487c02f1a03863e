package capacity

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/reports"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestTierSummary(t *testing.T) {
	w := &world{in: Inputs{Zones: 3}}
	for s := range int64(100) { // busy from 0 s to 99 s, with a hole after it
		w.add(s, reports.TierTop, "us-east", reports.Load{
			Nodes: 4, Requests: s + 1, Bytes: (s + 1) * 125_000_000, CPUUs: 500_000, Hits: 9, Misses: 1, StoreReads: 3, StoreWrites: 4, Holders: s, MemoryBytes: 1 << 30, Shed: 1, Failed: 2,
		})
	}
	// The worst minute straddles the hole: 39 seconds with nine hits of ten, and one with none of 61.
	w.add(120, reports.TierTop, "us-east", reports.Load{Nodes: 5, Misses: 61})
	got := w.plan(t).Tiers
	want := []Tier{{
		Tier: reports.TierTop, Region: "us-east", Nodes: new(int64(5)), BusySeconds: 100,
		Requests: &Peaks{100, new(99.0)}, Gbps: &Peaks{100, new(99.0)}, Cores: &Peaks{0.5, new(0.5)},
		StoreOps: &Peaks{7, new(7.0)}, Holders: &Peaks{99, new(98.0)}, MemoryBytes: &Peaks{1 << 30, new(float64(1 << 30))},
		Shed: new(int64(100)), Failed: new(int64(200)),
		HitRatio: &HitRatio{Event: 900.0 / 1061, WorstMinute: 39.0 * 9 / (39*10 + 61)},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Seconds in which a store only holds what it has are many, and would make its load look small.
func TestIdleSecondsAreNotBusy(t *testing.T) {
	w := &world{in: Inputs{Zones: 3}}
	for s := range int64(1000) {
		l := reports.Load{MemoryBytes: s + 1}
		switch {
		case s < 5:
			l.Requests, l.StoreReads = 7, 7
		case s == 5:
			l.Bytes = 125_000_000
		}
		w.add(s, reports.TierStore, "", l)
	}
	got := w.plan(t).Tiers
	want := []Tier{{
		Tier: reports.TierStore, BusySeconds: 6, Requests: &Peaks{7, new(7.0)}, Gbps: &Peaks{1, new(1.0)},
		StoreOps: &Peaks{7, new(7.0)}, MemoryBytes: &Peaks{1000, new(990.0)},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What a tier never had is no number in any form; what only one of its regions had is none of it in the others.
func TestMeasuresThatATierDoesNotHave(t *testing.T) {
	w := &world{in: Inputs{Zones: 3}}
	w.add(0, reports.TierEdge, "us-east", reports.Load{Requests: 1, Failed: 1, CPUUs: 1e6, Misses: 1})
	w.add(0, reports.TierEdge, "us-west", reports.Load{Requests: 1})
	w.add(0, reports.TierStore, "us-east", reports.Load{Requests: 1})
	w.add(0, reports.TierStore, "us-west", reports.Load{Failed: 1}) // in no busy second
	p := w.plan(t)
	one, idle := &Peaks{1, new(1.0)}, &Peaks{0, nil}
	want := []Tier{
		{Tier: reports.TierEdge, Region: "us-east", BusySeconds: 1, Requests: one, Cores: one, HitRatio: &HitRatio{},
			Failed: new(int64(1))},
		{Tier: reports.TierEdge, Region: "us-west", BusySeconds: 1, Requests: one, Cores: &Peaks{0, new(0.0)},
			Failed: new(int64(0))},
		{Tier: reports.TierStore, Region: "us-east", BusySeconds: 1, Requests: one, Failed: new(int64(0))},
		{Tier: reports.TierStore, Region: "us-west", Requests: idle, Failed: new(int64(1))},
	}
	if diff := cmp.Diff(want, p.Tiers); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var text bytes.Buffer
	if err := p.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"edge us-east - 1 1 - - 1 1 - 1", "edge us-west - 1 1 - - 0 0 - 0", "store us-west - 0 - - - - - - 1",
		"edge us-east 0.0% 0.0% - - - - - -",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), row) {
			t.Errorf("no row %q in\n%s", row, text.String())
		}
	}
	for _, row := range csvRows(t, p) {
		has := row["event"]+row["worst_minute"]+row["peak"]+row["p99"] != ""
		want := row["measure"] == "requests" || row["measure"] == "failed" || row["tier"] == "edge" && row["measure"] == "cpu" ||
			row["tier"] == "edge" && row["region"] == "us-east" && row["measure"] == "cache hit ratio"
		if has != want {
			t.Errorf("row %v has a figure: %v, want %v", row, has, want)
		}
	}
}

// csvRows reads capacity.csv: by the names of columns, without those that are empty.
func csvRows(t *testing.T, p *Plan) []map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	cells, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, c := range cells[1:] {
		row := map[string]string{}
		for i, v := range c {
			if v != "" {
				row[cells[0][i]] = v
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// Every limit and every cell of the growth table is in capacity.csv, and what is not known has no figure there.
func TestCSVHasLimitsAndGrowth(t *testing.T) {
	w := ordinary()
	w.each(reports.TierBackbone, "us-west", 0, eventSeconds, func(l *reports.Load) { l.Bytes = l.AtUs })
	p := w.plan(t)
	var got []map[string]string
	for _, row := range csvRows(t, p) {
		if row["kind"] == "limit" || row["kind"] == "growth" {
			got = append(got, row)
		}
	}
	if want := len(p.Limits) + len(p.Growth)*3; len(got) != want {
		t.Fatalf("%d rows, want %d", len(got), want)
	}
	full, fraction := &p.Limits[0], func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	nodes := p.Growth[0].Units[0].Nodes
	for _, want := range []map[string]string{
		{"kind": "limit", "tier": "edge", "region": full.Region, "measure": "NIC", "unit": "1", "simulated_nodes": "2000",
			"peak": fraction(full.Utilisation), "value": fraction(full.Calm.Value), "low": fraction(full.Calm.Low),
			"high": fraction(full.Calm.High), "viewers": fraction(full.BreaksAt.Value),
			"viewers_low": fraction(full.BreaksAt.Low), "viewers_high": fraction(full.BreaksAt.High)},
		{"kind": "limit", "tier": "backbone", "region": "us-west", "measure": "link", "unit": "1",
			"peak": fraction(limitOf(t, p, reports.TierBackbone, "us-west", "link").Utilisation),
			"note": "not known: viewers explain 77 % of it (R² 0.77); 0.80 is the least, and the slope must be above 0"},
		{"kind": "growth", "node": "edge server", "unit": "nodes", "viewers": "1000000", "basis": "extrapolated",
			"value": strconv.FormatInt(nodes.Value, 10), "low": strconv.FormatInt(nodes.Low, 10),
			"high": strconv.FormatInt(nodes.High, 10)},
		{"kind": "growth", "node": "origin instance", "unit": "nodes", "viewers": "10000000", "basis": "interpolated",
			"value": "6", "low": "6", "high": "6"},
		{"kind": "growth", "tier": "backbone", "measure": "link", "unit": "1", "viewers": "65000000", "basis": "extrapolated",
			"note": "not known"},
		{"kind": "growth", "node": "origin instance", "unit": "nodes", "viewers": "60000000", "basis": "simulated",
			"value": "6", "low": "6", "high": "6"},
	} {
		if !slices.ContainsFunc(got, func(row map[string]string) bool { return maps.Equal(row, want) }) {
			t.Errorf("no row %v in\n%v", want, got)
		}
	}
}

// A unit of whose resources the tier had nothing is in no table, and a note says so.
func TestUnitWithoutLoad(t *testing.T) {
	w := ordinary()
	w.in.Units = []Unit{
		{Name: "node without CPU", Tier: reports.TierStore, Cores: 1, Target: 0.5},
		{Name: "node of no tier", Tier: reports.TierCache, Cores: 1, Target: 0.5},
	}
	p := w.plan(t)
	for _, g := range p.Growth {
		if len(g.Units) != 0 {
			t.Errorf("%d viewers need %+v, want no figure", g.Viewers, g.Units)
		}
	}
	for i, u := range w.in.Units {
		if !strings.HasPrefix(p.Notes[i], "nothing is planned for "+u.Name) {
			t.Errorf("note %q, want one about %s", p.Notes[i], u.Name)
		}
	}
}

// The first seconds of a cold cache are no minute.
func TestWorstMinuteIsAWholeOne(t *testing.T) {
	for _, tt := range []struct {
		name    string
		seconds int64
		want    float64
	}{
		{"a minute and a half", 90, 59.0 / 60},
		{"less than a minute: the whole event", 30, 29.0 / 30},
	} {
		w := &world{in: Inputs{Zones: 3}}
		for s := range tt.seconds {
			hit := min(s, 1) // none in the first second
			w.add(s-5, reports.TierEdge, "", reports.Load{Hits: hit, Misses: 1 - hit})
		}
		if got := w.plan(t).Tiers[0].HitRatio.WorstMinute; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestInputsAndFilesThatCannotBePlannedWith(t *testing.T) {
	w := ordinary()
	good := string(w.file(t))
	line := func(s string) string { return s + "\n" + good }
	for _, tt := range []struct {
		name, load string
		change     func(*Inputs)
		want       string
	}{
		{"one zone", good, func(in *Inputs) { in.Zones = 1 }, "at least two"},
		{"a unit without a tier", good, func(in *Inputs) { in.Units[0].Tier = "" }, "of tier"},
		{"no target", good, func(in *Inputs) { in.Units[0].Target = 0 }, "target utilisation 0"},
		{"more than everything", good, func(in *Inputs) { in.Units[0].Target = 1.1 }, "target utilisation 1.1"},
		{"a capacity below nothing", good, func(in *Inputs) { in.Units[0].Cores = -1 }, "capacity of -1 CPU"},
		{"not JSON", line("panic: no"), nil, "load.jsonl:1: read line"},
		{"no tier", line(`{"at_us":1000000}`), nil, "load.jsonl:1: line has no tier"},
		{"fewer than none", line(`{"tier":"edge","bytes":-1}`), nil, "load.jsonl:1: bytes is -1"},
		{"an absurd time", line(`{"tier":"edge","at_us":9223372036854775807}`), nil, "load.jsonl:1: at_us is"},
		{"a second that is there twice", line(`{"tier":"edge","region":"us-east","at_us":1999999}`), nil,
			`second 1 of tier edge in region "us-east" is there twice`},
		{"years", line(`{"tier":"edge","region":"us-east","at_us":9000000000000000}`), nil, "spans 8999999999 seconds"},
	} {
		in := w.in
		in.Units = slices.Clone(w.in.Units)
		if tt.change != nil {
			tt.change(&in)
		}
		if _, err := Make(strings.NewReader(tt.load), in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %q", tt.name, err, tt.want)
		}
	}
	if _, err := Read(t.TempDir(), w.in); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no load.jsonl: %v, want %v", err, fs.ErrNotExist)
	}
	cut := strings.TrimSpace(good)
	p, err := Make(strings.NewReader(cut[:len(cut)-3]), w.in)
	if err != nil || !strings.Contains(strings.Join(p.Notes, "\n"), "the last line is damaged and was left out") {
		t.Errorf("a damaged last line: %v, %v; want a note", p, err)
	}
}

// Half a second before the start and half a second after it are two seconds.
func TestSecondsBeforeTheStart(t *testing.T) {
	load := `{"tier":"edge","at_us":-500000,"requests":1}` + "\n" + `{"tier":"edge","at_us":500000,"requests":1}`
	p, err := Make(strings.NewReader(load), ordinary().in)
	if err != nil || p.Tiers[0].BusySeconds != 2 {
		t.Errorf("%+v, %v; want two busy seconds", p, err)
	}
}

// The order of lines says nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	w := ordinary()
	want := planJSON(t, w.plan(t))
	for i := range w.loads {
		j := (i * 7919) % len(w.loads)
		w.loads[i], w.loads[j] = w.loads[j], w.loads[i]
	}
	if got := planJSON(t, w.plan(t)); !bytes.Equal(got, want) {
		t.Error("another order of lines gives another plan")
	}
}

func planJSON(t *testing.T, p *Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	w := ordinary()
	w.in.Units = append(w.in.Units, Unit{Name: "memcached node", Tier: reports.TierCache, Cores: 4, Target: 0.5})
	w.each(reports.TierBackbone, "us-west", 0, eventSeconds, func(l *reports.Load) { l.Bytes = l.AtUs })
	p := w.plan(t)
	for ext, write := range map[string]func(io.Writer) error{"txt": p.WriteText, "json": p.WriteJSON, "csv": p.WriteCSV} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "by-hand."+ext)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
			t.Errorf("%s differs (-want +got); go test ./reports/capacity -update rewrites it\n%s", path, diff)
		}
	}
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	w := ordinary()
	if err := os.WriteFile(filepath.Join(dir, reports.LoadFile), w.file(t), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Read(dir, w.in)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, JSONFile))
	var back Plan
	if err != nil || json.Unmarshal(b, &back) != nil {
		t.Fatalf("%s: %v\n%.300s", JSONFile, err, b)
	}
	if diff := cmp.Diff(p, &back); diff != "" {
		t.Errorf("read back (-wrote +read)\n%s", diff)
	}
	f, err := os.Open(filepath.Join(dir, CSVFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	want := 1 + 10*len(p.Tiers) + len(p.Limits) + len(p.Growth)*(len(w.in.Units)+1)
	for i := range p.Needs {
		want += len(p.Needs[i].Resources) + 1
	}
	if err != nil || len(rows) != want {
		t.Errorf("%d rows, %v; want %d", len(rows), err, want)
	}
	if err := p.WriteFiles(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

// Whatever the figures and the names, no line is wider than a terminal.
func TestTextFitsItsWidth(t *testing.T) {
	w := ordinary()
	w.in.Units = nil
	for _, tier := range reports.Tiers() {
		w.in.Units = append(w.in.Units, Unit{
			Name: "Cassandra node", Tier: tier, Cores: 0.001, NICBps: 1, MemoryBytes: 1, OpsPerSecond: 1, HoldersMax: 1, Target: 0.9,
		})
	}
	for i := range w.loads {
		l := &w.loads[i]
		l.Requests, l.Bytes, l.CPUUs, l.Hits, l.Misses = 7e14+l.AtUs, 9e15-l.AtUs, 9e14, 9e14, 9e14
		l.StoreReads, l.StoreWrites, l.Holders, l.MemoryBytes = 9e14, 9e14, 9e14, 9e15
		l.Shed, l.Failed, l.Nodes = 1e12, 1e12, 123_456
		if l.Region == "us-west" {
			l.Region = "a-region-with-a-name-that-is-much-too-long-for-any-table"
		}
	}
	var b bytes.Buffer
	if err := w.plan(t).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// An empty replay has a plan that says nothing, in every form.
func TestNothingWasCarried(t *testing.T) {
	p, err := Make(strings.NewReader(""), ordinary().in)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Tiers)+len(p.Needs)+len(p.Limits)+len(p.Growth) != 0 || len(p.Notes) == 0 {
		t.Errorf("%+v, want no figure", p)
	}
	if b := planJSON(t, p); bytes.Contains(b, []byte(`": null`)) {
		t.Errorf("lists that are null: %s", b)
	}
}

func FuzzLoad(f *testing.F) {
	good := ordinary().file(f)
	f.Add(good[:3000])
	f.Add([]byte(`{"tier":"viewers","at_us":-1,"viewers":9007199254740992}`))
	f.Add([]byte(`{"tier":"edge","cpu_us":9007199254740992,"nodes":1}`))
	in := ordinary().in
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Make(bytes.NewReader(b), in)
		if (p == nil) == (err == nil) {
			t.Fatalf("plan %v, error %v", p, err)
		}
		if err != nil {
			return
		}
		for _, write := range []func(io.Writer) error{p.WriteText, p.WriteJSON, p.WriteCSV} {
			if err := write(io.Discard); err != nil {
				t.Error(err)
			}
		}
	})
}

// An event of three hours in five regions has 400,000 lines.
func BenchmarkPlan(b *testing.B) {
	w := ordinary()
	file := w.file(b)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := Make(bytes.NewReader(file), w.in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(w.loads))*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
