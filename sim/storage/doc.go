// Package storage models what lies below the origin's stores (package keyvalue): a region's table of rows with a replica
// in every zone, the nodes of a cache beside it, and the object store that was there before both. It is what the embedded
// stack of a wall-clock run stands on, and the model of a virtual one.
//
//	Put, Get -> CacheNode: queue, latency, the least recently used rows
//
//	Put, Get -> Table -+-> zone 1: queue, pauses, latency, rows, commit log
//	                   +-> zone 2   ...  (each behind a gate that faults can cut)
//	                   +-> zone 3   ...
//
// A model calculates when each replica's answer would come, and sleeps until enough of them have: no coroutine waits
// for a replica, unless a fault can reach its zone. It needs only an origin.Runtime, and so runs on either clock. On
// the loop everything it decides follows from its seed; on the wall clock it is safe for use by many goroutines.
//
// Times inside are durations since the model was made; only records have the event's time.
package storage
