package originhttp

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

const alphabet = "abcdefghijklmnopqrstuvwxyz"

func TestRanges(t *testing.T) {
	h := deliver(published(alphabet))
	whole := ask(h, "GET", "/final/v1080/1.m4s")
	tag := whole.Header.Get("Etag")
	for _, c := range []struct {
		about   string
		fields  []string
		status  int
		content string // Content-Range
		body    string
	}{
		{"first bytes", []string{"Range", "bytes=0-4"}, 206, "bytes 0-4/26", "abcde"},
		{"last bytes", []string{"Range", "bytes=-3"}, 206, "bytes 23-25/26", "xyz"},
		{"from a byte on", []string{"Range", "bytes=20-"}, 206, "bytes 20-25/26", "uvwxyz"},
		{"over the end", []string{"Range", "bytes=24-99"}, 206, "bytes 24-25/26", "yz"},
		{"all of it", []string{"Range", "bytes=0-25"}, 206, "bytes 0-25/26", alphabet},
		{"beyond the end", []string{"Range", "bytes=26-"}, 416, "bytes */26", ""},
		{"far beyond the end", []string{"Range", "bytes=999999999999999999-"}, 416, "bytes */26", ""},
		{"backwards", []string{"Range", "bytes=9-3"}, 200, "", alphabet},
		{"no numbers", []string{"Range", "bytes=x-y"}, 200, "", alphabet},
		{"signs", []string{"Range", "bytes=+1-2"}, 200, "", alphabet},
		{"nothing", []string{"Range", "bytes="}, 200, "", alphabet},
		{"a lone dash", []string{"Range", "bytes=-"}, 200, "", alphabet},
		{"more digits than anybody needs", []string{"Range", "bytes=0-9999999999999999999"}, 200, "", alphabet},
		{"another unit", []string{"Range", "segments=0-1"}, 200, "", alphabet},
		{"two fields", []string{"Range", "bytes=0-1", "Range", "bytes=2-3"}, 200, "", alphabet},
		{"9 ranges", []string{"Range", "bytes=0-0" + strings.Repeat(",2-2", 8)}, 200, "", alphabet},
		{"300 ranges", []string{"Range", "bytes=0-0" + strings.Repeat(",2-2", 299)}, 200, "", alphabet},
		{"If-Range of this", []string{"Range", "bytes=0-1", "If-Range", tag}, 206, "bytes 0-1/26", "ab"},
		{"If-Range of another", []string{"Range", "bytes=0-1", "If-Range", `"other"`}, 200, "", alphabet},
		{"If-Range weak", []string{"Range", "bytes=0-1", "If-Range", "W/" + tag}, 200, "", alphabet},
		{"If-None-Match of this", []string{"If-None-Match", tag}, 304, "", ""},
		{"If-None-Match of several", []string{"If-None-Match", `"x", W/` + tag}, 304, "", ""},
		{"If-None-Match of any", []string{"If-None-Match", "*"}, 304, "", ""},
		{"If-None-Match of another", []string{"If-None-Match", `"00000000-26"`}, 200, "", alphabet},
		{"304 before 206", []string{"If-None-Match", tag, "Range", "bytes=0-1"}, 304, "", ""},
		{"If-Match of this", []string{"If-Match", tag}, 200, "", alphabet},
		{"If-Match of another", []string{"If-Match", `"x"`}, 412, "", ""},
		{"a date", []string{"If-Modified-Since", "Fri, 02 Jan 2099 03:04:05 GMT"}, 200, "", alphabet},
	} {
		resp := ask(h, "GET", "/final/v1080/1.m4s", c.fields...)
		body := text(t, resp)
		if resp.StatusCode >= 400 {
			body = "" // some words
		}
		if resp.StatusCode != c.status || resp.Header.Get("Content-Range") != c.content || body != c.body {
			t.Errorf("%s: %d, Content-Range: %s, %q; want %d, %s, %q", c.about, resp.StatusCode,
				resp.Header.Get("Content-Range"), body, c.status, c.content, c.body)
		}
		checkPartial(t, c.about, whole, resp)
	}
}

// checkPartial compares what any answer says of the object with what the whole object's answer says.
func checkPartial(t *testing.T, about string, whole, resp *http.Response) {
	t.Helper()
	names := []string{"Live-Pipeline", "Live-Region", "Live-Reason"}
	if resp.StatusCode < 400 {
		names = append(names, "Etag", "Cache-Control", "Repr-Digest")
	} else if got := resp.Header.Get("Cache-Control") + resp.Header.Get("Repr-Digest"); got != "no-store" {
		t.Errorf("%s: a refusal says %q", about, got)
	}
	for _, name := range names {
		if got, want := resp.Header.Get(name), whole.Header.Get(name); got != want {
			t.Errorf("%s: %s: %s, want %s", about, name, got, want)
		}
	}
}

func TestManyRanges(t *testing.T) {
	resp := ask(deliver(published(alphabet)), "GET", "/final/v1080/1.m4s",
		"Range", "bytes=0-0, 2-2,4-4 ,6-6,8-8,10-10,12-12,-1")
	media, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != 206 || media != "multipart/byteranges" || err != nil {
		t.Fatalf("8 ranges: %d, Content-Type: %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	var got string
	for in := multipart.NewReader(resp.Body, params["boundary"]); ; {
		part, err := in.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(part)
		if part.Header.Get("Content-Type") != "video/mp4" {
			t.Errorf("part %s is %s", part.Header.Get("Content-Range"), part.Header.Get("Content-Type"))
		}
		got += string(b)
	}
	if got != "acegikmz" {
		t.Errorf("8 ranges give %q", got)
	}
}

// HEAD knows no ranges (RFC 9110, 14.2), and honours conditions.
func TestHeadOfRange(t *testing.T) {
	h := deliver(published(alphabet))
	plain, ranged := ask(h, "HEAD", "/final/v1080/1.m4s"), ask(h, "HEAD", "/final/v1080/1.m4s", "Range", "bytes=0-1")
	if ranged.StatusCode != 200 || !equalHeaders(plain.Header, ranged.Header) {
		t.Errorf("HEAD with Range: %d %v; without: %v", ranged.StatusCode, ranged.Header, plain.Header)
	}
	if got := ask(h, "HEAD", "/final/v1080/1.m4s", "If-None-Match", plain.Header.Get("Etag")); got.StatusCode != 304 {
		t.Errorf("HEAD with If-None-Match: %d", got.StatusCode)
	}
}
