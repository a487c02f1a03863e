package encoders

import (
	"errors"
	"fmt"
	"math/bits"
)

// survey is what a segment's bytes say, summed over its fragments: a segment of chunked CMAF has several. Reading it
// allocates nothing, and of the media it touches only NAL unit lengths.
type survey struct {
	video     bool
	track     uint32 // the rendition's
	fragments int

	sequence   uint32 // of the first fragment
	outOfOrder bool   // a later fragment's sequence_number is neither the last one's nor the next
	last       uint32
	otherTrack bool
	start, end int64 // decode time of the first sample, and after the last
	samples    int64
	runs       int   // of samples
	bytes      int64 // of the samples
	duration   int64 // the samples' own, in sum
	truncated  bool
	badNAL     bool
	notSync    bool
	// references are the producer reference times that came before their fragments, as long as there is room.
	references [maxReferences]reference
	referred   int
}

// maxReferences bounds the chunks whose reference times are looked at; the first ones tell as much as the others.
const maxReferences = 8

// reference is one prft box (ISO/IEC 14496-12, 8.16.5): at NTP time ntp, media time was time.
type reference struct{ ntp, time uint64 }

// lastTime bounds decode times, so that sums with them cannot overflow.
const lastTime = 1 << 61

// read goes over a segment. An error means that it is none.
func (s *survey) read(body []byte) error {
	for at := 0; at < len(body); {
		box, err := boxAt(body, at)
		if err != nil {
			return err
		}
		if box.cut {
			return fmt.Errorf("box %s is longer than the segment", fourCC(box.kind))
		}
		switch box.kind {
		case boxPrft:
			err = s.readPrft(body[box.payload:box.end])
		case boxMoof:
			box.end, err = s.readFragment(body, at, box)
		case boxMdat:
			err = errors.New("mdat does not follow a moof")
		case boxMoov:
			err = errors.New("a header, not a segment")
		}
		if err != nil {
			return err
		}
		at = box.end
	}
	if s.fragments == 0 {
		return errors.New("no moof")
	}
	return nil
}

// readPrft keeps a reference time if it is one of capture: flags 24 (captured), or 0 (entering the encoder). What
// stands for the end of encoding or writing says nothing about the epoch.
func (s *survey) readPrft(b []byte) error {
	if len(b) < 4 || len(b) != 20+4*int(b[0]) || b[0] > 1 {
		return short(boxPrft)
	}
	flags := be32(b) & 0xffffff
	if (flags != 24 && flags != 0) || be32(b[4:]) != s.track || s.referred == maxReferences {
		return nil
	}
	r := reference{ntp: be64(b[8:])}
	if b[0] == 0 {
		r.time = uint64(be32(b[16:]))
	} else {
		r.time = be64(b[16:])
	}
	s.references[s.referred] = r
	s.referred++
	return nil
}

// fragment is a moof under way, and the bytes of the mdat that must follow it.
type fragment struct {
	body     []byte
	moof     int // where moof begins: data offsets count from here
	from, to int // the mdat's payload, as far as it is there
	at       int // where the next sample is expected

	sequence        uint32
	time            uint64
	defaults        defaults
	hasMfhd, hasRun bool
}

// defaults are tfhd's, for samples about which trun is silent.
type defaults struct{ duration, size, flags uint32 }

// readFragment reads moof and mdat (ISO/IEC 23000-19, 7.3.2.3: a CMAF chunk), and says where the mdat ends.
func (s *survey) readFragment(body []byte, at int, moof span) (end int, err error) {
	f := fragment{body: body, moof: at, from: len(body), to: len(body)}
	mdat, err := boxAt(body, moof.end)
	switch {
	case errors.Is(err, errNoHeader):
		s.truncated = true // cut off between moof and mdat
		mdat.end = len(body)
	case err != nil:
		return 0, err
	case mdat.kind != boxMdat:
		return 0, fmt.Errorf("moof is followed by %s", fourCC(mdat.kind))
	default:
		f.from, f.to = mdat.payload, mdat.end
		s.truncated = s.truncated || mdat.cut
	}
	trafs := 0
	c := cursor{b: body[moof.payload:moof.end]}
	for c.err == nil && c.next() {
		switch c.kind {
		case boxMfhd:
			if len(c.payload) != 8 {
				return 0, short(boxMfhd)
			}
			f.sequence, f.hasMfhd = be32(c.payload[4:]), true
		case boxTraf:
			if trafs++; trafs > 1 {
				return 0, errors.New("more than one track in a fragment")
			}
			c.err = s.readTraf(&f, c.payload)
		}
	}
	if c.err == nil && (!f.hasMfhd || !f.hasRun) {
		c.err = errors.New("moof without mfhd, or without samples")
	}
	s.order(f.sequence)
	return mdat.end, c.err
}

// order keeps the sequence numbers of the fragments. Within one segment they may stay or rise by one a chunk.
func (s *survey) order(sequence uint32) {
	switch {
	case s.fragments == 0:
		s.sequence = sequence
	case sequence != s.last && sequence != s.last+1:
		s.outOfOrder = true
	}
	s.last = sequence
	s.fragments++
}

// readTraf reads tfhd, tfdt and the runs of samples, which the standard wants in this order.
func (s *survey) readTraf(f *fragment, b []byte) error {
	var hasTfhd, hasTfdt bool
	end := int64(0)
	for c := (cursor{b: b}); ; {
		if !c.next() {
			if c.err == nil && f.hasRun {
				s.end = max(s.end, end)
			}
			return c.err
		}
		var err error
		switch c.kind {
		case boxTfhd:
			hasTfhd, err = true, s.readTfhd(f, c.payload)
		case boxTfdt:
			hasTfdt, err = true, f.readTfdt(c.payload)
			end = int64(min(f.time, lastTime))
			if s.fragments == 0 {
				s.start = end
			}
		case boxTrun:
			if !hasTfhd || !hasTfdt {
				return errors.New("trun without tfhd and tfdt before it")
			}
			var duration int64
			duration, err = s.readTrun(f, c.payload)
			end += duration
		}
		if err != nil {
			return err
		}
	}
}

// readTfhd reads ISO/IEC 14496-12, 8.8.7.
func (s *survey) readTfhd(f *fragment, b []byte) error {
	if len(b) < 8 {
		return short(boxTfhd)
	}
	flags := be32(b) & 0xffffff
	if be32(b[4:]) != s.track {
		s.otherTrack = true
	}
	if flags&0x1 != 0 {
		return errors.New("tfhd with a base data offset, which a segment cannot have")
	}
	if len(b) != 8+4*bits.OnesCount32(flags&0x3a) {
		return short(boxTfhd)
	}
	at := 8
	for _, field := range [...]struct {
		flag uint32
		to   *uint32
	}{{0x2, new(uint32)}, {0x8, &f.defaults.duration}, {0x10, &f.defaults.size}, {0x20, &f.defaults.flags}} {
		if flags&field.flag != 0 {
			*field.to = be32(b[at:])
			at += 4
		}
	}
	return nil
}

// readTfdt reads ISO/IEC 14496-12, 8.8.12.
func (f *fragment) readTfdt(b []byte) error {
	switch {
	case len(b) == 8 && b[0] == 0:
		f.time = uint64(be32(b[4:]))
	case len(b) == 12 && b[0] == 1:
		f.time = be64(b[4:])
	default:
		return short(boxTfdt)
	}
	return nil
}
