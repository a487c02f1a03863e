package originhttp

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// shelf is a Publisher that keeps what it gets.
type shelf struct {
	mu   sync.Mutex
	got  []origin.Publication
	says origin.Receipt
	err  error
}

func (s *shelf) Publish(_ context.Context, p origin.Publication) (origin.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, p)
	return s.says, s.err
}

func (s *shelf) take() (got []origin.Publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got, s.got = s.got, nil
	return got
}

const (
	put    = "PUT /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n"
	byA    = "Live-Pipeline: a\r\n"
	clean  = "Live-Defects:\r\n"
	digits = "Content-Length: 9\r\n\r\n123456789"
)

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func TestPublishingAccepts(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored, Defects: origin.ShortSegment, Detail: "0.1 s short"}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{}), ForPublishing)
	whole := origin.Publication{
		Key: origin.Key{Event: "final", Rendition: "v1080", Number: 1017, Pipeline: "a"}, Object: objectOf("123456789")}
	with := func(change func(*origin.Publication)) origin.Publication { p := whole; change(&p); return p }
	hole := func(p *origin.Publication) {
		p.Object, p.Defects, p.Inspected = origin.Object{Body: []byte{}}, origin.MissingSegment, true
	}
	for _, c := range []struct {
		about, send string
		want        origin.Publication
	}{
		{"the least", put + byA + digits, whole},
		{"POST", "POST" + strings.TrimPrefix(put, "PUT") + byA + digits, whole},
		{"inspected and clean", put + byA + clean + digits, with(func(p *origin.Publication) { p.Inspected = true })},
		{"findings", put + byA + "Live-Defects: not-sync,  epoch-lock\r\n" + digits, with(func(p *origin.Publication) {
			p.Inspected, p.Defects = true, origin.NotSync|origin.EpochLock
		})},
		{"findings in two fields", put + byA + "Live-Defects: not-sync\r\nLive-Defects: epoch-lock\r\n" + digits,
			with(func(p *origin.Publication) { p.Inspected, p.Defects = true, origin.NotSync|origin.EpochLock })},
		{"chunks", put + byA + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n", whole},
		{"digests", put + byA + "Repr-Digest: md5=:AAAA:, crc32c=:4waSgw==:, " + sha("123456789") + "\r\n" + digits, whole},
		{"a type", put + byA + "Content-Type: Video/MP4; codecs=avc1\r\n" + digits, whole},
		{"a declared hole", put + byA + "Live-Defects: missing-segment\r\nContent-Length: 0\r\n\r\n", with(hole)},
		{"a header", strings.Replace(put, "1017.m4s", "init.mp4", 1) + byA + digits,
			with(func(p *origin.Publication) { p.Key.Number = origin.Header })},
		{"Expect", put + byA + "Expect: 100-continue\r\n" + digits, whole},
	} {
		r := raw(t, address, c.send, false)
		got := s.take()
		if len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
			t.Errorf("%s: published %+v, want %+v", c.about, got, c.want)
		}
		if r.status != 201 || r.header.Get("Live-Outcome") != "stored" || r.header.Get("Live-Defects") != "short-segment" ||
			r.body != `{"outcome":"stored","defects":["short-segment"],"detail":"0.1 s short"}`+"\n" {
			t.Errorf("%s: %+v", c.about, r)
		}
	}
}

// Whatever is wrong with a publication, nothing of it reaches the publisher.
func TestPublishingRefuses(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{Limits: Limits{Body: 1 << 20}}), ForPublishing)
	cut, closes := true, true
	for _, c := range []struct {
		about, send string
		half        bool // the client sends no more
		status      int
		closed      bool
		outcome     string
	}{
		{"no pipeline", put + digits, false, 400, closes, ""},
		{"an empty pipeline", put + "Live-Pipeline:\r\n" + digits, false, 400, closes, ""},
		{"a pipeline that is no name", put + "Live-Pipeline: a/b\r\n" + digits, false, 400, closes, ""},
		{"two pipelines", put + byA + "Live-Pipeline: b\r\n" + digits, false, 400, closes, ""},
		{"an unknown defect", put + byA + "Live-Defects: haunted\r\n" + digits, false, 400, closes, ""},
		{"defects that are no list", put + byA + "Live-Defects: not-sync,\r\n" + digits, false, 400, closes, ""},
		{"defects in quotes", put + byA + "Live-Defects: \"not-sync\"\r\n" + digits, false, 400, closes, ""},
		{"a bad path", strings.Replace(put, "1017", "01017", 1) + byA + digits, false, 400, closes, ""},
		{"a playlist", "PUT /final/master.m3u8 HTTP/1.1\r\nHost: x\r\n" + byA + digits, false, 400, closes, ""},
		{"a manifest that is none", "PUT /final/manifest.mpd HTTP/1.1\r\nHost: x\r\n" + byA + digits, false, 400, false, ""},
		{"an unknown event", strings.Replace(put, "final", "other", 1) + byA + digits, false, 404, closes, "no-such"},
		{"an unknown rendition", strings.Replace(put, "v1080", "v1", 1) + byA + digits, false, 404, closes, "no-such"},
		{"another event's pipeline", put + "Live-Pipeline: z\r\n" + digits, false, 403, closes, "forbidden"},
		{"no length", put + byA + "\r\n", false, 411, closes, ""},
		{"no length, but bytes", put + byA + "\r\n123456789", false, 411, closes, ""},
		{"10 GB announced", put + byA + "Content-Length: 10737418240\r\n\r\n", false, 413, closes, ""},
		{"10 GB awaited", put + byA + "Expect: 100-continue\r\nContent-Length: 10737418240\r\n\r\n", false, 413, closes, ""},
		{"a byte too many", put + byA + "Content-Length: 1048577\r\n\r\n", false, 413, closes, ""},
		{"chunks beyond the limit", put + byA + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" +
			strings.Repeat("x", 1<<20+1) + "\r\n", false, 413, closes, ""},
		{"cut short", put + byA + "Content-Length: 10\r\n\r\n123456789", cut, 400, closes, ""},
		{"a chunk cut short", put + byA + "Transfer-Encoding: chunked\r\n\r\nb\r\n123456789", cut, 400, closes, ""},
		{"no last chunk", put + byA + "Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n", cut, 400, closes, ""},
		{"a bad chunk size", put + byA + "Transfer-Encoding: chunked\r\n\r\nx\r\n123456789\r\n0\r\n\r\n", false, 400, closes, ""},
		{"two lengths", put + byA + "Content-Length: 8\r\n" + digits, false, 400, closes, ""},
		{"a negative length", put + byA + "Content-Length: -1\r\n\r\n", false, 400, closes, ""},
		{"a length that is no number", put + byA + "Content-Length: many\r\n\r\n", false, 400, closes, ""},
		{"an unknown coding", put + byA + "Transfer-Encoding: gzip\r\n\r\n", false, 501, closes, ""},
		{"another type", put + byA + "Content-Type: text/html\r\n" + digits, false, 415, closes, ""},
		{"a packed body", put + byA + "Content-Encoding: gzip\r\n" + digits, false, 415, closes, ""},
		{"a part", put + byA + "Content-Range: bytes 0-8/20\r\n" + digits, false, 400, closes, ""},
		{"empty, and no hole", put + byA + clean + "Content-Length: 0\r\n\r\n", false, 400, false, ""},
		{"a hole with bytes", put + byA + "Live-Defects: missing-segment\r\n" + digits, false, 400, false, ""},
		{"wrong CRC32C", put + byA + "Repr-Digest: crc32c=:4waSgg==:\r\n" + digits, false, 400, false, "wrong-digest"},
		{"half a CRC32C", put + byA + "Repr-Digest: crc32c=:4wY=:\r\n" + digits, false, 400, false, "wrong-digest"},
		{"wrong SHA-256", put + byA + "Repr-Digest: " + sha("12345678") + "\r\n" + digits, false, 400, false, "wrong-digest"},
		{"one right, one wrong", put + byA + "Repr-Digest: crc32c=:4waSgw==:, " + sha("") + "\r\n" + digits, false, 400, false, "wrong-digest"},
		{"a digest that is no dictionary", put + byA + "Repr-Digest: crc32c=:4w\r\n" + digits, false, 400, closes, ""},
		{"unknown Expect", put + byA + "Expect: miracles\r\n" + digits, false, 417, closes, ""},
		{"GET", "GET /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n\r\n", false, 405, false, ""},
		{"DELETE", "DELETE /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n\r\n", false, 405, false, ""},
		{"an unknown method", "BREW /final/v1080/1017.m4s HTTP/1.1\r\nHost: x\r\n\r\n", false, 501, false, ""},
	} {
		start := time.Now()
		r := raw(t, address, c.send, c.half)
		if r.status != c.status || r.closed != c.closed || r.header.Get("Live-Outcome") != c.outcome {
			t.Errorf("%s: %d, closed %v, outcome %q; want %d, %v, %q", c.about, r.status, r.closed,
				r.header.Get("Live-Outcome"), c.status, c.closed, c.outcome)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: answered after %v", c.about, took)
		}
		if got := s.take(); len(got) > 0 {
			t.Errorf("%s: published %+v", c.about, got)
		}
		if r.status == 405 && r.header.Get("Allow") != "PUT, POST" {
			t.Errorf("%s: Allow: %s", c.about, r.header.Get("Allow"))
		}
	}
}

// A body that does not come in time is given up, with a status if anybody listens.
func TestPublishingSlowBody(t *testing.T) {
	s := &shelf{}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{}), ForPublishing,
		func(srv *http.Server) { srv.ReadTimeout = 100 * time.Millisecond })
	r := raw(t, address, put+byA+"Content-Length: 10\r\n\r\n123456789", false)
	if r.status != 408 || !r.closed || len(s.take()) > 0 {
		t.Errorf("%+v", r)
	}
}

// Bodies that are being read have a bound in all, and give their share back.
func TestPublishingInFlight(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{Limits: Limits{InFlight: 8}}), ForPublishing)
	r := raw(t, address, put+byA+digits, false)
	if r.status != 503 || !r.closed || r.header.Get("Live-Outcome") != "no-quorum" || r.header.Get("Retry-After") != "1" {
		t.Errorf("9 bytes where 8 may be in flight: %+v", r)
	}
	for range 3 {
		if r := raw(t, address, put+byA+"Content-Length: 8\r\n\r\n12345678", false); r.status != 201 {
			t.Errorf("8 bytes: %+v", r)
		}
	}
	if got := s.take(); len(got) != 3 {
		t.Errorf("published %d, want 3", len(got))
	}
}

func TestPublishingErrors(t *testing.T) {
	s := &shelf{err: fmt.Errorf("zone 2: %w", origin.ErrUnreachable)}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{}), ForPublishing)
	if r := raw(t, address, put+byA+digits, false); r.status != 0 {
		t.Errorf("a dead machine answers %+v", r)
	}
	s.mu.Lock()
	s.err = errors.New("out of paper")
	s.mu.Unlock()
	r := raw(t, address, put+byA+digits, false)
	if r.status != 503 || r.header.Get("Live-Outcome") != "no-quorum" || !strings.Contains(r.body, "out of paper") ||
		r.header.Get("Retry-After") != "1" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("an error is told as %+v", r)
	}
}
