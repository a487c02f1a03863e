package origin

import (
	"context"
	"sync"
)

// Memory is a Store in the process: one replica of the embedded store. The zero value is not ready; see NewMemory.
type Memory struct {
	clock   Clock
	limit   int
	mu      sync.Mutex
	objects map[Key]Object
	// queue holds the keys of all that expires, in the order in which they came: nearly that in which they expire.
	queue []Key
	size  int
}

// NewMemory makes a store that keeps at most limit bytes of what expires, and the newest object whatever its size; beyond
// that the oldest go first. What does not expire, CMAF headers, stays.
func NewMemory(clock Clock, limit int) *Memory {
	return &Memory{clock: clock, limit: limit, objects: make(map[Key]Object)}
}

// Put implements Store.
func (m *Memory) Put(ctx context.Context, key Key, o Object) error {
	now := m.clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.objects[key]; ok {
		if old.Digest != o.Digest || old.Size != o.Size {
			return ErrExists
		}
		return nil
	}
	if !o.ExpiresAt.IsZero() {
		m.queue = append(m.queue, key)
	}
	m.objects[key] = o
	m.size += o.Size
	for len(m.queue) > 1 {
		oldest := m.objects[m.queue[0]]
		if now.Before(oldest.ExpiresAt) && m.size <= m.limit {
			break
		}
		delete(m.objects, m.queue[0])
		m.size -= oldest.Size
		m.queue = m.queue[1:]
	}
	return nil
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, key Key, digest uint32) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok || o.Digest != digest {
		return Object{}, ErrNotFound
	}
	return o, nil
}
