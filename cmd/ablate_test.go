package cmd

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ctrl-C ends an ablation: half a replay is compared with nothing, and nothing else is begun.
func TestInterruptedAblation(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	a := begin(t, "ablate", "--out", out)
	for until := time.Now().Add(patience); !exists(filepath.Join(out, "holding", "with", "run.jsonl")); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it does not begin")
		}
	}
	a.interrupt()
	a.ends(t, patience, exitInterrupted)
	if out := a.stdout.String(); out != "" {
		t.Errorf("it compared:\n%s", out)
	}
	if errs := a.stderr.String(); !strings.Contains(errs, "stopping, and comparing nothing") || strings.Contains(errs, "metadata:") {
		t.Errorf("it said:\n%s", errs)
	}
}
