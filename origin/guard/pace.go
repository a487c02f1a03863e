package guard

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// pace is how fast a body of announced length has come. Only the time counts that was spent waiting for the sender:
// what a handler takes its time with is not the sender's fault.
type pace struct {
	window time.Duration
	waited time.Duration // in this window
	bytes  int64         // in this window
	total  time.Duration // waited for the whole body
}

// until is how long the next read may take.
func (p *pace) until(l *Limits) time.Duration { return min(p.window-p.waited, l.BodyTime-p.total) }

// note takes a read down, and says whether the sender is still fast enough.
func (p *pace) note(n int, d time.Duration, l *Limits) bool {
	p.waited += d
	p.total += d
	p.bytes += int64(n)
	if p.total >= l.BodyTime {
		return false
	}
	if p.waited < p.window {
		return true
	}
	enough := p.bytes*int64(time.Second) >= int64(l.BodyRate)*int64(p.window)
	p.waited, p.bytes = 0, 0
	return enough
}

// readBody gives out what comes next of a body. It does not read past the end of one whose length is known.
func (c *Conn) readBody(b []byte) (int, error) {
	if len(c.backlog) > 0 {
		n := copy(b, c.backlog)
		n, err := c.follow(b[:n])
		c.consume(n)
		if err != nil {
			c.failed = err
			if n > 0 {
				err = nil // next time
			}
		}
		return n, err
	}
	if c.phase == inChunks {
		return c.readChunks(b)
	}
	for {
		start := time.Now()
		c.startClockAt(start.Add(c.pace.until(c.limits)))
		n, err := c.Conn.Read(b[:min(int64(len(b)), c.left)])
		slow := !c.pace.note(n, time.Since(start), c.limits)
		switch {
		case slow:
			return c.tooSlow()
		case n > 0:
			c.stopClock()
			return c.give(b, 0, n)
		case !isTimeout(err) || !c.ours():
			return 0, err
		}
	}
}

// maxStep is how far a read of a chunked body may go past the chunk: what belongs to the next request is copied.
const maxStep = 4 << 10

func (c *Conn) readChunks(b []byte) (int, error) {
	room := int64(maxStep)
	if c.chunks.state == inData {
		room += c.chunks.size
	}
	c.startClock(c.limits.ChunkIdle)
	n, err := c.Conn.Read(b[:min(int64(len(b)), room)])
	if n == 0 {
		if isTimeout(err) && c.ours() {
			return c.tooSlow()
		}
		return 0, err
	}
	c.stopClock()
	return c.give(b, 0, n)
}

// tooSlow leaves it to the handler, who is reading, to answer 408.
func (c *Conn) tooSlow() (int, error) {
	c.stopClock()
	c.count(SlowBody)
	c.failed = SlowBody
	return 0, SlowBody
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// deadlines joins two hands on one clock: net/http's, and the guard's own. The sooner one holds.
type deadlines struct {
	mu    sync.Mutex
	asked time.Time // by net/http
	own   time.Time
	write bool // net/http has set a limit to the answer as a whole
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = t
	return c.Conn.SetReadDeadline(sooner(t, c.own))
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = !t.IsZero()
	return c.Conn.SetWriteDeadline(t)
}

// Write implements net.Conn. It is net/http's; of an answer past it, see Outright.
func (c *Conn) Write(b []byte) (int, error) {
	if c.answered {
		return c.swallow(b)
	}
	return c.transmit(b)
}

// transmit has WriteTime where net/http has set no limit: as for the answer to an upload that takes hours.
func (c *Conn) transmit(b []byte) (int, error) {
	sent := c.storm.send(b)
	if sent == len(b) && sent > 0 {
		return sent, nil
	}
	c.mu.Lock()
	if !c.write {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(c.limits.WriteTime)) // what is wrong with it is wrong with Write
	}
	c.mu.Unlock()
	n, err := c.Conn.Write(b[sent:])
	return sent + n, err
}

// renew gives a connection the time that net/http gives one whose request it has answered: it knows nothing of those that
// the guard answers. Soon after the last time there is nothing to be gained by it.
func (c *Conn) renew() {
	if time.Since(c.renewed) < min(time.Second, c.limits.Idle/2, c.limits.WriteTime/2) {
		return
	}
	now := time.Now()
	c.renewed = now
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = now.Add(c.limits.Idle)
	if c.storm != nil {
		c.own = now.Add(glance)
	}
	_ = c.Conn.SetReadDeadline(sooner(c.asked, c.own))       // what is wrong with it is wrong with Read
	_ = c.Conn.SetWriteDeadline(now.Add(c.limits.WriteTime)) // and with Write
}

// glance is when a connection is looked at whose answers were renewed: later than the next renewal of one that is busy.
const glance = 2 * time.Second

// startClock has the next reads end after d, if no clock is running.
func (c *Conn) startClock(d time.Duration) {
	if c.own.IsZero() { // only the reader sets it
		c.startClockAt(time.Now().Add(d))
	}
}

func (c *Conn) startClockAt(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = t
	_ = c.Conn.SetReadDeadline(sooner(c.asked, t)) // what is wrong with it is wrong with Read
}

func (c *Conn) stopClock() {
	if c.own.IsZero() {
		return
	}
	c.startClockAt(time.Time{})
}

// aborted says whether net/http has called a Read back, which it does with a deadline in a past that never was.
func (c *Conn) aborted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.asked.IsZero() && c.asked.Unix() < 1e6
}

// ours says whether it was the guard's clock that ran out.
func (c *Conn) ours() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.own.IsZero() && (c.asked.IsZero() || c.own.Before(c.asked))
}
