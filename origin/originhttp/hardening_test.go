package originhttp

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// badInput is one row of the table of bad inputs: what is sent, and what must come of it.
type badInput struct {
	about, send string
	status      int
	closed      bool // the connection must be closed; where it need not be, it may
	half        bool // the client sends no more
}

// everywhere is what is as bad in one direction as in the other. Head is the beginning of a good request, without its
// last CRLF and without what frames its body.
func everywhere(head string) []badInput {
	line, fields, _ := strings.Cut(head, "\r\n")
	method, rest, _ := strings.Cut(line, " ")
	target, _, _ := strings.Cut(rest, " ")
	at := func(target string) string { return method + " " + target + " HTTP/1.1\r\n" + fields + "\r\n" }
	with := func(field string) string { return head + field + "\r\n\r\n" }
	noHost := strings.Replace(head, "Host: x\r\n", "", 1)
	kib := strings.Repeat("a", 1<<10)
	const open, closed = false, true
	return []badInput{
		{"garbage", "lorem ipsum\r\n\r\n", 400, closed, false},
		{"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, closed, false},
		{"HTTP/0.9", method + " " + target + "\r\n", 400, closed, false},
		{"no Host", noHost + "\r\n", 400, closed, false},
		{"two Hosts", with("Host: x"), 400, closed, false},
		{"HTTP/3.0", method + " " + target + " HTTP/3.0\r\n" + fields + "\r\n", 505, closed, false},
		{"an unknown method", "BREW " + target + " HTTP/1.1\r\nHost: x\r\n\r\n", 501, open, false},
		{"TRACE", "TRACE " + target + " HTTP/1.1\r\nHost: x\r\n\r\n", 405, closed, false},
		{"CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 405, closed, false},
		{"length and chunked", with("Content-Length: 3\r\nTransfer-Encoding: chunked"), 400, closed, false},
		{"chunked and length", with("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400, closed, false},
		{"two lengths", with("Content-Length: 3\r\nContent-Length: 4"), 400, closed, false},
		{"twice the same length", with("Content-Length: 3\r\nContent-Length: 3"), 400, closed, false},
		{"a negative length", with("Content-Length: -3"), 400, closed, false},
		{"a length that is no number", with("Content-Length: three"), 400, closed, false},
		{"an unknown coding", with("Transfer-Encoding: gzip"), 501, closed, false},
		{"a URI of 100 KB", at("/" + strings.Repeat(kib, 100)), 414, closed, false},
		{"a URI of 9 KB", at("/" + strings.Repeat(kib, 9)), 414, closed, false},
		{"a field of 100 KB", with("A: " + strings.Repeat(kib, 100)), 431, closed, false},
		{"3,000 fields", with(strings.Repeat("A: b\r\n", 3000) + "A: b"), 431, closed, false},
		{"101 fields", with(strings.Repeat("A: b\r\n", 101) + "A: b"), 431, closed, false},
		{"a head of 2 MB", with("A: " + strings.Repeat(kib, 2000)), 431, closed, false},
		{"a space before the colon", with("A : b"), 400, closed, false},
		{"NUL in a field", with("A: \x00"), 400, closed, false},
		{"a folded line", with("A: b\r\n c"), 400, closed, false},
		{"NUL in the path", at("/final/v1080%00/1017.m4s"), 400, open, false},
		{"a bad escape", at("/final/%zz/1017.m4s"), 400, open, false},
		{"dots", at("/final/../final/v1080/1017.m4s"), 400, open, false},
		{"escaped dots", at("/%2e%2e%2ffinal/v1080/1017.m4s"), 400, open, false},
		{"LF", strings.ReplaceAll(head+"\r\n", "\r\n", "\n"), 400, closed, false},
		{"an unknown Expect", with("Expect: miracles\r\nContent-Length: 3"), 417, open, false},
		{"another host in the URI", at("http://elsewhere" + target), 400, open, false},
		{"no number", at("/final/v1080/x.m4s"), 400, open, false},
		{"a leading zero", at("/final/v1080/01017.m4s"), 400, open, false},
		{"a sign", at("/final/v1080/+1017.m4s"), 400, open, false},
		{"2^63", at("/final/v1080/9223372036854775808.m4s"), 400, open, false},
		{"an empty number", at("/final/v1080/.m4s"), 400, open, false},
		{"half a head", head, 400, closed, true},
	}
}

func (c badInput) check(t *testing.T, address string) {
	t.Helper()
	start := time.Now()
	r := raw(t, address, c.send, c.half)
	if r.status != c.status || c.closed && !r.closed {
		t.Errorf("%s: %d %.60q, closed %v; want %d, %v", c.about, r.status, r.body, r.closed, c.status, c.closed)
	}
	if r.header.Get("Location") != "" || r.status == 405 && r.header.Get("Allow") == "" {
		t.Errorf("%s: %v", c.about, r.header)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("%s: took %v", c.about, took)
	}
}

// Whatever is sent to the delivery side, nobody is asked for a segment, and the next request is served.
func TestBadInputToDelivery(t *testing.T) {
	var asked atomic.Int32
	address := listen(t, Delivery(getter(func(context.Context, origin.Request) (origin.Response, error) {
		asked.Add(1)
		return published("12345"), nil
	}), catalog, fixed(epoch)), ForDelivery)
	const head = "GET /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n"
	for _, c := range append(everywhere(head), []badInput{
		{"a publication", "PUT /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, false, false},
		{"DELETE", "DELETE /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n\r\n", 405, false, false},
	}...) {
		c.check(t, address)
		if n := asked.Swap(0); n != 0 {
			t.Errorf("%s: asked for %d segments", c.about, n)
		}
		if r := raw(t, address, head+"\r\n", false); r.status != 200 || r.body != "12345" {
			t.Errorf("after %s: %+v", c.about, r)
		}
		asked.Store(0)
	}
	for about, c := range map[string]badInput{ // what is not refused outright
		"beyond the end":       {send: "Range: bytes=9-", status: 416},
		"a malformed range":    {send: "Range: bytes=x-y", status: 200},
		"300 ranges":           {send: "Range: bytes=0-1" + strings.Repeat(",0-1", 299), status: 200},
		"prefetch and a query": {send: "Sec-Purpose: prefetch", status: 200},
	} {
		r := raw(t, address, head+c.send+"\r\n\r\n", false)
		if r.status != c.status || r.status == 416 && r.header.Get("Content-Range") != "bytes */5" {
			t.Errorf("%s: %+v, want %d", about, r, c.status)
		}
	}
}

// Whatever is sent to the publishing side, nothing is published, and the next publication is.
func TestBadInputToPublishing(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{Limits: Limits{Body: 1 << 20}}), ForPublishing)
	head := put + byA
	chunks := "Transfer-Encoding: chunked\r\n\r\n"
	for _, c := range append(everywhere(head), []badInput{
		{"no length", head + "\r\n", 411, true, false},
		{"10 GB", head + "Content-Length: 10737418240\r\n\r\n", 413, true, false},
		{"over the limit, in chunks", head + chunks + "100001\r\n" + strings.Repeat("x", 1<<20+1) + "\r\n0\r\n\r\n", 413, true, false},
		{"cut short", head + "Content-Length: 10\r\n\r\n123456789", 400, true, true},
		{"chunks cut short", head + chunks + "b\r\n123456789", 400, true, true},
		{"a bad chunk size", head + chunks + "x\r\n123456789\r\n0\r\n\r\n", 400, true, false},
		{"a chunk size with a sign", head + chunks + "+9\r\n123456789\r\n0\r\n\r\n", 400, true, false},
		{"a chunk that ends in LF", head + chunks + "9\r\n123456789\n0\r\n\r\n", 400, true, false},
		{"chunks in HTTP/1.0", strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + chunks + "9\r\n123456789\r\n0\r\n\r\n", 400, true, false},
		{"a body that stops", head + "Content-Length: 10\r\n\r\n1", 408, true, false},
		{"reading", "GET /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n\r\n", 405, false, false},
		{"an unknown event", strings.Replace(head, "final", "other", 1) + digits, 404, false, false},
		{"another type", head + "Content-Type: text/html\r\n" + digits, 415, false, false},
	}...) {
		if c.status == 408 {
			start := time.Now()
			if r := raw(t, address, c.send, false); r.status != 408 || !r.closed || time.Since(start) > 4*time.Second {
				t.Errorf("%s: %+v after %v", c.about, r, time.Since(start))
			}
		} else {
			c.check(t, address)
		}
		if got := s.take(); len(got) != 0 {
			t.Errorf("%s: published %+v", c.about, got)
		}
		if r := raw(t, address, head+digits, false); r.status != 201 {
			t.Errorf("after %s: %+v", c.about, r)
		}
		if got := s.take(); len(got) != 1 {
			t.Errorf("after %s: published %d", c.about, len(got))
		}
	}
}

// What a smuggler would hide behind a length that others read differently is not read as a request.
func TestNothingIsSmuggled(t *testing.T) {
	var asked atomic.Int32
	address := listen(t, Delivery(getter(func(context.Context, origin.Request) (origin.Response, error) {
		asked.Add(1)
		return published("x"), nil
	}), catalog, fixed(epoch)), ForDelivery)
	const hidden = "GET /final/v1080/1.m4s HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, framing := range []string{
		"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n%d",
		"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n",
		"Content-Length: 0\r\nContent-Length: %d\r\n\r\n", "Content-Length: 0, %d\r\n\r\n", "Content-Length:\r\n %d\r\n\r\n",
		"X: y\nContent-Length: %d\r\n\r\n", "Transfer-Encoding: \x0bchunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n",
	} {
		send := "GET /final/config HTTP/1.1\r\nHost: x\r\n" + fmt.Sprintf(framing, len(hidden)) + hidden
		c := dial(t, address)
		if r := c.ask(send); r.status != 400 && r.status != 501 || !r.closed {
			t.Errorf("%q: %+v", framing, r)
		}
		if r := c.read("GET"); r.status != 0 {
			t.Errorf("%q: a second answer, %+v", framing, r)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d hidden requests were served", n)
	}
}
