// Package loop is the second clock: an origin.Runtime in virtual time, on one thread, the same every time.
//
//	        Sleep, Wait, Go, Wake            the earliest; of equals, the first that was asked for
//	code ----------------------> queue ---------------------------------------> Run ---.
//	  ^                                                                                |
//	  '------------------ the coroutine goes on, or the Waker is called <--------------'
//
// Ordinary blocking code runs in coroutines (iter.Pull), of which at most one runs at any time: it runs until it waits
// for something, and then the clock jumps to whatever is next. Nothing depends on the machine: not on its speed, nor on
// how many processors it has, nor on the order in which a map is walked, as long as the code above keeps to the seams
// (sim/tidy_test.go). The order of wakeups is total: by time in whole nanoseconds, then by who asked first.
//
// Models that are too many for a coroutine each use Wake, which calls a function at an instant.
package loop
