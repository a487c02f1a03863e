package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A machine without a k6 of ours cannot run anything, whatever else it has; every line says ok, warn or missing.
func TestExamine(t *testing.T) {
	good := filepath.Join(t.TempDir(), "k6")
	if err := os.WriteFile(good, []byte("#!/bin/sh\necho k6 v2.2.0 k6/x/liveorigin\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for k6, healthy := range map[string]bool{good: true, "/nonexistent/k6": false} {
		var out strings.Builder
		if got := Examine(&out, k6); got != healthy {
			t.Errorf("with %s: healthy %v, want %v\n%s", k6, got, healthy, out.String())
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 9 {
			t.Errorf("%d lines, want 9", len(lines))
		}
		for _, line := range lines {
			if state := strings.Fields(line)[1]; state != ok && state != warn && state != missing {
				t.Errorf("neither ok, warn nor missing: %s", line)
			}
			if strings.HasPrefix(line, "k6") && !healthy && !strings.Contains(line, "make build") {
				t.Errorf("does not say what to do: %s", line)
			}
		}
	}
}
