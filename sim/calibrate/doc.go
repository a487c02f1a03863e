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
// The same plan runs on both clocks, so that what the model is compared by is what the table was measured by.
package calibrate
