package keyvalue

import "sync/atomic"

// Stats are a Store's counters since the beginning. Of the gets, each is in one of Recent, Shared, CacheHits,
// TableReads, NotFound and Failed, once it is over; of the puts, each is acknowledged, Refused or Unstored.
type Stats struct {
	Puts     int64
	Refused  int64 // puts of other bytes than those that are there: ErrExists
	Unstored int64 // puts that failed in another way

	Gets       int64
	Recent     int64 // gets answered from this process
	Shared     int64 // gets answered by another one of the same object
	CacheHits  int64 // gets answered by the cache
	TableReads int64 // gets answered by the table, if only for one row
	NotFound   int64
	Failed     int64 // gets that failed in another way, or whose caller left

	Hedges   int64 // rows that were asked for, or written, a second time beside the first
	Retries  int64 // rows that were tried again after an error
	Damaged  int64 // rows of the table whose checksum did not fit
	Repaired int64 // rows that were damaged or missing, and were written again from a good copy

	CacheAway  int64 // rows that a node of the cache was not asked for, or given, since it is taken for dead
	CacheWrong int64 // rows in the cache that were not what they should be
	CacheUnset int64 // rows that the cache did not take, or that too many others were on the way to it for
}

// counters are what Stats are read from.
type counters struct {
	puts, refused, unstored            atomic.Int64
	gets, recent, notFound, failed     atomic.Int64
	from                               [sources]atomic.Int64
	hedges, retries, damaged, repaired atomic.Int64
	away, wrong, unset                 atomic.Int64
}

// Stats returns the counters.
func (s *Store) Stats() Stats {
	c := &s.stats
	return Stats{
		Puts: c.puts.Load(), Refused: c.refused.Load(), Unstored: c.unstored.Load(),
		Gets: c.gets.Load(), Recent: c.recent.Load(), Shared: c.from[fromOther].Load(),
		CacheHits: c.from[fromCache].Load(), TableReads: c.from[fromTable].Load(),
		NotFound: c.notFound.Load(), Failed: c.failed.Load(),
		Hedges: c.hedges.Load(), Retries: c.retries.Load(), Damaged: c.damaged.Load(), Repaired: c.repaired.Load(),
		CacheAway: c.away.Load(), CacheWrong: c.wrong.Load(), CacheUnset: c.unset.Load(),
	}
}
