package sim

import (
	"strings"
	"testing"
	"time"
)

func TestLinesAreFewAndTellEveryChange(t *testing.T) {
	var out strings.Builder
	l := &Lines{W: &out}
	for s := range 20 {
		status := Status{At: time.Duration(s) * time.Second, Of: 20 * time.Second, Phase: "warm-up", Viewers: s}
		if s >= 7 && s < 9 {
			status.Faults = []string{"region-loss"}
		}
		l.Show(status)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	// At 0 and 5 by time, at 7 and 9 because the faults changed, at 14 and 19 by time again.
	if len(lines) != 6 || !strings.Contains(lines[2], "FAULT region-loss") || strings.Contains(lines[3], "FAULT") {
		t.Errorf("got %d lines:\n%s", len(lines), out.String())
	}
}

func TestLiveStaysOnItsLine(t *testing.T) {
	var out strings.Builder
	l := &Live{W: &out, Width: 40}
	l.Show(Status{At: 30 * time.Second, Of: time.Minute, Phase: "a phase with a name that is too long for the terminal"})
	line := strings.TrimPrefix(out.String(), "\r\x1b[K")
	if len(line) >= 40 || strings.Contains(line, "\n") || !strings.HasPrefix(line, "[==========          ]") {
		t.Errorf("%q", line)
	}
}
