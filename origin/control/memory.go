package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
)

// Memory is a Store and a Journal that last as long as the process: for virtual time, and for tests. The zero value is
// empty.
type Memory struct {
	mu        sync.Mutex
	documents map[string]Document
	records   []Record
}

// Documents implements Store.
func (m *Memory) Documents(context.Context) ([]Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Document, 0, len(m.documents))
	for _, event := range slices.Sorted(maps.Keys(m.documents)) {
		all = append(all, m.documents[event])
	}
	return all, nil
}

// Load implements Store.
func (m *Memory) Load(_ context.Context, event string) (Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.documents[event]
	if !ok {
		return Document{}, fmt.Errorf("event %s: %w", event, origin.ErrNotFound)
	}
	return d, nil
}

// Save implements Store.
func (m *Memory) Save(_ context.Context, d Document) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.documents[d.State.ID].State.Version != d.State.Version-1 {
		return fmt.Errorf("event %s, version %d: %w", d.State.ID, d.State.Version, ErrLost)
	}
	if m.documents == nil {
		m.documents = make(map[string]Document)
	}
	m.documents[d.State.ID] = d
	return nil
}

// Append implements Journal.
func (m *Memory) Append(_ context.Context, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := func(old Record) bool { return old.Event == r.Event && old.Version == r.Version }
	if !slices.ContainsFunc(m.records, known) {
		m.records = append(m.records, r)
	}
	return nil
}

// Records is the audit so far.
func (m *Memory) Records() []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}
