package sim

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// A policy that reads the wall clock is refused in virtual time, before anything is written.
func TestReplayRefusesTheWallClock(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	sc := parse(t, smallEvent+"admission: {policy: adaptive}\n")
	_, _, err := Replay(context.Background(), sc, ReplayOptions{Options: Options{Out: out, Command: "again", Progress: Quiet{}}})
	if err == nil || !strings.Contains(err.Error(), "use `liveorigin run`, or policy priority") {
		t.Errorf("got %v", err)
	}
	if found, _ := filepath.Glob(out); len(found) > 0 {
		t.Errorf("%s is there", out)
	}
}
