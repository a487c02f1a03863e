package originhttp

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/fresh"
)

// A token of one event is nobody's in another one, be it the same pipeline there.
func TestCredentialsOfOneEvent(t *testing.T) {
	credentials, err := NewCredentials(map[string]string{"final/a": tokenA, "other/b": tokenB, "final/b": tokenB}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{Credentials: credentials}), ForPublishing)
	for _, c := range []struct {
		about, send, token string
		status             int
	}{
		{"its event", put + byA, tokenA, 201},
		{"its event, and the pipeline goes without saying", put, tokenA, 201},
		{"another event", strings.Replace(put, "final", "other", 1) + byA, tokenA, 403},
		{"another event's manifest", "PUT /other/x.mpd HTTP/1.1\r\nHost: x\r\n", tokenA, 403},
		{"another pipeline of its event", put + byA, tokenB, 403},
		{"an event that there is not", strings.Replace(put, "final", "other", 1) + "Live-Pipeline: b\r\n", tokenB, 404},
	} {
		r := raw(t, address, c.send+"Authorization: Bearer "+c.token+"\r\n"+digits, false)
		if r.status != c.status {
			t.Errorf("%s: %d %s, want %d", c.about, r.status, r.body, c.status)
		}
	}
	for _, name := range []string{"final/", "/a", "final/a/b", "final/a b"} {
		if _, err := NewCredentials(map[string]string{name: tokenA}, false); err == nil {
			t.Errorf("a token of %q was taken", name)
		}
	}
}

// Tokens are those that the file has now: a new one is taken, an old one is not, and a file that says nothing changes nothing.
func TestCredentialsAreReloaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.json")
	written := time.Now()
	write := func(text string) {
		written = written.Add(time.Second)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Chtimes(file, written, written) // if it cannot be, its size has changed
		time.Sleep(2 * fresh.CheckEvery)
	}
	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	if _, err := LoadCredentials(file, false, logger); err == nil {
		t.Error("a file that is not there was read")
	}
	write(`{"a": "` + tokenA + `"}`)
	credentials, err := LoadCredentials(file, false, logger)
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{Credentials: credentials}), ForPublishing)
	expect := func(about string, a, b int) {
		t.Helper()
		for token, want := range map[string]int{tokenA: a, tokenB: b} {
			if r := raw(t, address, put+byA+"Authorization: Bearer "+token+"\r\n"+digits, false); r.status != want {
				t.Errorf("%s: with %s %d, want %d", about, token, r.status, want)
			}
		}
	}
	expect("at first", 201, 401)
	write(`{"a": "` + tokenB + `"}`)
	expect("changed", 401, 201)
	write(`{"a": "short"}`)
	expect("a bad change", 401, 201)
	if n := strings.Count(logged.String(), "tokens not reloaded"); n != 1 || strings.Contains(logged.String(), `"short"`) {
		t.Errorf("a bad change is reported %d times:\n%s", n, logged.String())
	}
	_ = os.Remove(file)
	time.Sleep(2 * fresh.CheckEvery)
	expect("the file is away", 401, 201)
	write(`{"a": "` + tokenA + `"}`)
	expect("mended", 201, 401)
}
