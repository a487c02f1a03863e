package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/liveorigin/liveorigin/origin/control"
)

// audit is where the next line goes, and what the lines before it have told.
type audit struct {
	size   int64                     // bytes, of whole lines
	newest map[string]control.Record // of each event
}

// has says whether a line tells of an operation already. An event that was made anew begins with version 1 again, but
// later.
func (a *audit) has(r *control.Record) bool {
	newest, ok := a.newest[r.Event]
	return ok && r.Version <= newest.Version && !r.At.After(newest.At)
}

func (a *audit) add(r control.Record, size int) {
	a.size += int64(size)
	r.What = nil
	a.newest[r.Event] = r
}

const (
	auditName = "audit.jsonl"
	maxAudit  = 64 << 20 // bytes: some hundred thousand operations
	maxLine   = 1 << 20
)

// readAudit finds the end of the last whole line, and the newest version of each event.
func readAudit(d disk) (audit, error) {
	a := audit{newest: map[string]control.Record{}}
	body, err := d.read(auditName, maxAudit)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(body, []byte("\n"))
		if !whole {
			return a, nil
		}
		var r control.Record
		if err := decode(line, &r); err != nil {
			return a, fmt.Errorf("%s, line %d: %w", auditName, n, err)
		}
		a.add(r, len(line)+1)
		body = rest
	}
}

// Append implements control.Journal.
func (s *Store) Append(_ context.Context, r control.Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.audit.has(&r):
		return nil
	case s.audit.size+int64(len(line)) > maxAudit || len(line) > maxLine:
		return fmt.Errorf("%s is full: %d bytes; stop, and move it elsewhere", auditName, s.audit.size)
	}
	if err := s.disk.extend(auditName, s.audit.size, line); err != nil {
		return err
	}
	s.audit.add(r, len(line))
	return nil
}
