package encoders

import (
	"math/bits"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// The arithmetic of epoch locking. Decode times count from the event's AvailabilityStartTime, in ticks of the
// rendition's timescale, and are integers throughout.

// startTicks is the nominal start of segment n, rounded down to a tick. It is negative before the event's start.
func startTicks(ev *origin.Event, r origin.Rendition, n origin.SegmentNumber) int64 {
	return ticks(time.Duration(n-ev.StartNumber)*ev.SegmentDuration, r.Timescale)
}

// ticks converts a duration, rounding towards zero. Seconds and the rest are taken apart so that nothing overflows
// within a century.
func ticks(d time.Duration, timescale uint32) int64 {
	return int64(d/time.Second)*int64(timescale) + int64(d%time.Second)*int64(timescale)/int64(time.Second)
}

// firstFrame is the number of the first frame that starts within the loop's segment m or later: where frames do not
// divide the segment, as with 1024 samples of audio, a segment has one frame more now and then.
func firstFrame(m int64, r origin.Rendition) int64 {
	segment, frame := ticks(segmentDuration, r.Timescale), int64(r.SampleTicks)
	return (m*segment + frame - 1) / frame
}

// ntpEpoch is 1900 (RFC 5905, 6) in seconds before Unix time.
const ntpEpoch = 2_208_988_800

// ntpAt is the instant of media time t, in ticks after the event's start, as a 64-bit NTP time stamp: 32 bits of
// seconds, which wrap in 2036, and 32 bits of a fraction.
func ntpAt(start time.Time, t uint64, timescale uint32) uint64 {
	scale := uint64(timescale)
	whole := uint64(start.Unix()) + ntpEpoch + t/scale
	return whole<<32 + uint64(start.Nanosecond())<<32/uint64(time.Second) + t%scale<<32/scale
}

// mulDiv is a*b/c with a 128-bit product, for c > 0; the largest number where the quotient has more than 64 bits.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return 1<<64 - 1
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
}
