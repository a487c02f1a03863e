// Package audience is the viewers in virtual time: as counts of those who are alike, or as a state for every one of
// them (agents), by the same rules; and what they ask of the edges. It writes the same audience.jsonl as the wall
// clock's viewers (xk6-liveorigin), so that the same judge reads it.
//
//	            rewinds                  no segment for longer than After
//	at the live ------> went back        ------------------------------> waiting
//	edge        <------                  <------------------------------
//	            returns                  starts again, at the live edge
//	behind live for good
//
// Every turn, one segment long, a population moves its viewers between these modes, between classes of link, and
// between levels, which are turns without a segment; viewers come and go as the curve says. Then they ask.
//
// # What is asked
//
// A cell is the viewers of one edge and class who play one rendition. It is cut into slices, each of which asks its
// edge once, in a coroutine, on behalf of all its viewers; the answer is then reckoned viewer by viewer (outcome.go).
// While all fetches of a turn are within a budget, and in cells of no more than 64 viewers, every viewer is a slice of
// its own with a memory of its own (cell.go): such worlds obey the wall clock's rules viewer by viewer, but that what
// its video has found out of an edge is not known to its audio. Beyond, a slice's viewers share what they meet: they
// fail over together, and avoid the same edges.
//
// Behind live there are more places to be than slices. A slice of many takes the place of one of its viewers, another
// one every turn: a sample, weighted. The viewers' own figures are right on average; an edge is asked for fewer
// different segments than it would be, so that its misses behind live are underestimated.
//
// # Who leaves
//
// A viewer who is told that the event has ended, or was removed, leaves, and has missed nothing (leave.go). Those who jump
// about are counted as gone once the jumping is over.
//
// # What is left out
//
// Players know the template, so that they need the manifest only once, and do not ask for it here; those of a scenario with
// manifest: refresh read it again and again (read.go), but not when they start or jump, nor do they notice that a list is
// closed: they read until the planned end. What they have not read of by then, they do not ask for. A
// viewer's access is a bandwidth and a round trip, not a queue of its own: what it asks for at once does not share it.
// Retries of a slice happen at the same instant for all its viewers. The wall clock's limit of 128 fetches in flight
// for a viewer has no counterpart: with two renditions it takes a buffer of two minutes to reach it.
package audience
