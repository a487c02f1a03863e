// Package snapshot writes what an audience saw as JSON lines that add up: those of several VUs, processes and machines,
// put one after the other, are the record of them all. Counts add, and histograms (HdrHistogram V2, compressed) merge
// without loss, which percentiles never do.
//
// Times are microseconds since the event's availability start. Fields that are zero are left out.
package snapshot
