package guard

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

var defaults = Limits{}.withDefaults()

func TestHeads(t *testing.T) {
	const get = "GET /a/b HTTP/1.1\r\n"
	long := strings.Repeat("a", 9<<10)
	for _, c := range []struct {
		about, head string
		want        Refusal
	}{
		{"the least", get + "Host: x\r\n\r\n", None},
		{"HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n", None},
		{"curl", get + "Host: origin.example:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n", None},
		{"ffmpeg", "POST /a/Streams(v1.cmfv) HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUser-Agent: Lavf/60.16.100\r\n" +
			"Accept: */*\r\nConnection: close\r\nHost: 127.0.0.1:80\r\nIcy-MetaData: 1\r\n\r\n", None},
		{"a literal", get + "Host: [::1]:8080\r\n\r\n", None},
		{"obs-text, tabs, empty values", get + "Host:x\r\nA: \xff\t\xe4\r\nB:\r\nC: \t \r\n\r\n", None},
		{"any case", get + "hOST: x\r\ncontent-LENGTH: 3\r\n\r\n", None},
		{"chunked in any case", get + "Host: x\r\ntransfer-encoding: \tChunked \r\n\r\n", None},
		{"absolute", "GET http://X:80/a HTTP/1.1\r\nHost: x:80\r\n\r\n", None},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", None},
		{"authority", "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", None},
		{"a query that nobody escaped", "GET /a?b={}|^\"<> HTTP/1.1\r\nHost: x\r\n\r\n", None},
		{"an empty line before", "\r\n" + get + "Host: x\r\n\r\n", None},
		{"a crowd of empty lines before", "\r\n\r\n\r\n" + get + "Host: x\r\n\r\n", BadLine},
		{"garbage", "\x16\x03\x01\x02", BadLine},
		{"no spaces", "GET\r\n", BadLine},
		{"HTTP/0.9", "GET /\r\n", BadLine},
		{"two spaces", "GET  / HTTP/1.1\r\n", BadLine},
		{"a space in the target", "GET /a b HTTP/1.1\r\n", BadLine},
		{"a tab for a space", "GET\t/ HTTP/1.1\r\n", BadLine},
		{"a space at the end", "GET / HTTP/1.1 \r\n", BadLine},
		{"a small version", "GET / http/1.1\r\n", BadLine},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n", UnknownVersion},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", UnknownVersion},
		{"HTTP/3.0", "GET / HTTP/3.0\r\n", UnknownVersion},
		{"a long method", strings.Repeat("M", 33) + " / HTTP/1.1\r\n", UnknownMethod},
		{"a target of 9 KiB", "GET /" + long + " HTTP/1.1\r\n", TargetTooLong},
		{"a target without end", "GET /" + long + long, TargetTooLong},
		{"a first line without end", long, TargetTooLong},
		{"a field of 18 KiB", get + "A: " + long + long, HeadTooLarge},
		{"many lines", get + strings.Repeat("Abcdefgh: 0123456789012345678901234567890123456789012345678901234567890123456789"+
			"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n", 99) + "\r\n", HeadTooLarge},
		{"101 fields", get + "Host: x\r\n" + strings.Repeat("A: b\r\n", 101), HeadTooLarge},
		{"100 fields", get + "Host: x\r\n" + strings.Repeat("A: b\r\n", 100) + "\r\n", None},
		{"LF", "GET / HTTP/1.1\nHost: x\n\n", BareLF},
		{"LF in a field", get + "Host: x\nA: b\r\n", BareLF},
		{"CR", get + "Host: x\rA: b\r\n", BadField},
		{"NUL", get + "A: \x00\r\n", BadField},
		{"DEL", get + "A: \x7f\r\n", BadField},
		{"no colon", get + "A\r\n", BadField},
		{"no name", get + ": b\r\n", BadField},
		{"a space before the colon", get + "Host : x\r\n", BadField},
		{"folded", get + "A: b\r\n c\r\n", FoldedLine},
		{"folded before the first", get + "\tA: b\r\n", FoldedLine},
		{"a fragment", "GET /a#b HTTP/1.1\r\n", BadTarget},
		{"no slash", "GET a HTTP/1.1\r\n", BadTarget},
		{"asterisk for another", "GET * HTTP/1.1\r\n", BadTarget},
		{"another scheme", "GET ftp://x/ HTTP/1.1\r\n", BadTarget},
		{"userinfo", "GET http://a@x/ HTTP/1.1\r\n", BadTarget},
		{"no path", "GET http://x HTTP/1.1\r\n", BadTarget},
		{"a bad escape", "GET /%zz HTTP/1.1\r\n", BadTarget},
		{"half an escape", "GET /%2 HTTP/1.1\r\n", BadTarget},
		{"UTF-8", "GET /\xc3\xa4 HTTP/1.1\r\n", BadTarget},
		{"no Host", get + "\r\n", BadHost},
		{"an empty Host", get + "Host:\r\n", BadHost},
		{"two Hosts", get + "Host: x\r\nHost: x\r\n\r\n", BadHost},
		{"a Host with a path", get + "Host: x/y\r\n", BadHost},
		{"a port that is none", get + "Host: x:http\r\n", BadHost},
		{"another host than the target's", "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", BadHost},
		{"both framings", get + "Host: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		{"the other way round", get + "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", BadFraming},
		{"two lengths", get + "Host: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", BadFraming},
		{"a list of lengths", get + "Content-Length: 1, 1\r\n", BadFraming},
		{"a sign", get + "Content-Length: +1\r\n", BadFraming},
		{"a negative length", get + "Content-Length: -1\r\n", BadFraming},
		{"no digits", get + "Content-Length: \r\n", BadFraming},
		{"2^64", get + "Content-Length: 18446744073709551616\r\n", BadFraming},
		{"chunked, in HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		{"chunked twice", get + "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BadFraming},
		{"another coding", get + "Transfer-Encoding: gzip, chunked\r\n", UnknownCoding},
		{"a Kelvin sign", get + "Transfer-Encoding: chun\u212aed\r\n", UnknownCoding},
		{"identity", get + "Transfer-Encoding: identity\r\n", UnknownCoding},
		{"Trailer: Content-Length", get + "Trailer: a, content-length\r\n", BadFraming},
		{"100-continue", get + "Host: x\r\nExpect: 100-Continue\r\n\r\n", None},
		{"another expectation", get + "Expect: miracles\r\n", UnknownExpectation},
	} {
		check := func(got Refusal, end int, how string) {
			if got != c.want || (end == len(c.head)) != (c.want == None) {
				t.Errorf("%s, %s: %v, ends at %d of %d; want %v", c.about, how, got, end, len(c.head), c.want)
			}
		}
		var h head
		end, got := h.scan([]byte(c.head), &defaults)
		check(got, end, "in one piece")
		h, end, got = head{}, 0, None
		for i := range c.head { // every prefix in turn, as if each byte came alone
			if end, got = h.scan([]byte(c.head[:i+1]), &defaults); got != None || end > 0 {
				break
			}
		}
		check(got, end, "byte by byte")
	}
}

// What is let through is what net/http reads: the same request, framed the same.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		"GET /a/1.m4s?x=y HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT /a HTTP/1.1\r\nHost: x:80\r\nContent-Length: 5\r\n\r\n12345",
		"POST http://x/%41 HTTP/1.1\r\nHost: X\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.0\r\nContent-Length: 007\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: [::1]:1\r\nExpect: 100-continue\r\n\r\n",
		"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://[::]:/ HTTP/1.1\r\nHost: [::]:\r\nA:\xff\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET /:a@b;c=d HTTP/1.1\r\nHost: _\r\nTrailer: ,\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h head
		end, why := h.scan(b, &defaults)
		if why != None || end == 0 {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b[h.begin:end])))
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("net/http does not read what was let through: %v\n%q", err, b[:end])
		}
		line, _, _ := bytes.Cut(b[h.begin:end], []byte("\r\n"))
		method, _, _ := bytes.Cut(line, []byte(" "))
		wantHost := string(h.host.of(b))
		if a := h.authority.of(b); len(a) > 0 {
			wantHost = string(a)
		}
		length := int64(0)
		if h.lengths > 0 {
			length = h.length
		} else if h.codings > 0 {
			length = -1
		}
		if r.Method != string(method) || h.gets != (r.Method == "GET" && r.ProtoAtLeast(1, 1)) || r.RequestURI != string(h.target.of(b)) || r.Host != wantHost ||
			r.ContentLength != length || (h.codings > 0) != (len(r.TransferEncoding) == 1) || r.ProtoAtLeast(1, 1) == h.old {
			t.Fatalf("read as %s %s for %q, length %d, %q; want %s for %q, length %d\n%q",
				r.Method, r.RequestURI, r.Host, r.ContentLength, r.TransferEncoding, line, wantHost, length, b[:end])
		}
	})
}

// A head that repeats the fields of another is read as if it were the first.
func FuzzRepeats(f *testing.F) {
	for _, s := range []string{"GET /a HTTP/1.1\r\n", "GET /a?b HTTP/1.1\r\n", "PUT /a HTTP/1.1\r\n", "GET /a HTTP/1.0\r\n", "GET http://x/ HTTP/1.1\r\n",
		"GET /\x00 HTTP/1.1\r\n", "GET /a HTTP/1.1\n", "\r\nGET /a HTTP/1.1\r\n", "GET /a HTTP/1.1\r\nA: b\r\n", "", "\r\n"} {
		f.Add([]byte(s), []byte("Host: x\r\nA: b\r\n\r\n"))
	}
	f.Fuzz(func(t *testing.T, line, fields []byte) {
		limits := defaults
		limits.Head, limits.Target = 128, 32
		var first head
		before := append([]byte("GET /before HTTP/1.1\r\n"), fields...)
		if end, why := first.scan(before, &limits); why != None || end != len(before) || first.heeded || first.codings > 0 || first.length > 0 {
			return
		}
		b := append(line, fields...)
		var got, want head
		if !got.repeats(b, first.remember(nil, before), &limits) {
			if got != (head{}) {
				t.Fatalf("read something of %q: %+v", b, got)
			}
			return
		}
		if want.end, want.why = want.scan(b, &limits); got.end != want.end || got.why != want.why || got.gets != want.gets || got.heeded != want.heeded ||
			got.target != want.target || got.begin != want.begin || got.codings != want.codings || got.length != want.length || got.publishes != want.publishes {
			t.Fatalf("%q\n%+v\nwant\n%+v", b, got, want)
		}
	})
}

func TestVetPath(t *testing.T) {
	for path, want := range map[string]Refusal{
		"/": None, "/a/b": None, "/a/": None, "/...": None, "/.a": None, "/a.": None, "/a..b/c": None,
		"": BadTarget, "*": BadTarget, "/\x00": BadTarget, "/a\n": BadTarget, "/\x7f": BadTarget,
		"//": DotSegment, "//a": DotSegment, "/a//b": DotSegment, "/.": DotSegment, "/..": DotSegment, "/./a": DotSegment,
		"/a/../b": DotSegment, "/a/..": DotSegment, `/..\a`: DotSegment, `/a\..`: DotSegment,
	} {
		if got := vetPath(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

func BenchmarkHead(b *testing.B) {
	text := []byte("GET /final/v1080/1017.m4s?CMCD=bl%3D4000%2Cbr%3D6000 HTTP/1.1\r\nHost: origin.example:8080\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nOrigin: https://player.example\r\n" +
		"Connection: keep-alive\r\nReferer: https://player.example/\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n\r\n")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var h head
		if end, why := h.scan(text, &defaults); end == 0 || why != None {
			b.Fatal(why)
		}
	}
}
