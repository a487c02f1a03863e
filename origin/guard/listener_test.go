package guard

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin/fresh"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// serve serves a handler on loopback until the test ends, and sees that nothing stays behind.
func serve(t *testing.T, limits Limits, h http.HandlerFunc) *Listener {
	t.Helper()
	before := goleak.IgnoreCurrent()
	l := Listen(servertest.Listen(t), limits)
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	l.Protect(srv)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
		goleak.VerifyNone(t, before)
	})
	return l
}

// Connections beyond a limit are refused and counted; who goes makes room.
func TestConnectionLimits(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		want   Refusal
	}{
		{Limits{Connections: 2}, TooManyConnections},
		{Limits{Connections: 9, PerClient: 2}, TooManyOfClient},
	} {
		l := serve(t, c.limits, echo)
		var conns [3]net.Conn
		for i := range conns {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conns[i] = conn
		}
		if got := readAnswers(conns[2]); len(got) != 1 || !strings.HasPrefix(got[0], "503 ") {
			t.Errorf("%v: the third is told %q", c.want, got)
		}
		if s := l.Stats(); s.Open != 2 || s.Accepted != 2 || s.Refused[c.want] != 1 {
			t.Errorf("%v: %+v", c.want, s)
		}
		_ = conns[0].Close()
		servertest.Eventually(t, "room again", func() bool { return l.Stats().Open == 1 })
	}
}

func TestClientOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7", "[::ffff:192.0.2.7]:80": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::",
	} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := clientOf(a).String(); got != want {
			t.Errorf("%s counts for %s, want %s", address, got, want)
		}
	}
}

// The log has one line for many refusals of a kind, and one for each kind.
func TestLogIsQuiet(t *testing.T) {
	var logged bytes.Buffer
	l := serve(t, Limits{Logger: slog.New(slog.NewTextHandler(&logged, nil))}, echo)
	for _, send := range []string{"\x00", "\x01", "\x02", "GET / HTTP/9.9\r\n"} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, send)
		_ = conn.(*net.TCPConn).CloseWrite()
		if got := readAnswers(conn); len(got) != 1 {
			t.Errorf("%q: %q", send, got)
		}
		_ = conn.Close()
	}
	if n := strings.Count(logged.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, logged.String())
	}
}

// vault is a server's files, and an authority that clients trust.
func vault(t *testing.T) (Files, *servertest.Authority, *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	files := Files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem"), false}
	ca := servertest.NewAuthority(t)
	servertest.Write(t, ca.Own, files.ClientCAs, filepath.Join(dir, "ca-key.pem"))
	servertest.Write(t, ca.Certificate(t, "first", "localhost"), files.Certificate, files.Key)
	return files, ca, ca.Pool()
}

// Over TLS, HTTP/1 is vetted as without, and HTTP/2 goes by; both handlers see who the client is.
func TestTLS(t *testing.T) {
	files, ca, pool := vault(t)
	certs, err := LoadCertificates(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := serve(t, Limits{TLS: certs.Config()}, func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if len(r.TLS.VerifiedChains) > 0 {
			who = r.TLS.VerifiedChains[0][0].Subject.CommonName
		}
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %s %d %v", r.Proto, who, n, err)
	})
	base := "https://" + strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		h2   bool
		cert []tls.Certificate
		want string
	}{
		{false, nil, "HTTP/1.1 nobody 5 <nil>"},
		{true, nil, "HTTP/2.0 nobody 5 <nil>"},
		{false, []tls.Certificate{ca.Certificate(t, "packager-a")}, "HTTP/1.1 packager-a 5 <nil>"},
		{true, []tls.Certificate{ca.Certificate(t, "packager-a")}, "HTTP/2.0 packager-a 5 <nil>"},
		{true, []tls.Certificate{servertest.NewAuthority(t).Own}, "error"},
	} {
		transport := &http.Transport{ForceAttemptHTTP2: c.h2, TLSClientConfig: &tls.Config{RootCAs: pool}}
		if c.cert != nil { // shown even to who has said not to know its authority
			transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &c.cert[0], nil
			}
		}
		client := &http.Client{Transport: transport}
		req, _ := http.NewRequestWithContext(t.Context(), "PUT", base+"/a", strings.NewReader("12345"))
		got := "error"
		if resp, err := client.Do(req); err == nil {
			b, _ := io.ReadAll(resp.Body)
			got = string(b)
			_ = resp.Body.Close()
			for target, want := range map[string]int{"/%00": 400, "/a//b": 400, "/%2e%2e/a": 400, "/" + strings.Repeat("a", 9<<10): 414} {
				resp, err := client.Get(base + target)
				if err != nil || resp.StatusCode != want {
					t.Errorf("h2 %v %.20s: %v %v, want %d", c.h2, target, resp, err, want)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
		transport.CloseIdleConnections()
		if got != c.want {
			t.Errorf("h2 %v: %q, want %q", c.h2, got, c.want)
		}
	}
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	if got := readAnswers(conn); len(got) != 1 || !strings.HasPrefix(got[0], "400 ") {
		t.Errorf("smuggling over TLS: %q", got)
	}
	old := &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS11} //nolint:gosec // to be refused
	if conn, err := tls.Dial("tcp", l.Addr().String(), old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A client that does not shake hands holds up nobody, and is let go when the listener stops.
func TestSilentHandshake(t *testing.T) {
	files, _, pool := vault(t)
	certs, err := LoadCertificates(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := serve(t, Limits{TLS: certs.Config()}, echo)
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_, _ = bufio.NewReader(plain).ReadByte()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 2 * time.Second}, "tcp", l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := readAnswers(conn); len(got) != 1 || got[0] != "200 /a 0 close" {
		t.Errorf("%q", got)
	}
	servertest.Eventually(t, "the plain one is counted", func() bool { return l.Stats().Refused[BadHandshake] == 1 })
	start := time.Now()
	if err := l.Close(); err != nil || time.Since(start) > 2*time.Second {
		t.Errorf("stopped listening after %v: %v", time.Since(start), err)
	}
}

// A new certificate is used without a new process; one that is not good is reported, and the old one stays.
func TestCertificateReload(t *testing.T) {
	files, ca, pool := vault(t)
	var logged bytes.Buffer
	certs, err := LoadCertificates(files, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l := serve(t, Limits{TLS: certs.Config()}, echo)
	shown := func() string {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	later := func() { time.Sleep(2 * fresh.CheckEvery) }
	if got := shown(); got != "first" {
		t.Fatalf("at first %q", got)
	}
	servertest.Write(t, ca.Certificate(t, "the second", "localhost"), files.Certificate, files.Key)
	later()
	if got := shown(); got != "the second" {
		t.Errorf("after the change %q", got)
	}
	if err := os.WriteFile(files.Certificate, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		later()
		if got := shown(); got != "the second" {
			t.Errorf("after a bad change %q", got)
		}
	}
	if n := strings.Count(logged.String(), "\n"); n != 1 || certs.Failures() != 1 {
		t.Errorf("a bad change is reported %d times and counted %d times:\n%s", n, certs.Failures(), logged.String())
	}
	servertest.Write(t, ca.Certificate(t, "the third one", "localhost"), files.Certificate, files.Key)
	later()
	if got := shown(); got != "the third one" {
		t.Errorf("after the repair %q", got)
	}
	for _, bad := range []Files{{Certificate: "nowhere", Key: files.Key}, {files.Certificate, files.Key, files.Key, false}, {files.Certificate, files.Key, "nowhere", false}} {
		if _, err := LoadCertificates(bad, nil); err == nil {
			t.Errorf("%+v are taken", bad)
		}
	}
}

// A connection that the guard alone answers lives as long as one that net/http does.
func TestRefusedConnectionGoesOn(t *testing.T) {
	ln := servertest.Listen(t)
	const answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
	guarded := Listen(ln, Limits{Idle: 5 * time.Second, Refuse: func([]byte) []byte { return []byte(answer) }})
	srv := &http.Server{ReadHeaderTimeout: 300 * time.Millisecond, IdleTimeout: 300 * time.Millisecond,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("net/http heard of it") })}
	go srv.Serve(guarded)
	defer srv.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(answer))
	for i := range 8 {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(i, err)
		}
		if _, err := io.ReadFull(c, got); err != nil || string(got) != answer {
			t.Fatalf("answer %d: %q, %v", i, got, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
