package originhttp

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/guard"
)

// Who has begun waits for those who joined before, not for those who came since, and not for ever.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cs crowds
		req := origin.Request{Event: "e", Rendition: "r", Number: 1}
		first, second, third, last := cs.join(req), cs.join(req), cs.join(req), cs.join(req)
		other := cs.join(origin.Request{Event: "e", Rendition: "r", Number: 2})
		var waiting atomic.Int32
		var all sync.WaitGroup
		wait := func(turn *turn) {
			waiting.Add(1)
			all.Go(func() { turn.wait(); waiting.Add(-1) })
			synctest.Wait()
		}
		wait(&first)
		late := cs.join(req)
		wait(&second)
		third.begun()
		third.begun()
		cs.giveUp(last.crowd, nil) // a timer of those who had this crowd before
		synctest.Wait()
		if n := waiting.Load(); n != 2 {
			t.Errorf("%d wait for the last", n)
		}
		last.begun()
		synctest.Wait()
		if n := waiting.Load(); n != 0 {
			t.Errorf("%d wait for those who came later", n)
		}
		fourth, began := cs.join(req), time.Now()
		wait(&late)
		all.Wait()
		if took := time.Since(began); took != turnPatience {
			t.Errorf("waited for %v for one who does not begin", took)
		}
		fourth.wait()
		if took := time.Since(began); took != turnPatience {
			t.Errorf("the one for whom all waited in vain waited until %v", took)
		}
		other.begun()
		alone := cs.join(req)
		alone.wait()
		if len(cs.of) != 0 || time.Since(began) != turnPatience {
			t.Errorf("%d crowds are left after %v", len(cs.of), time.Since(began))
		}
		many := make([]turn, 3*maxFree)
		for i := range many {
			many[i] = cs.join(origin.Request{Number: origin.SegmentNumber(i)})
		}
		for i := range many {
			many[i].begun()
		}
		if len(cs.of) != 0 || len(cs.free) != maxFree {
			t.Errorf("%d crowds are left, %d are kept", len(cs.of), len(cs.free))
		}
	})
}

// However many there are, the first waits for the last, as long as one begins after the other.
func TestCrowdIsPatientWhileOthersBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cs crowds
		const others = 5
		one, began := cs.join(origin.Request{}), time.Now()
		for i := range others {
			other := cs.join(origin.Request{})
			time.AfterFunc(time.Duration(i+1)*(turnPatience-1), other.begun)
		}
		one.wait()
		if took := time.Since(began); took != others*(turnPatience-1) {
			t.Errorf("waited %v for the last of %d", took, others)
		}
	})
}

// A body that is written in turns is the body, and is not copied on the way.
func TestInTurnWritesTheSame(t *testing.T) {
	for _, size := range []int{1, firstBytes - 1, firstBytes, firstBytes + 1, 1 << 20} {
		body := bytes.Repeat([]byte("x"), size)
		resp := published(string(body))
		resp.Object.Body = body
		shared := &shared{ResponseRecorder: httptest.NewRecorder(), of: body}
		deliver(resp).ServeHTTP(shared, httptest.NewRequest("GET", "/final/v1080/1017.m4s", nil))
		if got := shared.Body.Bytes(); !bytes.Equal(got, body) || shared.others != 0 {
			t.Errorf("%d bytes: got %d, %d of which were copied", size, len(got), shared.others)
		}
	}
}

// Who was held is answered past net/http, and whose connection is to be closed is not: both are told the same, by whole answers,
// between which the connection is used for others.
func TestOutrightIsTheSame(t *testing.T) {
	const get, end = "GET /final/v1080/1017.m4s HTTP/1.1\r\nHost: o\r\n", "\r\n"
	var outright atomic.Int32
	for _, size := range []int{0, 1, firstBytes - 1, firstBytes, firstBytes + 1, 1 << 20} {
		resp := published(strings.Repeat("x", size))
		resp.Bulletin = origin.Bulletin{Version: 7, CacheVersion: 3, Notices: `"rain"`}
		resp.Defects = origin.ShortSegment
		d := deliver(resp)
		address := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if out := guard.Outright(w, r); out != nil && wholeAnswer(r, &resp) {
				outright.Add(1)
			}
			d.ServeHTTP(w, r)
		}), ForDelivery)
		want := raw(t, address, get+"Connection: close\r\n"+end, false)
		if want.header.Get("Server-Timing") == "" || want.header.Get("Live-Cache-Version") == "" || len(want.body) != size {
			t.Fatalf("not all that can be said is: %+v", want.header)
		}
		c := dial(t, address)
		for i, request := range []string{get + end + get + "Range: bytes=0-0\r\n" + end, "", "HEAD" + get[3:] + end, get + end} {
			if request != "" {
				if _, err := io.WriteString(c, request); err != nil {
					t.Fatal(err)
				}
			}
			got := c.read(request)
			switch {
			case i == 1 && (got.status != http.StatusPartialContent || len(got.body) != 1) && size > 0:
				t.Errorf("%d bytes, a range: %d %q", size, got.status, got.body)
			case i == 2 && (got.status != http.StatusOK || got.body != "" || got.header.Get("Content-Length") != strconv.Itoa(size)):
				t.Errorf("%d bytes, HEAD: %+v", size, got)
			case i == 0 || i == 3:
				for _, name := range []string{"Date", "Connection"} { // the clocks differ, and so do the ends
					got.header.Del(name)
					want.header.Del(name)
				}
				if diff := cmp.Diff(want.header, got.header); diff != "" || got.status != want.status || got.body != want.body || got.closed {
					t.Errorf("%d bytes, %d: %d, %d bytes, closed %v, %s", size, i, got.status, len(got.body), got.closed, diff)
				}
			}
		}
	}
	if n := outright.Load(); n != 6*2 {
		t.Errorf("%d answers went past net/http", n)
	}
}

// shared counts the bytes that come from elsewhere than a body.
type shared struct {
	*httptest.ResponseRecorder
	of     []byte
	others int
}

func (s *shared) Write(b []byte) (int, error) {
	if at := s.Body.Len(); len(b) > 0 && &b[0] != &s.of[at] {
		s.others += len(b)
	}
	return s.ResponseRecorder.Write(b)
}

// Be a body long or short, its beginning is sent at once, and nothing else is done before the others have begun.
func TestInTurnBeginsAndWaits(t *testing.T) {
	for _, size := range []int{1, firstBytes, firstBytes + 1} {
		synctest.Test(t, func(t *testing.T) {
			var cs crowds
			req := origin.Request{Event: "e", Rendition: "r", Number: 1}
			one, other := cs.join(req), cs.join(req)
			rec := httptest.NewRecorder()
			var done atomic.Bool
			go func() {
				n, err := (&inTurn{rec, one}).Write(make([]byte, size))
				if n != size || err != nil {
					t.Errorf("%d bytes: wrote %d, %v", size, n, err)
				}
				done.Store(true)
			}()
			synctest.Wait()
			if got := rec.Body.Len(); got != min(size, firstBytes) || !rec.Flushed || done.Load() {
				t.Errorf("%d bytes: %d are written, flushed %v, done %v", size, got, rec.Flushed, done.Load())
			}
			other.begun()
			synctest.Wait()
			if got := rec.Body.Len(); got != size || !done.Load() {
				t.Errorf("%d bytes: %d are written when all have begun, done %v", size, got, done.Load())
			}
		})
	}
}

// Who is not answered leaves the crowd all the same.
func TestCrowdIsLeftOnPanic(t *testing.T) {
	d := Delivery(answering(origin.Response{}), catalog, fixed(epoch)).(*delivery)
	d.getter = getter(nil)
	func() {
		defer func() { _ = recover() }()
		d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/final/v1080/1017.m4s", nil))
	}()
	if len(d.crowds.of) != 0 {
		t.Errorf("%d crowds are left", len(d.crowds.of))
	}
}
