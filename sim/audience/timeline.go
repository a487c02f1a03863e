package audience

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// timeline is an event in durations since its availability start time, as players reckon.
type timeline struct {
	start           time.Time
	first, last     origin.SegmentNumber
	final           origin.SegmentNumber // the last one that becomes available before the event has ended
	segment         time.Duration
	length          time.Duration
	timeShiftBuffer time.Duration
	publishDelay    time.Duration
	retryBudget     time.Duration
}

func newTimeline(e *origin.Event) timeline {
	length := e.End.Sub(e.AvailabilityStartTime)
	return timeline{
		start: e.AvailabilityStartTime, first: e.StartNumber, last: e.LastNumber(), segment: e.SegmentDuration,
		length: length, timeShiftBuffer: e.TimeShiftBufferDepth,
		final:        e.StartNumber + origin.SegmentNumber(length/e.SegmentDuration) - 1,
		publishDelay: e.PublishDelay, retryBudget: e.RetryBudget,
	}
}

// available is the instant at which segment n's last frame is captured.
func (t *timeline) available(n origin.SegmentNumber) time.Duration {
	return time.Duration(n-t.first+1) * t.segment
}

// next is the first segment that becomes available at an instant or later.
func (t *timeline) next(at time.Duration) origin.SegmentNumber {
	if at <= t.segment {
		return t.first
	}
	return t.first + origin.SegmentNumber((at-1)/t.segment)
}

// buffer lists the segments that can be asked for at an instant without being too early or too late; none when oldest
// is above newest.
func (t *timeline) buffer(at time.Duration) (oldest, newest origin.SegmentNumber) {
	newest = min(t.next(at-t.publishDelay)-1, t.last)
	return max(t.first, newest-t.deepest()), newest
}

// deepest is how many segments behind the newest one a viewer can be, with two to spare for the time it takes to ask.
func (t *timeline) deepest() origin.SegmentNumber {
	return max(0, origin.SegmentNumber(t.timeShiftBuffer/t.segment)-2)
}
