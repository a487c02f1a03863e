// Package player is an audience of a live event: viewers that ask edges for segments at the times that the event's clock
// fixes, and say what they got.
//
// A viewer is an open loop. When it asks for segment n follows from the event alone, never from how an earlier answer
// went, so a slow origin cannot slow down the load that measures it:
//
//	available(n)    intended              playback P(n)         give up
//	     |--- offset ---|------- buffer -------|----- segment -----|----------> time
//	     the last frame  the viewer asks        n should be on      a received n is no use:
//	     is captured     (or should have)       screen: stalled     missed
//
// The offset is constant for a viewer, within 0 and 100 ms, so that a fleet is not one spike.
//
// Two clocks start for a segment. Live-edge latency counts from available(n), so the spread of the fleet is part of it:
// it says how old the newest picture is. Time to first byte counts from the intended time: it says how long an answer
// took. What the generator itself was late (its lag) is in both, and reported beside them.
//
// Instants are durations since the event's availability start, on this process's monotonic clock.
//
// The package knows nothing of k6: requests go to an http.RoundTripper, what came of them to a Sink.
package player
