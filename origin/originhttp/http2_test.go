package originhttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/liveorigin/liveorigin/origin/guard"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// What net/http does about the floods that HTTP/2 is known for, and what it is told to, as seen by clients that speak frames
// over TLS as they please (RFC 9113, section 10.5). Those named by a CVE have it beside them.

// secure serves a handler over TLS with HTTP/2, and gives the address.
func secure(t *testing.T, h http.Handler, role Role, limits guard.Limits) string {
	return guarded(t, h, role, limits).Addr().String()
}

// guarded is secure for who looks at the listener as well.
func guarded(t *testing.T, h http.Handler, role Role, limits guard.Limits) *guard.Listener {
	t.Helper()
	limits.TLS = &tls.Config{Certificates: []tls.Certificate{servertest.NewAuthority(t).Own}, NextProtos: []string{"h2", "http/1.1"}}
	ln := guard.Listen(narrow{servertest.Listen(t)}, limits)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ServeGuarded(ctx, ln, NewServer(h, role, nil)) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln
}

// narrow lets little be on its way to a client, so that one that does not read is soon noticed.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		_ = conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return conn, err
}

// framed is a client that sends what frames it likes.
type framed struct {
	*http2.Framer
	*testing.T
	conn     *tls.Conn
	settings map[http2.SettingID]uint32 // the server's
	next     uint32                     // stream
	head     bytes.Buffer
	coder    *hpack.Encoder
}

// dialFramed connects, and sends the preface with settings of its own.
func dialFramed(t *testing.T, address string, settings ...http2.Setting) *framed {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.(*net.TCPConn).SetReadBuffer(4 << 10) // as narrow does
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	t.Cleanup(func() { _ = raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
	f := &framed{Framer: http2.NewFramer(conn, conn), T: t, conn: conn, settings: map[http2.SettingID]uint32{}, next: 1}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.coder = hpack.NewEncoder(&f.head)
	_, err = io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = f.WriteSettings(settings...)
	}
	if err != nil {
		t.Fatal(err)
	}
	for acknowledged := false; !acknowledged; {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := frame.(*http2.SettingsFrame); ok {
			if acknowledged = s.IsAck(); acknowledged {
				break
			}
			_ = s.ForeachSetting(func(s http2.Setting) error { f.settings[s.ID] = s.Val; return nil })
			if err := f.WriteSettingsAck(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

// fields encodes a head: pairs of names and values behind the method and the path.
func (f *framed) fields(method, path string, pairs ...string) []byte {
	f.head.Reset()
	for i, all := 0, append([]string{":method", method, ":scheme", "https", ":authority", "o", ":path", path}, pairs...); i < len(all); i += 2 {
		_ = f.coder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}) // into memory
	}
	return f.head.Bytes()
}

// request opens a stream with a GET, and gives its number.
func (f *framed) request(path string, pairs ...string) (stream uint32, err error) {
	stream = f.next
	f.next += 2
	return stream, f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.fields("GET", path, pairs...), EndHeaders: true, EndStream: true})
}

// end is how a stream, or with number 0 the connection, ended: a status, or an error code.
type end struct {
	status string
	code   http2.ErrCode
	gone   bool // the connection
}

// await reads until a stream has an answer or is reset, or the connection is over.
func (f *framed) await(stream uint32) (e end) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			e.gone = true
			return e
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if frame.StreamID == stream {
				return end{status: frame.PseudoValue("status")}
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return end{code: frame.ErrCode}
			}
		case *http2.GoAwayFrame:
			e.code = frame.ErrCode
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = f.WritePing(true, frame.Data)
			}
		}
	}
}

// serves says whether a new client is answered as if nothing were.
func serves(t *testing.T, address string) {
	t.Helper()
	f := dialFramed(t, address)
	stream, err := f.request("/well")
	if e := f.await(stream); err != nil || e.status != "200" {
		t.Errorf("another client is answered %+v, %v", e, err)
	}
}

// busy is a handler that keeps all requests but those for /well, and counts how many it has.
type busy struct {
	release            chan struct{}
	now, most, started atomic.Int64
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/well" {
		return
	}
	b.started.Add(1)
	n := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	<-b.release // be the client there or not, as a read of a store that has begun
}

// What we set is told to every client: so many streams, no larger heads than over HTTP/1.1, frames of 16 KiB, and no more
// bytes on their way than a listener's role has a use for.
func TestHTTP2Settings(t *testing.T) {
	for role, window := range map[Role]uint32{ForDelivery: 64 << 10, ForPublishing: 1 << 20} {
		f := dialFramed(t, secure(t, http.NotFoundHandler(), role, guard.Limits{}))
		for id, want := range map[http2.SettingID]uint32{http2.SettingMaxConcurrentStreams: 128, http2.SettingMaxFrameSize: 16 << 10,
			http2.SettingMaxHeaderListSize: 16<<10 + 320, http2.SettingHeaderTableSize: 4096, http2.SettingInitialWindowSize: window} {
			got, ok := f.settings[id]
			if !ok && id == http2.SettingHeaderTableSize {
				got = 4096 // which is what holds if it is not said
			}
			if !ok && id == http2.SettingMaxFrameSize {
				got = 16 << 10
			}
			if got != want {
				t.Errorf("role %d: %s is %d, want %d; all are %v", role, id, got, want, f.settings)
			}
		}
	}
}

// Beyond 128 streams at once more are refused, and the others are none the worse. Who has acknowledged the limit should have
// known (RFC 9113, 5.1.2), which is why it is PROTOCOL_ERROR and not REFUSED_STREAM.
func TestHTTP2ConcurrentStreams(t *testing.T) {
	h := &busy{release: make(chan struct{})}
	address := secure(t, h, ForDelivery, guard.Limits{})
	f := dialFramed(t, address)
	var last uint32
	for range 129 {
		var err error
		if last, err = f.request("/x"); err != nil {
			t.Fatal(err)
		}
	}
	if e := f.await(last); e.code != http2.ErrCodeProtocol || e.gone {
		t.Errorf("the stream beyond the limit ended as %+v", e)
	}
	serves(t, address)
	servertest.Eventually(t, "128 served at once", func() bool { return h.most.Load() >= 128 })
	close(h.release)
	if e := f.await(1); e.status != "200" || h.most.Load() != 128 {
		t.Errorf("the first one is answered %+v; %d were served at once", e, h.most.Load())
	}
}

// Streams that are reset as soon as they are opened make no room for more work: at most as many handlers as streams run, and
// who goes on is sent away (CVE-2023-44487).
func TestHTTP2RapidReset(t *testing.T) {
	h := &busy{release: make(chan struct{})}
	defer close(h.release)
	ln := guarded(t, h, ForDelivery, guard.Limits{})
	address := ln.Addr().String()
	f := dialFramed(t, address)
	if n := ln.Stats().HTTP2Errors; n != 0 {
		t.Errorf("%d errors before anything was wrong", n)
	}
	var flood sync.WaitGroup
	flood.Go(func() {
		for range 20_000_000 { // its connection lives for a second more, which is enough for hundreds of thousands
			stream, err := f.request("/x")
			if err == nil {
				err = f.WriteRSTStream(stream, http2.ErrCodeCancel)
			}
			if err != nil {
				return // it has been sent away
			}
		}
		t.Error("the flood was let go on for ever")
	})
	e := f.await(0)
	_ = f.conn.NetConn().Close()
	flood.Wait()
	if !e.gone || e.code != http2.ErrCodeEnhanceYourCalm || h.started.Load() > 128 || h.most.Load() < 2 {
		t.Errorf("the connection ended as %+v; %d handlers were started, %d at once", e, h.started.Load(), h.most.Load())
	}
	if ln.Stats().HTTP2Errors == 0 {
		t.Error("it counts as no error")
	}
	serves(t, address)
}

// A head that is too large is answered as one of HTTP/1.1 is, but for one with a single field beyond the limit, which is not
// decoded, so that its connection is lost; one that does not end is read no further than twice the limit (CVE-2023-45288).
func TestHTTP2Heads(t *testing.T) {
	address := secure(t, new(busy), ForDelivery, guard.Limits{})
	kib := strings.Repeat("a", 1<<10)
	for _, c := range []struct {
		about, path string
		pairs       []string
		want        end
	}{
		{"100 fields", "/well", repeated(100, "a", "b"), end{status: "200"}},
		{"101 fields", "/well", repeated(101, "a", "b"), end{status: "431"}},
		{"20 fields of 1 KiB", "/well", repeated(20, "a", kib), end{status: "431"}},
		{"a field of 17 KiB", "/well", []string{"a", strings.Repeat(kib, 17)}, end{code: http2.ErrCodeCompression, gone: true}},
		{"a target of 9 KiB", "/" + strings.Repeat(kib, 9), nil, end{status: "414"}},
	} {
		f := dialFramed(t, address)
		block := f.fields("GET", c.path, c.pairs...)
		first := min(len(block), 16<<10)
		err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:first], EndStream: true, EndHeaders: first == len(block)})
		if err == nil && first < len(block) {
			err = f.WriteContinuation(1, true, block[first:])
		}
		if e := f.await(1); err != nil || e != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.about, e, err, c.want)
		}
	}
	endless := dialFramed(t, address)
	sent, err := 0, endless.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: endless.fields("GET", "/well")})
	block := bytes.Clone(endless.fields("GET", "/well", "b", strings.Repeat("b", 8<<10)))
	for ; err == nil && sent < 64<<20; sent += len(block) {
		err = endless.WriteContinuation(1, false, block)
	}
	if err == nil {
		t.Errorf("%d bytes of one head were taken", sent)
	}
	serves(t, address)
}

func repeated(n int, pair ...string) (all []string) {
	for range n {
		all = append(all, pair...)
	}
	return all
}

// Who asks for one answer after the other and reads none is cut off, once 10,000 wait for it (CVE-2019-9512, CVE-2019-9515) or
// a write has taken its time; those of settings do not even wait, for one is enough for all.
func TestHTTP2ControlFloods(t *testing.T) {
	ln := guarded(t, new(busy), ForDelivery, guard.Limits{WriteTime: 2 * time.Second})
	address := ln.Addr().String()
	f := dialFramed(t, address)
	_ = f.conn.SetWriteDeadline(time.Now().Add(3 * time.Second)) // with windows this small the kernel may take its time to tell us
	pings, err := f.many(func() error { return f.WritePing(false, [8]byte{1}) }), error(nil)
	sent := 0
	for ; err == nil && sent < 1000; sent++ {
		_, err = f.conn.Write(pings)
	}
	if err == nil {
		t.Errorf("%d pings of a client that does not read were taken", 1000*sent)
	}
	servertest.Eventually(t, "cut off", func() bool { return ln.Stats().Open == 0 })
	serves(t, address)
	f = dialFramed(t, address)
	settings := f.many(func() error { return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 70_000}) })
	go func() {
		for range 20 {
			_, _ = f.conn.Write(settings) // if it is cut off, await finds out
		}
		_, _ = f.request("/well")
	}()
	if e := f.await(1); e.status != "200" {
		t.Errorf("behind 20,000 settings: %+v", e)
	}
	serves(t, address)
}

// many are a thousand frames in one piece.
func (f *framed) many(write func() error) []byte {
	var all bytes.Buffer
	sender := f.Framer
	f.Framer = http2.NewFramer(&all, nil)
	for range 1000 {
		_ = write() // into memory
	}
	f.Framer = sender
	return all.Bytes()
}

// Whoever lets nothing be sent, by a window of nothing, is let go when the time for an answer is over, and so is who sends
// frames of a body with nothing in them (CVE-2019-9517, CVE-2019-9518).
func TestHTTP2Standstill(t *testing.T) {
	left := make(chan error, 1)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			_, err = w.Write(make([]byte, 1<<20))
		}
		left <- err
	})
	address := secure(t, answer, ForPublishing, guard.Limits{WriteTime: 300 * time.Millisecond, ChunkIdle: 300 * time.Millisecond})
	f := dialFramed(t, address, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	if _, err := f.request("/x"); err != nil {
		t.Fatal(err)
	}
	go func() { _ = f.await(0) }() // it answers pings, and is to be found healthy
	gone(t, "who takes no answer", left)
	empty := dialFramed(t, address)
	if err := empty.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: empty.fields("PUT", "/x"), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for empty.WriteData(1, false, nil) == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	gone(t, "who sends a body of nothing", left)
	_ = empty.conn.NetConn().Close()
}

func gone(t *testing.T, who string, left chan error) {
	t.Helper()
	select {
	case err := <-left:
		if err == nil {
			t.Errorf("%s was served", who)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%s is still there", who)
	}
}
