package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/streams"
)

// ErrThrottled is an object store's "503 Slow Down".
var ErrThrottled = errors.New("throttled: slow down")

// BucketProfile is what an object store's bucket is like.
type BucketProfile struct {
	Write, Read Latency // the body of its latencies
	// Rate is how many requests a second one event may make, Burst how many at once.
	Rate, Burst float64
	// Stalled is the part of the requests that takes Stall instead.
	Stalled float64
	Stall   Latency
	// Outages are times in which one region's bucket fails, Shocks those in which all regions' do.
	Outages, Shocks Episodes
}

// ObjectStoreConfig says what an ObjectStore is made of. Region, Runtime, Context and Start are required.
type ObjectStoreConfig struct {
	Region  string
	Runtime origin.Runtime
	// Context ends what goes on after callers have given up.
	Context context.Context
	// Start is from when on there are outages; equal for all regions of a run, so that their shocks coincide.
	Start  time.Time
	Seed   uint64
	Bucket BucketProfile
	// Timeout bounds a call; zero means one second.
	Timeout time.Duration
	// Limit bounds the bytes that it keeps.
	Limit int
}

// ObjectStore is a region's bucket as it was used before the table (facts.md STO-1 to STO-4): the baseline. It keeps
// the first bytes under a key, as a conditional write (If-None-Match: *) does.
//
// A request above the rate fails at once with ErrThrottled, and is not made slow: the store answers 503 and leaves it
// to the client to come again (Amazon S3, "Error responses: SlowDown"), and failures are what was observed (STO-3). The
// rate counts reads and writes of one event together.
type ObjectStore struct {
	config ObjectStoreConfig
	memory *origin.Memory

	mu               sync.Mutex
	rand             *rand.Rand
	write, read      logNormal
	stall            logNormal
	outages, shocks  episodes
	interval, leeway time.Duration            // of the rate
	due              map[string]time.Duration // by event: when its next request would come if it kept to the rate
	stats            ObjectStoreStats
}

// ObjectStoreStats are an ObjectStore's counters since the beginning.
type ObjectStoreStats struct {
	Reads, Writes           Calls
	BytesRead, BytesWritten int64
	Throttled               int64 // of the calls failed
	Stalled                 int64 // of all calls
	Outages                 int64 // of the calls failed: made during an outage or a shock
}

// NewObjectStore makes an empty bucket.
func NewObjectStore(c ObjectStoreConfig) *ObjectStore {
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	p, name := c.Bucket, "object store "+c.Region
	s := &ObjectStore{config: c, memory: origin.NewMemory(c.Runtime, c.Limit), rand: streams.New(c.Seed, name),
		write: p.Write.distribution(), read: p.Read.distribution(), stall: p.Stall.distribution(),
		outages: newEpisodes(p.Outages, streams.New(c.Seed, name+" outages")),
		shocks:  newEpisodes(p.Shocks, streams.New(c.Seed, "object stores shocks")), // the run's, not the region's
		due:     make(map[string]time.Duration)}
	if p.Rate > 0 {
		s.interval = time.Duration(float64(time.Second) / p.Rate)
		s.leeway = time.Duration(float64(s.interval) * max(0, p.Burst-1))
	}
	return s
}

// Put implements origin.Store. After ErrTimeout the object may yet come to be there.
func (s *ObjectStore) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	takes, err := s.begin(&s.stats.Writes, key, s.write)
	if err == nil {
		err = s.wait(ctx, takes)
		if errors.Is(err, origin.ErrTimeout) {
			s.config.Runtime.Go(func() { s.land(key, o, takes-s.config.Timeout) })
		}
	}
	if err == nil {
		err = s.memory.Put(ctx, key, o)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Writes.end(err, origin.ErrExists)
	if err == nil {
		s.stats.BytesWritten += int64(o.Size)
	}
	return err
}

// Get implements origin.Store.
func (s *ObjectStore) Get(ctx context.Context, key origin.Key, digest uint32) (o origin.Object, err error) {
	takes, err := s.begin(&s.stats.Reads, key, s.read)
	if err == nil {
		err = s.wait(ctx, takes)
	}
	if err == nil {
		o, err = s.memory.Get(ctx, key, digest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reads.end(err, origin.ErrNotFound)
	if err == nil {
		s.stats.BytesRead += int64(o.Size)
	}
	return o, err
}

// Stats returns the counters.
func (s *ObjectStore) Stats() ObjectStoreStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// begin draws how long a call takes, and why it fails at once.
func (s *ObjectStore) begin(calls *Calls, key origin.Key, body logNormal) (time.Duration, error) {
	now := s.config.Runtime.Now().Sub(s.config.Start)
	s.mu.Lock()
	defer s.mu.Unlock()
	calls.begin()
	takes := body.draw(s.rand)
	if s.rand.Float64() < s.config.Bucket.Stalled {
		s.stats.Stalled++
		takes = s.stall.draw(s.rand)
	}
	switch {
	case !s.admit(key.Event, now):
		s.stats.Throttled++
		return 0, fmt.Errorf("object store %s: %w", s.config.Region, ErrThrottled)
	case s.outages.active(now) || s.shocks.active(now):
		s.stats.Outages++
		return 0, fmt.Errorf("object store %s: %w", s.config.Region, origin.ErrUnreachable)
	}
	return takes, nil
}

// admit holds an event's requests against the rate: the virtual scheduling algorithm of ITU-T I.371 (GCRA), which is a
// token bucket that needs one number only.
func (s *ObjectStore) admit(event string, now time.Duration) bool {
	if s.interval == 0 {
		return true
	}
	due, known := s.due[event]
	if !known {
		due = now
	}
	if due-now > s.leeway {
		return false
	}
	s.due[event] = max(due, now) + s.interval
	return true
}

func (s *ObjectStore) wait(ctx context.Context, takes time.Duration) error {
	err := s.config.Runtime.Sleep(ctx, min(takes, s.config.Timeout))
	if err == nil && takes > s.config.Timeout {
		return origin.ErrTimeout
	}
	return err
}

// land ends a write that its caller has given up.
func (s *ObjectStore) land(key origin.Key, o origin.Object, in time.Duration) {
	if s.config.Runtime.Sleep(s.config.Context, in) == nil {
		_ = s.memory.Put(s.config.Context, key, o) // its caller does not listen any more
	}
}
