package guard

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestChunks(t *testing.T) {
	for _, c := range []struct {
		about, body string
		rest        int // bytes after the body; -1 for a body that is not over, -2 for a bad one
	}{
		{"two", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", 0},
		{"the next request", "1\r\na\r\n0\r\n\r\nGET / ", 6},
		{"extensions", "1;a=b;c=\"d e\"\r\na\r\n0;x\r\n\r\n", 0},
		{"a trailer", "0\r\nA: b\r\nC:\r\n\r\n", 0},
		{"leading zeros", "0001\r\na\r\n000\r\n\r\n", 0},
		{"not over", "5\r\nabc", -1},
		{"no last CRLF", "1\r\na\r\n0\r\n", -1},
		{"no size", "\r\na\r\n", -2},
		{"no digits", "x\r\na\r\n", -2},
		{"0x", "0x1\r\na\r\n", -2},
		{"a sign", "+1\r\na\r\n", -2},
		{"a space", "1 \r\na\r\n", -2},
		{"a long size", strings.Repeat("0", 13) + "1\r\na\r\n", -2},
		{"2^64", "10000000000000000\r\n", -2},
		{"LF", "1\na\r\n", -2},
		{"LF after the data", "1\r\na\n0\r\n\r\n", -2},
		{"no CR after the data", "1\r\naX\n0\r\n\r\n", -2},
		{"more data than said", "1\r\nab\r\n", -2},
		{"less data than said", "3\r\nab\r\n0\r\n\r\n", -2},
		{"a long extension", "1;" + strings.Repeat("a", 300) + "\r\na\r\n", -2},
		{"a CR in an extension", "1;a\rb\r\n", -2},
		{"a NUL in an extension", "1;\x00\r\n", -2},
		{"a long trailer", "0\r\n" + strings.Repeat("A: b\r\n", 400) + "\r\n", -2},
		{"a trailer without a name", "0\r\n: b\r\n\r\n", -2},
		{"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", -2},
		{"a trailer without a colon", "0\r\nA\r\n\r\n", -2},
		{"LF at the end", "0\r\n\n", -2},
	} {
		for _, step := range []int{1, 2, 3, len(c.body)} {
			var k chunks
			at, rest := 0, -1
			for at < len(c.body) && rest == -1 {
				piece := []byte(c.body[at:min(at+step, len(c.body))])
				n, ok := k.scan(piece)
				at += n
				switch {
				case !ok:
					rest = -2
				case k.state == afterChunks:
					rest = len(c.body) - at
				case n != len(piece):
					t.Fatalf("%s: took %d of %d bytes", c.about, n, len(piece))
				}
			}
			if rest != c.rest {
				t.Errorf("%s, %d at a time: %d, want %d", c.about, step, rest, c.rest)
			}
		}
	}
}

// A body that is let through ends for net/http where it ends here.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"3\r\nabc\r\n0\r\n\r\nrest", "1;a=b\r\na\r\n0\r\nA: b\r\n\r\n", "0\r\n\r\n", "0a\r\n0123456789\r\n00;x\r\nA:\r\n\r\n!"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var k chunks
		n, ok := k.scan(b)
		if !ok || k.state != afterChunks {
			return
		}
		in := bufio.NewReaderSize(io.MultiReader(
			strings.NewReader("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), bytes.NewReader(b)), 4<<10)
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Fatalf("net/http: %v\n%q", err, b[:n])
		}
		rest, _ := io.ReadAll(in)
		if !bytes.Equal(rest, b[n:]) {
			t.Fatalf("net/http leaves %q, the guard %q", rest, b[n:])
		}
	})
}
