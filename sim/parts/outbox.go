package parts

import (
	"encoding/json"
	"io"
	"maps"
	"sync"
	"time"
)

// outbox is what a child sends: lines, gathered for a while and written by one goroutine, so that nobody who records
// waits for the parent. A parent that does not read costs records, which are counted.
type outbox struct {
	out  io.Writer
	wake chan struct{}
	done chan struct{} // closed when everything has been written, or cannot be

	mu     sync.Mutex
	lines  []byte
	spare  []byte // of the flush before, to be used again
	total  ending
	closed bool
	counts func() map[string]int64
	told   map[string]int64 // the counts that have been sent
}

func newOutbox(out io.Writer) *outbox {
	b := &outbox{out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b
}

// record takes a record in, or counts it where there is no room.
func (b *outbox) record(m message) {
	line, err := json.Marshal(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
	case err != nil || len(line) >= maxLine || len(b.lines)+len(line) >= outboxBytes:
		b.total.Dropped++
	default:
		b.total.Records++
		b.append(line)
	}
}

// answer takes an answer in and sends it at once, with all that was recorded and counted before.
func (b *outbox) answer(a answer) {
	b.count()
	line, _ := json.Marshal(message{Answer: &a}) // cannot fail: a number and a string
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.append(line)
		b.hurry()
	}
}

// count takes the counts in, if they have changed.
func (b *outbox) count() {
	b.mu.Lock()
	counts := b.counts
	b.mu.Unlock()
	if counts == nil {
		return
	}
	now := counts()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || maps.Equal(now, b.told) {
		return
	}
	b.told = maps.Clone(now)
	line, _ := json.Marshal(message{Counts: now}) // cannot fail: names and numbers
	b.append(line)
}

// close sends everything, with the total at the end.
func (b *outbox) close() {
	b.count()
	b.mu.Lock()
	line, _ := json.Marshal(message{End: &b.total}) // cannot fail: two numbers
	b.append(line)
	b.closed = true
	b.hurry()
	b.mu.Unlock()
	<-b.done
}

// append adds a line; b.mu is held.
func (b *outbox) append(line []byte) {
	b.lines = append(append(b.lines, line...), '\n')
	if len(b.lines) >= flushBytes {
		b.hurry()
	}
}

func (b *outbox) hurry() {
	select {
	case b.wake <- struct{}{}:
	default: // on its way already
	}
}

func (b *outbox) run() {
	defer close(b.done)
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.count()
		case <-b.wake:
		}
		if last, err := b.flush(); last || err != nil {
			return // on an error: the parent is gone, and this process is about to follow
		}
	}
}

// flush writes what there is, and says whether that was the last.
func (b *outbox) flush() (last bool, err error) {
	b.mu.Lock()
	lines := b.lines
	b.lines, last = b.spare[:0], b.closed
	b.mu.Unlock()
	if len(lines) > 0 {
		_, err = b.out.Write(lines)
	}
	b.mu.Lock()
	b.spare = lines
	b.mu.Unlock()
	return last, err
}
