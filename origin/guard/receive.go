package guard

import "io"

// receive reads what comes next from below and has scanned it, but for the requests that Refuse answers: after those it
// reads on. It is called only when net/http wants the next request, so that everything before has been answered.
func (c *Conn) receive(b []byte) (n int, err error) {
	if n = c.storm.receive(b); n > 0 {
		return n, nil
	}
	for c.failed == nil {
		if n, err = c.Conn.Read(b); n == 0 {
			return 0, err
		}
		answer := c.answer(b, n)
		if len(answer) == 0 {
			return n, nil
		}
		c.send(answer)
	}
	return 0, c.failed
}

// send sends an answer, or the rest of one. After half an answer there is nothing more to be said: what follows would be taken
// for its other half.
func (c *Conn) send(answer []byte) {
	if _, err := c.Conn.Write(answer); err != nil {
		c.failed = io.EOF // on which net/http closes without a word of its own
	}
}

// answer scans b[:n], which came as the beginning of a request, and returns the answer in net/http's place, if there is one.
func (c *Conn) answer(b []byte, n int) []byte {
	h := &c.head
	if !h.repeats(b[:n], c.plain, c.limits) {
		h.end, h.why = h.scan(b[:n], c.limits)
	}
	if h.why != None || h.end != n || h.begin > 0 || c.limits.Refuse == nil || len(c.limits.Hosts) > 0 ||
		!h.gets || h.heeded || h.codings > 0 || h.length > 0 || c.requests+1 >= c.limits.Requests {
		return nil
	}
	answer := c.limits.Refuse(h.target.of(b))
	if len(answer) > 0 {
		c.run = 0
		c.plain = h.remember(c.plain, b[:n])
		c.admit()
		c.served++
		c.renew()
	}
	return answer
}
