package reports

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGitHubAnnotations(t *testing.T) {
	w := troubled()
	w.defect(31, east, 2)
	for i := range int64(12) {
		w.objective(Objective{Indicator: "live-edge latency", Percentile: 50 + float64(i), Max: ms(100 + i)})
	}
	r := w.judge(t)
	summary := filepath.Join(t.TempDir(), "summary")
	if err := os.WriteFile(summary, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary}
	var out bytes.Buffer
	if err := r.WriteGitHub(&out, func(k string) string { return env[k] }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != annotationsMax {
		t.Fatalf("%d annotations, want %d:\n%s", len(lines), annotationsMax, out.String())
	}
	for i, want := range map[int]string{
		0: "::error::avoidable defects: ",
		1: "::error file=region-loss.yaml,line=21::missed segments in fault: 3, limit 0",
		2: "::error file=by-hand.yaml,line=14::live-edge latency p50",
		9: "::error::7 more",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("annotation %d is %q, want %q", i, lines[i], want)
		}
	}
	got, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(got), "before\n## FAIL region-loss") {
		t.Errorf("step summary begins with %.60q", got)
	}
}

func TestGitHubFewAnnotations(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments", MinSamples: 1 << 30})
	w.plan.Objectives[0].File = "a,b:%.yaml"
	var out bytes.Buffer
	if err := w.judge(t).WriteGitHub(&out, func(k string) string { return map[string]string{"GITHUB_ACTIONS": "true"}[k] }); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "::warning file=a%2Cb%3A%25.yaml,line=10::missed segments: 0, limit 0; 1280 of at least"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGitHubIsSilentElsewhere(t *testing.T) {
	r := troubled().judge(t)
	summary := filepath.Join(t.TempDir(), "summary")
	var out bytes.Buffer
	env := map[string]string{"GITHUB_STEP_SUMMARY": summary}
	if err := r.WriteGitHub(&out, func(k string) string { return env[k] }); err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
	if _, err := os.Stat(summary); err == nil {
		t.Error("a summary was written outside GitHub")
	}
	env = map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": t.TempDir()}
	if err := r.WriteGitHub(&out, func(k string) string { return env[k] }); err == nil {
		t.Error("no error where the summary cannot be written")
	}
}
