// Package memcached keeps rows in one node of memcached: a Store among those that package keyvalue spreads rows over,
// and whose circuits it breaks.
//
//	"set" / "get"  lo1-<hash of the key>  ->  | LIVE 1 | digest | size | expires | hash of the key |  body ...  |
//
// What a node gives is taken for a row only if it says, in front of the body, that it is this key's row with this digest;
// all else was not found. Whether the body is what the digest says is for the caller to check, as with every Store.
//
// The client is of our own, two commands over a bounded pool of connections, and not gomemcache, for three reasons. A
// call ends with its context, and gomemcache has none. A body is written from where it is, without being copied behind
// its head. And GetInto reads a body to where it belongs: of what gomemcache takes for 512 KiB, a sixth is for the memory of
// each value (allocated, cleared, and collected soon after), and up to two thirds where the collector is busier; a pool of
// buffers would save that only by giving bodies back that somebody may still hold. (BenchmarkGet)
package memcached
