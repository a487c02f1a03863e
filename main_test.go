package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("about: x\nevnt: {duration: 10s}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(full, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "run.jsonl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string // on either stream
	}{
		{"", 0, "Available Commands"},
		{"--help", 0, "Exit codes"},
		{"list", 0, "region-loss"},
		{"schema", 0, `"additionalProperties": false`},
		{"lint quiet region-loss", 0, "region-loss: ok"},
		{"completion bash", 0, "liveorigin"},
		{"lint " + bad, 2, `unknown key "evnt"; did you mean "event"?`},
		{"lint no-such-scenario", 2, "no-such-scenario"},
		{"lint quiet --set audience.viewers.paek=5", 2, "paek"},
		{"run", 2, "accepts 1 arg"},
		{"run quiet --nosuch", 2, "unknown flag"},
		{"run " + bad, 2, "bad.yaml:2:1"},
		{"run quiet --k6 /nonexistent --out " + dir + "/x", 1, "make build"},
		{"report " + dir, 2, "not the directory of a run"},
		{"frobnicate", 2, "unknown command"},
	} {
		var out strings.Builder
		if code := execute(strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("liveorigin %s: exit %d, want %d and %q in:\n%s", c.args, code, c.code, c.says, out.String())
		}
	}
}

// Every verb says what it is for and shows how it is called.
func TestHelpHasExamples(t *testing.T) {
	for _, c := range command().Commands() {
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s: no short text, or no example", c.Name())
		}
	}
}

// What a run says repeats it does.
func TestRepeat(t *testing.T) {
	f := runFlags{set: []string{"audience.viewers.peak=50", "seed=7"}}
	if got := f.repeat("quiet"); got != "liveorigin run quiet --set 'audience.viewers.peak=50' --seed 7" {
		t.Error(got)
	}
}
