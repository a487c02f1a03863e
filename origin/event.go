package origin

import (
	"fmt"
	"math"
	"time"
)

// SegmentNumber is DASH's $Number$: it names one segment duration of an event on every encoder alike.
type SegmentNumber int64

// Header stands where a SegmentNumber would for a rendition's CMAF header (init.mp4).
const Header SegmentNumber = -1

// Playlist stands there for a rendition's media playlist as Getters of virtual time have it, for players that go by it: an
// answer without a body, which only says what is newest in it. Over HTTP it is a document, not a segment.
const Playlist SegmentNumber = -2

// Event is a live event as every part knows it: what is published, when, and for how long it can be asked for.
// All that has to do with time follows from it and a clock reading; nobody has to be asked.
//
//	           |<--- d --->|
//	start(n)               available(n)        expected publish      retry deadline
//	   |-------------------|-------------------|---------------------|----------> time
//	   first frame of n     last frame of n     + PublishDelay        + RetryBudget
//	                        is encoded          n becomes the         without a candidate
//	                                            live edge             n is a hole for good
type Event struct {
	ID string
	// AvailabilityStartTime is the start of segment StartNumber (ISO/IEC 23009-1, 5.3.1.2).
	AvailabilityStartTime time.Time
	// StartNumber is the first segment's number.
	StartNumber SegmentNumber
	// End is when the last segment ends; zero while nobody knows.
	End time.Time
	// SegmentDuration is the constant average duration of a segment.
	SegmentDuration time.Duration
	// TimeShiftBufferDepth says how long a segment can be asked for after it became available.
	TimeShiftBufferDepth time.Duration
	// PublishDelay is what encoding, packaging and publishing may take.
	PublishDelay time.Duration
	// RetryBudget is how long after its expected publish a segment may still be published.
	RetryBudget time.Duration
	// Patience is how long after its expected publish a defective candidate waits for a clean one.
	Patience time.Duration
	// LiveEdgeSegments is how many of the newest segments count as the live edge.
	LiveEdgeSegments int
	Renditions       []Rendition
	Regions          []RegionPlan
	// CrossPublish says that every pipeline publishes in every region, where there is no store that copies.
	CrossPublish bool
}

// RegionPlan lists the pipelines that publish in one region.
type RegionPlan struct {
	Name      string   `json:"name"`
	Pipelines []string `json:"pipelines"`
}

// Rendition is one encoding of the event: a DASH Representation, a CMAF track.
type Rendition struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`      // "video" or "audio"
	Codecs    string `json:"codecs"`    // RFC 6381
	Bandwidth int    `json:"bandwidth"` // nominal, bit/s
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	// FrameRate (video) and SampleRate (audio) are what manifests announce.
	FrameRate  string `json:"frame_rate,omitempty"`
	SampleRate int    `json:"sample_rate,omitempty"`
	// Timescale is ticks a second; SampleTicks is the duration of a frame in ticks.
	Timescale   uint32 `json:"timescale"`
	SampleTicks uint32 `json:"sample_ticks"`
	// TrackID is the track that every fragment names.
	TrackID uint32 `json:"track_id"`
}

// The kinds of rendition.
const (
	Video = "video"
	Audio = "audio"
)

// SegmentStart is when segment n's first frame is captured.
func (e *Event) SegmentStart(n SegmentNumber) time.Time {
	return e.AvailabilityStartTime.Add(time.Duration(n-e.StartNumber) * e.SegmentDuration)
}

// AvailableAt is when segment n's last frame is captured: the zero of every latency that we measure.
func (e *Event) AvailableAt(n SegmentNumber) time.Time { return e.SegmentStart(n + 1) }

// ExpectedPublish is when segment n should have been published at the latest.
func (e *Event) ExpectedPublish(n SegmentNumber) time.Time {
	return e.AvailableAt(n).Add(e.PublishDelay)
}

// RetryDeadline is when segment n becomes a hole if nobody has published it.
func (e *Event) RetryDeadline(n SegmentNumber) time.Time {
	return e.ExpectedPublish(n).Add(e.RetryBudget)
}

// ExpiresAt is when segment n leaves the time-shift buffer.
func (e *Event) ExpiresAt(n SegmentNumber) time.Time {
	return e.AvailableAt(n).Add(e.TimeShiftBufferDepth)
}

// SegmentAt is the number of the segment that covers media time t. It is the whole of epoch locking: encoders that
// agree on the event and on UTC agree on every number without a word between them.
func (e *Event) SegmentAt(t time.Time) SegmentNumber {
	return e.StartNumber + SegmentNumber(floorDiv(t.Sub(e.AvailabilityStartTime), e.SegmentDuration))
}

// LiveEdge is the newest segment whose expected publish has come; StartNumber-1 before the first.
func (e *Event) LiveEdge(now time.Time) SegmentNumber {
	n := e.SegmentAt(now.Add(-e.PublishDelay)) - 1
	return max(e.StartNumber-1, min(n, e.LastNumber()))
}

// LastNumber is the number of the event's last segment; a very large one while the end is open.
func (e *Event) LastNumber() SegmentNumber {
	if e.End.IsZero() {
		return 1<<62 - 1
	}
	return e.SegmentAt(e.End.Add(-1))
}

// Rendition finds a rendition by its id.
func (e *Event) Rendition(id string) (Rendition, bool) {
	for i := range e.Renditions { // asked for with every request: not copied before it is found
		if e.Renditions[i].ID == id {
			return e.Renditions[i], true
		}
	}
	return Rendition{}, false
}

// RegionOf is the region in which a pipeline publishes.
func (e *Event) RegionOf(pipeline string) (region string, ok bool) {
	for _, r := range e.Regions {
		for _, p := range r.Pipelines {
			if p == pipeline {
				return r.Name, true
			}
		}
	}
	return "", false
}

// Order lists every pipeline in the order in which a node of the region prefers them: the region's own first, the
// others as configured.
func (e *Event) Order(region string) []string {
	var own, others []string
	for _, r := range e.Regions {
		if r.Name == region {
			own = append(own, r.Pipelines...)
		} else {
			others = append(others, r.Pipelines...)
		}
	}
	return append(own, others...)
}

// maxSlots bounds the memory that one event's catalogue takes, to some 80 MiB: a day of segments of 2 s in 24 renditions.
const maxSlots = 1 << 20

// Validate says what is wrong with an event that came from outside; every limit of the origin leans on it.
func (e *Event) Validate() error {
	switch {
	case e.ID == "":
		return fmt.Errorf("event has no id")
	case !ValidName(e.ID):
		return fmt.Errorf("event %q: a name is 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot", e.ID)
	case e.AvailabilityStartTime.IsZero():
		return fmt.Errorf("event %s has no availability start time", e.ID)
	case e.StartNumber < 0 || e.StartNumber > math.MaxUint32: // startNumber is an unsignedInt (ISO/IEC 23009-1, 5.3.9.2)
		return fmt.Errorf("event %s starts at number %d; numbers begin within 0 and 2^32-1", e.ID, e.StartNumber)
	case e.SegmentDuration < 100*time.Millisecond || e.SegmentDuration > time.Minute:
		return fmt.Errorf("event %s: segment duration %v is not within 100ms and 1m", e.ID, e.SegmentDuration)
	case e.TimeShiftBufferDepth < e.SegmentDuration || e.TimeShiftBufferDepth > 24*time.Hour:
		return fmt.Errorf("event %s: time-shift buffer %v is not within one segment and 24h", e.ID, e.TimeShiftBufferDepth)
	case !e.End.IsZero() && !e.End.After(e.AvailabilityStartTime):
		return fmt.Errorf("event %s ends before it starts", e.ID)
	case e.PublishDelay < 0 || e.PublishDelay > time.Hour || e.RetryBudget > time.Hour || e.Patience < 0 || e.Patience > e.RetryBudget:
		return fmt.Errorf("event %s: need 0 <= publish delay <= 1h and 0 <= patience <= retry budget <= 1h", e.ID)
	case e.LiveEdgeSegments < 1:
		return fmt.Errorf("event %s: the live edge is at least one segment wide", e.ID)
	case len(e.Renditions) == 0 || len(e.Renditions) > 64:
		return fmt.Errorf("event %s has %d renditions; 1 to 64 are served", e.ID, len(e.Renditions))
	case ringSize(e)*len(e.Renditions) > maxSlots:
		return fmt.Errorf("event %s: its time-shift buffer has %d segments, of all renditions; %d are served", e.ID,
			ringSize(e)*len(e.Renditions), maxSlots)
	case len(e.Order("")) == 0 || len(e.Order("")) > 16:
		return fmt.Errorf("event %s has %d pipelines; 1 to 16 are served", e.ID, len(e.Order("")))
	}
	return e.validateNames()
}

// validateNames looks at all that stands in a URL or in a header.
func (e *Event) validateNames() error {
	seen := map[string]bool{}
	for _, r := range e.Renditions {
		if !ValidName(r.ID) || seen[r.ID] {
			return fmt.Errorf("event %s: rendition %q is no name, or is there twice", e.ID, r.ID)
		}
		seen[r.ID] = true
	}
	regions, pipelines := map[string]bool{}, map[string]bool{}
	for _, r := range e.Regions {
		if !ValidName(r.Name) || regions[r.Name] {
			return fmt.Errorf("event %s: region %q is no name, or is there twice", e.ID, r.Name)
		}
		regions[r.Name] = true
		for _, p := range r.Pipelines {
			if !ValidName(p) || pipelines[p] {
				return fmt.Errorf("event %s: pipeline %q is no name, or is there twice", e.ID, p)
			}
			pipelines[p] = true
		}
	}
	return nil
}

// ValidName says whether the name of an event, a rendition, a region or a pipeline can stand in a URL and in a header as
// it is: 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the beginning.
func ValidName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		if !inNames[s[i]] {
			return false
		}
	}
	return true
}

// inNames are the bytes that a name may have.
var inNames = func() (in [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") {
		in[c] = true
	}
	return in
}()

// ValidToken says whether a name can stand in a structured field without quotes (RFC 9651, 3.3.4): it begins with a letter.
func ValidToken(s string) bool {
	return ValidName(s) && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z')
}

// floorDiv rounds towards minus infinity, so that the instants before an event's start have numbers of their own.
func floorDiv(a, b time.Duration) int64 {
	q := int64(a / b)
	if a%b < 0 {
		q--
	}
	return q
}
