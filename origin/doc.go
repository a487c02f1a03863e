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
// it is asked for, by Event.Decide, from what is known in memory at that instant.
//
// All decisions are written against the seams of seams.go and run on two clocks: Wall here, and a simulated one.
// Adapters (originhttp, cassandra, memcached) and decisions with a room of their own (edge, keyvalue) are below this
// package.
package origin
