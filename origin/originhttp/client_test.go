package originhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

var segment1017 = origin.Request{Event: "final", Rendition: "v1080", Number: 1017}

// What a getter says on one side of HTTP is what it says on the other.
func TestGetRoundTrip(t *testing.T) {
	says := make(chan origin.Response, 1)
	c := client(t, Delivery(getter(func(_ context.Context, r origin.Request) (origin.Response, error) {
		if r != segment1017 {
			return origin.Response{}, fmt.Errorf("asked for %+v", r)
		}
		return <-says, nil
	}), catalog, fixed(epoch)), ForDelivery, ClientOptions{})
	answers := []origin.Response{
		published(strings.Repeat("bytes ", 100_000)),
		{Reason: origin.Published, Object: objectOf("x")},
		{Reason: origin.Defective, Object: objectOf("x"), Pipeline: "4k", Region: "2nd", Defects: 1<<12 - 1, MaxAge: time.Millisecond},
		{Reason: origin.Early, Cache: origin.CacheStatus{Cache: "edge", Hit: true, TTL: -3 * time.Second, Detail: "a \"b\""}},
	}
	for _, reason := range origin.Reasons() {
		r := origin.Response{Reason: reason, MaxAge: 5432 * time.Millisecond, Store: 7 * time.Microsecond, Hold: 3 * time.Second}
		if r.OK() {
			r.Object, r.Pipeline, r.Region = objectOf(string(reason)), "b", "us-west"
		}
		answers = append(answers, r)
	}
	for _, name := range origin.DefectNames() {
		d, _ := origin.DefectByName(name)
		answers = append(answers, origin.Response{Reason: origin.Defective, Object: objectOf(name), Defects: d})
	}
	for _, want := range answers {
		says <- want
		if got, err := c.Get(t.Context(), segment1017); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.300q became %.300q, %v", fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got), err)
		}
	}
}

func TestPublishRoundTrip(t *testing.T) {
	s := &shelf{}
	c := client(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{}), ForPublishing, ClientOptions{})
	key := origin.Key{Event: "final", Rendition: "v1080", Number: 1017, Pipeline: "a"}
	header := key
	header.Number = origin.Header
	body := objectOf(strings.Repeat("bytes ", 100_000))
	for _, p := range []origin.Publication{
		{Key: key, Object: body, Inspected: true},
		{Key: key, Object: body},
		{Key: key, Object: origin.Object{Body: body.Body, Size: body.Size, Digest: body.Digest,
			Token: origin.Token{Time: epoch.Add(7 * time.Microsecond), Nonce: 1 << 63}}},
		{Key: key, Object: body, Inspected: true, Defects: 1<<11 - 1},
		{Key: header, Object: objectOf("x"), Inspected: true},
		{Key: key, Object: origin.Object{Body: []byte{}}, Inspected: true, Defects: origin.MissingSegment},
	} {
		s.says = origin.Receipt{Outcome: origin.Stored, Defects: p.Defects}
		receipt, err := c.Publish(t.Context(), p)
		if got := s.take(); len(got) != 1 || !reflect.DeepEqual(got[0], p) {
			t.Errorf("%+v %v arrived as %d publications", p.Key, p.Defects, len(got))
		}
		if err != nil || receipt != s.says {
			t.Errorf("%+v became %+v, %v", s.says, receipt, err)
		}
	}
	for _, outcome := range []origin.Outcome{origin.Stored, origin.Repeated, origin.Conflict, origin.TooLate, origin.TooEarly,
		origin.Unparseable, origin.NoSuchPlace, origin.Outside, origin.Forbidden, origin.Unavailable, origin.BadDigest, origin.HeaderFirst} {
		s.says = origin.Receipt{Outcome: outcome, Detail: "because \"of\" é"}
		if got, err := c.Publish(t.Context(), origin.Publication{Key: key, Object: body}); err != nil || got != s.says {
			t.Errorf("%+v became %+v, %v", s.says, got, err)
		}
	}
	wrong := origin.Publication{Key: key, Object: body}
	wrong.Object.Digest++
	s.take()
	if got, err := c.Publish(t.Context(), wrong); err != nil || got.Outcome != origin.BadDigest || len(s.take()) > 0 {
		t.Errorf("a damaged candidate became %+v, %v", got, err)
	}
}

// A server that refuses before it has read the body is heard all the same.
func TestPublishRefusedEarly(t *testing.T) {
	c := client(t, Publishing(&shelf{}, catalog, fixed(epoch), PublishingOptions{}), ForPublishing, ClientOptions{})
	key := origin.Key{Event: "final", Rendition: "v1080", Number: 1, Pipeline: "z"}
	large, tooLarge := objectOf(strings.Repeat("x", 15<<20)), objectOf(strings.Repeat("x", 16<<20+1))
	for range 3 {
		key.Pipeline = "z"
		if got, err := c.Publish(t.Context(), origin.Publication{Key: key, Object: large}); err != nil || got.Outcome != origin.Forbidden {
			t.Errorf("15 MiB by a pipeline that is not the event's: %+v, %v", got, err)
		}
		key.Pipeline = "a"
		got, err := c.Publish(t.Context(), origin.Publication{Key: key, Object: tooLarge})
		if err != nil || got.Outcome != origin.Unparseable || !strings.Contains(got.Detail, "413") {
			t.Errorf("more than the limit: %+v, %v", got, err)
		}
	}
}

// scripted serves one fixed text to every connection, and closes it.
func scripted(t *testing.T, answer string) (address string) {
	t.Helper()
	ln := servertest.Listen(t)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(conn, answer)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	return ln.Addr().String()
}

// Strangers, broken servers and machines in between: an object is whole or there is none.
func TestGetFromOthers(t *testing.T) {
	good := objectOf("123456789")
	for _, c := range []struct {
		about, answer string
		want          origin.Response
		err           error // any, when it is errAny
	}{
		{"a plain server", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nCache-Control: max-age=2\r\nAge: 1\r\n\r\n123456789",
			origin.Response{Reason: origin.Published, Object: good, MaxAge: time.Second}, nil},
		{"no length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
			origin.Response{Reason: origin.Published, Object: good}, nil},
		{"defects without a reason", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nLive-Defects: not-sync\r\n\r\n123456789",
			origin.Response{Reason: origin.Defective, Object: good, Defects: origin.NotSync}, nil},
		{"a defect of the future", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nLive-Defects: haunted\r\n\r\n123456789",
			origin.Response{Reason: origin.Defective, Object: good, Defects: origin.Uninspected}, nil},
		{"a reason that is not the status'", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nLive-Reason: published\r\n\r\n",
			origin.Response{Reason: origin.UnknownEvent, Object: origin.Object{}}, nil},
		{"plain 410", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", origin.Response{Reason: origin.Gap}, nil},
		{"plain 503", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", origin.Response{Reason: origin.StoreFailed}, nil},
		{"cut mid-body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789", origin.Response{}, origin.ErrUnreachable},
		{"a chunk cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n123456789", origin.Response{}, origin.ErrUnreachable},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n", origin.Response{}, origin.ErrUnreachable},
		{"cut mid-header", "HTTP/1.1 200 OK\r\nContent-", origin.Response{}, origin.ErrUnreachable},
		{"no answer", "", origin.Response{}, origin.ErrUnreachable},
		{"another body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nRepr-Digest: crc32c=:4waSgw==:\r\n\r\n123456780",
			origin.Response{}, ErrDamaged},
		{"a digest that is none", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nRepr-Digest: ,\r\n\r\n123456789", origin.Response{}, errAny},
		{"more than anybody keeps", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n1", origin.Response{}, errTooLarge},
		{"more than anybody keeps, in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" +
			strings.Repeat("x", 1025) + "\r\n0\r\n\r\n", origin.Response{}, errTooLarge},
		{"a part", "HTTP/1.1 206 Partial\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/9\r\n\r\n1", origin.Response{}, errAny},
		{"not modified", "HTTP/1.1 304 Not Modified\r\n\r\n", origin.Response{}, errAny},
		{"elsewhere", "HTTP/1.1 302 Found\r\nLocation: /final/v1080/1016.m4s\r\nContent-Length: 0\r\n\r\n", origin.Response{}, errAny},
		{"broken", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", origin.Response{}, errAny},
	} {
		client := clientOf(t, scripted(t, c.answer), ClientOptions{MaxBody: 1024})
		got, err := client.Get(t.Context(), segment1017)
		if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) && (c.err != errAny || err == nil) {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.about, got, err, c.want, c.err)
		}
	}
}

var errAny = errors.New("any error")

func TestPublishToOthers(t *testing.T) {
	p := origin.Publication{Key: origin.Key{Event: "final", Rendition: "v1080", Number: 1, Pipeline: "a"}, Object: objectOf("x")}
	for status, want := range map[string]origin.Outcome{
		"200 OK": origin.Stored, "204 No Content": origin.Stored, "409 Conflict": origin.Conflict, "410 Gone": origin.TooLate,
		"403 Forbidden": origin.Forbidden, "415 Unsupported Media Type": origin.Unparseable, "503 Busy": origin.Unavailable,
		"500 Oops": "", "302 Found": "", "409 Live-Outcome lies\r\nLive-Outcome: stored": origin.Conflict,
	} {
		c := clientOf(t, scripted(t, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n"), ClientOptions{})
		got, err := c.Publish(t.Context(), p)
		if got.Outcome != want || (err != nil) != (want == "") {
			t.Errorf("%s: %+v, %v; want %q", status, got, err, want)
		}
	}
	c := clientOf(t, scripted(t, ""), ClientOptions{})
	if got, err := c.Publish(t.Context(), p); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("no answer: %+v, %v", got, err)
	}
	p.Key.Rendition = "a/b"
	if _, err := c.Publish(t.Context(), p); !errors.Is(err, errPath) {
		t.Errorf("a rendition that no URL can name: %v", err)
	}
	p.Key.Rendition, p.Object.Size = "v1080", 2
	if _, err := c.Publish(t.Context(), p); err == nil || errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("an object without all of its bytes was sent: %v", err)
	}
}

// Time runs out in three ways, and each has its error.
func TestClientTimeouts(t *testing.T) {
	stuck := make(chan struct{})
	var asked atomic.Int32
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if strings.HasSuffix(r.URL.Path, "1.m4s") { // a header, and then half a body
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "12345")
			w.(http.Flusher).Flush()
		}
		<-stuck
	}), ForDelivery, ClientOptions{Header: 50 * time.Millisecond, Get: 150 * time.Millisecond, Publish: 50 * time.Millisecond})
	t.Cleanup(func() { close(stuck) })
	req := origin.Request{Event: "final", Rendition: "v1080", Number: 2}
	if _, err := c.Get(t.Context(), req); !errors.Is(err, origin.ErrTimeout) {
		t.Errorf("no header: %v", err)
	}
	req.Number = 1
	if got, err := c.Get(t.Context(), req); !errors.Is(err, origin.ErrTimeout) || got.Object.Size > 0 {
		t.Errorf("half a body: %+v, %v", got, err)
	}
	key := origin.Key{Event: "final", Rendition: "v1080", Number: 2, Pipeline: "a"}
	if _, err := c.Publish(t.Context(), origin.Publication{Key: key, Object: objectOf("x")}); !errors.Is(err, origin.ErrTimeout) {
		t.Errorf("no acknowledgement: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, req); err != context.DeadlineExceeded {
		t.Errorf("the caller's own deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx, req); err != context.Canceled {
		t.Errorf("the caller's own end: %v", err)
	}
	if n := asked.Load(); n > 4 {
		t.Errorf("4 calls became %d requests", n)
	}
}

func TestConfig(t *testing.T) {
	want := testEvent()
	want.End = epoch.Add(time.Hour)
	c := client(t, Delivery(nil, events{"final": want}, fixed(epoch)), ForDelivery, ClientOptions{})
	if got, err := c.Config(t.Context(), "final"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v became %+v, %v", want, got, err)
	}
	if _, err := c.Config(t.Context(), "other"); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("an unknown event: %v", err)
	}
	if _, err := c.Config(t.Context(), "../final"); !errors.Is(err, errPath) {
		t.Errorf("no name: %v", err)
	}
	c = clientOf(t, scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), ClientOptions{})
	if got, err := c.Config(t.Context(), "final"); err == nil {
		t.Errorf("an invalid event: %+v", got)
	}
}

func TestNewClient(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:80", "ftp://x", "http://", "http://x?y", "http://x#y", "http://%zz", "://"} {
		if _, err := NewClient(base, ClientOptions{}); err == nil {
			t.Errorf("%q is taken for an origin", base)
		}
	}
}

// Requests share connections, also after errors and empty answers, and wait when there are no more.
func TestClientConnections(t *testing.T) {
	var opened, most, now atomic.Int32
	address := listen(t, Delivery(getter(func(context.Context, origin.Request) (origin.Response, error) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(time.Millisecond)
		now.Add(-1)
		return origin.Response{Reason: origin.Gap}, nil
	}), catalog, fixed(epoch)), ForDelivery, func(srv *http.Server) {
		srv.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}
	})
	c := clientOf(t, address, ClientOptions{MaxConns: 4})
	errs := make(chan error)
	for range 64 {
		go func() { _, err := c.Get(t.Context(), segment1017); errs <- err }()
	}
	for range 64 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if opened.Load() > 4 || most.Load() > 4 {
		t.Errorf("%d connections, %d requests at once; want at most 4", opened.Load(), most.Load())
	}
}
