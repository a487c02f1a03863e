// Package keyvalue is the origin's Store of whole objects over a table of small rows and a cache of them: what the
// systems that we follow call a key-value abstraction (facts.md STO).
//
//	           Store: one in every origin process
//	Put  ---->  chunks 1..n ---> Table (a quorum of the region's zones)    and, beside it, Cache (one of its nodes)
//	            then row 0 ----> Table: the index, the commit point        and then Cache
//	Get  ---->  newest segments in this process, else Cache, else Table; chunks side by side
//
// An object that fits one row is that row, inline (facts.md STO-21). A larger one is cut into chunks with a CRC32C each.
// Chunk rows go first, and one index row, which lists them, commits the object: before it is there nobody reads the
// chunks, and after it nothing of them is missing. All rows of a write carry one Token, so trying again writes the same.
// Rows are tried, hedged and checked one by one; a row whose checksum does not fit is read from another replica, and
// repaired.
//
// The cache is given a row that is an object beside the table, too. Whoever asks it for one by its digest, before it is
// committed, finds it there; but nobody has heard of the digest by then, and what is not committed is taken out again.
//
// The first attempt at a row is made in its caller's coroutine, and most calls need no other: one sleeper keeps the time
// limits of all (alarm.go). So tables and caches must return soon after their contexts end; that is how the loser of two
// attempts, and a call whose time is over, are ended.
//
// The cache changes latency and nothing that an origin could tell: a node of it that is dead is noticed and left alone, one that is wrong is
// found out by checksums.
//
// Table and Cache are origin.Stores whose keys have a Part, so that what breaks stores breaks them too, and the same
// suite tests them all (package origintest). The package runs on either clock.
package keyvalue
