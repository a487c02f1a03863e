package metrics_test

import (
	"io"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/guard"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// What a listener counts has its numbers, under the listener's name.
func TestListener(t *testing.T) {
	inner := servertest.Listen(t)
	ln := guard.Listen(inner, guard.Limits{})
	w := &world{T: t, Metrics: metrics.New()}
	w.WatchListener("deliver", ln.Stats, nil)
	files := guard.Files{Certificate: filepath.Join(t.TempDir(), "certificate"), Key: filepath.Join(t.TempDir(), "key")}
	servertest.Write(t, servertest.NewAuthority(t).Certificate(t, "live.example"), files.Certificate, files.Key)
	certificates, err := guard.LoadCertificates(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.WatchListener("operate", func() guard.Stats {
		return guard.Stats{Open: 2, Accepted: 3, Requests: 4, Panics: 5, HTTP2Errors: 7, Refused: map[guard.Refusal]uint64{guard.SlowBody: 6}}
	}, certificates)
	srv := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: live.example\r\n\r\nGET / HTTP/1.1\nHost: live.example\n\n"); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(conn); err != nil { // the second answer ends the connection
		t.Fatal(err)
	}
	for key, want := range map[string]float64{
		`liveorigin_connections_accepted_total{listener="deliver"}`:                  1,
		`liveorigin_guard_requests_total{listener="deliver"}`:                        1,
		`liveorigin_guard_refusals_total{listener="deliver",reason="bare-lf"}`:       1,
		`liveorigin_guard_refusals_total{listener="deliver",reason="bad-handshake"}`: 0,
		`liveorigin_handler_panics_total{listener="deliver"}`:                        0,
		`liveorigin_certificate_failures_total{listener="deliver"}`:                  math.NaN(),
		`liveorigin_connections{listener="operate"}`:                                 2,
		`liveorigin_connections_accepted_total{listener="operate"}`:                  3,
		`liveorigin_guard_requests_total{listener="operate"}`:                        4,
		`liveorigin_handler_panics_total{listener="operate"}`:                        5,
		`liveorigin_guard_refusals_total{listener="operate",reason="slow-body"}`:     6,
		`liveorigin_http2_errors_total{listener="operate"}`:                          7,
		`liveorigin_certificate_failures_total{listener="operate"}`:                  0,
	} {
		w.want(key, want)
	}
}
