package originhttp

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// ask sends one request to a handler; fields come as name, value, name, value.
func ask(h http.Handler, method, target string, fields ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeliveryOfSegment(t *testing.T) {
	var asked origin.Request
	h := Delivery(getter(func(_ context.Context, r origin.Request) (origin.Response, error) {
		asked = r
		return published("123456789"), nil // whose CRC32C is well known: e3069283
	}), catalog, fixed(epoch))
	resp := ask(h, "GET", "/final/v1080/1017.m4s?CMCD=bl%3D100")
	if want := (origin.Request{Event: "final", Rendition: "v1080", Number: 1017}); asked != want {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	want := http.Header{
		"Access-Control-Allow-Origin": {"*"}, "Access-Control-Expose-Headers": {"*"},
		"Accept-Ranges": {"bytes"}, "Cache-Control": {"max-age=299, live-max-age-ms=299250"},
		"Cache-Status":   {"edge-1;fwd=miss;ttl=4;stored;collapsed"},
		"Content-Length": {"9"}, "Content-Type": {"video/mp4"}, "Etag": {`"e3069283-9"`},
		"Live-Pipeline": {"a"}, "Live-Reason": {"published"}, "Live-Region": {"us-east"},
		"Repr-Digest": {"crc32c=:4waSgw==:"}, "Server-Timing": {"store;dur=1.200, hold;dur=340.000"},
	}
	if !maps.EqualFunc(resp.Header, want, func(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }) {
		t.Errorf("header\n got %v\nwant %v", resp.Header, want)
	}
	if body := text(t, resp); resp.StatusCode != 200 || body != "123456789" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
}

func TestDeliveryOfVariants(t *testing.T) {
	worst := published("x")
	worst.Reason, worst.Defects = origin.Defective, origin.ShortSegment|origin.NotSync
	resp := ask(deliver(worst), "GET", "/final/a128/init.mp4")
	if got := resp.Header.Get("Live-Defects"); got != "not-sync, short-segment" {
		t.Errorf("Live-Defects: %s", got)
	}
	if got := resp.Header.Get("Live-Reason"); got != "defective" || resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	if got := resp.Header.Get("Content-Type"); got != "audio/mp4" {
		t.Errorf("Content-Type of an audio rendition: %s", got)
	}
	bare := origin.Response{Reason: origin.Published, Object: objectOf("x"), Pipeline: "4k"}
	resp = ask(deliver(bare), "GET", "/final/other/1.m4s")
	for name, want := range map[string]string{
		"Content-Type": "application/mp4", "Cache-Control": "no-store", "Live-Pipeline": `"4k"`,
		"Server-Timing": "", "Cache-Status": "", "Live-Region": "", "Live-Defects": "",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %q", name, got, want)
		}
	}
}

// Every reason has its status, says itself, and says how long it holds.
func TestDeliveryOfReasons(t *testing.T) {
	for _, reason := range origin.Reasons() {
		r := origin.Response{Reason: reason, MaxAge: 5300 * time.Millisecond}
		if r.OK() {
			r.Object = objectOf("bytes")
		}
		h := deliver(r)
		get, head := ask(h, "GET", "/final/v1080/1.m4s"), ask(h, "HEAD", "/final/v1080/1.m4s")
		body := text(t, get)
		if get.StatusCode != reason.Status() || get.Header.Get("Live-Reason") != string(reason) {
			t.Errorf("%s: %d, Live-Reason: %s", reason, get.StatusCode, get.Header.Get("Live-Reason"))
		}
		if got := get.Header.Get("Cache-Control"); got != "max-age=5, live-max-age-ms=5300" {
			t.Errorf("%s: Cache-Control: %s", reason, got)
		}
		if got := get.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) || body == "" {
			t.Errorf("%s: Content-Length: %s for %q", reason, got, body)
		}
		wantRetry := ""
		if reason.Status() == 503 {
			wantRetry = "6"
		}
		if got := get.Header.Get("Retry-After"); got != wantRetry {
			t.Errorf("%s: Retry-After: %q, want %q", reason, got, wantRetry)
		}
		if text(t, head) != "" || head.StatusCode != get.StatusCode || !equalHeaders(head.Header, get.Header) {
			t.Errorf("%s: HEAD answers %d %v, GET %d %v", reason, head.StatusCode, head.Header, get.StatusCode, get.Header)
		}
	}
	if got := ask(deliver(origin.Response{Reason: origin.StoreFailed}), "GET", "/final/v1080/1.m4s").Header; got.Get("Retry-After") != "1" {
		t.Errorf("a 503 that nobody may keep says Retry-After: %q", got.Get("Retry-After"))
	}
}

func equalHeaders(a, b http.Header) bool {
	return maps.EqualFunc(a, b, func(x, y []string) bool { return strings.Join(x, "|") == strings.Join(y, "|") })
}

func TestDeliveryRefusals(t *testing.T) {
	address := listen(t, deliver(published("x")), ForDelivery)
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n" }
	big := strings.Repeat("a", 9<<10)
	for _, c := range []struct {
		about, send string
		status      int
		closed      bool
		allow       string
	}{
		{"a good request", get("/final/v1080/1.m4s"), 200, false, ""},
		{"HEAD", "HEAD /final/v1080/1.m4s HTTP/1.1\r\nHost: x\r\n\r\n", 200, false, ""},
		{"absolute URI", get("http://x/final/v1080/1.m4s"), 200, false, ""},
		{"absolute URI of another host", get("http://elsewhere/final/v1080/1.m4s"), 400, true, ""},
		{"not a path of ours", get("/favicon.ico"), 400, false, ""},
		{"climbing", get("/final/../final/config"), 400, false, ""},
		{"climbing, escaped", get("/%2e%2e/final/config"), 400, false, ""},
		{"an escaped slash", get("/final%2fconfig"), 400, false, ""},
		{"an escape where none is needed", get("/fin%61l/config"), 400, false, ""},
		{"NUL", get("/final/v1080%00/1.m4s"), 400, false, ""},
		{"a bad escape", get("/final/%zz/1.m4s"), 400, true, ""},
		{"a double slash", get("//final/config"), 400, false, ""},
		{"leading zero", get("/final/v1080/01.m4s"), 400, false, ""},
		{"beyond 2^63", get("/final/v1080/9223372036854775809.m4s"), 400, false, ""},
		{"PUT", "PUT /final/v1080/1.m4s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, false, "GET, HEAD"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, false, "GET, HEAD"},
		{"TRACE", "TRACE /final/config HTTP/1.1\r\nHost: x\r\n\r\n", 405, true, "GET, HEAD"},
		{"CONNECT", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 405, true, "GET, HEAD"},
		{"an unknown method", "BREW /final/config HTTP/1.1\r\nHost: x\r\n\r\n", 501, false, ""},
		{"no Host", "GET /final/config HTTP/1.1\r\n\r\n", 400, true, ""},
		{"two Hosts", "GET /final/config HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, true, ""},
		{"HTTP/3.0", "GET /final/config HTTP/3.0\r\nHost: x\r\n\r\n", 505, true, ""},
		{"garbage", "\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, true, ""},
		{"a long URI", get("/final/" + big + "/1.m4s"), 414, true, ""},
		{"101 fields", "GET /final/config HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 101) + "\r\n", 431, true, ""},
		{"100 fields", "GET /final/config HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 100) + "\r\n", 200, false, ""},
		{"a large header", "GET /final/config HTTP/1.1\r\nHost: x\r\nX: " + big + big + big + "\r\n\r\n", 431, true, ""},
	} {
		r := raw(t, address, c.send, false)
		if r.status != c.status || r.closed != c.closed || r.header.Get("Allow") != c.allow {
			t.Errorf("%s: status %d, closed %v, Allow: %s; want %d, %v, %s", c.about, r.status, r.closed,
				r.header.Get("Allow"), c.status, c.closed, c.allow)
		}
		if r.status == 0 || r.header.Get("Location") != "" {
			t.Errorf("%s: no answer, or a redirect to %q", c.about, r.header.Get("Location"))
		}
	}
}

// Without an answer the connection breaks before a status; the client calls it unreachable, and has asked once only.
func TestDeliveryWithoutAnswer(t *testing.T) {
	var asked atomic.Int32
	g := getter(func(context.Context, origin.Request) (origin.Response, error) {
		if asked.Add(1) == 1 {
			return published("x"), nil
		}
		return origin.Response{}, origin.ErrUnreachable
	})
	c := client(t, Delivery(g, catalog, fixed(epoch)), ForDelivery, ClientOptions{})
	req := origin.Request{Event: "final", Rendition: "v1080", Number: 1017}
	if _, err := c.Get(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	// The connection is reused now, which is when http.Transport likes to try again by itself.
	if resp, err := c.Get(t.Context(), req); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("got %+v, %v; want unreachable", resp, err)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the origin was asked %d times, want 2", n)
	}
}

// An object of a model has a size and no bytes: it must not go out as an empty one.
func TestDeliveryWithoutBytes(t *testing.T) {
	modelled := origin.Response{Reason: origin.Published, MaxAge: time.Second, Object: origin.Object{Size: 9, Digest: 1}}
	resp := ask(deliver(modelled), "GET", "/final/v1080/1.m4s")
	if resp.StatusCode != 500 || resp.Header.Get("Etag") != "" || resp.Header.Get("Cache-Control") != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestDeliveryOfDocuments(t *testing.T) {
	h := deliver(origin.Response{})
	for path, want := range map[string][2]string{
		"/final/config":              {"application/json", "max-age=1, live-max-age-ms=1000"},
		"/final/manifest.mpd":        {"application/dash+xml", "max-age=1, live-max-age-ms=1000"},
		"/final/master.m3u8":         {"application/vnd.apple.mpegurl", "max-age=1, live-max-age-ms=1000"},
		"/final/v1080/playlist.m3u8": {"application/vnd.apple.mpegurl", "max-age=0, live-max-age-ms=500"},
	} {
		get, head := ask(h, "GET", path), ask(h, "HEAD", path)
		got := [2]string{get.Header.Get("Content-Type"), get.Header.Get("Cache-Control")}
		if get.StatusCode != 200 || got != want || get.Header.Get("Live-Reason") != "published" {
			t.Errorf("%s: %d %v, want %v", path, get.StatusCode, get.Header, want)
		}
		if !equalHeaders(get.Header, head.Header) || text(t, head) != "" {
			t.Errorf("%s: HEAD %v, GET %v", path, head.Header, get.Header)
		}
		again := ask(h, "GET", path, "If-None-Match", get.Header.Get("Etag"))
		if again.StatusCode != 304 || text(t, again) != "" {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
	}
	for path, reason := range map[string]string{
		"/other/config": "unknown-event", "/other/manifest.mpd": "unknown-event", "/other/v1080/playlist.m3u8": "unknown-event",
		"/final/v1/playlist.m3u8": "unknown-rendition",
	} {
		resp := ask(h, "GET", path)
		if resp.StatusCode != 404 || resp.Header.Get("Live-Reason") != reason ||
			resp.Header.Get("Cache-Control") != "max-age=2, live-max-age-ms=2000" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	broken := testEvent()
	broken.Renditions[0].ID = "a/b"
	h = Delivery(nil, events{"final": broken}, fixed(epoch))
	if resp := ask(h, "GET", "/final/manifest.mpd"); resp.StatusCode != 500 {
		t.Errorf("manifest of an event that URLs cannot name: %d", resp.StatusCode)
	}
}
