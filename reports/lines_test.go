package reports

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// The generator's lines as its contract spells them, with fields that the judge has no use for.
const contract = `{"kind":"interval","at_us":12000000,"phase":"fault","region":"us-east","edge":"us-east-edge-1","rendition":"v720","class":"live","served_region":"us-west","pipeline":"b","requests":123,"segments":120,"bytes":1,"held":5,"early":2,"late":1,"stalled":3,"stall_us":7,"missed":4,"defective":6,"wrong":8,"unchecked":9,"failed":10,"switches":11,"latency":"","ttfb":"","lag":""}

{"kind":"viewers","at_us":12000000,"viewers":20,"vu":1}
{"kind":"defective","at_us":12300000,"edge":"us-east-edge-1","region":"us-east","rendition":"v720","number":4,"class":"live","pipeline":"b","served_region":"us-west","defects":["short-segment"],"count":6}
{"kind":"missed","at_us":12000000,"edge":"us-east-edge-1","region":"us-east","rendition":"v720","number":5,"class":"live","phase":"fault","reason":"410 gap","count":4}
{"kind":"wrong","at_us":12000000,"edge":"us-east-edge-1","region":"us-east","rendition":"v720","number":5,"class":"live","phase":"fault","reason":"digest","count":8}
{"kind":"end","at_us":60000000,"vu":1,"viewers_peak":20,"planned_peak":20,"requests":123,"segments":120}
`

func TestContract(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments"})
	history, _ := w.files(t)
	r, err := Judge(w.plan, bytes.NewReader(history), strings.NewReader(contract))
	if err != nil {
		t.Fatal(err)
	}
	want := Tally{
		Requests: 123, Bytes: 1, Segments: 120, Missed: 4, Late: 1, Stalled: 3, StallUs: 7, DefectiveServed: 6,
		AvoidableDefects: 6, WrongBytes: 8, Unchecked: 9, FailedRequests: 10, Switches: 11, Held: 5, Early404: 2,
	}
	if got := r.Counts.Tally; got != want {
		t.Errorf("counts\n%+v, want\n%+v", got, want)
	}
	if len(r.Validity) != 0 {
		t.Errorf("validity %q, want none", r.Validity)
	}
}

func TestDamagedLines(t *testing.T) {
	w := quiet()
	history, audience := w.files(t)
	cut := func(b []byte) []byte { return b[:len(b)-9] }
	spoil := func(b []byte, line string) []byte {
		lines := bytes.SplitAfter(b, []byte("\n"))
		lines[2] = []byte(line + "\n")
		return bytes.Join(lines, nil)
	}
	long := "{\"kind\":\"" + strings.Repeat("x", lineBytesMax) + "\"}"
	for _, tt := range []struct {
		name              string
		history, audience []byte
		err, note         string
	}{
		{"whole", history, audience, "", ""},
		{"cut history", cut(history), audience, "", "run.jsonl:124: read record"},
		{"cut audience", history, cut(audience), "", "audience.jsonl:193: read line"},
		{"no line feed at the end", history, bytes.TrimSpace(audience), "", ""},
		{"damage inside the history", spoil(history, `{"at_us":`), audience, "run.jsonl:3: read record", ""},
		{"damage inside the audience", history, spoil(audience, `{"kind":"interval","latency":"????"}`), "audience.jsonl:3: latency: read histogram", ""},
		{"not JSON at all", history, spoil(audience, "panic: no"), "audience.jsonl:3", ""},
		{"negative count", history, spoil(audience, `{"kind":"interval","missed":-1}`), "audience.jsonl:3: missed is -1", ""},
		{"absurd time", spoil(history, `{"kind":"run","at_us":9223372036854775807}`), audience, "run.jsonl:3: at_us is 9223372036854775807", ""},
		{"no kind", history, spoil(audience, `{}`), "audience.jsonl:3: line has no kind", ""},
		{"years of segments", spoil(history, `{"kind":"run","at_us":8000000000000000}`), audience, "run.jsonl: spans 4000000000 segments", ""},
		{"endless line", history, spoil(audience, long), "audience.jsonl:3: line is longer than 16 MiB", ""},
		{"endless first line", []byte(long), audience, "run.jsonl:1: line is longer than 16 MiB", ""},
	} {
		r, err := Judge(w.plan, bytes.NewReader(tt.history), bytes.NewReader(tt.audience))
		switch {
		case (err != nil) != (tt.err != ""), err != nil && !strings.Contains(err.Error(), tt.err):
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		case err == nil && !strings.Contains(strings.Join(r.Notes, "\n"), tt.note), err == nil && tt.note == "" && len(r.Notes) > 0:
			t.Errorf("%s: notes %q, want %q", tt.name, r.Notes, tt.note)
		}
	}
}

// The end of the run and of the audience are the lines that a crash takes away.
func TestCutFilesAreInconclusive(t *testing.T) {
	w := quiet()
	history, audience := w.files(t)
	for name, files := range map[string][2][]byte{
		"run": {history[:len(history)-9], audience}, "audience": {history, audience[:len(audience)-9]},
	} {
		r, err := Judge(w.plan, bytes.NewReader(files[0]), bytes.NewReader(files[1]))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Inconclusive || !strings.Contains(r.Reasons[0], name) {
			t.Errorf("%s cut: %s because of %q", name, r.Verdict, r.Reasons)
		}
	}
}

// A damaged last line leaves nothing of itself behind.
func TestDamagedLastLineCountsNothing(t *testing.T) {
	w := quiet()
	history, audience := w.files(t)
	audience = append(audience, `{"kind":"interval","at_us":9000000,"region":"mars","missed":5,"latency":"`+histogram(5, 5)+`","ttfb":"x"}`...)
	r, err := Judge(w.plan, bytes.NewReader(history), bytes.NewReader(audience))
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts.Missed != 0 || len(r.Phases[0].Regions) != 2 || len(r.Notes) != 1 {
		t.Errorf("%d missed, regions %+v, notes %q", r.Counts.Missed, r.Phases[0].Regions, r.Notes)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestUnreadableFileIsAnError(t *testing.T) {
	w := quiet()
	history, audience := w.files(t)
	bad := errors.New("disk is gone")
	if _, err := Judge(w.plan, io.MultiReader(bytes.NewReader(history), broken{bad}), bytes.NewReader(audience)); !errors.Is(err, bad) {
		t.Errorf("history: %v", err)
	}
	if _, err := Judge(w.plan, bytes.NewReader(history), io.MultiReader(bytes.NewReader(audience), broken{bad})); !errors.Is(err, bad) {
		t.Errorf("audience: %v", err)
	}
}

func TestRead(t *testing.T) {
	w, dir := quiet().objective(Objective{Indicator: "missed segments"}), t.TempDir()
	if _, err := Read(w.plan, dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no run.jsonl: %v, want %v", err, os.ErrNotExist)
	}
	history, audience := w.files(t)
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(HistoryFile, history)
	for _, want := range []Verdict{Inconclusive, Pass} { // without the audience's file, and with it
		r, err := Read(w.plan, dir)
		if err != nil || r.Verdict != want {
			t.Fatalf("%v, %v; want %s", r, err, want)
		}
		write(AudienceFile, audience)
	}
}

// The fast way through a history must come to what the slow one does.
func TestSkimmingChangesNothing(t *testing.T) {
	w := regionLoss()
	for s := range int64(66) {
		w.record(origin.Record{Kind: origin.KindDecision, AtUs: s * second, Reason: "published"})
		w.record(origin.Record{Kind: origin.KindFetch, AtUs: s*second + 1, WaitUs: 5})
	}
	// Clean candidates of segment 4 are acknowledged at 10.3 s: what was served at 30 s was not avoidable.
	w.record(origin.Record{Kind: origin.KindDecision, AtUs: 10 * second, Region: east, Rendition: "v720", Number: 4, Reason: "defective"})
	w.defect(30, east, 4)
	history, audience := w.files(t)
	slow := bytes.ReplaceAll(history, []byte(`{"at_us":`), []byte(`{ "at_us":`))
	var got [2][]byte
	for i, h := range [][]byte{history, slow} {
		r, err := Judge(w.plan, bytes.NewReader(h), bytes.NewReader(audience))
		if err != nil {
			t.Fatal(err)
		}
		if r.Counts.AvoidableDefects != 0 {
			t.Errorf("%d avoidable defects; the decision was not read", r.Counts.AvoidableDefects)
		}
		if r.Counts.Decisions != 67 || r.Counts.Fetches != 67 || !r.Faults[0].Felt {
			t.Errorf("%d decisions, %d fetches, felt %v; want 67, 67, true", r.Counts.Decisions, r.Counts.Fetches, r.Faults[0].Felt)
		}
		got[i] = reportJSON(t, r)
	}
	if !bytes.Equal(got[0], got[1]) {
		t.Errorf("skimmed\n%s\nread\n%s", got[0], got[1])
	}
	h := newHistory(&w.plan)
	if !h.skim([]byte(`{"at_us":1,"kind":"decision"}`)) || h.skim([]byte(`{ "at_us":1,"kind":"decision"}`)) {
		t.Error("this test does not compare a fast way with a slow one")
	}
	if h.skim([]byte(`{"at_us":1,"kind":"decision","reason":"defective"}`)) {
		t.Error("skimmed what an avoidable defect is judged by")
	}
	if h.skim([]byte(`{"at_us":1,"kind":"decision","wait_us":}`)) || h.skim([]byte(`{"at_us":21000000,"kind":"fetch"}`)) {
		t.Error("skimmed what is damaged, or what a fault may be felt by")
	}
}

func FuzzReadAudience(f *testing.F) {
	_, audience := quiet().files(f)
	f.Add([]byte(contract))
	f.Add(audience[:2000])
	f.Add([]byte(`{"kind":"interval","at_us":-1,"latency":"HISTFAAAAB","segments":1}`))
	w := regionLoss()
	w.plan.Objectives = goldenObjectives()
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Judge(w.plan, strings.NewReader(""), bytes.NewReader(b))
		checkFuzzed(t, r, err)
	})
}

func FuzzReadHistory(f *testing.F) {
	w := regionLoss()
	w.plan.Objectives = goldenObjectives()
	history, _ := w.files(f)
	f.Add(history[:1500])
	f.Add(history[len(history)-1500:])
	f.Add([]byte(`{"kind":"publish","at_us":-5,"number":-1}` + "\n" + `{"kind":"usage","count":1}`))
	_, audience := w.files(f)
	audience = audience[:len(audience)/4]
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Judge(w.plan, bytes.NewReader(b), bytes.NewReader(audience))
		checkFuzzed(t, r, err)
	})
}

// checkFuzzed: whatever the files held, there is an error or a report that can be written; and a run that lacks one of
// its files has not passed.
func checkFuzzed(t *testing.T, r *Report, err error) {
	if (r == nil) == (err == nil) {
		t.Fatalf("report %v, error %v", r, err)
	}
	if err != nil {
		return
	}
	if r.Verdict == Pass {
		t.Error("passed without half of its files")
	}
	for _, write := range []func(io.Writer) error{
		r.WriteJSON, r.WriteJUnit, r.WriteMarkdown, func(w io.Writer) error { return r.WriteText(w, true) },
	} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

// A history is mostly decisions; an audience is mostly intervals, each with three histograms.
func BenchmarkJudge(b *testing.B) {
	w := regionLoss()
	w.objective(goldenObjectives()[0])
	for s := range int64(20_000) {
		w.record(origin.Record{Kind: origin.KindDecision, AtUs: s * 3000, Node: "us-east-origin-1", Region: east, Rendition: "v720",
			Number: 12, Reason: "published", Pipeline: "a", Candidates: []string{"a:clean", "b:clean"}, HoldUs: 120_000, WaitUs: 130_000})
	}
	history, audience := w.files(b)
	lines := func(bs []byte) int { return bytes.Count(bs, []byte("\n")) }
	run := func(name string, history, audience []byte, n int) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(history) + len(audience)))
			for b.Loop() {
				if _, err := Judge(w.plan, bytes.NewReader(history), bytes.NewReader(audience)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
	run("history", history, nil, lines(history))
	run("audience", nil, audience, lines(audience))
}
