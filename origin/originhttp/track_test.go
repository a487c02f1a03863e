package originhttp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
)

// studio is an encoder, and a node that takes what it makes. Ten segments are in the past, and all may still come.
type studio struct {
	event origin.Event
	*encoders.Encoder
	node *origin.Node
	open http.Handler
}

const oldest, newest = 1000, 1009

func newStudio(t testing.TB, o PublishingOptions) *studio {
	t.Helper()
	s := &studio{event: testEvent()}
	rt := new(origin.Wall)
	var err error
	if s.event.Renditions, err = encoders.Ladder("small"); err != nil {
		t.Fatal(err)
	}
	s.event.AvailabilityStartTime = rt.Now().Add(-20 * time.Second)
	s.event.RetryBudget = time.Hour
	s.node = origin.NewNode(origin.NodeConfig{Name: "east-1", Region: "us-east", Runtime: rt, Store: origin.NewMemory(rt, 64<<20),
		Inspect: encoders.Inspect, InspectHeader: encoders.InspectHeader})
	if err = s.node.AddEvent(s.event); err != nil {
		t.Fatal(err)
	}
	if s.Encoder, err = encoders.NewEncoder(s.event, rt); err != nil {
		t.Fatal(err)
	}
	s.open = Publishing(s.node, s.node, rt, o)
	return s
}

func (s *studio) rendition(t testing.TB, id string) origin.Rendition {
	t.Helper()
	r, ok := s.event.Rendition(id)
	if !ok {
		t.Fatalf("no rendition %s", id)
	}
	return r
}

// header and segment are what the encoder makes of a rendition.
func (s *studio) header(t testing.TB, id string) string {
	o, err := s.Header(s.rendition(t, id))
	if err != nil {
		t.Fatal(err)
	}
	return string(o.Body)
}

func (s *studio) segment(t testing.TB, id string, n origin.SegmentNumber) string {
	return string(s.Build(s.rendition(t, id), n).Body)
}

// want says whether a node serves just these bytes, and as clean.
func (s *studio) want(t testing.TB, id string, n origin.SegmentNumber, body string) {
	t.Helper()
	got, err := s.node.Get(t.Context(), origin.Request{Event: "final", Rendition: id, Number: n})
	if err != nil || got.Reason != origin.Published || string(got.Object.Body) != body {
		t.Errorf("%s/%d is served as %s with %v, %d bytes; want %d clean ones (%v)", id, n, got.Reason, got.Defects,
			len(got.Object.Body), len(body), err)
	}
}

const (
	post     = "POST /final/Streams(v360.cmfv) HTTP/1.1\r\nHost: x\r\nLive-Pipeline: a\r\n"
	chunked  = "Transfer-Encoding: chunked\r\n\r\n"
	lastPart = "0\r\n\r\n"
)

func pack(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func sized(s string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(s), s) }

func tallied(t testing.TB, r reply) (outcome origin.Outcome, track tally) {
	t.Helper()
	var j receiptJSON
	if err := json.Unmarshal([]byte(r.body), &j); err != nil {
		t.Errorf("%d %q: %v", r.status, r.body, err)
	}
	if j.Track != nil {
		track = *j.Track
	}
	return j.Outcome, track
}

// A long upload's segments are served one by one, as they come, byte for byte.
func TestTrackAsItComes(t *testing.T) {
	s := newStudio(t, PublishingOptions{})
	address := listen(t, s.open, ForPublishing)
	for id, name := range map[string]string{"v360": "Streams(v360.cmfv)", "a96": "Streams%28a96.cmfa%29"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		send := func(text string) {
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
		}
		send("POST /final/" + name + " HTTP/1.1\r\nHost: x\r\nLive-Pipeline: a\r\nContent-Type: video/mp4\r\n" + chunked +
			pack(s.header(t, id)))
		for n := origin.SegmentNumber(oldest); n <= newest; n++ {
			body := s.segment(t, id, n)
			send(pack(body[:100]) + pack(body[100:]))
			for range 2000 {
				if r, _ := s.node.Get(t.Context(), origin.Request{Event: "final", Rendition: id, Number: origin.Header}); r.OK() {
					break
				}
				time.Sleep(time.Millisecond)
			}
			s.want(t, id, n, body) // held open until it is published
		}
		s.want(t, id, origin.Header, s.header(t, id))
		send(lastPart)
		resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "POST"})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 201 || resp.Close || !strings.Contains(string(body), `"stored":10,"repeated":0,"refused":0`) {
			t.Errorf("%s: %d %s", id, resp.StatusCode, body)
		}
	}
}

// One row after the other against one origin: what a source that resumes, restarts or begins elsewhere is told.
func TestTrackResumes(t *testing.T) {
	s := newStudio(t, PublishingOptions{})
	address := listen(t, s.open, ForPublishing)
	header := s.header(t, "v360")
	seg := func(n origin.SegmentNumber) string { return s.segment(t, "v360", n) }
	other := func(n origin.SegmentNumber) string { // other bytes, though as good: the picture is another one's
		b := []byte(seg(n))
		b[len(b)-1] ^= 1
		return string(b)
	}
	putPost := "PUT" + strings.TrimPrefix(post, "POST")
	for _, c := range []struct {
		about, send string
		half        bool
		status      int
		outcome     origin.Outcome
		track       tally
	}{
		{"a segment before any header", post + sized(seg(1000)), false, 412, origin.HeaderFirst, tally{}},
		{"an empty request", post + "Content-Length: 0\r\n\r\n", false, 200, "", tally{}},
		{"the header alone", putPost + sized(header), false, 201, origin.Stored, tally{}},
		{"the header again", post + sized(header), false, 200, origin.Repeated, tally{}},
		{"one segment, by PUT", putPost + sized(seg(1000)), false, 201, origin.Stored, tally{Stored: 1}},
		{"the same, by POST", post + sized(seg(1000)), false, 200, origin.Repeated, tally{Repeated: 1}},
		{"other bytes", post + sized(other(1000)), false, 409, origin.Conflict, tally{Refused: 1}},
		{"a source that resumes", post + chunked + pack(header+seg(1000)+seg(1001)) + lastPart, false, 201, origin.Stored,
			tally{Stored: 1, Repeated: 1}},
		{"one that was cut short", post + chunked + pack(header+seg(1002)+seg(1003)[:9000]), true, 400, "", tally{}},
		{"and has 1002 already", post + chunked + pack(header+seg(1002)+seg(1003)) + lastPart, false, 201, origin.Stored,
			tally{Stored: 1, Repeated: 1}},
		{"a source that restarts after a hole", post + chunked + pack(header+other(1003)+seg(1006)) + lastPart, false, 409,
			origin.Conflict, tally{Stored: 1, Refused: 1}},
		{"three refused in a row", post + chunked + pack(header+other(1001)+other(1002)+other(1003)+seg(1007)) + lastPart, false, 409,
			origin.Conflict, tally{Refused: 3}},
		{"three refused, not in a row", post + chunked + pack(other(1001)+other(1002)+seg(1000)+other(1003)+seg(1008)) + lastPart,
			false, 409, origin.Conflict, tally{Stored: 1, Repeated: 1, Refused: 3}},
		{"what has not begun", post + sized(seg(1030)), false, 409, origin.TooEarly, tally{Refused: 1}},
		{"another header", post + chunked + pack(strings.Replace(header, "iso6", "iso5", 1)+seg(1009)) + lastPart, false, 409,
			origin.Conflict, tally{Refused: 1}},
		{"the end of a track", post + sized(seg(1009)+"\x00\x00\x00\x08mfra"), false, 201, origin.Stored, tally{Stored: 1}},
		{"an end and nothing else", post + sized("\x00\x00\x00\x08mfra"), false, 200, origin.Repeated, tally{}},
	} {
		r := raw(t, address, c.send, c.half)
		if r.status != c.status {
			t.Errorf("%s: %d %s; want %d", c.about, r.status, r.body, c.status)
			continue
		}
		if c.outcome != "" {
			if outcome, track := tallied(t, r); outcome != c.outcome || track != c.track {
				t.Errorf("%s: %s %+v; want %s %+v", c.about, outcome, track, c.outcome, c.track)
			}
		}
	}
	for _, n := range []origin.SegmentNumber{1000, 1001, 1002, 1003, 1006, 1008, 1009} {
		s.want(t, "v360", n, seg(n))
	}
	if got := len(s.node.Known("final")); got != 8 {
		t.Errorf("%d candidates are known; want the header and 7 segments", got)
	}
}

// What is refused of a track, and that an early answer does not wait for the rest of the body.
func TestTrackRefuses(t *testing.T) {
	s := newStudio(t, PublishingOptions{Limits: Limits{Body: 1 << 20}, Region: "us-east"})
	address := listen(t, s.open, ForPublishing)
	header, seg := s.header(t, "v360"), s.segment(t, "v360", 1000)
	begun := post + chunked + pack(header)
	garbled := strings.Replace(seg, "trun", "nurt", 1)
	for _, c := range []struct {
		about, send string
		status      int
		outcome     string
	}{
		{"an unknown event", strings.Replace(begun, "final", "other", 1), 404, "no-such"},
		{"an unknown rendition", strings.Replace(begun, "v360", "v1", 1), 404, "no-such"},
		{"a rendition of another kind", strings.Replace(begun, "cmfv", "cmfa", 1), 404, "no-such"},
		{"a kind that the event does not have", strings.Replace(begun, "cmfv", "cmft", 1), 404, "no-such"},
		{"an unknown extension", strings.Replace(begun, "cmfv", "mp4", 1), 400, ""},
		{"another escape", strings.Replace(begun, "v360", "v%33%36%30", 1), 400, ""},
		{"another region's pipeline", strings.Replace(begun, "Pipeline: a", "Pipeline: b", 1), 403, "forbidden"},
		{"no pipeline", strings.Replace(begun, "Live-Pipeline: a\r\n", "", 1), 400, ""},
		{"neither length nor chunks", post + "\r\n", 411, ""},
		{"another type", post + "Content-Type: text/plain\r\n" + chunked, 415, ""},
		{"a coding", post + "Content-Encoding: gzip\r\n" + chunked, 415, ""},
		{"findings", post + "Live-Defects:\r\n" + chunked, 400, ""},
		{"a token", post + "Live-Token: time=@1, nonce=:AAECAwQFBgc=:\r\n" + chunked, 400, ""},
		{"a digest", post + "Repr-Digest: crc32c=:4waSgw==:\r\n" + chunked, 400, ""},
		{"a precondition", post + "If-None-Match: *\r\n" + chunked, 412, ""},
		{"the header of another rendition", post + chunked + pack(s.header(t, "a96")), 422, "unparseable"},
		{"no CMAF", post + chunked + pack("GET / HTTP/1.1\r\n"), 413, ""}, // a box of a billion bytes
		{"a size of zero", begun + pack("\x00\x00\x00\x00free"), 422, "unparseable"},
		{"a size of seven", begun + pack("\x00\x00\x00\x07free"), 422, "unparseable"},
		{"mdat without moof", begun + pack("\x00\x00\x00\x08mdat"), 422, "unparseable"},
		{"moof without mdat", begun + pack(seg[:strings.Index(seg, "mdat")-4]+"\x00\x00\x00\x08free"), 422, "unparseable"},
		{"moof without tfdt", begun + pack(strings.Replace(seg, "tfdt", "tdft", 1)), 422, "unparseable"},
		{"a box too large", begun + pack("\x00\x10\x00\x01free"), 413, ""},
		{"boxes too large together", begun + strings.Repeat(pack("\x00\x04\x00\x00free"+strings.Repeat("x", 1<<18-8)), 5), 413, ""},
		{"three segments without samples", begun + pack(garbled+s.garbled(t, 1001)+s.garbled(t, 1002)+s.garbled(t, 1003)), 422, "unparseable"},
		{"a body that ends in a box", post + sized(header+seg[:9000]), 400, ""},
		{"behind the size of one", post + sized(header+"\x00\x00\x00\x10free"), 400, ""},
		{"in the size of one", post + sized(header+"\x00\x00\x00\x01free"), 400, ""},
		{"after a moof", post + sized(header+seg[:strings.Index(seg, "mdat")-4]), 422, "unparseable"},
		{"nothing but padding", post + sized("\x00\x00\x00\x08free"), 422, "unparseable"},
	} {
		start := time.Now()
		r := raw(t, address, c.send, false)
		if r.status != c.status || r.header.Get("Live-Outcome") != c.outcome || !r.closed && c.about != "nothing but padding" {
			t.Errorf("%s: %d, outcome %q, closed %v, %.200q; want %d, %q", c.about, r.status, r.header.Get("Live-Outcome"), r.closed,
				r.body, c.status, c.outcome)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: answered after %v", c.about, took)
		}
	}
	for _, a := range s.node.Known("final") {
		if a.Key.Number != origin.Header {
			t.Errorf("%+v is stored", a.Key)
		}
	}
	if n := s.open.(*publishing).inFlight.Load(); n != 0 {
		t.Errorf("%d bytes are still in flight", n)
	}
}

func (s *studio) garbled(t testing.TB, n origin.SegmentNumber) string {
	return strings.Replace(s.segment(t, "v360", n), "trun", "nurt", 1)
}

// pipes is a listener without a network, for tests in virtual time.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A long upload outlives the server's limit on a request, one that brings nothing does not, and a server that stops does
// not wait for it.
func TestTrackTakesItsTime(t *testing.T) {
	for _, c := range []struct {
		about    string
		segments int // then the source falls silent
		stop     time.Duration
		status   int
		after    time.Duration // since the start
	}{
		{"a source that falls silent", 15, time.Hour, 408, 30*time.Second + 12*time.Second},
		{"a server that stops", 100, 31 * time.Second, 503, 31*time.Second + stopGrace/2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, PublishingOptions{})
			ln := pipes{make(chan net.Conn, 1)}
			ctx, stop := contextWithStop(t, c.stop)
			served := make(chan error, 1)
			go func() { served <- Serve(ctx, ln, NewServer(s.open, ForPublishing, nil), 0) }()
			here, there := net.Pipe()
			ln.conns <- there
			start := time.Now()
			silent := make(chan struct{})
			go func() {
				defer close(silent)
				_, _ = io.WriteString(here, post+chunked+pack(s.header(t, "v360")))
				for n := range c.segments {
					time.Sleep(2 * time.Second)
					if _, err := io.WriteString(here, pack(s.segment(t, "v360", oldest+origin.SegmentNumber(n)))); err != nil {
						return
					}
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(here), &http.Request{Method: "POST"})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); resp.StatusCode != c.status || took < c.after || took > c.after+100*time.Millisecond {
				t.Errorf("%s: %d after %v; want %d after %v", c.about, resp.StatusCode, took, c.status, c.after)
			}
			_ = here.Close()
			<-silent
			stop()
			close(ln.conns)
			<-served
		})
	}
}

// What a quorum does not have is tried again until it has, and the upload goes on.
func TestTrackWithoutQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, PublishingOptions{})
		up := time.Now().Add(2 * time.Second)
		tries := 0
		h := Publishing(publisher(func(ctx ctx, p origin.Publication) (origin.Receipt, error) {
			if tries++; time.Now().Before(up) {
				return origin.Receipt{Outcome: origin.Unavailable, Detail: "1 of 3"}, nil
			}
			return s.node.Publish(ctx, p)
		}), s.node, new(origin.Wall), PublishingOptions{})
		body := s.header(t, "v360") + s.segment(t, "v360", 1000)
		w := newRecorder()
		h.ServeHTTP(w, newUpload(t, body))
		if w.Code != 201 || tries < 6 || tries > 12 {
			t.Errorf("%d %s after %d tries", w.Code, w.Body, tries)
		}
		s.want(t, "v360", 1000, s.segment(t, "v360", 1000))
	})
}

// box and its relatives make CMAF of nothing but what a splitter looks at.
func box(kind, payload string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(payload)))) + kind + payload
}

func moof(time uint64, samples uint32) string {
	tfdt := box("tfdt", "\x01\x00\x00\x00"+string(binary.BigEndian.AppendUint64(nil, time)))
	trun := box("trun", "\x00\x00\x00\x00"+string(binary.BigEndian.AppendUint32(nil, samples)))
	return box("moof", box("mfhd", "12345678")+box("traf", tfdt+trun))
}

// Chunks become segments: of video at 90,000 ticks with frames of 3,000, and of audio at 48,000 with frames of 1,024, of
// which 93.75 go into a segment.
func TestSplit(t *testing.T) {
	ev := testEvent()
	video, audio := timeline{&ev, 90_000, 3000}, timeline{&ev, 48_000, 1024}
	c := func(time uint64, samples uint32) string { return moof(time, samples) + box("mdat", "frames") }
	styp, prft := box("styp", "msdh"), box("prft", "when")
	header := box("ftyp", "cmf2") + box("moov", "tracks")
	for _, row := range []struct {
		about    string
		timeline timeline
		boxes    []string
		parts    string // number:boxes, of which each has one digit
	}{
		{"header and segments", video, []string{header, styp + c(0, 60), styp + c(180_000, 60)}, "-1:0 1000:1 1001:2"},
		{"no more than a header", video, []string{header}, "-1:0"},
		{"chunks of a segment", video, []string{styp, prft + c(0, 20), prft + c(60_000, 20), prft + c(120_000, 20)}, "1000:0123"},
		{"of the next", video, []string{c(0, 30), c(90_000, 30), c(180_000, 30), c(270_000, 30)}, "1000:01 1001:23"},
		{"the last chunk is missing", video, []string{c(0, 30), styp, prft + c(180_000, 60)}, "1000:0 1001:12"},
		{"at the end", video, []string{c(0, 30)}, "1000:0"},
		{"and a header", video, []string{c(0, 30), header, c(180_000, 60)}, "1000:0 -1:1 1001:2"},
		{"a chunk in the middle", video, []string{c(180_000+90_000, 30)}, "1001:0"},
		{"half a frame early, or late", video, []string{c(180_000-1500, 60), c(360_000+1500, 60)}, "1001:0 1002:1"},
		{"a hole", video, []string{c(0, 60), c(1_800_000, 60)}, "1000:0 1010:1"},
		{"a large tfdt", video, []string{c(90_000*3600*24*365*60, 60)}, "946081000:0"},
		{"nobody knows how large", video, []string{c(1<<60, 60)}, "4611686018427387904:0"},
		{"audio, rounded up", audio, []string{c(0, 94), c(94*1024, 94), c(188*1024, 94), c(282*1024, 93), c(375*1024, 94)},
			"1000:0 1001:1 1002:2 1003:3 1004:4"},
		{"audio, rounded down", audio, []string{c(0, 93), c(93*1024, 94), c(187*1024, 94), c(281*1024, 94)},
			"1000:0 1001:1 1002:2 1003:3"},
		{"audio, in chunks, one frame alone", audio, []string{c(0, 47), c(47*1024, 46), c(93*1024, 1), c(94*1024, 94)},
			"1000:012 1001:3"},
		{"audio, in chunks, rounded down", audio, []string{c(0, 47), c(47*1024, 46) /* ends early */, c(94*1024, 94)},
			"1000:01 1001:2"},
		{"the end", video, []string{c(0, 60), box("mfra", "")}, "1000:0"},
	} {
		split := splitter{from: iotestOneByte(strings.Join(row.boxes, "")), timeline: row.timeline, limit: 1 << 20}
		var got []string
		for {
			p, err := split.next()
			if err != nil {
				if err != io.EOF {
					t.Errorf("%s: %v", row.about, err)
				}
				break
			}
			which := ""
			rest := string(p.body)
			for i, b := range row.boxes {
				if after, ok := strings.CutPrefix(rest, b); ok && b != "" && !strings.Contains(fmt.Sprint(got), fmt.Sprint(i)+" ") {
					which, rest = which+fmt.Sprint(i), after
				}
			}
			got = append(got, fmt.Sprintf("%d:%s", p.number, which))
			if rest != "" {
				t.Errorf("%s: %q is left over in part %d", row.about, rest, p.number)
			}
		}
		if s := strings.Join(got, " "); s != row.parts {
			t.Errorf("%s: %s; want %s", row.about, s, row.parts)
		}
	}
}

// FuzzSplit: whatever the bytes, splitting ends, stays within its limits, and loses and invents nothing: the parts are
// the bytes, but for what stands behind the last one.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(box("ftyp", "cmf2") + box("moov", "tracks") + moof(0, 60) + box("mdat", "frames")))
	f.Add([]byte(moof(0, 30) + box("mdat", "a") + box("prft", "when") + moof(90_000, 30) + box("mdat", "b") + box("mfra", "")))
	f.Add([]byte(moof(1<<61, 1<<31) + box("mdat", "")))
	f.Add([]byte("\x00\x00\x00\x01free\x00\x00\x00\x00\x00\x00\x00\x10"))
	ev := testEvent()
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 4096
		read := int64(0)
		split := splitter{from: bytes.NewReader(b), timeline: timeline{&ev, 90_000, 3000}, limit: limit,
			reserve: func(n int64) bool { read += n; return n >= 0 && n <= limit }}
		var all []byte
		for range len(b) + 1 {
			p, err := split.next()
			if err != nil {
				if all = append(all, split.buf...); !bytes.Contains(b, []byte("mfra")) && !bytes.HasPrefix(b, all[:max(0, len(all)-16)]) {
					t.Fatalf("%q became %q", b, all)
				}
				return
			}
			if len(p.body) == 0 || len(p.body) > limit || p.number < origin.Header || p.number > maxNumber {
				t.Fatalf("part %d of %d bytes", p.number, len(p.body))
			}
			all = append(all, p.body...)
		}
		t.Fatal("more parts than bytes")
	})
}
