package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"github.com/google/go-cmp/cmp"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports/tables"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func goldenObjectives() []Objective {
	return []Objective{
		{Indicator: "live-edge latency", Percentile: 99, Phase: "fault", Max: ms(1500), MinSamples: 100, File: "region-loss.yaml", Line: 20},
		{Indicator: "missed segments", Phase: "fault", MinSamples: 1, File: "region-loss.yaml", Line: 21},
		{Indicator: "stalled segments", Region: east, Max: Limit{Count: 10}, MinSamples: 5000, File: "region-loss.yaml", Line: 22},
		{Indicator: "recovery time", After: "region-loss", Max: ms(4000), File: "region-loss.yaml", Line: 23},
	}
}

// troubled is a run with something to say everywhere in a report.
func troubled() *world {
	w := regionLoss()
	w.plan.Objectives = goldenObjectives()
	missing(w, 22, 3)
	w.defect(30, west, 13)
	w.at(24, east, func(l *audienceLine) { l.Latency = histogram(2_345_678, 10) })
	w.line(audienceLine{Kind: "weather"})
	w.record(origin.Record{Kind: origin.KindPublish, AtUs: 25 * second, Region: east, Pipeline: "a", Rendition: "v720", Number: 11,
		Reason: string(origin.Unavailable)})
	return w
}

func TestGolden(t *testing.T) {
	well := regionLoss().objective(goldenObjectives()[0])
	for name, w := range map[string]*world{"pass": well, "fail": troubled()} {
		r := w.judge(t)
		for ext, write := range map[string]func(io.Writer) error{
			"txt": func(w io.Writer) error { return r.WriteText(w, false) }, "json": r.WriteJSON, "xml": r.WriteJUnit, "md": r.WriteMarkdown,
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+ext, b.Bytes())
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); go test ./reports -update rewrites it\n%s", path, diff)
	}
}

// report.json is an interface: what design.md promises comes first, in that order, and reads back as it was written.
func TestReportJSON(t *testing.T) {
	r := troubled().judge(t)
	b := reportJSON(t, r)
	want := `^\{\s+"schema": ".*",\s+"version": ".*",\s+"scenario": ".*",\s+"seed": 7,\s+"verdict": "fail",\s+"reasons": \[[^\]]*\],\s+"command": `
	if !regexp.MustCompile(want).Match(b) {
		t.Errorf("report.json begins with\n%.400s", b)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, r) {
		t.Errorf("read back %+v\nwrote %+v", &back, r)
	}
	empty := (&world{plan: quiet().plan}).judge(t)
	if b := reportJSON(t, empty); !json.Valid(b) || bytes.Contains(b, []byte("[null")) || strings.Contains(string(b), `"reasons": null`) {
		t.Errorf("report of an empty run: %s", b)
	}
}

// A build must not go green on a run that proves nothing.
func TestJUnitHasNoSilentOutcome(t *testing.T) {
	w := troubled()
	w.dropLines("end")
	var b bytes.Buffer
	if err := w.judge(t).WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var suites junit.Testsuites
	if err := xml.Unmarshal(b.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	if suites.Tests != 7 || suites.Failures != 3 || suites.Errors != 2 || suites.Skipped != 0 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped; want 7, 3, 2, 0\n%s",
			suites.Tests, suites.Failures, suites.Errors, suites.Skipped, b.String())
	}
}

func TestTextFitsItsWidth(t *testing.T) {
	w := troubled()
	long := strings.Repeat("very-", 12) + "long"
	w.plan.Faults[0].Target, w.plan.Phases[1].Name = long, long
	for i := range w.plan.Objectives[:2] {
		w.plan.Objectives[i].Phase = long
	}
	w.each("interval", func(l *audienceLine) {
		l.Requests, l.Segments, l.Missed, l.Late, l.Stalled = 1e9, 1e9, 1e9, 1e9, 1e9
		l.Failed, l.Switches, l.Held, l.Early, l.Defective, l.Wrong = 1e9, 1e9, 1e9, 1e9, 1e9, 1e9
		if l.Region == east {
			l.Region = long
		}
	})
	r := w.judge(t)
	var b bytes.Buffer
	if err := r.WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > tables.Width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if last := strings.TrimSuffix(b.String(), "\n"); !strings.HasSuffix(last, "\n"+r.VerdictLine()) {
		t.Errorf("text does not end with %q:\n%s", r.VerdictLine(), last)
	}
}

// A rule that nothing was held against is not said to be kept.
func TestInvariantsSayWhatWasChecked(t *testing.T) {
	w := quiet()
	w.each("interval", func(l *audienceLine) { l.Unchecked = l.Segments })
	r := w.judge(t)
	const note = "no bytes were checked: audience.check_every"
	for name, write := range map[string]func(io.Writer) error{
		"text": func(w io.Writer) error { return r.WriteText(w, false) }, "Markdown": r.WriteMarkdown,
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"- avoidable defects: not checked\n", "- wrong bytes: not checked\n", "- " + note + "\n"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s does not say %q:\n%s", name, want, b.String())
			}
		}
	}
	if notes := quiet().judge(t).Notes; len(notes) > 0 {
		t.Errorf("notes %q of a run whose bytes were checked", notes)
	}
}

// Colour adds to the text and takes nothing away.
func TestColorIsOnlyColor(t *testing.T) {
	r := troubled().judge(t)
	var plain, color bytes.Buffer
	if err := r.WriteText(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteText(&color, true); err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile("\x1b\\[[0-9]+m")
	if n := len(codes.FindAll(color.Bytes(), -1)); n < 4 {
		t.Errorf("%d colour codes in\n%s", n, color.String())
	}
	if bytes.Contains(plain.Bytes(), []byte{0x1b}) || !bytes.Equal(codes.ReplaceAll(color.Bytes(), nil), plain.Bytes()) {
		t.Errorf("without its codes the coloured text is not the plain one:\n%s", color.String())
	}
}

// What a scenario's author writes cannot end a cell, a code span or a list item early.
func TestMarkdownIsEscaped(t *testing.T) {
	w := troubled()
	w.plan.Faults[0].Target, w.plan.Command, w.plan.About = "a|b", "run `x`", "<script>\n# head"
	var b bytes.Buffer
	if err := w.judge(t).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{" a|b ", "`x`", "<script>", "\n# head"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%q is in\n%s", bad, b.String())
		}
	}
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	r := troubled().judge(t)
	for range 2 { // the second time over the first
		if err := r.WriteFiles(dir); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if got, want := strings.Join(names, " "), "junit.xml report.json summary.md"; got != want {
		t.Errorf("files %q, want %q", got, want)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, JSONFile)); !bytes.Equal(b, reportJSON(t, r)) {
		t.Error("report.json is not what WriteJSON writes")
	}
	if err := r.WriteFiles(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("no error for a directory that is not there")
	}
}
