package originhttp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// epoch is the start of the test event: segment 1000, of 2 s.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func testEvent() origin.Event {
	return origin.Event{
		ID: "final", AvailabilityStartTime: epoch, StartNumber: 1000,
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: 5 * time.Minute, PublishDelay: 500 * time.Millisecond,
		RetryBudget: 2 * time.Second, Patience: time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{
			{ID: "v1080", Kind: origin.Video, Codecs: "avc1.640028", Bandwidth: 6_000_000, Width: 1920, Height: 1080,
				FrameRate: "30000/1001", Timescale: 90000, SampleTicks: 3003, TrackID: 1},
			{ID: "v360", Kind: origin.Video, Codecs: "avc1.64001e", Bandwidth: 800_000, Width: 640, Height: 360,
				FrameRate: "24", Timescale: 90000, SampleTicks: 3750, TrackID: 1},
			{ID: "a128", Kind: origin.Audio, Codecs: "mp4a.40.2", Bandwidth: 128_000, SampleRate: 48000,
				Timescale: 48000, SampleTicks: 1024, TrackID: 2},
		},
		Regions: []origin.RegionPlan{{Name: "us-east", Pipelines: []string{"a"}}, {Name: "us-west", Pipelines: []string{"b"}}},
	}
}

// events is a Catalog.
type events map[string]origin.Event

func (c events) Event(id string) (origin.Event, bool) { ev, ok := c[id]; return ev, ok }

var catalog = events{"final": testEvent()}

// fixed is a Clock that stands still.
type fixed time.Time

func (c fixed) Now() time.Time                                   { return time.Time(c) }
func (c fixed) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// getter and publisher are the seams as functions.
type (
	getter    func(context.Context, origin.Request) (origin.Response, error)
	publisher func(context.Context, origin.Publication) (origin.Receipt, error)
)

func (g getter) Get(ctx context.Context, r origin.Request) (origin.Response, error) { return g(ctx, r) }
func (p publisher) Publish(ctx context.Context, q origin.Publication) (origin.Receipt, error) {
	return p(ctx, q)
}

// answering is a Getter that always gives the same answer.
func answering(resp origin.Response) getter {
	return func(context.Context, origin.Request) (origin.Response, error) { return resp, nil }
}

// deliver makes a Delivery of one answer.
func deliver(resp origin.Response) http.Handler {
	return Delivery(answering(resp), catalog, fixed(epoch.Add(time.Minute)))
}

func objectOf(body string) origin.Object {
	return origin.Object{Body: []byte(body), Size: len(body), Digest: origin.Checksum([]byte(body))}
}

// published is an answer with every field that a good one can have.
func published(body string) origin.Response {
	return origin.Response{
		Reason: origin.Published, MaxAge: 299_250 * time.Millisecond, Object: objectOf(body),
		Pipeline: "a", Region: "us-east", Store: 1200 * time.Microsecond, Hold: 340 * time.Millisecond,
		Cache: origin.CacheStatus{Cache: "edge-1", Forward: "miss", Stored: true, Collapsed: true, TTL: 4 * time.Second},
	}
}

// listen serves a handler on loopback until the test ends, as the real servers are served.
func listen(t testing.TB, h http.Handler, role Role, change ...func(*http.Server)) (address string) {
	t.Helper()
	ln := servertest.Listen(t)
	srv := NewServer(h, role, nil)
	for _, f := range change {
		f(srv)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, srv, 0) }()
	t.Cleanup(func() {
		stop()
		_ = srv.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("server did not stop")
		}
	})
	return ln.Addr().String()
}

// client connects to a handler over loopback.
func client(t testing.TB, h http.Handler, role Role, o ClientOptions) *Client {
	t.Helper()
	return clientOf(t, listen(t, h, role), o)
}

func clientOf(t testing.TB, address string, o ClientOptions) *Client {
	t.Helper()
	c, err := NewClient("http://"+address+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// reply is what came back on a raw socket.
type reply struct {
	status int
	header http.Header
	body   string
	closed bool // the server closed, or said that it will
}

// raw sends bytes on a socket of their own, then ends its half of the connection if asked to, and reads one answer.
// A status of 0 means that none came.
func raw(t testing.TB, address, text string, half bool) (r reply) {
	t.Helper()
	c := dial(t, address)
	defer c.Close()
	go func() { // a server may answer before it has read everything
		_, _ = io.WriteString(c, text)
		if half {
			_ = c.Conn.(*net.TCPConn).CloseWrite()
		}
	}()
	return c.read(text)
}

// wire is a connection with nothing between the test and the server.
type wire struct {
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, address string) wire {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	return wire{conn, bufio.NewReader(conn)}
}

// ask sends a request, or several, and reads the first answer.
func (c wire) ask(text string) reply {
	_, _ = io.WriteString(c, text) // what went wrong shows in the answer
	return c.read(text)
}

// read reads an answer to a request that begins with text.
func (c wire) read(text string) reply {
	method, _, _ := strings.Cut(text, " ")
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(c.in, &http.Request{Method: method})
	}
	if err != nil {
		return reply{closed: true}
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	closed := resp.Close || err != nil
	return reply{status: resp.StatusCode, header: resp.Header, body: body.String(), closed: closed}
}
