package cmd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/servertest"
)

// Operators reach an API whose certificate an authority of their own has signed; without that authority, or with another
// one, they are told what to do.
func TestOperateOverTLS(t *testing.T) {
	d := newDesk(t)
	srv := httptest.NewTLSServer(d.handler)
	t.Cleanup(srv.Close)
	d.url = srv.URL
	servertest.Write(t, srv.TLS.Certificates[0], filepath.Join(d.dir, "cert.pem"), filepath.Join(d.dir, "key.pem"))
	servertest.Write(t, servertest.NewAuthority(t).Own, filepath.Join(d.dir, "other.pem"), filepath.Join(d.dir, "other.key"))
	for _, row := range []struct {
		line string
		code int
		says string
	}{
		{"event list --ca @cert.pem", 0, "live   live"},
		{"mask add live m --pipeline a --from 5 --to 9 --ca @cert.pem", 0, "live is now at version 2"},
		{"event list", 1, "if the authority is your own, --ca names the file"},
		{"event show live", 1, "if the authority is your own, --ca names the file"},
		{"mask remove live m", 1, "if the authority is your own, --ca names the file"},
		{"event list --ca @other.pem", 1, "it is not that of --ca " + d.dir},
		{"event list --ca @absent.pem", 2, "--ca: open " + d.dir},
		{"event list --ca @ann", 2, "ann has no certificate in PEM; it wants that of the authority"},
	} {
		if code, out := d.run(row.line); code != row.code || !strings.Contains(out, row.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", row.line, code, row.code, row.says, out)
		}
	}
}

// An origin that speaks nothing but TLS, by an authority that no system knows: encoder, edge and operators reach it.
func TestEverythingOverTLS(t *testing.T) {
	t.Parallel()
	config := configuration(t, twoEvents+`
tls: {publish: {certificate: cert.pem, key: key.pem}, deliver: {certificate: cert.pem, key: key.pem}, operate: {certificate: cert.pem, key: key.pem}}
operators: operators.txt
`)
	dir := filepath.Dir(config)
	servertest.Write(t, servertest.NewAuthority(t).Own, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	for name, text := range map[string]string{"operators.txt": "ann operators-secret-0123456789\n", "ann.token": "operators-secret-0123456789"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := begin(t, "origin", "--config", config, "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0", "--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	for name, url := range at {
		at[name] = strings.Replace(url, "http:", "https:", 1)
	}
	ca := []string{"--ca", filepath.Join(dir, "cert.pem")}
	over := func(args ...string) *process { return begin(t, append(args, ca...)...) }
	over("event", "list", "--api", at["operate"], "--token-file", filepath.Join(dir, "ann.token")).ends(t, patience, 0)
	encoder := over("encode", "--to", at["publish"], "--config-from", at["deliver"], "--event", "open", "--pipeline", "a")
	e := over("edge", "--listen", "127.0.0.1:0", "--origin", "us-east="+at["deliver"], "--event", "open")
	header := e.addresses(t, "deliver")["deliver"] + "/open/v360/init.mp4"
	got := 0
	for until := time.Now().Add(patience); got != http.StatusOK && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(header)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		got = resp.StatusCode
	}
	if got != http.StatusOK {
		t.Errorf("what the encoder publishes, the edge answers %d", got)
	}
	stranger := begin(t, "encode", "--to", at["publish"], "--config-from", at["deliver"], "--event", "open", "--pipeline", "a")
	stranger.ends(t, patience, 1)
	if said := stranger.stderr.String(); !strings.Contains(said, "--ca names the file") {
		t.Errorf("an encoder that does not know the authority said %s", said)
	}
	for _, p := range []*process{encoder, e, o} {
		p.interrupt()
		p.ends(t, 7*time.Second, 0)
	}
}

// A secret that everyone on the way could read is warned of, and no other.
func TestWarnInClear(t *testing.T) {
	var said strings.Builder
	warnInClear(&said, "https://live.example", "http://127.0.0.1:8081", "http://localhost:1", "http://[::1]:1", "http://10.1.0.1:8081", "no URL")
	if want := "warning: the secret of --token-file goes to http://10.1.0.1:8081 in clear, where everyone on the way can read it; https keeps it\n"; said.String() != want {
		t.Errorf("it said:\n%swant:\n%s", said.String(), want)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a-secret-of-a-pipeline"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"encode --to http://192.0.2.1:1 --config-from http://127.0.0.1:1 --pipeline a --token-file " + token,
		"event list --api http://liveorigin.invalid:1 --token-file " + token,
	} {
		if out := output(strings.Fields(args)...); !strings.Contains(out, "in clear, where everyone on the way can read it") {
			t.Errorf("%s: no warning:\n%s", args, out)
		}
	}
}
