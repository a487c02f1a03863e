package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/liveorigin/liveorigin/origin"
)

// flaws is the table of defects that can be planted in a segment's bytes. It shares no code with the inspector that
// has to find them, so that one checks the other.
var flaws = map[origin.Defects]func(s *segment) error{
	origin.SequenceNumber: (*segment).renumber,
	origin.SurplusSamples: (*segment).repeatLast,
	origin.MissingSamples: (*segment).dropMiddle,
	origin.ShortSegment:   (*segment).dropEnd,
	origin.DecodeTime:     (*segment).postpone,
	origin.NotSync:        (*segment).loseSync,
	origin.NALLength:      (*segment).breakNAL,
	origin.WrongTrack:     (*segment).changeTrack,
}

// plantable says why segments of a rendition cannot be given the defect d. Audio has neither NotSync nor NALLength: every
// frame of AAC stands on its own, and has no NAL units. Uninspected and MissingSegment are not in the bytes, and d is one
// defect, no set of several.
func plantable(d origin.Defects, r origin.Rendition) error {
	_, planted := flaws[d]
	switch {
	case !planted && d != origin.EpochLock && d != origin.Truncated:
		return fmt.Errorf("no segment can have the defect %v", d)
	case r.Kind != origin.Video && (d == origin.NotSync || d == origin.NALLength):
		return fmt.Errorf("%s of kind %s cannot have the defect %v", r.ID, r.Kind, d)
	}
	return nil
}

// spoil gives a copy of a clean segment that has exactly the defect d, if it is plantable. The segment is one fragment,
// as our encoders make them.
func spoil(d origin.Defects, r origin.Rendition, body []byte) ([]byte, error) {
	if err := plantable(d, r); err != nil {
		return nil, err
	}
	switch d {
	case origin.EpochLock:
		return shiftPrft(body, 2*frames(r, 1)) // more than half a frame is enough
	case origin.Truncated:
		s, err := takeApart(r, body)
		if err != nil {
			return nil, err
		}
		return bytes.Clone(body[:len(body)-len(s.mdat.Data)/2]), nil
	}
	s, err := takeApart(r, body)
	if err != nil {
		return nil, err
	}
	if err := flaws[d](s); err != nil {
		return nil, fmt.Errorf("plant %v in %s: %w", d, r.ID, err)
	}
	return s.putTogether()
}

// frames is how long n frames take.
func frames(r origin.Rendition, n int) time.Duration {
	return time.Duration(n) * time.Duration(r.SampleTicks) * time.Second / time.Duration(r.Timescale)
}

// segment is a segment taken apart.
type segment struct {
	rendition origin.Rendition
	boxes     []mp4.Box // in their order
	moof      *mp4.MoofBox
	traf      *mp4.TrafBox
	trun      *mp4.TrunBox
	mdat      *mp4.MdatBox
	data      [][]byte // of the samples, copied from the clean segment
}

func takeApart(r origin.Rendition, body []byte) (*segment, error) {
	f, err := mp4.DecodeFile(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("take segment apart: %w", err)
	}
	s := &segment{rendition: r, boxes: f.Children}
	for _, box := range f.Children {
		switch b := box.(type) {
		case *mp4.MoofBox:
			s.moof = b
		case *mp4.MdatBox:
			s.mdat = b
		}
	}
	if s.moof == nil || s.mdat == nil || s.moof.Traf == nil || len(s.moof.Traf.Truns) != 1 {
		return nil, errors.New("take segment apart: want one fragment with one run of samples")
	}
	s.traf, s.trun = s.moof.Traf, s.moof.Traf.Trun
	s.trun.AddSampleDefaultValues(s.traf.Tfhd, nil)
	rest := s.mdat.Data
	for _, sample := range s.trun.Samples {
		if int(sample.Size) > len(rest) {
			return nil, errors.New("take segment apart: samples are longer than mdat")
		}
		s.data, rest = append(s.data, rest[:sample.Size:sample.Size]), rest[sample.Size:]
	}
	if len(s.data) < 8 {
		return nil, fmt.Errorf("take segment apart: only %d samples", len(s.data))
	}
	return s, nil
}

// putTogether writes the segment with sizes and data offset as they are now.
func (s *segment) putTogether() ([]byte, error) {
	s.mdat.Data = bytes.Join(s.data, nil)
	for i := range s.trun.Samples {
		s.trun.Samples[i].Size = uint32(len(s.data[i]))
	}
	s.trun.DataOffset = int32(s.moof.Size()) + 8
	var out bytes.Buffer
	for _, box := range s.boxes { // not File.Encode, which puts prft where it likes
		if err := box.Encode(&out); err != nil {
			return nil, fmt.Errorf("put segment together: %w", err)
		}
	}
	return out.Bytes(), nil
}

// cut takes n samples out.
func (s *segment) cut(at, n int) {
	s.data = append(s.data[:at:at], s.data[at+n:]...)
	s.trun.Samples = append(s.trun.Samples[:at:at], s.trun.Samples[at+n:]...)
}

func (s *segment) renumber() error {
	s.moof.Mfhd.SequenceNumber += 1000
	return nil
}

// repeatLast sends the last frame three times: with audio's wobble, one more may be just a long segment.
func (s *segment) repeatLast() error {
	last := len(s.data) - 1
	for range 2 {
		s.data = append(s.data, s.data[last])
		s.trun.Samples = append(s.trun.Samples, s.trun.Samples[last])
	}
	return nil
}

// dropMiddle loses one frame, for which the one before is shown longer.
func (s *segment) dropMiddle() error {
	middle := len(s.data) / 2
	s.trun.Flags |= mp4.TrunSampleDurationPresentFlag
	s.trun.Samples[middle-1].Dur += s.trun.Samples[middle].Dur
	s.cut(middle, 1)
	return nil
}

// dropEnd loses the last quarter.
func (s *segment) dropEnd() error {
	quarter := len(s.data) / 4
	s.cut(len(s.data)-quarter, quarter)
	return nil
}

// postpone tells a decode time five frames too late.
func (s *segment) postpone() error {
	s.traf.Tfdt.SetBaseMediaDecodeTime(s.traf.Tfdt.BaseMediaDecodeTime() + 5*uint64(s.rendition.SampleTicks))
	return nil
}

// loseSync puts a copy of the second frame, which refers to others, in place of the first.
func (s *segment) loseSync() error {
	s.data[0] = s.data[1]
	s.trun.SetFirstSampleFlags(mp4.NonSyncSampleFlags)
	return nil
}

// breakNAL makes the first NAL unit of a frame in the middle longer than the frame.
func (s *segment) breakNAL() error {
	middle := len(s.data) / 2
	frame := s.data[middle]
	if len(frame) < 4 {
		return errors.New("the frame in the middle is empty")
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)))
	return nil
}

func (s *segment) changeTrack() error {
	s.traf.Tfhd.TrackID += 100
	return nil
}

// shiftPrft gives a copy of a segment whose producer reference times (ISO/IEC 14496-12, 8.16.5) are later by that much;
// a segment that has none is an error.
func shiftPrft(body []byte, by time.Duration) ([]byte, error) {
	out, found := bytes.Clone(body), false
	for at := 0; at+8 <= len(out); {
		size := int(binary.BigEndian.Uint32(out[at:]))
		if size < 8 || size > len(out)-at {
			break // cut short, or of a form that we do not send
		}
		if string(out[at+4:at+8]) == "prft" && size >= 28 {
			ntp := out[at+16 : at+24] // after version, flags and track
			binary.BigEndian.PutUint64(ntp, binary.BigEndian.Uint64(ntp)+ntpDuration(by))
			found = true
		}
		at += size
	}
	if !found {
		return nil, errors.New("shift prft: the segment has none")
	}
	return out, nil
}

// ntpDuration is d in NTP's units of 2^-32 s; negative ones wrap, as the sums they go into do.
func ntpDuration(d time.Duration) uint64 {
	return uint64(int64(d/time.Second)<<32 + int64(d%time.Second)<<32/int64(time.Second))
}
