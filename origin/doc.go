// Package origin is the live origin: it takes candidates in and decides what to serve. It owns the vocabulary.
//
//	region us-east                                    region us-west
//	+------------------------------------------+      +-----------------------------+
//	| feed -> encoder a -> packager            |      |  ... encoder b -> packager  |
//	|          (epoch-locked)  | PUT, findings |      |                 |           |
//	|                          v               |      |                 v           |
//	|   Node.Publish   claim, inspect, store,  | copy |   Node.Publish              |
//	|        |         tell the region's nodes |<---->|        |                    |
//	|   keyvalue.Store rows, and a cache       |      |   keyvalue.Store            |
//	|      Table       a replica in each zone  |      |      Table                  |
//	|        |                                 |      |        |                    |
//	|   Node.Get       refuse, hold, choose    |      |   Node.Get                  |
//	+--------^---------------------------------+      +--------^--------------------+
//	         | GET                                             | when the own region is gone
//	    edge.Edge  refuse, keep to the millisecond, collapse --+
//	         ^
//	       viewers
//
// Two pipelines encode the same event in different regions without a word between them: the number of a segment follows
// from the clock (Event.SegmentAt), so each is a candidate for the same place. Which one a viewer gets is decided when
// it is asked for, by Event.Decide, from what is known in memory at that instant. Where the own region has no copy yet, or
// cannot read it, a node reads it in the region that it was published in (read.go).
//
// Operators change an event's State (state.go): they mask, redirect, tell viewers' devices something, end it. A node knows
// the newest version that it was told, or that it finds in the control plane's store (follow.go), and so can refuse
// whatever is not there from memory alone (refuse.go).
//
// All decisions are written against the seams of seams.go and run on two clocks: Wall here, and a simulated one.
// Adapters (originhttp, guard, operator, metrics, cassandra, memcached) and decisions with a room of their own (edge,
// keyvalue, admission, control) are below this package.
package origin
