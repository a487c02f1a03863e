package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Log is a slog.Handler in front of another one. Of each class of lines (level, message, and the attribute "class" if
// there is one) it lets one through a second; the next that it lets through says in "swallowed" how many it did not.
//
// Messages are to be constants: what varies belongs in attributes.
type Log struct {
	next  slog.Handler
	class string // of the attributes that were added before
	group bool   // attributes are in a group, and none of them is the class
	*limit
}

// ClassKey is the name of the attribute that is part of a line's class.
const ClassKey = "class"

const (
	perLine = time.Second
	// maxLines bounds the classes that are remembered. What comes beyond them is one class.
	maxLines = 1024
)

// line is a class of lines.
type line struct {
	level          slog.Level
	message, class string
}

// limit is what a Log has in common with those that were derived from it.
type limit struct {
	mu        sync.Mutex
	lines     map[line]*spent
	swallowed uint64 // of all classes, ever
}

type spent struct {
	until     time.Time // none is let through before
	swallowed int
}

// NewLog limits what reaches next.
func NewLog(next slog.Handler) *Log {
	return &Log{next: next, limit: &limit{lines: make(map[line]*spent)}}
}

// WatchLog adds the number of lines that a Log swallowed.
func (m *Metrics) WatchLog(l *Log) {
	m.Registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace,
		Name: "log_lines_swallowed_total", Help: "Log lines that were not written, since there had been one like them within a second."},
		func() float64 { return float64(l.Swallowed()) }))
}

// Swallowed is how many lines were not written.
func (l *Log) Swallowed() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit.swallowed
}

// Enabled implements slog.Handler.
func (l *Log) Enabled(ctx context.Context, level slog.Level) bool { return l.next.Enabled(ctx, level) }

// Handle implements slog.Handler.
func (l *Log) Handle(ctx context.Context, r slog.Record) error {
	key := line{r.Level, r.Message, l.class}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == ClassKey && !l.group {
			key.class = a.Value.String()
			return false
		}
		return true
	})
	now := r.Time
	if now.IsZero() {
		now = time.Now()
	}
	swallowed, ok := l.take(key, now)
	if !ok {
		return nil
	}
	if swallowed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("swallowed", swallowed))
	}
	return l.next.Handle(ctx, r)
}

// take says whether a line may be written, and how many like it were not.
func (l *limit) take(key line, now time.Time) (swallowed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.lines[key]
	if s == nil {
		if len(l.lines) >= maxLines {
			l.sweep(now)
		}
		if len(l.lines) >= maxLines {
			key = line{level: key.level, message: "and more"}
			s = l.lines[key]
		}
	}
	if s == nil {
		s = &spent{}
		l.lines[key] = s
	}
	if now.Before(s.until) {
		s.swallowed++
		l.swallowed++
		return 0, false
	}
	swallowed, s.swallowed, s.until = s.swallowed, 0, now.Add(perLine)
	return swallowed, true
}

// sweep forgets the classes whose second is over.
func (l *limit) sweep(now time.Time) {
	for key, s := range l.lines { // any order: each by itself
		if !now.Before(s.until) && s.swallowed == 0 {
			delete(l.lines, key)
		}
	}
}

// WithAttrs implements slog.Handler.
func (l *Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *l
	derived.next = l.next.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == ClassKey && !l.group {
			derived.class = a.Value.String()
		}
	}
	return &derived
}

// WithGroup implements slog.Handler.
func (l *Log) WithGroup(name string) slog.Handler {
	derived := *l
	derived.next, derived.group = l.next.WithGroup(name), l.group || name != ""
	return &derived
}
