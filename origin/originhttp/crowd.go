package originhttp

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// crowds see to it that, of those who are held for one segment, everyone has the first bytes before anyone has the rest.
// They are all woken at once, and both to write a body and to make ready for the next request take longer than to write
// the beginning: without this, the last would hear nothing until nearly all the others had everything.
type crowds struct {
	mu   sync.Mutex
	of   map[origin.Request]*crowd
	free []*crowd // some to use again, since every request is in one for a moment
}

// crowd is everyone who has asked for the same, until the first of them is answered after a hold.
type crowd struct {
	req      origin.Request
	left     int           // of them, who have no first bytes yet
	all      chan struct{} // closed when none is left, or patience is; nil while nobody waits
	patience *time.Timer   // nil when all is
}

const (
	// firstBytes is how much of a body is sent first: with the header it is one write.
	firstBytes = 2 << 10
	// turnPatience bounds how long a crowd waits for the next to begin. It may be reading from a slow store.
	turnPatience = origin.RegionPatience
	maxFree      = 256
)

// join makes a request one of its crowd.
func (cs *crowds) join(req origin.Request) turn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.of[req]
	if c == nil {
		if n := len(cs.free); n > 0 {
			c, cs.free = cs.free[n-1], cs.free[:n-1]
		} else {
			c = new(crowd)
		}
		if cs.of == nil {
			cs.of = make(map[origin.Request]*crowd)
		}
		c.req, cs.of[req] = req, c
	}
	c.left++
	return turn{crowds: cs, crowd: c}
}

// turn is one request's place in its crowd.
type turn struct {
	crowds *crowds
	crowd  *crowd // nil once it has begun
}

// begun says that the request has its first bytes, or needs none. Saying so again does nothing.
func (t *turn) begun() {
	if t.crowd == nil {
		return
	}
	cs := t.crowds
	cs.mu.Lock()
	t.leave()
	cs.mu.Unlock()
}

// leave takes the request out of its crowd. The caller holds the lock.
func (t *turn) leave() {
	cs, c := t.crowds, t.crowd
	t.crowd = nil
	if c.left--; c.left > 0 {
		if c.patience != nil {
			c.patience.Reset(turnPatience)
		}
		return
	}
	cs.close(c)
	c.release()
	if len(cs.free) < maxFree {
		cs.free = append(cs.free, c)
	}
}

// release lets everyone go on who waits. The caller holds the lock.
func (c *crowd) release() {
	if c.all != nil {
		c.patience.Stop()
		close(c.all)
		c.all, c.patience = nil, nil
	}
}

// giveUp releases those who still wait for all: the crowd may have gone by then, and be in use again.
func (cs *crowds) giveUp(c *crowd, all chan struct{}) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.all == all {
		c.release()
	}
}

// close lets nobody else join. The caller holds the lock.
func (cs *crowds) close(c *crowd) {
	if cs.of[c.req] == c {
		delete(cs.of, c.req)
	}
}

// wait is begun, and returns when the others have begun as well who were in the crowd with it; those who come from now on
// are another.
func (t *turn) wait() {
	if t.crowd == nil {
		return
	}
	cs, c := t.crowds, t.crowd
	cs.mu.Lock()
	cs.close(c)
	if c.left > 1 && c.all == nil {
		all := make(chan struct{})
		c.all, c.patience = all, time.AfterFunc(turnPatience, func() { cs.giveUp(c, all) })
	}
	all := c.all
	t.leave()
	cs.mu.Unlock()
	if all != nil {
		<-all
	}
}

// answerOutright writes the head of an answer and the beginning of its body in one piece, and the rest when it is its turn: the
// same fields that respond would have net/http write.
func answerOutright(out io.Writer, t *turn, resp *origin.Response, mediaType string) {
	body := resp.Object.Body
	first := min(len(body), firstBytes)
	b := pieces.Get().(*[]byte)
	*b = append(appendHead((*b)[:0], time.Now(), resp, mediaType), body[:first]...)
	_, err := out.Write(*b)
	if cap(*b) <= maxText {
		pieces.Put(b)
	}
	t.wait()
	if err == nil && first < len(body) {
		_, _ = out.Write(body[first:]) // who does not want the rest has gone
	}
}

// pieces are used again, but for those with all notices that there can be.
var pieces = sync.Pool{New: func() any { return new([]byte) }}

// inTurn writes the beginning of a body, and the rest when it is its turn.
type inTurn struct {
	http.ResponseWriter
	turn turn
}

// Unwrap is for http.ResponseController.
func (w *inTurn) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *inTurn) Write(b []byte) (int, error) {
	if w.turn.crowd == nil {
		return w.ResponseWriter.Write(b)
	}
	n, err := w.ResponseWriter.Write(b[:min(len(b), firstBytes)])
	if err == nil {
		err = http.NewResponseController(w.ResponseWriter).Flush()
	}
	if err != nil {
		return n, err
	}
	w.turn.wait()
	if n == len(b) {
		return n, nil
	}
	rest, err := w.ResponseWriter.Write(b[n:])
	return n + rest, err
}
