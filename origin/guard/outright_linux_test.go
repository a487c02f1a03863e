//go:build amd64 || arm64

package guard

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// byItself answers past net/http where it can, and then does what the path says.
func byItself(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/echo" {
		echo(w, r)
		return
	}
	out := Outright(struct{ http.ResponseWriter }{w}, r)
	if out != nil {
		_, _ = io.WriteString(w, "behind a wrapper that hides what it wraps")
		return
	}
	if out = Outright(w, r); out == nil {
		fmt.Fprint(w, "by net/http")
		return
	}
	_, _ = io.WriteString(out, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nout")
	switch r.URL.Path {
	case "/twice":
		fmt.Fprint(w, "by net/http, too")
	case "/flushed":
		_ = http.NewResponseController(w).Flush()
	case "/refused":
		w.WriteHeader(http.StatusNotFound)
	case "/panic":
		panic("in the midst of an answer")
	}
	_, _ = io.WriteString(out, "right")
}

// What a handler writes past net/http is the answer, in its turn, on a connection that goes on; where there can be no such answer
// net/http gives it. Two answers to one request, or half of one, end the connection.
func TestOutright(t *testing.T) {
	const host = " HTTP/1.1\r\nHost: x\r\n"
	const out, echoed = "GET /" + host + "\r\n", "GET /echo" + host + "\r\n"
	for script, want := range map[string]string{ // any order: each is on its own
		out: "200 outright", out + out + echoed + out: "200 outright|200 outright|200 /echo 0|200 outright",
		"PUT /echo" + host + "Content-Length: 5\r\n\r\n12345" + out: "200 /echo 5|200 outright",
		"GET /" + host + "Connection: keep-alive\r\n\r\n" + out:     "200 outright|200 outright",
		"GET /" + host + "Connection: close\r\n\r\n" + out:          "200 by net/http close",
		"GET / HTTP/1.0\r\n\r\n":                                    "200 by net/http close",
		"GET /" + host + "Content-Length: 1\r\n\r\n1" + out:         "200 by net/http|200 outright",
		"POST /" + host + "Content-Length: 0\r\n\r\n" + out:         "200 by net/http|200 outright",
		out + out + out + out + out + out + out + out:               strings.Repeat("200 outright|", 7) + "200 by net/http close",
		out + "GET /twice" + host + "\r\n" + out:                    "200 outright|200 outright",
		"GET /flushed" + host + "\r\n" + out:                        "200 outright",
		"GET /refused" + host + "\r\n" + out:                        "200 outright",
		"GET /panic" + host + "\r\n" + out:                          "cut",
		"GET /echo" + host + "\r\n" + "GET /panic" + host + "\r\n":  "200 /echo 0|cut",
	} {
		for _, hidden := range []bool{false, true} {
			l := serveStorm(t, hidden, Limits{Requests: 8}, byItself)
			c := dialStorm(t, l)
			go func() { _, _ = io.WriteString(c, script); _ = c.CloseWrite() }()
			if got := strings.Join(readAnswers(c), "|"); got != want {
				t.Errorf("hidden %v, %q: %q, want %q", hidden, script, got, want)
			}
		}
	}
}

// Over TLS it is as without, unless HTTP/2 is spoken.
func TestOutrightOverTLS(t *testing.T) {
	files, _, pool := vault(t)
	certs, err := LoadCertificates(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := serve(t, Limits{TLS: certs.Config()}, byItself)
	for h2, want := range map[bool]string{false: "outright", true: "by net/http"} {
		transport := &http.Transport{ForceAttemptHTTP2: h2, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
		for range 3 {
			resp, err := (&http.Client{Transport: transport}).Get("https://" + l.Addr().String() + "/")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(resp.Body); string(got) != want {
				t.Errorf("HTTP/2 %v: %q, %v; want %q", h2, got, err, want)
			}
			_ = resp.Body.Close()
		}
		transport.CloseIdleConnections()
	}
}
