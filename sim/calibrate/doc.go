// Package calibrate makes a model of a store that is there: it measures a region's table, fits a profile of sim/storage to
// what it saw, and says by how much the model is off.
//
//	Target (a table)  -- Measure -->  Samples  -- Fit -->  storage.Profile
//	      ^                              |                      |
//	      |                              v                      v
//	Model (a table, in no time)       Compare  <-- Measure --  Model of the profile
//
// Measure loads the table in two ways. A closed loop (so many callers, each with its next call when the last has been
// answered) finds what the table can do. An open loop (calls that come when they come, as a Poisson process, whether or
// not the table keeps up) finds how long calls take: each from the time at which it was due, so that a call which had to
// wait for a stalled one before it is not forgotten ("coordinated omission"; Gil Tene, "How NOT to measure latency").
//
// Calls of the open loop come in bursts, as the renditions of a segment do, at the rate of a scenario: on a machine whose
// processors all zones share, most of what a call takes is waiting for the others of its burst.
//
// Fit begins with what can be computed (limits of what many callers reach, bodies of latency by order statistics), runs the
// model under the same load, and puts it right by what it misses, until the medians of all sizes and the p99 of all calls
// are near. Zones that stand apart draw their latencies independently, and their pauses are told apart from the rest; zones
// on one machine are slow together (storage.ReplicaProfile.OneMachine). What was measured with a zone stopped has no part
// in the fit, and shows which of the two is right.
//
// The same plan runs on both clocks, so that what the model is compared by is what the table was measured by.
package calibrate
