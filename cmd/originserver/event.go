package originserver

import (
	"cmp"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// Event is an event as the file has it.
type Event struct {
	ID    string `yaml:"id"`
	Start Start  `yaml:"start"` // now, or an instant; origins that serve the same event need the same instant
	// Duration is how long the event lasts; without one it has no end yet.
	Duration Duration `yaml:"duration"`
	Segment  Duration `yaml:"segment"`
	// StartNumber is the first segment's; 1 by default.
	StartNumber *origin.SegmentNumber `yaml:"start_number"`
	// Ladder names renditions that there is media for; Renditions are those of a team's own encoders instead.
	Ladder          string      `yaml:"ladder"`
	Renditions      []Rendition `yaml:"renditions"`
	Regions         []Region    `yaml:"regions"` // in the order of preference
	TimeShiftBuffer Duration    `yaml:"time_shift_buffer"`
	PublishDelay    *Duration   `yaml:"publish_delay"`
	RetryBudget     *Duration   `yaml:"retry_budget"`
	Patience        *Duration   `yaml:"patience"`
}

// Region lists the pipelines that publish in one region.
type Region struct {
	Name      string   `yaml:"name"`
	Pipelines []string `yaml:"pipelines"`
}

// Rendition is one encoding of the event; the keys are those of /{event}/config.
type Rendition struct {
	ID          string `yaml:"id"`
	Kind        string `yaml:"kind"` // video or audio
	Codecs      string `yaml:"codecs"`
	Bandwidth   int    `yaml:"bandwidth"` // bit/s
	Width       int    `yaml:"width"`
	Height      int    `yaml:"height"`
	FrameRate   string `yaml:"frame_rate"`
	SampleRate  int    `yaml:"sample_rate"`
	Timescale   uint32 `yaml:"timescale"`    // ticks a second
	SampleTicks uint32 `yaml:"sample_ticks"` // of a frame
	TrackID     uint32 `yaml:"track_id"`
}

// What an event gets that says nothing: as in scenarios.
const (
	defaultSegment         = 2 * time.Second
	defaultTimeShiftBuffer = 5 * time.Minute
	defaultPublishDelay    = 300 * time.Millisecond
	defaultRetryBudget     = 2 * time.Second
	defaultPatience        = 500 * time.Millisecond
	liveEdgeSegments       = 3
)

func (e *Event) setDefaults() {
	e.Segment = cmp.Or(e.Segment, Duration(defaultSegment))
	e.TimeShiftBuffer = cmp.Or(e.TimeShiftBuffer, Duration(defaultTimeShiftBuffer))
	if first := origin.SegmentNumber(1); e.StartNumber == nil {
		e.StartNumber = &first
	}
	set := func(to **Duration, d time.Duration) {
		if *to == nil {
			*to = (*Duration)(&d)
		}
	}
	set(&e.PublishDelay, defaultPublishDelay)
	set(&e.RetryBudget, defaultRetryBudget)
	set(&e.Patience, min(defaultPatience, time.Duration(*e.RetryBudget)))
	if len(e.Renditions) == 0 {
		e.Ladder = cmp.Or(e.Ladder, encoders.Ladders()[0])
	}
}

// at is the event when the origin starts at an instant.
func (e Event) at(now time.Time) (origin.Event, error) {
	ev := origin.Event{ID: e.ID, AvailabilityStartTime: time.Time(e.Start), StartNumber: *e.StartNumber,
		SegmentDuration: time.Duration(e.Segment), TimeShiftBufferDepth: time.Duration(e.TimeShiftBuffer),
		PublishDelay: time.Duration(*e.PublishDelay), RetryBudget: time.Duration(*e.RetryBudget),
		Patience: time.Duration(*e.Patience), LiveEdgeSegments: liveEdgeSegments}
	if ev.AvailabilityStartTime.IsZero() {
		ev.AvailabilityStartTime = now.UTC().Truncate(time.Second)
	}
	if e.Duration > 0 {
		ev.End = ev.AvailabilityStartTime.Add(time.Duration(e.Duration))
	}
	for _, r := range e.Renditions {
		ev.Renditions = append(ev.Renditions, origin.Rendition(r))
	}
	for _, r := range e.Regions {
		ev.Regions = append(ev.Regions, origin.RegionPlan(r))
	}
	if e.Ladder != "" {
		var err error
		if ev.Renditions, err = encoders.Ladder(e.Ladder); err != nil {
			return ev, err
		}
	}
	return ev, ev.Validate()
}

// check says what is wrong with an event, and gives the event that it is with the defaults, if nothing is.
func (e Event) check(path string, wrong strictyaml.Wrong) (ev origin.Event, ok bool) {
	if e.Ladder != "" && len(e.Renditions) > 0 {
		wrong(path+".renditions", "an event has a ladder or renditions of its own, not both")
		return ev, false
	}
	for i, r := range e.Renditions {
		if r.Kind != origin.Video && r.Kind != origin.Audio || r.Timescale == 0 || r.SampleTicks == 0 || r.Bandwidth <= 0 {
			wrong(fmt.Sprintf("%s.renditions[%d]", path, i),
				"a rendition needs kind: video or audio, and a timescale, sample_ticks and bandwidth above 0")
			return ev, false
		}
	}
	e.setDefaults()
	ev, err := e.at(time.Now())
	if err != nil {
		wrong(path, "%v", err)
	}
	return ev, err == nil
}
