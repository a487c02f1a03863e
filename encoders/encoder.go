package encoders

import (
	"context"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Encoder is an epoch-locked encoder of one event: an origin.Source that hands a segment over at the instant when its
// last frame has been captured. Two encoders of one event give the same bytes for the same number, without a word
// between them, whenever they were started.
type Encoder struct {
	event  origin.Event
	clock  origin.Clock
	tracks map[string]*track // by rendition id; only read
}

// track is one rendition, ready to be sent.
type track struct {
	rendition origin.Rendition
	header    origin.Object
	loop      [loopSegments]*template
}

// NewEncoder makes an encoder for the event's renditions, which are a Ladder's; Bandwidth may be another one, as long
// as the media fits into it.
func NewEncoder(ev origin.Event, clock origin.Clock) (*Encoder, error) {
	if ev.SegmentDuration != segmentDuration {
		return nil, fmt.Errorf("event %s has segments of %v: the looped media has %v segments",
			ev.ID, ev.SegmentDuration, segmentDuration)
	}
	all, err := media()
	if err != nil {
		return nil, err
	}
	e := &Encoder{event: ev, clock: clock, tracks: make(map[string]*track, len(ev.Renditions))}
	for _, r := range ev.Renditions {
		if known, ok := rendition(r.ID); !ok || known.Timescale != r.Timescale ||
			known.SampleTicks != r.SampleTicks || known.TrackID != r.TrackID || known.Kind != r.Kind {
			return nil, fmt.Errorf("event %s: there is no media for rendition %q as the event has it", ev.ID, r.ID)
		}
		if e.tracks[r.ID], err = newTrack(r, all[r.ID]); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func newTrack(r origin.Rendition, m *medium) (*track, error) {
	t := &track{rendition: r, header: object(m.header, time.Time{})}
	for i := range t.loop {
		from, to := firstFrame(int64(i), r), firstFrame(int64(i)+1, r)
		var err error
		if t.loop[i], err = makeTemplate(r, m.frames[from:to]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Segment implements origin.Source: it sleeps until segment n is available. A number outside of the event is
// origin.ErrNoSegment.
func (e *Encoder) Segment(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
	if e.tracks[r.ID] == nil {
		return origin.Object{}, fmt.Errorf("encode %s/%d: the event has no such rendition", r.ID, n)
	}
	if n < e.event.StartNumber || n > e.event.LastNumber() {
		return origin.Object{}, origin.ErrNoSegment
	}
	if err := e.clock.Sleep(ctx, e.event.AvailableAt(n).Sub(e.clock.Now())); err != nil {
		return origin.Object{}, err
	}
	return e.Build(r, n), nil
}

// Header gives the rendition's CMAF header. It never expires.
func (e *Encoder) Header(r origin.Rendition) (origin.Object, error) {
	t := e.tracks[r.ID]
	if t == nil {
		return origin.Object{}, fmt.Errorf("encode %s: the event has no such rendition", r.ID)
	}
	return t.header, nil
}

// Build makes segment n from the event and the number alone, whatever the time. mfhd's sequence_number is the
// segment's number modulo 2^32; prft tells the UTC instant of the first frame. Build gives the zero Object for a
// rendition or number that the event does not have.
func (e *Encoder) Build(r origin.Rendition, n origin.SegmentNumber) origin.Object {
	t, m := e.tracks[r.ID], int64(n-e.event.StartNumber)
	if t == nil || m < 0 {
		return origin.Object{}
	}
	decodeTime := uint64(firstFrame(m, t.rendition)) * uint64(t.rendition.SampleTicks)
	ntp := ntpAt(e.event.AvailabilityStartTime, decodeTime, t.rendition.Timescale)
	return object(t.loop[m%loopSegments].stamp(uint32(n), decodeTime, ntp), e.event.ExpiresAt(n))
}

func object(body []byte, expiresAt time.Time) origin.Object {
	return origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body), ExpiresAt: expiresAt}
}
