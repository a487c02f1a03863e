package player

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Number is DASH's $Number$: it names one segment of every rendition.
type Number int64

// Event is a live event as its origin describes it in /{event}/config, and its clock.
type Event struct {
	ID string
	// Start is the availability start time, with this process's monotonic clock in it: steps of the wall clock during a
	// run move nothing.
	Start       time.Time
	StartNumber Number
	// Length is how long the event lasts; zero while nobody knows.
	Length          time.Duration
	Segment         time.Duration
	TimeShiftBuffer time.Duration
	PublishDelay    time.Duration
	RetryBudget     time.Duration
	Renditions      []Rendition
}

// Rendition is one encoding of the event.
type Rendition struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"` // "video" or "audio"
	Bandwidth   int64  `json:"bandwidth"`
	Timescale   uint32 `json:"timescale"`
	SampleTicks uint32 `json:"sample_ticks"`
}

// The kinds of rendition that viewers play.
const (
	video = "video"
	audio = "audio"
)

// eventJSON is the document at /{event}/config, as far as a player needs it.
type eventJSON struct {
	ID                string      `json:"id"`
	Start             time.Time   `json:"availability_start_time"`
	StartNumber       Number      `json:"start_number"`
	End               *time.Time  `json:"end_time"`
	SegmentMs         int64       `json:"segment_ms"`
	TimeShiftBufferMs int64       `json:"time_shift_buffer_ms"`
	PublishDelayMs    int64       `json:"publish_delay_ms"`
	RetryBudgetMs     int64       `json:"retry_budget_ms"`
	Renditions        []Rendition `json:"renditions"`
}

// ParseEvent reads an event's configuration; now is the time at which it came. Whatever arithmetic could choke on is
// refused here, once.
func ParseEvent(b []byte, now time.Time) (*Event, error) {
	var j eventJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("read event configuration: %w", err)
	}
	if err := j.check(now); err != nil {
		return nil, fmt.Errorf("event configuration: %w", err)
	}
	e := &Event{
		ID: j.ID, Start: now.Add(j.Start.Sub(now)), StartNumber: j.StartNumber,
		Segment: millis(j.SegmentMs), TimeShiftBuffer: millis(j.TimeShiftBufferMs),
		PublishDelay: millis(j.PublishDelayMs), RetryBudget: millis(j.RetryBudgetMs),
		Renditions: j.Renditions,
	}
	if j.End != nil {
		e.Length = j.End.Sub(j.Start)
	}
	return e, nil
}

const (
	day      = 24 * time.Hour
	farthest = 100 * 366 * day // of an event's start from now: 1970 is a usual one
)

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (j *eventJSON) check(now time.Time) error {
	within := func(ms int64, least, most time.Duration) bool {
		return ms >= least.Milliseconds() && ms <= most.Milliseconds()
	}
	switch {
	case !validName(j.ID):
		return fmt.Errorf("%.80q cannot be the id of an event", j.ID)
	case j.Start.Sub(now).Abs() > farthest:
		return fmt.Errorf("availability_start_time %v is more than 100 years away", j.Start)
	case j.StartNumber < 0 || j.StartNumber > math.MaxInt64/4:
		return fmt.Errorf("start_number %d is out of range", j.StartNumber)
	case j.End != nil && (!j.End.After(j.Start) || j.End.Sub(j.Start) > 2*farthest):
		return fmt.Errorf("end_time %v does not fit availability_start_time %v", *j.End, j.Start)
	case !within(j.SegmentMs, 100*time.Millisecond, time.Minute):
		return fmt.Errorf("segment_ms %d is not within 100 and 60000", j.SegmentMs)
	case j.TimeShiftBufferMs < j.SegmentMs || !within(j.TimeShiftBufferMs, 0, 24*time.Hour):
		return fmt.Errorf("time_shift_buffer_ms %d is not within one segment and 24 hours", j.TimeShiftBufferMs)
	case !within(j.PublishDelayMs, 0, time.Hour) || !within(j.RetryBudgetMs, 0, time.Hour):
		return fmt.Errorf("publish_delay_ms and retry_budget_ms are within 0 and an hour")
	case len(j.Renditions) == 0 || len(j.Renditions) > 64:
		return fmt.Errorf("%d renditions; 1 to 64 can be played", len(j.Renditions))
	}
	seen := map[string]bool{}
	for _, r := range j.Renditions {
		switch {
		case !validName(r.ID) || seen[r.ID]:
			return fmt.Errorf("%.80q cannot be the id of a rendition here", r.ID)
		case r.Timescale == 0 || r.Timescale > 100_000_000 || r.SampleTicks == 0:
			return fmt.Errorf("rendition %s: timescale %d or sample_ticks %d is out of range", r.ID, r.Timescale, r.SampleTicks)
		}
		seen[r.ID] = true
	}
	return nil
}

// validName says whether s can stand in a URL's path as it is.
func validName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// now is the present instant.
func (e *Event) now() time.Duration { return time.Since(e.Start) }

// available is the instant at which segment n's last frame is captured.
func (e *Event) available(n Number) time.Duration {
	return time.Duration(n-e.StartNumber+1) * e.Segment
}

// next is the first segment that becomes available at t or later.
func (e *Event) next(t time.Duration) Number {
	if t <= e.Segment {
		return e.StartNumber
	}
	return e.StartNumber + Number((t-1)/e.Segment)
}

// last is the number of the event's last segment; a very large one while the end is open.
func (e *Event) last() Number {
	if e.Length == 0 {
		return math.MaxInt64 / 2
	}
	return e.StartNumber + Number((e.Length-1)/e.Segment)
}

// decodeTime is where segment n begins on the rendition's time line, in ticks, give or take one for rounding.
func (e *Event) decodeTime(n Number, r *Rendition) uint64 {
	start := e.available(n - 1)
	scale := uint64(r.Timescale)
	whole, rest := uint64(start/time.Second), uint64(start%time.Second)
	return whole*scale + rest*scale/uint64(time.Second)
}
