package metrics

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
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
	mu        sync.RWMutex // of lines, and held to write for what lets one through
	lines     map[line]*spent
	swallowed atomic.Uint64 // of all classes, ever
}

type spent struct {
	until     atomic.Int64 // none is let through before, in Unix nanoseconds
	swallowed atomic.Int64
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
func (l *Log) Swallowed() uint64 { return l.limit.swallowed.Load() }

// Quiet swallows a line, if there has been one like it within a second, before it is made: to make one costs more than many
// an answer that it would tell of.
func (l *Log) Quiet(now time.Time, level slog.Level, message, class string) bool {
	if l.group {
		class = l.class
	}
	l.mu.RLock()
	s := l.lines[line{level, message, class}]
	l.mu.RUnlock()
	return s != nil && l.swallow(s, now)
}

// swallow counts a line that is not to be written, if it is not.
func (l *limit) swallow(s *spent, now time.Time) bool {
	if now.UnixNano() >= s.until.Load() {
		return false
	}
	s.swallowed.Add(1)
	l.swallowed.Add(1)
	return true
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
		r.AddAttrs(slog.Int64("swallowed", swallowed))
	}
	return l.next.Handle(ctx, r)
}

// take says whether a line may be written, and how many like it were not.
func (l *limit) take(key line, now time.Time) (swallowed int64, ok bool) {
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
	if l.swallow(s, now) {
		return 0, false
	}
	s.until.Store(now.Add(perLine).UnixNano())
	return s.swallowed.Swap(0), true
}

// sweep forgets the classes whose second is over.
func (l *limit) sweep(now time.Time) {
	for key, s := range l.lines { // any order: each by itself
		if now.UnixNano() >= s.until.Load() && s.swallowed.Load() == 0 {
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
