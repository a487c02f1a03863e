package originserver

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// acknowledged are the segments that an origin has answered 201 for.
type acknowledged struct {
	mu  sync.Mutex
	all map[origin.SegmentNumber]bool
}

func (a *acknowledged) add(n origin.SegmentNumber) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[n] = true
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

// An origin that is told to stop, in the midst of publications, stops in time: some of them are acknowledged yet and some
// are not. What was is there when the next one starts over the same databases.
func TestStopLosesNothing(t *testing.T) {
	g := newTogether(t, "", "east-1")
	g.starts = time.Now().Add(-time.Minute).UTC().Format(time.RFC3339) + ", retry_budget: 2m"
	g.cluster.Break(func(r cqldouble.Request) cqldouble.Breakage {
		return cqldouble.Breakage{Delay: 20 * time.Millisecond} // so that many are on their way
	})
	g.start("east-1")
	ev := g.event()
	g.publish(ev, "east-1", "a", origin.Header)
	at := g.up["east-1"].at[publish]
	acked := &acknowledged{all: map[origin.SegmentNumber]bool{}}
	var publishing sync.WaitGroup
	unanswered := 0
	for worker := range 4 {
		var ps []origin.Publication
		for n := range 5 {
			ps = append(ps, publication(t, ev, "a", origin.SegmentNumber(1+worker*5+n)))
		}
		c := client(t, "http://"+at, originhttp.ClientOptions{})
		publishing.Go(func() {
			for _, p := range ps {
				if r, err := c.Publish(t.Context(), p); err == nil && r.Outcome == origin.Stored {
					acked.add(p.Key.Number)
					continue
				}
				acked.mu.Lock()
				unanswered++
				acked.mu.Unlock()
			}
		})
	}
	slow, stalled := g.begin(ev, at, 21), g.begin(ev, at, 22)
	publishing.Go(func() {
		time.Sleep(500 * time.Millisecond) // by when the origin is stopping
		if slow.finish() == http.StatusCreated {
			acked.add(21)
		}
	})
	servertest.Eventually(t, "in the midst of it", func() bool { return acked.count() > 0 })
	began := time.Now()
	g.up["east-1"].stop()
	if took := time.Since(began); took > 6*time.Second { // 5 s are promised, and this machine may be busy
		t.Errorf("it stopped after %v", took)
	}
	publishing.Wait()
	if status := stalled.finish(); status == http.StatusCreated {
		t.Error("who never sent all was told that it is stored")
	}
	if len(acked.all) == 0 || !acked.all[21] || unanswered == 0 {
		t.Errorf("acknowledged %v, and %d not: not in the midst of it", acked.all, unanswered)
	}

	g.start("east-1")
	for n := range acked.all {
		if !g.reads("east-1", fmt.Sprintf("%d.m4s", n))() {
			t.Errorf("segment %d was acknowledged, and is lost", n)
		}
	}
	if !g.reads("east-1", "init.mp4")() {
		t.Error("the header is lost")
	}
	for _, a := range g.up["east-1"].node.Known("live") {
		if a.Key.Number == 22 {
			t.Error("what was never whole is there")
		}
	}
}

// upload is a publication of which the second half is still to be sent.
type upload struct {
	conn net.Conn
	rest []byte
}

func (g *together) begin(ev origin.Event, at string, n origin.SegmentNumber) *upload {
	g.t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	body := publication(g.t, ev, "a", n).Object.Body
	var head strings.Builder
	fmt.Fprintf(&head, "PUT /live/v360/%d.m4s HTTP/1.1\r\nHost: o\r\nLive-Pipeline: a\r\nContent-Length: %d\r\n\r\n", n, len(body))
	if _, err := conn.Write(append([]byte(head.String()), body[:len(body)/2]...)); err != nil {
		g.t.Fatal(err)
	}
	return &upload{conn, body[len(body)/2:]}
}

// finish sends the rest, and gives the status of the answer; 0 for none.
func (u *upload) finish() int {
	_ = u.conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := u.conn.Write(u.rest); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(u.conn), nil)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// An origin of which one listener breaks stops as a whole, says why, and says that it is not ready.
func TestBrokenListener(t *testing.T) {
	s := opened(t, t.TempDir(), "name: o\nregion: east\n"+onFreePorts)
	defer s.Close()
	if err := s.ready(); err != nil {
		t.Errorf("before it broke: %v", err)
	}
	broken := s.doors[0]
	_ = broken.Close()
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), broken.Addr().String()) {
		t.Errorf("served without %v: %v", broken.Addr(), err)
	}
	servertest.Eventually(t, "said to be stopping", func() bool { err := s.ready(); return err != nil && err.Error() == "stopping" })
}
