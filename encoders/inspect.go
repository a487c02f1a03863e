package encoders

import (
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
)

// Inspect finds out from the bytes alone what is wrong with segment n of a rendition. An error means that they are no
// CMAF segment (ISO/IEC 23000-19, 7.3.3) at all; one of several chunks is a segment too.
//
// Where frames do not divide the segment, as with audio, the first one may start anywhere within less than a frame of
// the segment's start, and the last one end so: that is the normal wobble and never a finding. The findings:
//
//   - SequenceNumber: the first mfhd is not n modulo 2^32, or a later chunk's is neither its predecessor's nor the next.
//   - EpochLock: a prft of this track, of capture or encoder input, puts its media time more than half a frame away
//     from where the event's AvailabilityStartTime puts it. A segment without prft is not accused.
//   - SurplusSamples: at least one frame more than the segment, or the time that the samples cover, has room for.
//   - MissingSamples: the samples cover time for at least one frame more than there are: one was dropped and its
//     neighbour stretched, or there is a gap between chunks.
//   - ShortSegment: the samples end at least one frame before the segment should. Frames that are lost at the end are
//     this, and not MissingSamples: nothing covers for them.
//   - DecodeTime: tfdt is at least one frame away from the segment's nominal start. How long the segment is, is then
//     judged from where it does start.
//   - NotSync: video whose first sample is flagged as non-sync, or whose first coded slice is not one of an IDR picture.
//   - NALLength: video in which a sample's NAL unit lengths do not add up to its size.
//   - Truncated: mdat, or a sample, ends after the last byte.
//   - WrongTrack: tfhd names another track; or durations and tfdt are all off by one factor, as if counted in another
//     timescale, which is all that a fragment tells of it. Nothing that hangs on time or media is judged then.
//
// What is beside the media in a segment (styp, emsg, sidx and so on) is not looked at.
func Inspect(ev *origin.Event, r origin.Rendition, n origin.SegmentNumber, body []byte) (origin.Defects, error) {
	if r.Timescale == 0 || r.SampleTicks == 0 {
		return 0, fmt.Errorf("inspect %s/%d: the rendition has no timescale or no frame duration", r.ID, n)
	}
	s := survey{video: r.Kind == origin.Video, track: r.TrackID}
	if err := s.read(body); err != nil {
		return 0, fmt.Errorf("inspect %s/%d: %w", r.ID, n, err)
	}
	var d origin.Defects
	flag := func(is bool, defect origin.Defects) {
		if is {
			d |= defect
		}
	}
	flag(s.sequence != uint32(n) || s.outOfOrder, origin.SequenceNumber)
	flag(s.truncated, origin.Truncated)
	p := placeOf(ev, r, n)
	if s.otherTrack || s.otherTimescale(p) {
		return d | origin.WrongTrack, nil
	}
	flag(s.notSync, origin.NotSync)
	flag(s.badNAL, origin.NALLength)
	flag(s.unlocked(ev, r), origin.EpochLock)
	return d | s.judgeTimes(p), nil
}

// place is where a segment should be, in ticks: from start to end. The event's last one may end at enough already.
type place struct{ start, end, enough, frame int64 }

func placeOf(ev *origin.Event, r origin.Rendition, n origin.SegmentNumber) place {
	p := place{start: startTicks(ev, r, n), end: startTicks(ev, r, n+1), frame: int64(r.SampleTicks)}
	p.enough = p.end
	if !ev.End.IsZero() {
		p.enough = min(p.end, ticks(ev.End.Sub(ev.AvailabilityStartTime), r.Timescale))
	}
	return p
}

// judgeTimes compares when the samples are, and how many, with where they should be.
func (s *survey) judgeTimes(p place) (d origin.Defects) {
	enough := p.enough
	if off := s.start - p.start; abs(off) >= p.frame {
		d |= origin.DecodeTime
		enough += off
	}
	if s.end <= enough-p.frame {
		d |= origin.ShortSegment
	}
	wanted, covered, room := s.samples*p.frame, s.end-s.start, p.end-p.start
	if wanted >= room+p.frame || wanted >= covered+p.frame {
		d |= origin.SurplusSamples
	}
	if covered >= wanted+p.frame {
		d |= origin.MissingSamples
	}
	return d
}

// otherTimescale says that the segment has the right number of samples, and everything that is counted in ticks is off
// by one factor.
func (s *survey) otherTimescale(p place) bool {
	wanted, room := s.samples*p.frame, p.end-p.start
	if abs(wanted-room) >= p.frame || s.duration == 0 || abs(s.duration-wanted) <= room/4 {
		return false
	}
	scaled := mulDiv(uint64(s.start), uint64(wanted), uint64(s.duration))
	return scaled < lastTime && abs(int64(scaled)-p.start) < p.frame
}

// unlocked says that a producer reference time and its media time are more than half a frame apart.
func (s *survey) unlocked(ev *origin.Event, r origin.Rendition) bool {
	half := int64(r.SampleTicks) << 31 / int64(r.Timescale) // in NTP's units of 2^-32 s
	for _, ref := range s.references[:s.referred] {
		// NTP seconds wrap; their difference does not mind.
		if off := int64(ref.ntp - ntpAt(ev.AvailabilityStartTime, ref.time, r.Timescale)); off > half || off < -half {
			return true
		}
	}
	return false
}

func abs(n int64) int64 { return max(n, -n) }
