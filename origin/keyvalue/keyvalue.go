package keyvalue

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
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
	// Context is that of what goes on after callers have their answers. Its end is the store's: calls that are under way
	// then run out of time, and later ones fail.
	Context context.Context
	Seed    uint64 // of tokens' nonces

	// ChunkBytes is the size of a chunk; zero means DefaultChunk.
	ChunkBytes int
	// Timeout bounds a call; zero means DefaultTimeout.
	Timeout time.Duration
	// HedgeAfter is how long a row of the table is waited for before it is asked for a second time, beside the first;
	// zero means DefaultHedge, below zero never.
	HedgeAfter time.Duration
	// CacheTimeout is how long a node of the cache is waited for; zero means DefaultCacheTimeout.
	CacheTimeout time.Duration
	// Recent is how many of the newest segments of each rendition and pipeline stay in this process, with the headers;
	// zero means none. RecentBytes bounds their bytes; zero means DefaultRecentBytes.
	Recent      int
	RecentBytes int
}

// What a Config that says nothing gets.
const (
	DefaultChunk = 512 << 10 // below memcached's item limit of 1 MiB, with room for what an adapter puts around it
	// DefaultTimeout is less than a client waits for one try (originhttp.ClientOptions), so that it is told 503 and does not
	// have to guess.
	DefaultTimeout = 750 * time.Millisecond
	DefaultHedge   = 100 * time.Millisecond

	DefaultCacheTimeout = 50 * time.Millisecond
	DefaultRecentBytes  = 256 << 20
)

// orDefaults fills in what was left out.
func (c Config) orDefaults() Config {
	orDefault(&c.ChunkBytes, DefaultChunk)
	orDefault(&c.Timeout, DefaultTimeout)
	orDefault(&c.HedgeAfter, DefaultHedge)
	orDefault(&c.CacheTimeout, DefaultCacheTimeout)
	orDefault(&c.RecentBytes, DefaultRecentBytes)
	return c
}

func orDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Replicated is a table that can be asked for a certain replica's copy of a row, and told that one is damaged.
type Replicated interface {
	// GetFrom reads one replica's copy; ErrNotFound when there is no such replica, or no such row on it.
	GetFrom(ctx context.Context, replica int, key origin.Key, digest uint32) (origin.Object, error)
	// Repair writes a row again, over damaged copies of it.
	Repair(ctx context.Context, key origin.Key, o origin.Object) error
}

// Filler is a node of the cache that can put a row's body into its caller's buffer, so that a chunk is read from the
// network straight to where it belongs in its object.
type Filler interface {
	// GetInto is a Get whose body may, but need not, be in the buffer, at its beginning. The buffer belongs to the node
	// until GetInto returns, whatever it returns, and to its caller from then on: a call whose context has ended must
	// have stopped writing when it comes back. Nothing beyond the buffer's capacity is the node's at any time.
	GetInto(ctx context.Context, key origin.Key, digest uint32, into []byte) (origin.Object, error)
}

// Store is an origin.Store of whole objects. All its methods may be called at once.
type Store struct {
	config Config
	cache  cache
	recent recent
	stats  counters

	timeouts, hedges, patience alarms // of calls, of rows of the table, and of calls to the cache

	behind atomic.Int64 // what goes on after callers have their answers

	mu      sync.Mutex
	nonces  *rand.Rand
	flights map[wanted]*flight
}

// New makes a store over a table and a cache.
func New(c Config) *Store {
	c = c.orDefaults()
	s := &Store{config: c, cache: newCache(c.Caches), recent: newRecent(c.Recent, c.RecentBytes),
		nonces: rand.New(rand.NewPCG(c.Seed, nonceStream)), flights: make(map[wanted]*flight)}
	s.timeouts.init(c, c.Timeout)
	s.hedges.init(c, c.HedgeAfter)
	s.patience.init(c, c.CacheTimeout)
	return s
}

// nonceStream tells the stream of nonces from others under the same seed.
const nonceStream = 0x6e6f6e6365

// token is a new write's.
func (s *Store) token() origin.Token {
	now := s.config.Runtime.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return origin.Token{Time: now, Nonce: s.nonces.Uint64()}
}

// mostBehind bounds what goes on after callers have their answers: giving rows to the cache, and repairs.
const mostBehind = 1024

// later does something that nobody waits for; it returns false, and does not, when too much of that is under way.
func (s *Store) later(fn func(ctx context.Context)) bool {
	if s.behind.Add(1) > mostBehind || s.config.Context.Err() != nil {
		s.behind.Add(-1)
		return false
	}
	s.config.Runtime.Go(func() {
		defer s.behind.Add(-1)
		fn(s.config.Context)
	})
	return true
}
