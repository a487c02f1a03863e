package parts

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

// maxLog is how much of what a part says is kept in its file, over all its lives, and tailBytes how much of that an
// error tells.
const (
	maxLog    = 4 << 20
	tailBytes = 2 << 10
)

// partLog is where a child's stderr goes: a file that is bounded, and the last of it in memory.
type partLog struct {
	mu   sync.Mutex
	file *os.File // nil where none was asked for
	room int64
	tail []byte
}

// openLog adds to the file at path; an empty path keeps only the tail.
func openLog(path string) (*partLog, error) {
	l := &partLog{}
	if path == "" {
		return l, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	l.file, l.room = f, maxLog-info.Size()
	return l, nil
}

// Write never fails: a child must not be ended by a full disk of ours.
func (l *partLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, b...)
	if over := len(l.tail) - tailBytes; over > 0 {
		l.tail = append(l.tail[:0], l.tail[over:]...)
	}
	if l.file == nil || l.room <= 0 {
		return len(b), nil
	}
	fits := b[:min(int64(len(b)), l.room)]
	_, _ = l.file.Write(fits)
	if l.room -= int64(len(fits)); l.room <= 0 {
		fmt.Fprintf(l.file, "\n(more than %d bytes; the rest is not kept)\n", maxLog)
	}
	return len(b), nil
}

// last is the last whole lines, as one.
func (l *partLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	tail := l.tail
	if len(tail) == tailBytes { // it may begin anywhere
		_, tail, _ = bytes.Cut(tail, []byte("\n"))
	}
	return strings.TrimSpace(string(tail))
}

func (l *partLog) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// lineWriter calls a function with every line that is written to it. A line that is too long ends there.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok && len(w.rest) < maxLine {
			return len(b), nil
		}
		w.line(string(line))
		w.rest = rest
	}
}
