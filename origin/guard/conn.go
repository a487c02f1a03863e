package guard

import (
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// Conn is a vetted connection. net/http reads it from one goroutine at a time: its own, a handler's that reads a body,
// or, while a handler is at work, one that watches with a Read of a single byte for the client to go or go on.
type Conn struct {
	net.Conn // the one below: TCP, or TLS
	limits   *Limits
	tally    *tally
	deadlines

	backlog []byte // read from below, not given out yet; nil when there is none
	vetted  int    // how much of it may be given out as it is
	head    head
	plain   []byte // the fields of the request that Refuse answered last
	phase   phase
	left    int64 // bytes to come of a body of announced length
	chunks  chunks
	pace    pace
	why     Refusal // the refusal that is still to be answered
	failed  error   // what every further Read returns
	storm   *storm  // where Refuse may be asked on the socket itself

	requests int          // that were let through
	served   int          // of them: net/http may have let the next one be read while it serves one
	last     atomic.Int64 // the number of the request that shall be the last, once that is known
	renewed  time.Time    // by renew
	run      int          // how many requests in a row were here before they were asked for
	answered bool         // past net/http, which has yet to say its word
}

// phase is what the next byte from below belongs to.
type phase uint8

const (
	inHead phase = iota
	inBody
	inChunks
)

// Read gives out the next bytes that have been vetted, never of two requests at once.
func (c *Conn) Read(b []byte) (n int, err error) {
	switch {
	case c.failed != nil:
		return 0, c.failed
	case len(b) == 0:
		return 0, nil
	case c.why != None:
		return c.refused(b)
	case c.vetted > 0:
		n = copy(b, c.backlog[:c.vetted])
		c.vetted -= n
		c.consume(n)
		return n, nil
	case c.phase == inHead:
		return c.readHead(b)
	}
	return c.readBody(b)
}

// readHead blocks until a whole head is in and vetted. Most heads come in one packet, and are vetted where net/http
// wants them; the others are gathered in the backlog.
func (c *Conn) readHead(b []byte) (int, error) {
	inLine := len(c.backlog) > 0 // this request came before it was asked for
	if !inLine && len(b) > 1 {
		n, err := c.receive(b)
		if n == 0 {
			return 0, err
		}
		if end, why := c.head.end, c.head.why; why == None && end > 0 && c.head.begin == 0 {
			c.run = 0
			c.admit()
			return c.give(b, end, n)
		} // else what was found is found again below
		c.backlog = append(c.backlog, b[:n]...)
		c.head = head{}
	}
	defer c.stopClock()
	for {
		end, why := c.head.scan(c.backlog, c.limits)
		switch {
		case why != None:
			return c.refuse(b, why)
		case end > 0:
			c.countRun(inLine, len(b) > 1)
			c.vetted = end - c.head.begin
			c.consume(c.head.begin)
			c.admit()
			return c.Read(b)
		}
		if err := c.gather(b); err != nil {
			return c.broken(b, err)
		}
	}
}

// countRun counts the requests in a row that were here before anybody asked for them. One that net/http finds while it
// watches has perhaps crossed with the answer that its client waited for: it neither counts nor ends a run.
func (c *Conn) countRun(inLine, asked bool) {
	switch {
	case inLine:
		c.run++
	case asked:
		c.run = 0
	}
}

// gather adds to the backlog what comes next; a head that has begun has HeadTime to be whole. Before its first byte
// there is nothing in hand but b, however long it takes.
func (c *Conn) gather(b []byte) error {
	size := len(c.backlog)
	if size == 0 {
		n, err := c.Conn.Read(b)
		if n > 0 {
			c.backlog, err = append(c.backlog, b[:n]...), nil
		}
		return err
	}
	const packet = 2 << 10
	c.startClock(c.limits.HeadTime)
	c.backlog = slices.Grow(c.backlog, packet)
	n, err := c.Conn.Read(c.backlog[size : size+packet])
	c.backlog = c.backlog[:size+n]
	if n > 0 {
		return nil
	}
	return err
}

// broken says what becomes of a head whose rest does not come.
func (c *Conn) broken(b []byte, err error) (int, error) {
	switch {
	case len(c.backlog) == 0 || c.aborted():
		return 0, err // an idle connection ends, or net/http wants its goroutine back
	case isTimeout(err):
		return c.refuse(b, SlowHead)
	case err == io.EOF:
		return c.refuse(b, BadLine)
	}
	return 0, err
}

// admit takes a head for good and sets up what follows it.
func (c *Conn) admit() {
	h := &c.head
	switch {
	case h.codings > 0:
		c.phase, c.chunks = inChunks, chunks{}
	case h.length > 0:
		c.phase, c.left = inBody, h.length
	}
	c.pace = pace{window: c.limits.BodyWindow}
	if h.publishes {
		c.pace.window = c.limits.PublishWindow
	}
	c.head = head{}
	c.tally.requests.Add(1)
	c.requests++
	if c.requests >= c.limits.Requests || c.run >= c.limits.Pipelined {
		c.last.CompareAndSwap(0, int64(c.requests))
	}
}

// isLast says whether the request that is being served shall be the last.
func (c *Conn) isLast() bool {
	last := c.last.Load()
	return last > 0 && int64(c.served) >= last
}

// give gives out b[:n], of which the first bytes are vetted, as far as it belongs to the request; the rest is kept.
func (c *Conn) give(b []byte, vetted, n int) (int, error) {
	end, err := c.follow(b[vetted:n])
	end += vetted
	if end < n && err == nil {
		c.backlog = append(c.backlog, b[end:n]...)
	}
	if err != nil {
		c.failed = err
		if end > 0 {
			err = nil // next time
		}
	}
	return end, err
}

// follow goes over bytes that come after a head and returns how many of them belong to the body.
func (c *Conn) follow(b []byte) (n int, err error) {
	switch c.phase {
	case inBody:
		n = int(min(int64(len(b)), c.left))
		if c.left -= int64(n); c.left == 0 {
			c.phase = inHead
		}
	case inChunks:
		var ok bool
		if n, ok = c.chunks.scan(b); !ok {
			c.count(BadChunk)
			return n, BadChunk
		}
		if c.chunks.state == afterChunks {
			c.phase = inHead
		}
	}
	return n, nil
}

func (c *Conn) consume(n int) {
	if c.backlog = c.backlog[n:]; len(c.backlog) == 0 {
		c.backlog = nil
	}
}

// refuse notes why there will be no next request.
func (c *Conn) refuse(b []byte, why Refusal) (int, error) {
	c.backlog, c.vetted = nil, 0
	c.count(why)
	c.why = why
	c.stopClock()
	return c.refused(b)
}

func (c *Conn) count(why Refusal) { c.tally.refuse(why, c.RemoteAddr()) }

// What is still read after a refusal: a connection that is closed on unread bytes is reset, and a reset overtakes the
// answer.
const (
	lingerBytes = 4 << 20
	lingerTime  = 500 * time.Millisecond
	answerTime  = time.Second
)

// refused answers in its turn. A Read of one byte is net/http watching while the request before is still being answered:
// an error now would cancel that one. So it is let wait, which it does until its answer is out or the client is gone.
func (c *Conn) refused(b []byte) (int, error) {
	if len(b) == 1 {
		return 0, c.discard()
	}
	c.failed = io.EOF
	now := time.Now()
	_ = c.Conn.SetWriteDeadline(now.Add(answerTime))
	if _, err := c.Conn.Write(c.why.answer(now)); err == nil {
		_ = c.CloseWrite()
		_ = c.Conn.SetReadDeadline(now.Add(lingerTime))
		_ = c.discard() // however it ends, it is the end
	}
	return 0, io.EOF // on which net/http closes without a word of its own
}

// discard reads on until something is wrong, or until there has been too much.
func (c *Conn) discard() error {
	scrap := make([]byte, 4<<10)
	for left := lingerBytes; left > 0; {
		n, err := c.Conn.Read(scrap)
		if err != nil {
			return err
		}
		left -= n
	}
	return io.EOF
}

// CloseWrite lets the client read to the end what it was sent.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
