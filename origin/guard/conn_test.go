package guard

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without a network, for tests in virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.done); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// world is a guarded server in virtual time.
type world struct {
	t *testing.T
	l *Listener
	p pipes

	senders sync.WaitGroup
	conns   []net.Conn
}

// inBubble runs f with a server that has the limits of the real one; the handler says what it read.
func inBubble(t *testing.T, limits Limits, h http.HandlerFunc, f func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn), make(chan struct{})}
		l := Listen(p, limits)
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 75 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
		l.Protect(srv)
		done := make(chan error, 1)
		go func() { done <- srv.Serve(l) }()
		w := &world{t: t, l: l, p: p}
		f(w)
		for _, conn := range w.conns {
			_ = conn.Close()
		}
		w.senders.Wait()
		_ = srv.Close()
		<-done
		synctest.Wait()
		if s := l.Stats(); s.Open != 0 {
			t.Errorf("%d connections are still counted", s.Open)
		}
	})
}

func (w *world) dial() net.Conn {
	here, there := net.Pipe()
	w.p.conns <- there
	w.conns = append(w.conns, here)
	return here
}

// echo answers how many bytes it read, or 408 or 400.
func echo(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestTimeout)
	case err != nil:
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
	default:
		fmt.Fprintf(w, "%s %d", r.URL.Path, n)
	}
}

// readAnswers reads answers until the connection ends, as "status body" each.
func readAnswers(c io.Reader, methods ...string) (out []string) {
	in := bufio.NewReader(c)
	for i := 0; ; i++ {
		method := "GET"
		if i < len(methods) {
			method = methods[i]
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return out
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return append(out, "cut")
		}
		s := fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(body)))
		if resp.Close {
			s += " close"
		}
		out = append(out, s)
	}
}

// Who is slow is let go after just so long, and who is not, is not.
func TestPace(t *testing.T) {
	type step struct {
		wait time.Duration
		send string
	}
	const host = " HTTP/1.1\r\nHost: x\r\n"
	kib := strings.Repeat("x", 1<<10)
	drip := func(n int, wait time.Duration, s string) (steps []step) {
		for range n {
			steps = append(steps, step{wait, s})
		}
		return steps
	}
	for _, c := range []struct {
		about string
		steps []step
		want  string        // all answers, then the end
		after time.Duration // when the connection ended
	}{
		{"silent from the start", nil, "", 10 * time.Second},
		{"a head that stops", []step{{0, "GET / HT"}}, "408 the head took too long close", 10 * time.Second},
		{"a head that drips", drip(30, time.Second, "G"), "408 the head took too long close", 10 * time.Second},
		{"a head in pieces", []step{{0, "GET /a" + host[:5]}, {9 * time.Second, host[5:] + "\r\n"}}, "200 /a 0", 84 * time.Second},
		{"idle", []step{{0, "GET /a" + host + "\r\n"}}, "200 /a 0", 75 * time.Second},
		{"idle, then half a head", []step{{0, "GET /a" + host + "\r\n"}, {60 * time.Second, "GET"}},
			"200 /a 0|408 the head took too long close", 70 * time.Second},
		{"a body that stops", []step{{0, "GET /a" + host + "Content-Length: 9\r\n\r\n1"}}, "408  close", 10 * time.Second},
		{"a publication that stops", []step{{0, "PUT /a" + host + "Content-Length: 9\r\n\r\n1"}}, "408  close", 2 * time.Second},
		{"a publication of 1 byte a second", append([]step{{0, "PUT /a" + host + "Content-Length: 99\r\n\r\n"}}, drip(99, time.Second, "x")...),
			"408  close", 2 * time.Second},
		{"a publication of 2 KiB a second", append([]step{{0, "PUT /a" + host + "Content-Length: 10240\r\n\r\n"}},
			drip(5, time.Second, kib+kib)...), "200 /a 10240", 80 * time.Second},
		{"a publication that stops after a burst", []step{{0, "PUT /a" + host + "Content-Length: 10240\r\n\r\n"}, {0, kib + kib + kib + kib}},
			"408  close", 4 * time.Second},
		{"a publication that takes too long in all", append([]step{{0, "PUT /a" + host + "Content-Length: 102400\r\n\r\n"}},
			drip(50, time.Second, kib+kib)...), "408  close", 10 * time.Second},
		{"a long upload in chunks, with pauses", append(append([]step{{0, "PUT /a" + host + "Transfer-Encoding: chunked\r\n\r\n"}},
			drip(10, 29*time.Second, "1\r\nx\r\n")...), step{0, "0\r\n\r\n"}), "200 /a 10", 365 * time.Second},
		{"an upload in chunks that stops", []step{{0, "PUT /a" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"}}, "408  close", 30 * time.Second},
	} {
		inBubble(t, Limits{}, echo, func(w *world) {
			conn, start := w.dial(), time.Now()
			w.senders.Go(func() {
				for _, s := range c.steps {
					time.Sleep(s.wait)
					if _, err := io.WriteString(conn, s.send); err != nil {
						return
					}
				}
			})
			got := strings.Join(readAnswers(conn), "|")
			// A pipe has no half to close, so an answer from the guard is followed by the linger.
			if took := time.Since(start); got != c.want || took < c.after || took > c.after+lingerTime {
				t.Errorf("%s: %q after %v; want %q after %v", c.about, got, took, c.want, c.after)
			}
		})
	}
}

// A handler that takes its time does not make the sender slow.
func TestPaceOfHandler(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		n, one := 0, make([]byte, 2)
		for {
			k, err := r.Body.Read(one)
			n += k
			if err != nil {
				fmt.Fprint(w, n, err == io.EOF)
				return
			}
			time.Sleep(time.Second)
		}
	}
	inBubble(t, Limits{}, h, func(w *world) {
		conn := w.dial()
		w.senders.Go(func() {
			fmt.Fprint(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\nConnection: close\r\n\r\n")
			for range 30 {
				fmt.Fprint(conn, "x") // taken when the server reads
			}
		})
		if got := readAnswers(conn); len(got) != 1 || got[0] != "200 30 true close" {
			t.Errorf("%q", got)
		}
	})
}

// However the bytes are cut into packets, the requests are the same ones, with their bodies, in order.
func TestAnyPackets(t *testing.T) {
	const requests = "\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n" +
		"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345" +
		"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n" +
		"\r\nGET /d HTTP/1.1\r\nHost: x\r\n\r\n" + "PUT /e HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" +
		"GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	want := "200 /a 0|200 /b 5|200 /c 3|200 /d 0|200 /e 0|200 /f 0 close"
	for size := 1; size <= len(requests); size++ {
		inBubble(t, Limits{}, echo, func(w *world) {
			conn := w.dial()
			w.senders.Go(func() {
				for at := 0; at < len(requests); at += size {
					if _, err := io.WriteString(conn, requests[at:min(at+size, len(requests))]); err != nil {
						return
					}
				}
			})
			if got := strings.Join(readAnswers(conn), "|"); got != want {
				t.Errorf("%d bytes at a time: %q", size, got)
			}
			if n := w.l.Stats().Requests; n != 6 {
				t.Errorf("%d bytes at a time: %d requests counted", size, n)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// What is refused while the request before is being answered waits for its turn, and does not end that request.
func TestRefusalInTurn(t *testing.T) {
	for _, after := range []string{"garbage\r\n", "GET / HTTP/1.1\r\n\r\n", "\x00" + strings.Repeat("x", 5000)} {
		h := func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				t.Error("the request was cancelled")
			case <-time.After(20 * time.Second):
				fmt.Fprint(w, "held")
			}
		}
		inBubble(t, Limits{}, h, func(w *world) {
			conn := w.dial()
			w.senders.Go(func() {
				fmt.Fprint(conn, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
				time.Sleep(time.Second)
				fmt.Fprint(conn, after)
			})
			got := readAnswers(conn)
			if len(got) != 2 || got[0] != "200 held" || !strings.HasPrefix(got[1], "400 ") {
				t.Errorf("%q: %q", after[:5], got)
			}
		})
	}
}

// Who sends much more than is let through can send it, and then read why; a reset would overtake the answer.
func TestLinger(t *testing.T) {
	inBubble(t, Limits{}, echo, func(w *world) {
		conn := w.dial()
		var failed error
		w.senders.Go(func() {
			_, failed = io.WriteString(conn, "GET / HTTP/1.1\r\nA: "+strings.Repeat("x", 2<<20))
		})
		if got := readAnswers(conn); len(got) != 1 || !strings.HasPrefix(got[0], "431 ") {
			t.Errorf("%q", got)
		}
		w.senders.Wait()
		if failed != nil {
			t.Errorf("sending: %v", failed)
		}
	})
}

// A client that goes is noticed while its request is held, as without the guard.
func TestGoneClient(t *testing.T) {
	for _, more := range []string{"", "GET /b HT"} {
		var took time.Duration
		h := func(_ http.ResponseWriter, r *http.Request) {
			start := time.Now()
			select {
			case <-r.Context().Done():
			case <-time.After(time.Minute):
			}
			took = time.Since(start)
		}
		inBubble(t, Limits{}, h, func(w *world) {
			conn := w.dial()
			fmt.Fprint(conn, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"+more)
			time.Sleep(5 * time.Second)
			_ = conn.Close()
			synctest.Wait()
			if took != 5*time.Second && more == "" || took > 10*time.Second {
				t.Errorf("after %q, gone after 5 s, noticed after %v", more, took)
			}
		})
	}
}

// A thousand requests in one packet are answered in order; of more, those up to the cap.
func TestPipelining(t *testing.T) {
	for _, c := range []struct {
		about       string
		send, limit int
		pipelined   int
		want        int
	}{
		{"as many as may", 1000, 0, 0, 1000},
		{"more than may wait in line", 60, 0, 20, 23}, // those at the ends of packets are not in line
		{"more than a connection may have", 30, 10, 0, 10},
	} {
		var served atomic.Int32
		h := func(w http.ResponseWriter, r *http.Request) {
			if want := fmt.Sprintf("/%d", served.Add(1)); r.URL.Path != want {
				t.Errorf("%s came where %s should", r.URL.Path, want)
			}
			_, _ = io.WriteString(w, r.URL.Path)
		}
		inBubble(t, Limits{Requests: c.limit, Pipelined: c.pipelined}, h, func(w *world) {
			conn := w.dial()
			var all bytes.Buffer
			for i := range c.send {
				fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i+1)
			}
			w.senders.Go(func() { _, _ = conn.Write(all.Bytes()) })
			got := readAnswers(conn)
			last := ""
			if len(got) > 0 {
				last = got[len(got)-1]
			}
			if n := len(got); n < c.want-5 || n > c.want || n != int(served.Load()) || n < c.send != strings.HasSuffix(last, " close") {
				t.Errorf("%s: %d answers of %d, want %d; the last is %q", c.about, n, served.Load(), c.want, last)
			}
			_ = conn.Close()
		})
	}
}

// The last request is the last, though net/http may read it while it serves the one before: that was told to be the last then.
func TestLastIsNotTheOneBefore(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	c := Listen(pipes{}, Limits{Requests: 2}).guard(there)
	go func() {
		_, _ = io.WriteString(here, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	}()
	b := make([]byte, 4<<10)
	if n, err := c.Read(b); err != nil || !bytes.HasPrefix(b[:n], []byte("GET /1")) {
		t.Fatalf("%q, %v", b[:n], err)
	}
	if n, err := c.Read(b[:1]); n != 1 || err != nil { // as net/http does while a handler is at work
		t.Fatal(n, err)
	}
	for i, want := range []bool{false, true} {
		if c.served++; c.isLast() != want {
			t.Errorf("request %d is the last: %v", i+1, !want)
		}
	}
}

// A body that turns out to be malformed fails in its reader, and nothing after it is read as a request.
func TestBadChunkEnds(t *testing.T) {
	inBubble(t, Limits{}, echo, func(w *world) {
		conn := w.dial()
		w.senders.Go(func() {
			fmt.Fprint(conn, "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
		})
		if got := readAnswers(conn); len(got) != 1 || got[0] != "400  close" {
			t.Errorf("%q", got)
		}
		if s := w.l.Stats(); s.Refused[BadChunk] != 1 || s.Requests != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// What is about the wrong thing is refused, and the connection stays.
func TestPolicies(t *testing.T) {
	reached := func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good" {
			t.Errorf("%s %s reached the handler", r.Method, r.RequestURI)
		}
	}
	inBubble(t, Limits{Hosts: []string{"live.example", "::1"}}, reached, func(w *world) {
		conn := w.dial()
		w.senders.Go(func() {
			for _, line := range []string{
				"GET /good|live.example", "GET /good|LIVE.example:8080", "GET http://live.example/good|live.example",
				"GET /good|other.example", "GET http://other.example/good|other.example", "GET /good|live.example.evil",
				"BREW /good|live.example", "GET /a/%2e%2E/good|live.example", "GET //good|live.example", "GET /g%00|live.example",
			} {
				target, host, _ := strings.Cut(line, "|")
				fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host)
			}
			time.Sleep(time.Second)
			_ = conn.Close()
		})
		var statuses []string
		for _, a := range readAnswers(conn) {
			statuses = append(statuses, a[:3])
		}
		if got, want := strings.Join(statuses, " "), "200 200 200 421 421 421 501 400 400 400"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// An answer to who does not read it ends, even where net/http sets no limit.
func TestStuckReader(t *testing.T) {
	var failed error
	var after time.Duration
	h := func(w http.ResponseWriter, _ *http.Request) {
		start := time.Now()
		_, failed = w.Write(make([]byte, 64<<10))
		after = time.Since(start)
	}
	inBubble(t, Limits{}, h, func(w *world) {
		fmt.Fprint(w.dial(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(failed, os.ErrDeadlineExceeded) || after != 30*time.Second {
			t.Errorf("%v after %v", failed, after)
		}
	})
}

// The whole way of a request, as BenchmarkConn below without a server: no allocation.
func BenchmarkConn(b *testing.B) {
	request := []byte("GET /final/v1080/1017.m4s HTTP/1.1\r\nHost: origin.example:8080\r\nUser-Agent: k6/1.2.0 (https://k6.io/)\r\n" +
		"Accept-Encoding: gzip\r\n\r\n")
	l := Listen(pipes{}, Limits{})
	c := l.guard(endless{request})
	buf := make([]byte, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if n, err := c.Read(buf); n != len(request) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// endless is a connection on which the same request comes again and again.
type endless struct{ request []byte }

func (e endless) Read(b []byte) (int, error)       { return copy(b, e.request), nil }
func (e endless) Write(b []byte) (int, error)      { return len(b), nil }
func (e endless) Close() error                     { return nil }
func (e endless) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (e endless) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (e endless) SetDeadline(time.Time) error      { return nil }
func (e endless) SetReadDeadline(time.Time) error  { return nil }
func (e endless) SetWriteDeadline(time.Time) error { return nil }
