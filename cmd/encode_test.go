package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// Operators end an event that has no end, or take it away: its encoder ends too, and has nothing to complain of.
func TestEncodeEndsWithItsEvent(t *testing.T) {
	t.Parallel()
	path := configuration(t, twoEvents+"operators: operators.txt\n")
	secret := filepath.Join(filepath.Dir(path), "ann.token")
	for file, text := range map[string]string{"operators.txt": "ann operators-secret-0123456789\n", "ann.token": "operators-secret-0123456789"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := begin(t, "origin", "--config", path, "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0", "--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	to := []string{"encode", "--to", at["publish"], "--config-from", at["deliver"], "--pipeline", "a", "--event"}
	ended, removed := begin(t, append(to[:len(to):len(to)], "open")...), begin(t, append(to[:len(to):len(to)], "short")...)
	time.Sleep(5 * time.Second) // for two segments, and to be in the midst of one
	operate := func(args ...string) *process {
		return begin(t, append(args, "--api", at["operate"], "--token-file", secret)...)
	}
	operate("event", "end", "open").ends(t, patience, 0)
	operate("event", "remove", "short").ends(t, patience, 0)
	ended.ends(t, patience, 0)
	removed.ends(t, patience, 0)
	if !regexp.MustCompile(`(?m)^all +[1-9]\d* +0 +0 +0 `).MatchString(ended.stdout.String()) {
		t.Errorf("not all was published:\n%s", ended.stdout.String())
	}
	o.interrupt()
	o.ends(t, 7*time.Second, 0)
}
