package originserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
	"github.com/liveorigin/liveorigin/origin/operator"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	operatorSecret = "operators-secret-0123456789"
	viewSecret     = "viewers-secret-0123456789"
	packagerToken  = "packagers-token-0123456789"
	nodesSecret    = "nodes-secret-0123456789"
)

// folder has the files that configurations here name.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	certificate, key := servertest.PEM(t, servertest.NewAuthority(t).Own)
	for name, text := range map[string][]byte{
		"cert.pem": certificate, "key.pem": key,
		"operators.txt": []byte("ann " + operatorSecret + "\nbob " + viewSecret + " read-only\n"),
		"tokens.json":   []byte(`{"a": "` + packagerToken + `"}`),
		"nodes.token":   []byte(nodesSecret + "\n"),
		"short.token":   []byte("short"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// started is a server that serves.
type started struct {
	*Server
	at   map[string]string // addresses, by listener
	stop func()            // and wait until it has
}

// start reads a configuration and lets a server serve, until stop or the test's end.
func start(t *testing.T, dir, text string) *started { return startWith(t, dir, text, func(*Server) {}) }

// startWith is start with a last word before the server serves.
func startWith(t *testing.T, dir, text string, change func(*Server)) *started {
	t.Helper()
	s := opened(t, dir, text)
	change(s)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	up := &started{Server: s, at: map[string]string{}}
	up.stop = func() {
		if ctx.Err() != nil {
			return
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		s.Close()
	}
	t.Cleanup(up.stop)
	for _, line := range s.Addresses() {
		name, address, _ := strings.Cut(line, "=")
		up.at[name] = address
	}
	return up
}

// opened reads a configuration and opens a server, which is to be closed.
func opened(t *testing.T, dir, text string) *Server {
	t.Helper()
	path := filepath.Join(dir, "origin.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), c, slog.DiscardHandler)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const onFreePorts = "listen: {publish: 127.0.0.1:0, deliver: 127.0.0.1:0, operate: 127.0.0.1:0}\n"

func client(t *testing.T, base string, o originhttp.ClientOptions) *originhttp.Client {
	t.Helper()
	c, err := originhttp.NewClient(base, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A packager needs its token, over TLS; operators do things, which are counted, and outlast the process.
func TestSecureOrigin(t *testing.T) {
	dir := folder(t)
	config := "name: o\nregion: east\n" + onFreePorts + `
tls: {publish: {certificate: cert.pem, key: key.pem}}
credentials: {tokens: tokens.json}
operators: operators.txt
control: {directory: control}
admission: {policy: priority}
hosts: {deliver: [127.0.0.1], operate: [127.0.0.1]}
events:
  - {id: live, start: now, ladder: small, regions: [{name: east, pipelines: [a]}, {name: west, pipelines: [b]}]}
`
	s := start(t, dir, config)
	pool := x509.NewCertPool()
	certificate, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil || !pool.AppendCertsFromPEM(certificate) {
		t.Fatal(err)
	}
	trust := &tls.Config{RootCAs: pool}
	ev, _ := s.node.Event("live")
	p := publication(t, ev, "a", origin.Header)
	for _, c := range []struct {
		token, pipeline string
		stored          bool
	}{{"", "a", false}, {"another-token-0123456789", "a", false}, {packagerToken, "b", false}, {packagerToken, "a", true}} {
		p.Key.Pipeline = c.pipeline
		r, err := client(t, "https://"+s.at[publish], originhttp.ClientOptions{TLS: trust, Token: c.token}).Publish(t.Context(), p)
		if (err == nil && r.Outcome.Accepted()) != c.stored {
			t.Errorf("pipeline %s with token %q: %+v, %v", c.pipeline, c.token, r, err)
		}
	}
	if status, _ := get(t, "http://"+s.at[deliver]+"/live/v360/init.mp4"); status != http.StatusOK {
		t.Errorf("the header: %d", status)
	}

	ann, bob := operators(t, s)
	mask := control.Operation{ID: "m1", Event: "live", Do: control.Mask{Mask: origin.Mask{ID: "m", Pipeline: "a", From: 1, To: 9}}}
	if _, err := bob.Do(t.Context(), mask); err == nil {
		t.Error("who may only look has masked")
	}
	if _, err := ann.Do(t.Context(), mask); err != nil {
		t.Error(err)
	}
	if st, _ := s.node.State("live"); len(st.Masks) != 1 {
		t.Errorf("the node knows %+v", st.Masks)
	}
	if _, text := get(t, "http://"+s.at[operate]+"/metrics"); !strings.Contains(text, `liveorigin_publications_total{event="live",outcome="stored"`) || !strings.Contains(text, "go_goroutines") {
		t.Errorf("metrics:\n%.2000s", text)
	}
	if status := misdirected(t, s.at[deliver]); status != http.StatusMisdirectedRequest {
		t.Errorf("a request for another host: %d", status)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/openapi.yaml": 200, "/debug/pprof/": 404, "/events": 401} {
		if status, body := get(t, "http://"+s.at[operate]+path); status != want {
			t.Errorf("%s: %d, want %d: %.200s", path, status, want, body)
		}
	}
	s.stop()

	again := start(t, dir, strings.Replace(config, "ladder: small", "ladder: hd", 1)+"pprof: true\n")
	if st, ok := again.node.State("live"); !ok || len(st.Masks) != 1 || !st.AvailabilityStartTime.Equal(ev.AvailabilityStartTime) || len(st.Renditions) != 2 {
		t.Errorf("after a restart: %+v", st)
	}
	if status, _ := get(t, "http://"+again.at[operate]+"/debug/pprof/"); status != http.StatusOK {
		t.Errorf("pprof: %d", status)
	}
}

// misdirected asks for another host than an origin is.
func misdirected(t *testing.T, address string) (status int) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+address+"/live/v360/init.mp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "other.example"
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// operators are two clients, of whom the second may only look.
func operators(t *testing.T, s *started) (ann, bob *operator.Client) {
	ann, bob = operator.NewClient("http://"+s.at[operate], operatorSecret, nil), operator.NewClient("http://"+s.at[operate], viewSecret, nil)
	t.Cleanup(ann.Close)
	t.Cleanup(bob.Close)
	return ann, bob
}

// publication is what the encoder of an event makes, of its lowest rendition.
func publication(t *testing.T, ev origin.Event, pipeline string, n origin.SegmentNumber) origin.Publication {
	t.Helper()
	encoder, err := encoders.NewEncoder(ev, new(origin.Wall))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := ev.Rendition("v360")
	o, err := encoder.Header(r)
	if err != nil {
		t.Fatal(err)
	}
	if n != origin.Header {
		o = encoder.Build(r, n)
	}
	return origin.Publication{Key: origin.Key{Event: ev.ID, Rendition: r.ID, Number: n, Pipeline: pipeline}, Object: o, Inspected: true}
}

// What a file of the configuration's has that cannot be used is said before anybody is served.
func TestOpenMistakes(t *testing.T) {
	dir := folder(t)
	for text, want := range map[string]string{
		"operators: none.txt":                                        "none.txt: no such file",
		"operators: key.pem":                                         "operators: ",
		"credentials: {tokens: operators.txt}":                       "want a JSON object of pipelines",
		"tls: {deliver: {certificate: cert.pem, key: none.pem}}":     "tls.deliver: ",
		"control: {directory: cert.pem}":                             "control plane's directory",
		"control: {url: \"http://127.0.0.1:1\", token: short.token}": "a secret has 16 bytes at least",
		"control: {url: \"http://127.0.0.1:1\", token: none.token}":  "none.token: no such file",
	} {
		path := filepath.Join(dir, "origin.yaml")
		if err := os.WriteFile(path, []byte("name: o\nregion: east\n"+onFreePorts+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Read(path)
		if err == nil {
			var s *Server
			if s, err = Open(t.Context(), c, slog.DiscardHandler); err == nil {
				s.Close()
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Who gives up while it connects to databases that do not answer need not wait until they do.
func TestOpenIsGivenUp(t *testing.T) {
	silent := servertest.Listen(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"origin.yaml":    "name: o\nregion: east\n" + onFreePorts + "storage: {databases: databases.yaml}\n",
		"databases.yaml": fmt.Sprintf("regions: {east: {datacenter: dc, hosts: [%q]}}\n", silent.Addr()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Read(filepath.Join(dir, "origin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := silent.Accept()
		accepted <- conn
		cancel()
	}()
	s, err := Open(ctx, c, slog.DiscardHandler)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if conn := <-accepted; conn != nil {
		_ = conn.Close()
	}
}
