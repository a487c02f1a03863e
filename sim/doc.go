// Package sim runs a scenario, on either clock.
//
// Run plays it on the wall clock: a stack of real servers on loopback, real media, and k6 as the audience. It writes
// the history into the run's directory first, and has it judged afterwards; Judge does only the latter.
package sim

// Version is the harness's, for its reports.
const Version = "0.1.0"
