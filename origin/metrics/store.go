package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// WatchStore adds a store's counters: a node may have one for what is published and another for what is read, and those
// of other regions.
func (m *Metrics) WatchStore(name string, stats func() keyvalue.Stats) {
	prometheus.WrapRegistererWith(prometheus.Labels{"store": name}, m.Registry).MustRegister(store(stats))
}

// WatchCopies adds what became of the rows that a store copied to another cluster: made, failed, or not even tried.
func (m *Metrics) WatchCopies(name string, read func() (made, failed, unmade int64)) {
	prometheus.WrapRegistererWith(prometheus.Labels{"store": name}, m.Registry).MustRegister(copies(read))
}

type copies func() (made, failed, unmade int64)

var storeCopies = describe("store_copied_rows_total", "Rows that were to be copied to the cluster that is read from.", "result")

// Describe implements prometheus.Collector.
func (copies) Describe(out chan<- *prometheus.Desc) { out <- storeCopies }

// Collect implements prometheus.Collector.
func (read copies) Collect(out chan<- prometheus.Metric) {
	made, failed, unmade := read()
	for result, n := range map[string]int64{"made": made, "failed": failed, "unmade": unmade} { // any order: gathering sorts
		out <- prometheus.MustNewConstMetric(storeCopies, prometheus.CounterValue, float64(n), result)
	}
}

// store reads all counters at once, at every scrape.
type store func() keyvalue.Stats

var (
	storePuts   = describe("store_puts_total", "Objects that were to be stored.")
	storeUnput  = describe("store_put_failures_total", "Objects that were not stored: other bytes were there, or the store failed.", "result")
	storeGets   = describe("store_gets_total", "Objects that were read, by where they were.", "result")
	storeHedges = describe("store_hedged_rows_total", "Rows that were asked for, or written, a second time beside the first.")
	storeRetry  = describe("store_retried_rows_total", "Rows that were tried again after an error.")
	storeDamage = describe("store_damaged_rows_total", "Rows of the table whose checksum did not fit.")
	storeRepair = describe("store_repaired_rows_total", "Rows that were damaged or missing, and were written again from a good copy.")
	storeCache  = describe("store_cache_rows_total", "Rows that the cache was not asked for, had wrong, or did not take.", "result")
)

// Describe implements prometheus.Collector.
func (store) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storePuts, storeUnput, storeGets, storeHedges, storeRetry, storeDamage, storeRepair, storeCache} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (read store) Collect(out chan<- prometheus.Metric) {
	s := read()
	tell := func(d *prometheus.Desc, value int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	tell(storePuts, s.Puts)
	tell(storeUnput, s.Refused, "refused")
	tell(storeUnput, s.Unstored, "failed")
	tell(storeGets, s.Recent, "recent")
	tell(storeGets, s.Shared, "shared")
	tell(storeGets, s.CacheHits, "cache")
	tell(storeGets, s.TableReads, "table")
	tell(storeGets, s.NotFound, "not-found")
	tell(storeGets, s.Failed, "failed")
	tell(storeHedges, s.Hedges)
	tell(storeRetry, s.Retries)
	tell(storeDamage, s.Damaged)
	tell(storeRepair, s.Repaired)
	tell(storeCache, s.CacheAway, "away")
	tell(storeCache, s.CacheWrong, "wrong")
	tell(storeCache, s.CacheUnset, "unset")
}
