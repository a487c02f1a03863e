package parts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// read takes in one message a line. What is not one, or not a whole line, is counted.
func (l *life) read(in *bufio.Reader) {
	for {
		line, err := in.ReadSlice('\n')
		var m message
		switch {
		case err == nil && json.Unmarshal(line, &m) == nil:
			l.take(m)
			continue
		case err == nil, len(line) > 0:
			l.mu.Lock()
			l.lost.Cut++
			l.mu.Unlock()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (l *life) take(m message) {
	if m.Record != nil {
		l.sink.Record(*m.Record)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.Record != nil:
		l.records++
	case m.Counts != nil:
		l.counts = m.Counts
	case m.End != nil:
		l.end = m.End
	case m.Answer != nil:
		if to, ok := l.waiting[m.Answer.ID]; ok {
			delete(l.waiting, m.Answer.ID)
			to <- *m.Answer // has room for it
		}
	}
}

// hear takes in a line of the process's stdout. What is none of ours goes to the log.
func (l *life) hear(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, address, _ := strings.Cut(line, "=")
	_, notAddress := netip.ParseAddrPort(address)
	switch {
	case line == saysReady && !isClosed(l.ready):
		close(l.ready)
	case line == saysConnected && !isClosed(l.connected):
		close(l.connected)
	case notAddress == nil && !isClosed(l.ready):
		l.addresses[name] = address
	default:
		fmt.Fprintln(l.log, line)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
