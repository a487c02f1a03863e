package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// What a directory may hold: reading it is bounded, whoever has written it.
const (
	maxDocument = 4 << 20 // bytes: a thousand masks and invalidations, with long names
	maxEvents   = 1024
)

const (
	extension = ".json"
	unsaved   = ".tmp" // a document on its way; no event's name begins with a dot
)

// Store is a control.Store and a control.Journal in a directory. It remembers what it has written: nobody else writes
// there.
type Store struct {
	mu        sync.Mutex
	disk      disk
	documents map[string]control.Document
	audit     audit
	broken    error // a write of which nobody knows what it has left behind
}

// Open opens a directory, or makes it, reads everything in it, and refuses what it cannot read: a mask that is overlooked
// is worse than a control plane that does not start.
func Open(dir string) (*Store, error) {
	d, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("control plane's directory: %w", err)
	}
	s, err := open(d)
	if err != nil {
		return nil, fmt.Errorf("control plane's directory %s: %w", dir, errors.Join(err, d.close()))
	}
	return s, nil
}

func open(d disk) (*Store, error) {
	s := &Store{disk: d, documents: map[string]control.Document{}}
	if err := d.remove(unsaved); err != nil {
		return nil, err
	}
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		event, ok := strings.CutSuffix(name, extension)
		if !ok {
			continue
		}
		if len(s.documents) == maxEvents {
			return nil, fmt.Errorf("more than %d events", maxEvents)
		}
		body, err := d.read(name, maxDocument)
		if err != nil {
			return nil, err
		}
		if s.documents[event], err = parse(event, body); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if s.audit, err = readAudit(d); err != nil {
		return nil, err
	}
	return s, nil
}

// Close lets another process have the directory.
func (s *Store) Close() error { return s.disk.close() }

// Documents implements control.Store.
func (s *Store) Documents(context.Context) ([]control.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]control.Document, 0, len(s.documents))
	for _, event := range slices.Sorted(maps.Keys(s.documents)) {
		all = append(all, s.documents[event])
	}
	return all, nil
}

// Load implements control.Store.
func (s *Store) Load(_ context.Context, event string) (control.Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.documents[event]
	if !ok {
		return d, fmt.Errorf("event %s: %w", event, origin.ErrNotFound)
	}
	return d, nil
}

// Save implements control.Store. When it fails at the disk, nothing else is saved until the directory is opened again: what
// is there now has to be read.
func (s *Store) Save(_ context.Context, d control.Document) error {
	body, err := write(d)
	if err != nil {
		return err
	}
	event := d.State.ID
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.documents[event]
	switch {
	case s.broken != nil:
		return fmt.Errorf("nothing can be saved since %w", s.broken)
	case old.State.Version != d.State.Version-1:
		return control.ErrLost
	case !known && len(s.documents) == maxEvents:
		return fmt.Errorf("there are %d events already; stop, and move the files of those that are over elsewhere", maxEvents)
	case len(body) > maxDocument:
		return fmt.Errorf("event %s would take %d bytes, more than %d", event, len(body), maxDocument)
	}
	if _, err := parse(event, body); err != nil {
		return fmt.Errorf("event %s could not be read again: %w", event, err)
	}
	if err := s.disk.write(unsaved, body); err != nil {
		return err // nothing has become of it
	}
	if err := s.disk.rename(unsaved, event+extension); err != nil {
		s.broken = err
		return err
	}
	s.documents[event] = d
	return nil
}

// write is a document as it lies in the directory, for people to read, too.
func write(d control.Document) ([]byte, error) {
	body, err := json.MarshalIndent(d, "", "  ")
	return append(body, '\n'), err
}

// parse reads an event's document; members that it does not know are errors.
func parse(event string, body []byte) (d control.Document, err error) {
	if err := decode(body, &d); err != nil {
		return d, err
	}
	switch {
	case d.State.ID != event:
		return d, fmt.Errorf("it is of event %q", d.State.ID)
	case d.Last.Event != event || d.Last.Version != d.State.Version:
		return d, fmt.Errorf("version %d, but the last operation made version %d of %q", d.State.Version, d.Last.Version, d.Last.Event)
	}
	return d, nil
}

// decode reads one JSON value, and nothing behind it.
func decode(body []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return err
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}
