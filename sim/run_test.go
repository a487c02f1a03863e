package sim

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin/cassandra/cassandratest"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
)

func TestMain(m *testing.M) {
	bePart()
	goleak.VerifyTestMain(m, cassandratest.UnseenHeartbeat)
}

// standIn is a k6 for what goes wrong with a k6: it says that it has our extension, and then does as it is told.
func standIn(t *testing.T, body string) string {
	return program(t, `if [ "$1" = version ]; then echo `+extension+`; exit 0; fi; `+body)
}

func runWith(t *testing.T, ctx context.Context, k6, out string) (*reports.Report, error) {
	t.Helper()
	sc, err := scenarios.Load("quiet")
	if err != nil {
		t.Fatal(err)
	}
	return Run(ctx, sc, RunOptions{Options: Options{Out: out, Command: "again", Progress: Quiet{}}, K6: k6})
}

// Whatever ends a run early, what it did so far is kept and judged, and nothing goes on.
func TestRunThatEndsEarly(t *testing.T) {
	for _, c := range []struct {
		why, k6, says string
		after         time.Duration // interrupt
	}{
		{"interrupted", "trap 'exit 0' INT; while :; do sleep 0.05; done", "interrupted", 300 * time.Millisecond},
		{"k6 finds its script bad", "echo no such thing >&2; exit 107", "script exception", time.Minute},
		{"k6 is killed", "kill -9 $$", "k6 died", time.Minute},
		{"k6 has nothing to do", "exit 0", "its script had ended", time.Minute},
	} {
		out := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithTimeout(context.Background(), c.after)
		r, err := runWith(t, ctx, standIn(t, c.k6), out)
		cancel()
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if r.ExitCode() != 4 || !strings.Contains(strings.Join(r.Reasons, "\n"), c.says) {
			t.Errorf("%s: exit %d, reasons %q; want 4 and %q", c.why, r.ExitCode(), r.Reasons, c.says)
		}
		again, _, err := Judge(out)
		if err != nil || again.ExitCode() != 4 || strings.Join(again.Reasons, "|") != strings.Join(r.Reasons, "|") {
			t.Errorf("%s: judged again: %v, %+v", c.why, err, again)
		}
		for _, file := range []string{historyFile, settingsFile, scenarioFile, scriptFile, k6LogFile} {
			if _, err := os.Stat(filepath.Join(out, file)); err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
		}
	}
}

func TestRunThatCannotBegin(t *testing.T) {
	k6 := standIn(t, "exit 0")
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, historyFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(full, historyFile)
	for out, want := range map[string]string{full: "holds a run already", filepath.Join(file, "below"): "make the run's directory"} {
		if _, err := runWith(t, context.Background(), k6, out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", out, err, want)
		}
	}
}

// A run that was never written down cannot be judged; one whose scenario has gone bad says where.
func TestJudgeNeedsARun(t *testing.T) {
	if _, _, err := Judge(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not the directory of a run") {
		t.Error(err)
	}
}
