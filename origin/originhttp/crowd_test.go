package originhttp

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Who has begun waits for those who joined before, not for those who came since, and not for ever.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cs crowds
		req := origin.Request{Event: "e", Rendition: "r", Number: 1}
		first, second, third := cs.join(req), cs.join(req), cs.join(req)
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
		if n := waiting.Load(); n != 2 {
			t.Errorf("%d wait for the third", n)
		}
		third.begun()
		third.begun()
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
		fourth.begun()
		other.begun()
		alone := cs.join(req)
		alone.wait()
		if len(cs.of) != 0 || time.Since(began) != turnPatience {
			t.Errorf("%d crowds are left after %v", len(cs.of), time.Since(began))
		}
		for range 3 * maxFree {
			one := cs.join(req)
			defer one.begun()
		}
		if len(cs.free) > maxFree {
			t.Errorf("%d are kept", len(cs.free))
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
