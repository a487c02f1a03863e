package originhttp

import (
	"bytes"
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

const tokenA, tokenB = "token-of-a-0123456789", "token-of-b-0123456789=="

func bearers(t testing.TB) *Credentials {
	t.Helper()
	c, err := NewCredentials(map[string]string{"a": tokenA, "b": tokenB, "c": tokenB}, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Who may publish is settled before a byte of the body is read: the bodies announced here never come.
func TestCredentials(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{Credentials: bearers(t)}), ForPublishing)
	mpd := "PUT /final/x.mpd HTTP/1.1\r\nHost: x\r\n"
	for _, c := range []struct {
		about, send string
		status      int
	}{
		{"none", put + byA, 401},
		{"none, for a track", post + byA, 401},
		{"none, for a manifest", mpd, 401},
		{"none, and an unknown event", strings.Replace(put, "final", "other", 1) + byA, 401},
		{"none, and no path at all", "PUT /nowhere HTTP/1.1\r\nHost: x\r\n", 401},
		{"an unknown token", put + byA + "Authorization: Bearer token-of-z-0123456789\r\n", 401},
		{"the beginning of one", put + byA + "Authorization: Bearer " + tokenA[:16] + "\r\n", 401},
		{"another scheme", put + byA + "Authorization: Basic " + tokenA + "\r\n", 401},
		{"a token alone", put + byA + "Authorization: " + tokenA + "\r\n", 401},
		{"another pipeline's", put + byA + "Authorization: Bearer " + tokenB + "\r\n", 403},
		{"one of two, and none named", put + "Authorization: Bearer " + tokenB + "\r\n", 400},
		{"one that the event does not have", put + "Live-Pipeline: c\r\nAuthorization: Bearer " + tokenB + "\r\n", 403},
	} {
		r := raw(t, address, c.send+"Content-Length: 9\r\n\r\n", false)
		if r.status != c.status || !r.closed || len(s.take()) > 0 {
			t.Errorf("%s: %d, closed %v; want %d", c.about, r.status, r.closed, c.status)
		}
		if (r.status == 401) != strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") || strings.Contains(r.body, "token-of") {
			t.Errorf("%s: WWW-Authenticate: %q, %s", c.about, r.header.Get("WWW-Authenticate"), r.body)
		}
	}
	for about, fields := range map[string]string{
		"its own": byA + "Authorization: Bearer " + tokenA + "\r\n", "in other letters": byA + "Authorization: bearer  " + tokenA + "\r\n",
		"and the pipeline goes without saying": "Authorization: Bearer " + tokenA + "\r\n",
	} {
		r := raw(t, address, put+fields+digits, false)
		if got := s.take(); r.status != 201 || len(got) != 1 || got[0].Key.Pipeline != "a" {
			t.Errorf("%s: %d %s %+v", about, r.status, r.body, got)
		}
	}
	key := origin.Key{Event: "final", Rendition: "v1080", Number: 1017, Pipeline: "a"}
	for token, want := range map[string]origin.Outcome{tokenA: origin.Stored, tokenB: origin.Forbidden, "": origin.Forbidden} {
		c := clientOf(t, address, ClientOptions{Token: token})
		if got, err := c.Publish(t.Context(), origin.Publication{Key: key, Object: objectOf("x")}); err != nil || got.Outcome != want {
			t.Errorf("a client with token %q: %+v, %v; want %s", token, got, err, want)
		}
	}
}

func TestNewCredentials(t *testing.T) {
	for _, tokens := range []map[string]string{
		{"a": "short"}, {"a": ""}, {"a b": tokenA}, {"": tokenA}, {"a": tokenA + " "}, {"a": "=" + tokenA}, {"a": tokenA + "\n"},
		{"a": strings.Repeat("x", 513)}, {"a": "================"},
	} {
		if _, err := NewCredentials(tokens, false); err == nil || strings.Contains(err.Error(), "token-of") {
			t.Errorf("%q: %v", tokens, err)
		}
	}
	for s, good := range map[string]bool{`{"a":"x","b":"y"}`: true, "{}\n": true, `{"a":1}`: false, `["a"]`: false, "": false,
		`{"a":"x"} {"b":"y"}`: false, `{"a":"x"`: false} {
		if got, err := ReadTokens(strings.NewReader(s)); (err == nil) != good {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
}

// A verified certificate names its pipeline; one that nobody has verified does not get as far.
func TestCertificates(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	authority := servertest.NewAuthority(t)
	roots := authority.Pool()
	credentials, err := NewCredentials(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(Publishing(s, catalog, fixed(epoch), PublishingOptions{Credentials: credentials}))
	srv.TLS = &tls.Config{ClientCAs: roots, ClientAuth: tls.VerifyClientCertIfGiven,
		Certificates: []tls.Certificate{authority.Own}}
	srv.StartTLS()
	defer srv.Close()
	stranger := servertest.NewAuthority(t).Certificate(t, "a")
	for _, c := range []struct {
		about string
		cert  *tls.Certificate
		want  origin.Outcome // "": no answer
	}{
		{"none", nil, origin.Forbidden},
		{"its common name", ptr(authority.Certificate(t, "a")), origin.Stored},
		{"a DNS name", ptr(authority.Certificate(t, "encoder 7", "x", "a")), origin.Stored},
		{"another pipeline's", ptr(authority.Certificate(t, "b")), origin.Forbidden},
		{"nobody's", ptr(authority.Certificate(t, "not a name")), origin.Forbidden},
		{"signed by a stranger", &stranger, ""},
	} {
		config := &tls.Config{RootCAs: roots}
		if c.cert != nil { // whatever authorities the server asks for
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.cert, nil }
		}
		client, err := NewClient(srv.URL, ClientOptions{TLS: config})
		if err != nil {
			t.Fatal(err)
		}
		key := origin.Key{Event: "final", Rendition: "v1080", Number: 1017, Pipeline: "a"}
		got, err := client.Publish(t.Context(), origin.Publication{Key: key, Object: objectOf("x")})
		if got.Outcome != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %+v, %v; want %q", c.about, got, err, c.want)
		}
		client.Close()
	}
}

func ptr[T any](v T) *T { return &v }

// Preconditions: nothing is replaced, and who wants to be the first is told when it is not.
func TestPreconditions(t *testing.T) {
	s := newStudio(t, PublishingOptions{})
	address := listen(t, s.open, ForPublishing)
	segment, other := s.segment(t, "v360", 1000), s.segment(t, "v360", 1001)
	place := strings.Replace(strings.Replace(put, "v1080", "v360", 1), "1017", "1000", 1) + byA
	for _, c := range []struct {
		about, field, body string
		status             int
	}{
		{"if it is that one", "If-Match: \"x\"\r\n", segment, 412},
		{"if there is any", "If-Match: *\r\n", segment, 412},
		{"if there is none", "If-None-Match: *\r\n", segment, 201},
		{"the same again", "If-None-Match: *\r\n", segment, 412},
		{"other bytes", "If-None-Match: *\r\n", other, 412},
		{"the same, whatever there is", "", segment, 200},
		{"other bytes, whatever there is", "", other, 409},
	} {
		if r := raw(t, address, place+c.field+sized(c.body), false); r.status != c.status {
			t.Errorf("%s: %d %s; want %d", c.about, r.status, r.body, c.status)
		}
	}
	s.want(t, "v360", 1000, segment)
}

// A source's manifest is taken and has no effect; what is none is refused.
func TestSourceManifest(t *testing.T) {
	s := &shelf{}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{}), ForPublishing)
	own, err := MPD(testEvent(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	send := "PUT /final/live.mpd HTTP/1.1\r\nHost: x\r\n"
	least := `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>`
	for _, c := range []struct {
		about, send string
		status      int
	}{
		{"our own", send + sized(string(own)), 200},
		{"the least", send + "Content-Type: application/dash+xml\r\n" + sized(least), 200},
		{"by POST, in chunks, of a pipeline", "POST" + send[3:] + byA + chunked + pack(least) + lastPart, 200},
		{"an unknown event", strings.Replace(send, "final", "other", 1) + sized(least), 404},
		{"an unknown pipeline", send + "Live-Pipeline: z\r\n" + sized(least), 403},
		{"another type", send + "Content-Type: video/mp4\r\n" + sized(least), 415},
		{"packed", send + "Content-Encoding: gzip\r\n" + sized(least), 415},
		{"no length", send + "\r\n", 411},
		{"too large", send + "Content-Length: 1048577\r\n\r\n", 413},
		{"empty", send + sized(""), 400},
		{"JSON", send + sized("{}"), 400},
		{"a web page", send + sized("<html></html>"), 400},
		{"another namespace", send + sized("<MPD><Period/></MPD>"), 400},
		{"no period", send + sized(strings.Replace(least, "<Period/>", "", 1)), 400},
		{"no end", send + sized(least[:len(least)-6]), 400},
		{"something behind it", send + sized(least+least), 400},
		{"a probe", "POST /final/ HTTP/1.1\r\nHost: x\r\n" + sized(""), 200},
		{"a probe with a body", "POST /final/ HTTP/1.1\r\nHost: x\r\n" + sized("x"), 400},
		{"a probe of another event", "POST /other/ HTTP/1.1\r\nHost: x\r\n" + sized(""), 404},
	} {
		if r := raw(t, address, c.send, false); r.status != c.status {
			t.Errorf("%s: %d %s; want %d", c.about, r.status, r.body, c.status)
		}
	}
	if got := s.take(); len(got) > 0 {
		t.Errorf("published %+v", got)
	}
}

// FuzzMPD: what is taken for an MPD says so.
func FuzzMPD(f *testing.F) {
	f.Add([]byte(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>`))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period id="&a;"/></MPD>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkMPD(b) == nil && !bytes.Contains(b, []byte(mpdNamespace)) && !bytes.Contains(b, []byte("&")) {
			t.Errorf("%q is no MPD", b)
		}
	})
}

// The pipelines of other regions are refused before the body, unless all publish everywhere.
func TestPublishingRegion(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	everywhere := testEvent()
	everywhere.CrossPublish = true
	for _, c := range []struct {
		catalog events
		by      string
		status  int
	}{
		{catalog, "a", 201}, {catalog, "b", 403}, {events{"final": everywhere}, "b", 201},
	} {
		address := listen(t, Publishing(s, c.catalog, fixed(epoch), PublishingOptions{Region: "us-east"}), ForPublishing)
		body := digits
		if c.status == 403 {
			body = "Content-Length: 9\r\n\r\n" // which never comes
		}
		if r := raw(t, address, put+"Live-Pipeline: "+c.by+"\r\n"+body, false); r.status != c.status {
			t.Errorf("pipeline %s: %d %s; want %d", c.by, r.status, r.body, c.status)
		}
	}
}

// Content-Digest is checked as Repr-Digest is.
func TestContentDigest(t *testing.T) {
	s := &shelf{says: origin.Receipt{Outcome: origin.Stored}}
	address := listen(t, Publishing(s, catalog, fixed(epoch), PublishingOptions{}), ForPublishing)
	for sum, status := range map[string]int{sha("123456789"): 201, "crc32c=:4waSgw==:": 201, sha(""): 400, "crc32c=:4waSgg==:": 400,
		"crc32c=:4w": 400, "md5=:AAAA:": 201} {
		if r := raw(t, address, put+byA+"Content-Digest: "+sum+"\r\n"+digits, false); r.status != status {
			t.Errorf("%s: %d %s; want %d", sum, r.status, r.body, status)
		}
	}
}
