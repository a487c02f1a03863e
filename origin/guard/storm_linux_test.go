//go:build amd64 || arm64

package guard

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/servertest"
)

const stormAnswer = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"

var stormBytes = []byte(stormAnswer)

// refuseNo refuses what begins with /no.
func refuseNo(target []byte) []byte {
	if !bytes.HasPrefix(target, []byte("/no")) {
		return nil
	}
	return stormBytes
}

// plain hides that its connections are TCP's, so that they are read as any.
type plain struct{ net.Listener }

func (p plain) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{c}, nil
}

// echoOrNo refuses what refuseNo does, for a request that crosses with the answer to the one before is net/http's.
func echoOrNo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/no" || r.ContentLength > 0 {
		echo(w, r)
		return
	}
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "no")
}

// stormServer serves echoOrNo behind refuseNo.
func stormServer(t *testing.T, hidden bool, limits Limits) *Listener {
	t.Helper()
	return serveStorm(t, hidden, limits, echoOrNo)
}

func serveStorm(t *testing.T, hidden bool, limits Limits, handler http.HandlerFunc) *Listener {
	t.Helper()
	ln := servertest.Listen(t)
	if limits.Refuse == nil {
		limits.Refuse = refuseNo
	}
	if hidden {
		ln = plain{ln}
	}
	l := Listen(ln, limits)
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	l.Protect(srv)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return l
}

func dialStorm(t *testing.T, l *Listener) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // an idle connection would outlast it
	return c.(*net.TCPConn)
}

// Read from its socket or as any other, a connection has the same answers and counts, however its bytes are cut.
func TestStormIsTheSameEitherWay(t *testing.T) {
	const no, yes = "GET /no HTTP/1.1\r\nHost: x\r\n\r\n", "GET /yes HTTP/1.1\r\nHost: x\r\n\r\n"
	const put = "PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
	const get = "GET /no HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" // a body makes it net/http's
	for name, script := range map[string]string{                           // any order: each is on its own
		"a refusal that is none": no + get + "12345" + no,
		"refused":                no + no + no, "in turns": no + yes + no + put + no, "a body and a refusal": put + no, "empty lines": "\r\n" + no + no,
		"not a request": no + "\x00\r\n", "half a head": no + no[:9], "too large": no + "GET /no HTTP/1.1\r\nA: " + strings.Repeat("x", 20<<10) + "\r\n\r\n",
		"as large as the buffer":     no + "GET /no HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 4096-len(no)-5) + "\r\n\r\n" + no,
		"the last that there may be": strings.Repeat(no, 50),
	} {
		for _, size := range []int{len(no), len(get), 7, 1 << 20} {
			if size == 7 && len(script) > 512 {
				continue // which would be a thousand packets, with a pause after each
			}
			if name == "a refusal that is none" && size == len(get) {
				script = script[len(no):] // so that its head is a packet
			}
			var got [2]string
			var counted [2]Stats
			for i, hidden := range []bool{false, true} {
				l := stormServer(t, hidden, Limits{Requests: 50})
				c := dialStorm(t, l)
				for at := 0; at < len(script); at += size {
					if _, err := io.WriteString(c, script[at:min(at+size, len(script))]); err != nil {
						break // refused, which is in the answers
					}
					if size < 1<<20 {
						time.Sleep(time.Millisecond / 2) // so that it is likely to be a packet
					}
				}
				_ = c.CloseWrite()
				got[i] = fmt.Sprint(readAnswers(c))
				if strings.Contains(script, get) && !strings.Contains(got[i], "200 /no 5") {
					t.Errorf("%s, %d bytes at a time, hidden %v: %s", name, size, hidden, got[i])
				}
				counted[i] = l.Stats()
				counted[i].Open = 0
				if n := uint64(strings.Count(script, "Host: x")); counted[i].Requests != n {
					t.Errorf("%s, %d bytes at a time, hidden %v: %d requests counted of %d", name, size, hidden, counted[i].Requests, n)
				}
			}
			if got[0] != got[1] || len(got[0]) < 5 || fmt.Sprint(counted[0]) != fmt.Sprint(counted[1]) {
				t.Errorf("%s, %d bytes at a time:\n%s %+v\nas any other\n%s %+v", name, size, got[0], counted[0], got[1], counted[1])
			}
		}
	}
}

// An end of the stream in the packet of a request is seen, though the poller speaks of it no second time.
func TestStormSeesTheEnd(t *testing.T) {
	for _, before := range []int{0, 20} {
		l := stormServer(t, false, Limits{})
		c := dialStorm(t, l)
		got := make([]byte, len(stormAnswer))
		for range before {
			_, _ = io.WriteString(c, "GET /no HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := io.ReadFull(c, got); err != nil || string(got) != stormAnswer {
				t.Fatalf("%q, %v", got, err)
			}
		}
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1) })
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET /no HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = c.CloseWrite()
		if rest, err := io.ReadAll(c); err != nil || string(rest) != stormAnswer {
			t.Errorf("after %d requests: %q, %v", before, rest, err)
		}
		servertest.Eventually(t, "closed", func() bool { return l.Stats().Open == 0 })
	}
}

// Refuse is asked of what has nothing to it but a target; all else is the handler's, who says "no" as well, in other words.
func TestRefuseIsAskedOfPlainGets(t *testing.T) {
	for request, plainly := range map[string]bool{ // any order: each is on its own
		"GET /no HTTP/1.1\r\nHost: x\r\n":                                               true,
		"GET /no?a=b HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nRange: bytes=0-\r\n":       true,
		"GET /no HTTP/1.1\r\nHost: x\r\nReferer: Connection: close\r\nX-Purpose: z\r\n": true,
		"HEAD /no HTTP/1.1\r\nHost: x\r\n":                                              false,
		"DELETE /no HTTP/1.1\r\nHost: x\r\n":                                            false,
		"GET /no HTTP/1.0\r\nHost: x\r\n":                                               false,
		"GET /no HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n":                          true,
		"GET /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n":                          false,
		"GET /no HTTP/1.1\r\nHost: x\r\ncONNECTION: x\r\nA: b\r\n":                      false,
		"GET /no HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n":                     true,
		"GET /no HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n":                               false,
		"GET /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n":                       false,
		"GET /no HTTP/1.1\r\nPurpose: prefetch\r\nHost: x\r\n":                          false,
		"GET /no HTTP/1.1\r\nHost: x\r\nSec-Purpose: prefetch\r\n":                      false,
		"GET /no HTTP/1.1\r\nHost: x\r\nTraceparent: 00-0-0-00\r\n":                     false,
	} {
		var asked atomic.Bool
		l := stormServer(t, false, Limits{Refuse: func(target []byte) []byte {
			asked.Store(true)
			return refuseNo(target)
		}})
		c := dialStorm(t, l)
		_, _ = io.WriteString(c, request+"\r\n")
		if n, err := c.Read(make([]byte, 16)); n == 0 || asked.Load() != plainly {
			t.Errorf("%q: asked %v, answered with %d bytes, %v", request, asked.Load(), n, err)
		}
	}
}

// An answer that is more than a socket holds comes whole to who reads it; who does not is let go, and told nothing more.
func TestStormOfLargeAnswers(t *testing.T) {
	large := stormAnswer + strings.Repeat("x", 16<<20)
	for _, hidden := range []bool{false, true} {
		for _, reads := range []bool{true, false} {
			limits := Limits{Refuse: func([]byte) []byte { return []byte(large) }}
			if !reads {
				limits.WriteTime = 300 * time.Millisecond
			}
			l := stormServer(t, hidden, limits)
			c := dialStorm(t, l)
			_, _ = io.WriteString(c, "GET /no HTTP/1.1\r\nHost: x\r\n\r\n")
			if !reads {
				servertest.Eventually(t, "let go", func() bool { return l.Stats().Open == 0 && l.Stats().Accepted == 1 })
				_, _ = io.WriteString(c, "GET /no HTTP/1.1\r\nHost: x\r\n\r\n")
				if got, _ := io.ReadAll(c); len(got) >= len(large) {
					t.Errorf("hidden %v: %d bytes to who read nothing", hidden, len(got))
				}
				continue
			}
			got := make([]byte, len(large))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != large {
				t.Errorf("hidden %v: not what was sent, %v", hidden, err)
			}
		}
	}
}

// Short pieces of which the socket takes only some come whole and in order to who reads late; who never reads is let go.
func TestStormOfPieces(t *testing.T) {
	const pieces = 4000
	piece := func(i int) string { return strings.Repeat(fmt.Sprintf("%07d\n", i), 300) }
	for _, hidden := range []bool{false, true} {
		for _, reads := range []bool{true, false} {
			limits, written := Limits{}, make(chan int, 1)
			if !reads {
				limits.WriteTime = 300 * time.Millisecond
			}
			l := serveStorm(t, hidden, limits, func(w http.ResponseWriter, _ *http.Request) {
				i := 0
				for ; i < pieces; i++ {
					if _, err := io.WriteString(w, piece(i)); err != nil || http.NewResponseController(w).Flush() != nil {
						break
					}
				}
				written <- i
			})
			c := dialStorm(t, l)
			_, _ = io.WriteString(c, "GET /yes HTTP/1.0\r\n\r\n")
			if !reads {
				if n := <-written; n == 0 || n == pieces {
					t.Errorf("hidden %v: %d pieces to who read nothing", hidden, n)
				}
				continue
			}
			time.Sleep(100 * time.Millisecond) // until the socket is full
			got, err := io.ReadAll(c)
			_, body, _ := bytes.Cut(got, []byte("\r\n\r\n"))
			for i := range pieces {
				if p := piece(i); !bytes.HasPrefix(body, []byte(p)) {
					t.Fatalf("hidden %v: piece %d is not what was sent, %v", hidden, i, err)
				} else {
					body = body[len(p):]
				}
			}
			if len(body) != 0 || <-written != pieces {
				t.Errorf("hidden %v: %d bytes too much, %v", hidden, len(body), err)
			}
		}
	}
}

// A storm asks nothing of the allocator.
func TestStormAllocatesNothing(t *testing.T) {
	l := stormServer(t, false, Limits{Requests: 1 << 30})
	c := dialStorm(t, l)
	request, got := []byte("GET /no HTTP/1.1\r\nHost: x\r\n\r\n"), make([]byte, len(stormAnswer))
	if n := testing.AllocsPerRun(500, func() {
		_, _ = c.Write(request)
		_, _ = io.ReadFull(c, got)
	}); n >= 1 {
		t.Errorf("%v allocations a request", n)
	}
}
