// Package resources models what requests queue for below the seams in virtual time: machines and links. Both keep a
// Flow, which proves that no request is lost or counted twice.
//
//	      Enter, Do                           Done
//	-----------------> queue --> cores --------------->      Machine: first come first served, priorities, or shared
//
//	      Start, Send                                 Done
//	-----------------> bandwidth, shared --> latency ---->   Link: loss is more latency
//
// There are two ways in. Do and Send block a coroutine until it is over. Enter and Start take a Job or a Transfer that
// the caller keeps and uses again, and wake its Done: then nothing is allocated, and millions a second are possible.
//
// What the models compute is held to the closed forms of queueing theory (TestProve).
package resources
