// Package capacity makes a capacity plan from what a replay carried.
//
//	load.jsonl --> timeline --> tiers:  peak and p99 of each tier, region and measure
//	                        \-> needs:  nodes that carry the busiest second with one zone lost
//	                        \-> trends: need against viewers --> limits: where it breaks first
//	                                                         \-> growth: viewers against nodes
//
// Everything has a resolution of one second: a peak is the busiest second, faults and all. Trends are of calm seconds
// only (see trend). What cannot be known from the replay is said to be not known; no number stands in for it.
package capacity
