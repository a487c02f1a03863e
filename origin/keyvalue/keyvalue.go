package keyvalue

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Config says what a Store is made of. Table, Runtime and Context are required.
type Config struct {
	// Table keeps rows: a quorum of the region's zones acknowledges each. Of two index rows with different digests under
	// one key it takes one.
	Table origin.Store
	// Caches are the nodes of the cache among which rows are spread by consistent hashing; none is a store without one.
	Caches []origin.Store

	Runtime origin.Runtime
	// Context ends what goes on after callers have their answers.
	Context context.Context
	Seed    uint64 // of tokens' nonces

	// ChunkBytes is the size of a chunk; zero means DefaultChunk.
	ChunkBytes int
	// Timeout bounds a call; zero means DefaultTimeout.
	Timeout time.Duration
	// HedgeAfter is how long a row of the table is waited for before it is asked for a second time, beside the first;
	// zero means DefaultHedge, below zero never.
	HedgeAfter time.Duration
	// Recent is how many of the newest segments of each rendition and pipeline stay in this process; zero means none.
	Recent int
}

// What a Config that says nothing gets.
const (
	DefaultChunk   = 512 << 10 // below memcached's item limit of 1 MiB, with room for what an adapter puts around it
	DefaultTimeout = time.Second
	DefaultHedge   = 100 * time.Millisecond
)

// Replicated is a table that can be asked for a certain replica's copy of a row, and told that one is damaged.
type Replicated interface {
	// GetFrom reads one replica's copy; ErrNotFound when there is no such replica, or no such row on it.
	GetFrom(ctx context.Context, replica int, key origin.Key, digest uint32) (origin.Object, error)
	// Repair writes a row again, over damaged copies of it.
	Repair(ctx context.Context, key origin.Key, o origin.Object) error
}

// Store is an origin.Store of whole objects.
type Store struct {
	config Config
}

// New makes a store over a table and a cache.
func New(c Config) *Store { return &Store{config: c} }

// Put implements origin.Store.
func (s *Store) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	return s.config.Table.Put(ctx, key, o)
}

// Get implements origin.Store.
func (s *Store) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	return s.config.Table.Get(ctx, key, digest)
}

// Stats are a Store's counters since the beginning.
type Stats struct {
	Puts, Gets int64
	Recent     int64 // gets answered from this process
	Shared     int64 // gets that waited for another one of the same object
	CacheHits  int64 // gets answered by the cache
	TableReads int64 // gets answered by the table
	Failed     int64 // calls that failed, but for ErrNotFound and ErrExists
	Hedges     int64 // rows that were asked for a second time
	Retries    int64 // rows that were tried again after an error
	Damaged    int64 // rows whose checksum did not fit
	Repaired   int64 // of them: read elsewhere, and written again
	CacheAway  int64 // operations that a node of the cache was spared, since it is taken for dead
	CacheWrong int64 // rows in the cache that were not what they should be
}

// Stats returns the counters.
func (s *Store) Stats() Stats { return Stats{} }
