package originhttp

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"github.com/liveorigin/liveorigin/origin"
)

// updatePeriod is how often a player asks for a manifest again. The template never needs it; it is for an event whose
// end becomes known, or moves.
const updatePeriod = time.Minute

// MPD writes the event's DASH manifest (ISO/IEC 23009-1) as of now.
//
// One SegmentTemplate with $Number$ and a constant duration says it all: number n is available at AST + (n-n0+1)·d. In
// truth it comes up to PublishDelay later, or as late as the retry deadline; the origin holds requests for the next
// segment open, so the formula stands and no availabilityTimeOffset is needed.
//
// The MPD is dynamic until the last segment has left the time-shift buffer. Before the end it has no duration, and is
// refreshed once more about when the end is due; from the end on, the duration is known and there is no refresh.
func MPD(ev origin.Event, now time.Time) ([]byte, error) {
	if err := checkNames(&ev); err != nil {
		return nil, err
	}
	m := mpd.NewMPD(mpd.DYNAMIC_TYPE)
	m.Profiles = mpd.PROFILE_LIVE + "," + mpd.PROFILE_CMAF
	m.MinBufferTime = xsDuration(ev.SegmentDuration)
	m.MaxSegmentDuration = xsDuration(ev.SegmentDuration)
	if ev.End.IsZero() || now.Before(ev.End.Add(ev.TimeShiftBufferDepth)) {
		setDynamic(m, &ev, now)
	} else {
		m.Type = mpd.Ptr(mpd.STATIC_TYPE)
	}
	if !ev.End.IsZero() && !now.Before(ev.End) {
		m.MediaPresentationDuration = xsDuration(time.Duration(ev.LastNumber()-ev.StartNumber+1) * ev.SegmentDuration)
	}
	period := mpd.NewPeriod()
	period.Id, period.Start = "0", mpd.Ptr(mpd.Duration(0))
	for i, kind := range []string{origin.Video, origin.Audio} {
		set, err := adaptationSet(&ev, kind)
		if err != nil {
			return nil, err
		}
		if len(set.Representations) > 0 {
			set.Id = mpd.Ptr(uint32(i))
			period.AppendAdaptationSet(set)
		}
	}
	m.AppendPeriod(period)
	var b bytes.Buffer
	if _, err := m.Write(&b, " ", true); err != nil {
		return nil, fmt.Errorf("write manifest of %s: %w", ev.ID, err)
	}
	return b.Bytes(), nil
}

func setDynamic(m *mpd.MPD, ev *origin.Event, now time.Time) {
	m.AvailabilityStartTime = dateTime(ev.AvailabilityStartTime)
	m.PublishTime = m.AvailabilityStartTime
	m.TimeShiftBufferDepth = xsDuration(ev.TimeShiftBufferDepth)
	m.SuggestedPresentationDelay = xsDuration(
		time.Duration(ev.LiveEdgeSegments)*ev.SegmentDuration + ev.PublishDelay)
	m.UTCTimings = append(m.UTCTimings,
		mpd.NewDescriptor("urn:mpeg:dash:utc:direct:2014", string(dateTime(now)), ""))
	period := updatePeriod
	if !ev.End.IsZero() {
		if !now.Before(ev.End) {
			m.PublishTime = dateTime(ev.End)
			return
		}
		period = max(ev.SegmentDuration, min(period, ev.End.Sub(now)))
	}
	m.MinimumUpdatePeriod = xsDuration(period)
}

// adaptationSet holds the renditions of one kind. Media time zero is the period's start, which is AST, so there is no
// presentationTimeOffset.
func adaptationSet(ev *origin.Event, kind string) (*mpd.AdaptationSetType, error) {
	if ev.StartNumber > math.MaxUint32 {
		return nil, fmt.Errorf("event %s starts at number %d; a manifest can say 32 bits", ev.ID, ev.StartNumber)
	}
	set := mpd.NewAdaptationSet()
	set.ContentType = mpd.RFC6838ContentTypeType(kind)
	set.MimeType = kind + "/mp4"
	set.SegmentAlignment = true
	set.StartWithSAP = 1
	for _, r := range ev.Renditions {
		if r.Kind == kind {
			set.AppendRepresentation(representation(r))
		}
	}
	timescale, duration := templateUnits(ev, kind)
	set.SegmentTemplate = &mpd.SegmentTemplateType{
		Media:          "$RepresentationID$/$Number$" + string(SegmentFile),
		Initialization: "$RepresentationID$/" + string(HeaderFile),
	}
	set.SegmentTemplate.Timescale = &timescale
	set.SegmentTemplate.Duration = &duration
	set.SegmentTemplate.StartNumber = mpd.Ptr(uint32(ev.StartNumber))
	return set, nil
}

// templateUnits is the kind's own timescale where its renditions agree on one that a segment is a whole number of ticks
// of, and milliseconds otherwise.
func templateUnits(ev *origin.Event, kind string) (timescale, duration uint32) {
	for _, r := range ev.Renditions {
		switch {
		case r.Kind != kind:
		case timescale == 0:
			timescale = r.Timescale
		case timescale != r.Timescale:
			return 1000, uint32(ev.SegmentDuration.Milliseconds())
		}
	}
	seconds, rest := ev.SegmentDuration/time.Second, ev.SegmentDuration%time.Second
	ticks := uint64(seconds)*uint64(timescale) + uint64(rest)*uint64(timescale)/uint64(time.Second)
	if ticks == 0 || ticks > math.MaxUint32 || uint64(rest)*uint64(timescale)%uint64(time.Second) != 0 {
		return 1000, uint32(ev.SegmentDuration.Milliseconds())
	}
	return timescale, uint32(ticks)
}

func representation(r origin.Rendition) *mpd.RepresentationType {
	rep := mpd.NewRepresentation()
	rep.Id = r.ID
	rep.Bandwidth = uint32(r.Bandwidth)
	rep.Codecs = r.Codecs
	rep.Width, rep.Height = uint32(r.Width), uint32(r.Height)
	rep.FrameRate = mpd.FrameRateType(r.FrameRate)
	if r.SampleRate > 0 {
		rep.AudioSamplingRate = mpd.Ptr(mpd.UIntVectorType(strconv.Itoa(r.SampleRate)))
	}
	if r.Kind == origin.Audio {
		// A Rendition has no channel count; our ladders are stereo, and players trust the decoder configuration anyway.
		rep.AudioChannelConfigurations = []*mpd.DescriptorType{
			mpd.NewDescriptor(mpd.AUDIO_CHANNEL_CONFIGURATION_CICP, "2", "")}
	}
	return rep
}

// checkNames refuses an event that URLs cannot name, before it gets into a document as text.
func checkNames(ev *origin.Event) error {
	if !origin.ValidName(ev.ID) {
		return fmt.Errorf("event %q cannot be named in a URL", ev.ID)
	}
	for _, r := range ev.Renditions {
		if !origin.ValidName(r.ID) {
			return fmt.Errorf("rendition %q cannot be named in a URL", r.ID)
		}
	}
	return nil
}

// xsDuration rounds to milliseconds: dash-mpd writes no finer, and loses a fraction that would round up to a second.
func xsDuration(d time.Duration) *mpd.Duration {
	return mpd.Ptr(mpd.Duration(d.Round(time.Millisecond)))
}

func dateTime(t time.Time) mpd.DateTime { return mpd.DateTime(t.UTC().Format(time.RFC3339Nano)) }
