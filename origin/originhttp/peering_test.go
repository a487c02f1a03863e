package originhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// heard is a Peer, and a Recorder, that keep what they are told.
type heard struct {
	mu      sync.Mutex
	all     []origin.Announcement
	records []origin.Record
}

func (h *heard) Announce(a origin.Announcement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, a)
}

func (h *heard) Record(r origin.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r)
}

func (h *heard) known(event string) (all []origin.Announcement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.all {
		if a.Key.Event == event {
			all = append(all, a)
		}
	}
	return all
}

func (h *heard) numbers() (all []origin.SegmentNumber) {
	for _, a := range h.known("final") {
		all = append(all, a.Key.Number)
	}
	return all
}

// said lists the records in short.
func (h *heard) said() (all []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.records {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %d %s", r.Kind, r.Step, r.Name, r.Count, r.Error)))
	}
	return all
}

func announcement(n origin.SegmentNumber) origin.Announcement {
	return origin.Announcement{
		Key:       origin.Key{Event: "final", Rendition: "v1080", Number: n, Pipeline: "a"},
		Candidate: origin.Candidate{Pipeline: "a", Region: "us-east", Defects: origin.ShortSegment, Digest: 0xdeadbeef, Size: 7},
	}
}

// noLeak looks, after all other cleanups, whether anything of the test still runs.
func noLeak(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func peerClient(t *testing.T, address string, o PeerOptions) *PeerClient {
	t.Helper()
	o.Node, o.Peer, o.Region, o.Start = "east-1", "east-2", "us-east", time.Now()
	c, err := NewPeerClient("http://"+address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// When Announce returns, a neighbour that is well has been told, and can tell it to others.
func TestAnnounce(t *testing.T) {
	noLeak(t)
	far := new(heard)
	rec := new(heard)
	c := peerClient(t, listen(t, Peering(far, far.known, Limits{}), ForPublishing), PeerOptions{Deadline: 10 * time.Second, Recorder: rec})
	want := []origin.Announcement{announcement(1000), announcement(1001), announcement(origin.Header)}
	want[1].Candidate.Defects, want[1].Candidate.Size = origin.MissingSegment, 0
	want[2].Candidate.Defects = 0
	for i, a := range want {
		c.Announce(a)
		if got := far.known("final"); !cmp.Equal(got, want[:i+1]) {
			t.Fatalf("after %d: %s", i+1, cmp.Diff(want[:i+1], got))
		}
	}
	got, err := c.Known(context.Background(), "final")
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("known: %v, %s", err, cmp.Diff(want, got))
	}
	if got, err := c.Known(context.Background(), "other"); err != nil || len(got) != 0 {
		t.Errorf("known of another event: %v, %v", got, err)
	}
	if _, err := c.Known(context.Background(), "no/name"); err == nil {
		t.Error("asked for no name")
	}
	if said := rec.said(); len(said) != 0 {
		t.Errorf("recorded %q", said)
	}
}

// Many publishes at once: each is told by its return, and none twice.
func TestAnnounceAtOnce(t *testing.T) {
	noLeak(t)
	far := new(heard)
	c := peerClient(t, listen(t, Peering(far, far.known, Limits{}), ForPublishing), PeerOptions{Deadline: 10 * time.Second})
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			n := origin.SegmentNumber(1000 + i)
			c.Announce(announcement(n))
			if !slices.Contains(far.numbers(), n) {
				t.Errorf("%d was not told", n)
			}
		})
	}
	all.Wait()
	if got := far.numbers(); len(got) != 200 {
		t.Errorf("told %d times", len(got))
	}
}

// A neighbour that hangs costs one deadline, once; when it goes on it is told everything, in order.
func TestHangingPeer(t *testing.T) {
	noLeak(t)
	far, rec := new(heard), new(heard)
	var hangs atomic.Bool
	hangs.Store(true)
	well := Peering(far, far.known, Limits{})
	c := peerClient(t, listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the client leave
			<-r.Context().Done()
			return
		}
		well.ServeHTTP(w, r)
	}), ForPublishing), PeerOptions{Deadline: 400 * time.Millisecond, Try: 500 * time.Millisecond, Recorder: rec})

	var want []origin.SegmentNumber
	before := time.Now()
	for n := origin.SegmentNumber(1000); n < 1100; n++ {
		c.Announce(announcement(n))
		want = append(want, n)
	}
	if took := time.Since(before); took < 400*time.Millisecond || took > 50*400*time.Millisecond {
		t.Errorf("a hundred took %v, want the deadline once", took)
	}
	hangs.Store(false)
	servertest.Eventually(t, "told of all", func() bool { return len(far.numbers()) >= len(want) })
	if got := far.numbers(); !slices.Equal(got, want) {
		t.Errorf("told %v", got)
	}
	servertest.Eventually(t, "known to be back", func() bool { return len(rec.said()) >= 2 })
	if got, want := rec.said(), []string{"peer begin east-2 0 no answer in time", "peer end east-2 0"}; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
	c.Announce(announcement(1100)) // and is waited for again
	if got := far.numbers(); !slices.Contains(got, 1100) {
		t.Error("not waited for after it came back")
	}
}

// A neighbour that is not there costs nothing, and hears of everything when it is.
func TestAbsentPeer(t *testing.T) {
	noLeak(t)
	address := servertest.Free(t)
	far, rec := new(heard), new(heard)
	c := peerClient(t, address, PeerOptions{Deadline: time.Hour, Recorder: rec})
	c.Announce(announcement(1000)) // returns when the connection is refused
	c.Announce(announcement(1001))
	var ln net.Listener
	servertest.Eventually(t, "that nobody else has the port", func() (ok bool) {
		var err error
		ln, err = net.Listen("tcp", address)
		return err == nil
	})
	srv := NewServer(Peering(far, far.known, Limits{}), ForPublishing, nil)
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	servertest.Eventually(t, "told of both", func() bool { return slices.Equal(far.numbers(), []origin.SegmentNumber{1000, 1001}) })
	if got := rec.said(); len(got) == 0 || got[0] != "peer begin east-2 0 unreachable" {
		t.Errorf("recorded %q", got)
	}
}

// What waits is bounded by number and by age, and what is given up is counted, a record a second at the most.
func TestAnnouncementsGivenUp(t *testing.T) {
	noLeak(t)
	ln := servertest.Listen(t)
	_ = ln.Close()
	given := func(rec *heard) (n, times int64) {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		for _, r := range rec.records {
			if r.Error == "announcements given up" {
				n += r.Count
				times++
			}
		}
		return n, times
	}
	rec := new(heard)
	few := peerClient(t, ln.Addr().String(), PeerOptions{MaxPending: 10, Recorder: rec})
	for n := range origin.SegmentNumber(100) {
		few.Announce(announcement(n))
	}
	if n, times := given(rec); n != 1 || times != 1 {
		t.Errorf("%d given up in %d records, want the first of 90, and the others later", n, times)
	}
	few.Close()
	if n, times := given(rec); n != 100 || times > 3 {
		t.Errorf("%d given up in %d records when it is closed, want all", n, times)
	}
	rec = new(heard)
	old := peerClient(t, ln.Addr().String(), PeerOptions{Keep: time.Millisecond, Recorder: rec})
	old.Announce(announcement(1))
	servertest.Eventually(t, "too old", func() bool { n, _ := given(rec); return n == 1 })
}

// An announcement that a neighbour will never take must not hold up the others.
func TestRefusedAnnouncement(t *testing.T) {
	noLeak(t)
	far, rec := new(heard), new(heard)
	c := peerClient(t, listen(t, Peering(far, far.known, Limits{}), ForPublishing), PeerOptions{Deadline: 10 * time.Second, Recorder: rec})
	c.Announce(origin.Announcement{})
	c.Announce(announcement(1000))
	if got := far.numbers(); !slices.Equal(got, []origin.SegmentNumber{1000}) {
		t.Errorf("told %v", got)
	}
	if got := rec.said(); !slices.Equal(got, []string{"peer  east-2 1 announcements given up"}) {
		t.Errorf("recorded %q", got)
	}
}

// A node that starts learns from its neighbour what it missed.
func TestCatchUp(t *testing.T) {
	noLeak(t)
	rt := new(origin.Wall)
	ev := testEvent()
	ev.AvailabilityStartTime = rt.Now().Add(-3 * time.Second)
	node := func(name string) *origin.Node {
		n := origin.NewNode(origin.NodeConfig{Name: name, Region: "us-east", Runtime: rt, Store: origin.NewMemory(rt, 1<<20)})
		if err := n.AddEvent(ev); err != nil {
			t.Fatal(err)
		}
		return n
	}
	old, fresh := node("east-1"), node("east-2")
	for _, n := range []origin.SegmentNumber{1001, origin.Header, 1000} {
		o := objectOf(fmt.Sprint("segment", n))
		key := origin.Key{Event: "final", Rendition: "v360", Number: n, Pipeline: "a"}
		if r, err := old.Publish(context.Background(), origin.Publication{Key: key, Object: o, Inspected: true}); err != nil || r.Outcome != origin.Stored {
			t.Fatalf("publish %d: %+v, %v", n, r, err)
		}
	}
	c := peerClient(t, listen(t, Peering(old, old.Known, Limits{}), ForPublishing), PeerOptions{})
	known, err := c.Known(context.Background(), "final")
	if err != nil || !cmp.Equal(known, old.Known("final")) || len(known) != 3 {
		t.Fatalf("known: %v, %v", known, err)
	}
	for _, a := range known {
		fresh.Announce(a)
	}
	if diff := cmp.Diff(old.Known("final"), fresh.Known("final")); diff != "" {
		t.Error(diff)
	}
}

func TestPeeringRefuses(t *testing.T) {
	far := new(heard)
	h := Peering(far, far.known, Limits{Body: 600})
	address := listen(t, h, ForPublishing)
	good := string(marshalAnnouncements([]origin.Announcement{announcement(1000)}))
	change := func(old, fresh string) string { return strings.Replace(good, old, fresh, 1) }
	for _, c := range []struct {
		why, body string
		want      int
	}{
		{"as it should be", good, http.StatusNoContent},
		{"an unknown key", change(`"digest"`, `"digits"`), http.StatusBadRequest},
		{"two arrays", good + good, http.StatusBadRequest},
		{"cut short", good[:len(good)-3], http.StatusBadRequest},
		{"not in an array", good[1 : len(good)-1], http.StatusBadRequest},
		{"the second is bad, so the first is not taken", good[:len(good)-1] + ",{}]", http.StatusBadRequest},
		{"an unknown defect", change("short-segment", "fine"), http.StatusBadRequest},
		{"a hole with bytes", change("short-segment", "missing-segment"), http.StatusBadRequest},
		{"no bytes and no hole", change(`"size":7`, `"size":0`), http.StatusBadRequest},
		{"less than no bytes", change(`"size":7`, `"size":-7`), http.StatusBadRequest},
		{"a number below the header's", change(`1000`, `-2`), http.StatusBadRequest},
		{"a number that arithmetic has no room for", change(`1000`, `9223372036854775807`), http.StatusBadRequest},
		{"no name", change("us-east", "us east"), http.StatusBadRequest},
		{"too many", "[" + strings.Repeat(good[1:len(good)-1]+",", 9) + good[1:], http.StatusRequestEntityTooLarge},
	} {
		before := len(far.known("final"))
		got := raw(t, address, fmt.Sprintf("POST /announcements HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(c.body), c.body), false)
		took := len(far.known("final")) - before
		if got.status != c.want || (took == 1) != (c.want == http.StatusNoContent) || took > 1 {
			t.Errorf("%s: %d %q and %d taken, want %d", c.why, got.status, got.body, took, c.want)
		}
	}
	for request, want := range map[string]int{
		"GET /announcements": http.StatusMethodNotAllowed, "GET /announcements/": http.StatusNotFound,
		"GET /announcements/.x": http.StatusBadRequest, "PUT /announcements/final": http.StatusMethodNotAllowed,
		"GET /announcements/final": http.StatusOK,
	} {
		if got := raw(t, address, request+" HTTP/1.1\r\nHost: x\r\n\r\n", false); got.status != want {
			t.Errorf("%s: %d, want %d", request, got.status, want)
		}
	}
}

// Too many bodies at once are refused, and those that are being read are not hurt.
func TestPeeringInFlight(t *testing.T) {
	far := new(heard)
	address := listen(t, Peering(far, far.known, Limits{Body: 1000, InFlight: 1000}), ForPublishing)
	body := string(marshalAnnouncements([]origin.Announcement{announcement(1000)}))
	head := fmt.Sprintf("POST /announcements HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", len(body))
	first := dial(t, address)
	if _, err := io.WriteString(first, head+"Expect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// A server says so when it begins to read, which only who was let in comes to.
	if resp, err := http.ReadResponse(first.in, nil); err != nil || resp.StatusCode != http.StatusContinue {
		t.Fatalf("before the first body: %v, %v", resp, err)
	}
	if got := raw(t, address, head+"\r\n"+body, false); got.status != http.StatusServiceUnavailable {
		t.Errorf("while one is read: %d", got.status)
	}
	if n := len(far.numbers()); n != 0 {
		t.Errorf("%d were taken before there was a body", n)
	}
	if got := first.ask(body); got.status != http.StatusNoContent || len(far.numbers()) != 1 {
		t.Errorf("the first: %d, and %d are taken", got.status, len(far.numbers()))
	}
	servertest.Eventually(t, "room again", func() bool { return raw(t, address, head+"\r\n"+body, false).status == http.StatusNoContent })
}

// FuzzAnnouncements: what can be read is written and read again as the same, and nothing makes the parser fall over.
func FuzzAnnouncements(f *testing.F) {
	f.Add(marshalAnnouncements([]origin.Announcement{announcement(1000), announcement(origin.Header)}))
	f.Add([]byte(`[]`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[null]`))
	f.Add([]byte(`[{"event":"e","rendition":"r","number":1,"pipeline":"p","region":"x","digest":4294967296,"size":1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parseAnnouncements(body)
		if err != nil {
			if all != nil {
				t.Error("an error, and something read")
			}
			return
		}
		for _, a := range all {
			if !origin.ValidName(a.Key.Event) || a.Key.Part != 0 || a.Key.Pipeline != a.Candidate.Pipeline ||
				a.Key.Number < origin.Header || a.Candidate.Size < 0 {
				t.Errorf("read %+v", a)
			}
		}
		again, err := parseAnnouncements(marshalAnnouncements(all))
		if err != nil || !cmp.Equal(all, again) {
			t.Errorf("again: %v, %s", err, cmp.Diff(all, again))
		}
	})
}

func TestPeerClientURL(t *testing.T) {
	if _, err := NewPeerClient("ftp://x", PeerOptions{}); err == nil {
		t.Error("a client of ftp")
	}
	c := peerClient(t, "127.0.0.1:1", PeerOptions{})
	if _, err := c.Known(context.Background(), "final"); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("known: %v", err)
	}
}
