package origin

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// eventJSON is the document at /{event}/config: the Live Event Configuration.
type eventJSON struct {
	ID                    string        `json:"id"`
	AvailabilityStartTime time.Time     `json:"availability_start_time"`
	StartNumber           SegmentNumber `json:"start_number"`
	EndTime               *time.Time    `json:"end_time,omitempty"`
	SegmentMs             int64         `json:"segment_ms"`
	TimeShiftBufferMs     int64         `json:"time_shift_buffer_ms"`
	PublishDelayMs        int64         `json:"publish_delay_ms"`
	RetryBudgetMs         int64         `json:"retry_budget_ms"`
	PatienceMs            int64         `json:"patience_ms"`
	LiveEdgeSegments      int           `json:"live_edge_segments"`
	Renditions            []Rendition   `json:"renditions"`
	Regions               []RegionPlan  `json:"regions"`
	CrossPublish          bool          `json:"cross_publish,omitempty"`
}

// MarshalJSON writes the Live Event Configuration; durations are whole milliseconds.
func (e Event) MarshalJSON() ([]byte, error) { return json.Marshal(e.json()) }

func (e *Event) json() eventJSON {
	j := eventJSON{
		ID: e.ID, AvailabilityStartTime: e.AvailabilityStartTime.UTC(), StartNumber: e.StartNumber,
		SegmentMs: e.SegmentDuration.Milliseconds(), TimeShiftBufferMs: e.TimeShiftBufferDepth.Milliseconds(),
		PublishDelayMs: e.PublishDelay.Milliseconds(), RetryBudgetMs: e.RetryBudget.Milliseconds(),
		PatienceMs: e.Patience.Milliseconds(), LiveEdgeSegments: e.LiveEdgeSegments,
		Renditions: e.Renditions, Regions: e.Regions, CrossPublish: e.CrossPublish,
	}
	if !e.End.IsZero() {
		end := e.End.UTC()
		j.EndTime = &end
	}
	return j
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses an event that Validate does.
func (e *Event) UnmarshalJSON(b []byte) error {
	var j eventJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read event configuration: %w", err)
	}
	*e = j.event()
	return e.Validate()
}

func (j *eventJSON) event() Event {
	// What would not fit into a duration is too long for any of them, and Validate says so.
	ms := func(n int64) time.Duration { return time.Duration(max(-1, min(n, math.MaxInt32))) * time.Millisecond }
	e := Event{
		ID: j.ID, AvailabilityStartTime: j.AvailabilityStartTime, StartNumber: j.StartNumber,
		SegmentDuration: ms(j.SegmentMs), TimeShiftBufferDepth: ms(j.TimeShiftBufferMs),
		PublishDelay: ms(j.PublishDelayMs), RetryBudget: ms(j.RetryBudgetMs), Patience: ms(j.PatienceMs),
		LiveEdgeSegments: j.LiveEdgeSegments, Renditions: j.Renditions, Regions: j.Regions, CrossPublish: j.CrossPublish,
	}
	if j.EndTime != nil {
		e.End = *j.EndTime
	}
	return e
}
