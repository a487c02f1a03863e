package control

import (
	"fmt"
	"reflect"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Create makes an event.
type Create struct {
	Event origin.Event `json:"event"`
	OnAir time.Time    `json:"on_air,omitzero"` // zero: with the event's start
}

func (c Create) change(s *origin.State, _ time.Time) error {
	e := &c.Event
	e.AvailabilityStartTime, e.End, c.OnAir = whole(e.AvailabilityStartTime), whole(e.End), whole(c.OnAir)
	want := origin.State{Event: c.Event, Version: s.Version, OnAir: c.OnAir}
	for _, d := range []time.Duration{e.SegmentDuration, e.TimeShiftBufferDepth, e.PublishDelay, e.RetryBudget, e.Patience} {
		if d%time.Millisecond != 0 {
			return fmt.Errorf("%v is not a whole number of milliseconds", d)
		}
	}
	if s.Version > 1 {
		if reflect.DeepEqual(s.Event, want.Event) && s.OnAir.Equal(want.OnAir) {
			return nil
		}
		return fmt.Errorf("%w, as another one", ErrExists)
	}
	*s = want
	return nil
}

// startSettles is how long before an event's start it can still be moved. A node that has segments takes no other start
// (origin.Node.Apply), so every node has to know of it before the first one comes.
const startSettles = 5 * time.Second

// Start moves an event's start, and with it the time of every segment.
type Start struct {
	At time.Time `json:"at"`
}

func (c Start) change(s *origin.State, now time.Time) error {
	switch {
	case s.AvailabilityStartTime.Equal(c.At):
		return nil
	case now.Add(startSettles).After(s.AvailabilityStartTime):
		return fmt.Errorf("%w: it starts at %s, and can be moved until %v before", ErrTooLate, stamp(s.AvailabilityStartTime), startSettles)
	case c.At.Before(now):
		return fmt.Errorf("%w: %s is in the past", ErrTooLate, stamp(c.At))
	case !s.End.IsZero() && !s.End.After(c.At):
		return fmt.Errorf("it ends at %s: move the end first", stamp(s.End))
	}
	s.AvailabilityStartTime = whole(c.At)
	return nil
}

// OnAir says when the programme begins.
type OnAir struct {
	At time.Time `json:"at,omitzero"` // zero: now, unless it is on air
}

func (c OnAir) change(s *origin.State, now time.Time) error {
	if c.At.IsZero() {
		if s.Phase(now) != origin.PreShow {
			return nil // it begins with the event, or has begun
		}
		c.At = now
	}
	if c.At.Before(s.AvailabilityStartTime) {
		return fmt.Errorf("the event starts only at %s", stamp(s.AvailabilityStartTime))
	}
	s.OnAir = whole(c.At)
	return nil
}

// End says when an event ends. What has been published can be asked for until it leaves the time-shift buffer.
type End struct {
	At time.Time `json:"at,omitzero"` // zero: now, unless it is over
}

func (c End) change(s *origin.State, now time.Time) error {
	if c.At.IsZero() {
		if !s.End.IsZero() && !s.End.After(now) {
			return nil
		}
		c.At = now
	}
	switch {
	case s.End.Equal(c.At):
		return nil
	case !c.At.After(s.AvailabilityStartTime):
		return fmt.Errorf("it starts only at %s: remove it, if it is not to be", stamp(s.AvailabilityStartTime))
	case c.At.Before(now):
		return fmt.Errorf("%w: %s is in the past; end it now, and mask what should not be seen", ErrTooLate, stamp(c.At))
	}
	s.End = whole(c.At)
	return nil
}

// TimeShiftBuffer says for how long segments can be asked for.
type TimeShiftBuffer struct {
	Depth time.Duration
}

// MarshalJSON writes the depth as the event's configuration has it.
func (c TimeShiftBuffer) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"time_shift_buffer_ms":%d}`, c.Depth.Milliseconds()), nil
}

func (c TimeShiftBuffer) change(s *origin.State, _ time.Time) error {
	if c.Depth%time.Millisecond != 0 {
		return fmt.Errorf("%v is not a whole number of milliseconds", c.Depth)
	}
	s.TimeShiftBufferDepth = c.Depth
	return nil
}

// Remove takes an event away, whatever is still in its time-shift buffer; nothing can be done to it any more.
type Remove struct{}

func (Remove) change(s *origin.State, _ time.Time) error {
	s.Removed = true
	return nil
}

// Redirect prefers a pipeline to all others, in every region; the empty one brings the usual order back.
type Redirect struct {
	Pipeline string `json:"pipeline"`
}

func (c Redirect) change(s *origin.State, _ time.Time) error {
	s.Redirect = c.Pipeline
	return nil
}

// whole is an instant as documents have it.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
