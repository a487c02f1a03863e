package secrets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin/servertest"
)

// write makes a file.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadToken(t *testing.T) {
	for text, want := range map[string]string{"s3cret": "s3cret", " s3cret\r\n": "s3cret"} {
		if got, err := ReadToken(write(t, text)); got != want || err != nil {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "two words", "two\nlines"} {
		if got, err := ReadToken(write(t, text)); err == nil || !strings.Contains(err.Error(), "need one secret") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// A password may have spaces, at its end too.
func TestReadPassword(t *testing.T) {
	if got, err := ReadPassword(write(t, "secret word \r\n")); got != "secret word " || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A certificate that signs itself is its own authority.
func TestReadCertificates(t *testing.T) {
	certificate, key := write(t, ""), write(t, "")
	own := servertest.NewAuthority(t).Own
	servertest.Write(t, own, certificate, key)
	if _, err := ReadAuthorities(certificate); err != nil {
		t.Error(err)
	}
	if pair, err := ReadPair(certificate, key); err != nil || !pair.Leaf.Equal(own.Leaf) {
		t.Errorf("%v, %v", pair.Leaf, err)
	}
	if _, err := ReadPair(key, certificate); err == nil {
		t.Error("a key is taken for a certificate")
	}
	if _, err := ReadAuthorities(key); err == nil || !strings.Contains(err.Error(), "has no certificate in PEM") {
		t.Error(err)
	}
}

// A file without an end is refused, and so is one that is a little too long: nothing is cut off.
func TestLimits(t *testing.T) {
	long := write(t, strings.Repeat("x", maxSecret+1))
	for _, name := range []string{"/dev/zero", long} {
		for what, read := range map[string]func() error{
			"token":    func() error { _, err := ReadToken(name); return err },
			"password": func() error { _, err := ReadPassword(name); return err },
		} {
			if err := read(); err == nil || !strings.Contains(err.Error(), name+": it has more than 4096 bytes") {
				t.Errorf("%s from %s: %v", what, name, err)
			}
		}
	}
	_, pair := ReadPair("/dev/zero", long)
	_, authorities := ReadAuthorities("/dev/zero")
	for _, err := range []error{pair, authorities} {
		if err == nil || !strings.Contains(err.Error(), "it has more than 1048576 bytes") {
			t.Error(err)
		}
	}
	if got, err := ReadAll(strings.NewReader("four"), 4); string(got) != "four" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestIsLocal(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example": false, "live.example": false} {
		if got := IsLocal(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
