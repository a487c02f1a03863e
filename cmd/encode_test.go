package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// operated writes a configuration with an operator, and the operator's token.
func operated(t *testing.T, config string) (path, secret string) {
	t.Helper()
	path = configuration(t, config+"operators: operators.txt\n")
	secret = filepath.Join(filepath.Dir(path), "ann.token")
	for file, text := range map[string]string{"operators.txt": "ann operators-secret-0123456789\n", "ann.token": "operators-secret-0123456789"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path, secret
}

// Operators end an event that has no end, or take it away: its encoder ends too, and has nothing to complain of.
func TestEncodeEndsWithItsEvent(t *testing.T) {
	t.Parallel()
	path, secret := operated(t, twoEvents)
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

// Operators put an event off that an encoder waits for: it waits longer, and publishes what is left until the end.
func TestEncodeStartsWithItsEvent(t *testing.T) {
	t.Parallel()
	start := time.Now().Add(9 * time.Second).Truncate(time.Second)
	moved := start.Add(2 * time.Second)
	path, secret := operated(t, strings.Replace(twoEvents, "start: now\n    duration: 8s", "start: "+start.Format(time.RFC3339)+"\n    duration: 6s", 1))
	o := begin(t, "origin", "--config", path, "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0", "--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	waits := begin(t, "encode", "--to", at["publish"], "--config-from", at["deliver"], "--pipeline", "a", "--event", "short")
	time.Sleep(time.Second) // for it to know of the first start
	begin(t, "event", "start", "short", moved.Format(time.RFC3339), "--api", at["operate"], "--token-file", secret).ends(t, patience, 0)
	waits.ends(t, 14*time.Second+patience, 0)
	if !regexp.MustCompile(`(?m)^all +4 +0 +0 +0 `).MatchString(waits.stdout.String()) { // two segments of two renditions
		t.Errorf("not all was published:\n%s", waits.stdout.String())
	}
	o.interrupt()
	o.ends(t, 7*time.Second, 0)
}
