package originhttp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// What ends the reading of a track, besides errors of the connection.
var (
	errBusy = errors.New("too many bodies at once")
	errCMAF = errors.New("not CMAF")
)

// part is a piece of a track that is published as one object.
type part struct {
	number origin.SegmentNumber // Header for the CMAF header
	body   []byte
}

// splitter cuts a CMAF track into its header and its segments, box by box (ISO/IEC 14496-12, 4.2):
//
//	ftyp moov | styp prft moof mdat | prft moof mdat, prft moof mdat | ... mfra
//	header    | a segment           | a segment of two chunks        |     the end
//
// What stands before a moof belongs to its chunk. Consecutive chunks of one number are one segment, which is whole when
// its samples reach the segment's end, when a chunk of another number comes, or when the track ends.
type splitter struct {
	from     io.Reader
	timeline timeline
	limit    int64            // bytes of a part
	reserve  func(int64) bool // is asked before bytes are read, and told by a negative number of those let go; nil: always

	buf   []byte
	ready []part
	// The segment under way.
	chunks int
	number origin.SegmentNumber
	mark   int   // the end of its last chunk in buf
	end    int64 // ticks: of its last sample

	moof  chunk // that waits for its mdat
	begun bool  // there is such a one
}

// next gives the next part; io.EOF at the end of a track that ends with a whole box.
func (s *splitter) next() (part, error) {
	for len(s.ready) == 0 {
		at := len(s.buf)
		kind, payload, err := s.readBox()
		switch {
		case err == io.EOF && s.begun:
			return part{}, fmt.Errorf("%w: moof without mdat", errCMAF)
		case err == io.EOF && s.chunks > 0:
			s.emit(s.number, s.mark)
			continue
		case err == nil:
			err = s.take(kind, s.buf[payload:], at)
		}
		if err != nil {
			return part{}, err
		}
	}
	p := s.ready[0]
	s.ready = s.ready[1:]
	return p, nil
}

// take is told of a box, which begins at buf[at] and is the last in it.
func (s *splitter) take(kind string, payload []byte, at int) error {
	if s.begun != (kind == "mdat") {
		return fmt.Errorf("%w: mdat follows moof, and nothing else does; there is %.4q", errCMAF, kind)
	}
	switch kind {
	case "moov":
		s.flush()
		s.emit(origin.Header, len(s.buf))
	case "mfra":
		if s.reserve != nil {
			s.reserve(-int64(len(s.buf) - at))
		}
		s.buf = s.buf[:at] // says that the track is over, which its end does as well
	case "moof":
		c, ok := parseMoof(payload)
		if !ok || c.time > maxDecodeTime {
			return fmt.Errorf("%w: moof without a decode time that makes sense", errCMAF)
		}
		s.moof, s.begun = c, true
		if n := s.numberOf(int64(c.time)); s.chunks > 0 && n != s.number {
			s.flush()
		}
	case "mdat":
		s.endChunk()
	}
	return nil
}

// numberOf numbers a chunk. One that goes on where the segment under way stops is part of it up to the segment's nominal
// end: of audio, a frame that lies across the boundary may come in a chunk of its own.
func (s *splitter) numberOf(t int64) origin.SegmentNumber {
	if s.chunks > 0 && t == s.end && t < s.timeline.start(s.number+1) {
		return s.number
	}
	return s.timeline.number(t)
}

// endChunk adds a chunk to its segment. One that is a whole segment by itself may end less than a frame early; of one
// that comes in several chunks, that could be the last but one.
func (s *splitter) endChunk() {
	t := int64(s.moof.time)
	s.number = s.numberOf(t)
	s.begun, s.chunks, s.mark = false, s.chunks+1, len(s.buf)
	s.end = t + s.moof.samples*s.timeline.frame
	whole := s.timeline.start(s.number + 1)
	if s.chunks == 1 {
		whole -= s.timeline.frame - 1
	}
	if s.end >= whole {
		s.flush()
	}
}

// flush makes a part of the segment under way, if there is one.
func (s *splitter) flush() {
	if s.chunks > 0 {
		s.emit(s.number, s.mark)
	}
}

// emit makes a part of the first bytes of buf, and leaves the rest.
func (s *splitter) emit(n origin.SegmentNumber, size int) {
	body, rest := s.buf[:size:size], s.buf[size:]
	if cap(s.buf) > size+size/8 { // objects are kept, and the room that was there to grow would be with them
		body = slices.Clone(body)
	}
	s.buf = slices.Clone(rest)
	s.ready = append(s.ready, part{n, body})
	s.chunks, s.mark = 0, 0
}

// readBox appends the next box to buf; payload is where its own bytes begin there. io.EOF says that there is none.
func (s *splitter) readBox() (kind string, payload int, err error) {
	at := len(s.buf)
	if err := s.read(8); err != nil {
		return "", 0, err
	}
	size, header := uint64(binary.BigEndian.Uint32(s.buf[at:])), uint64(8)
	kind = string(s.buf[at+4 : at+8])
	if size == 1 { // largesize
		if err := s.read(8); err != nil {
			return "", 0, unlessEOF(err)
		}
		size, header = binary.BigEndian.Uint64(s.buf[at+8:]), 16
	}
	switch {
	case size < header: // 0 would be "up to the end", which a live track does not know
		return "", 0, fmt.Errorf("%w: box %.4q has a size of %d", errCMAF, kind, size)
	case size > uint64(s.limit) || uint64(at)+size > uint64(s.limit):
		return "", 0, errTooLarge
	}
	return kind, at + int(header), unlessEOF(s.read(int(size - header)))
}

// read appends so many bytes to buf.
func (s *splitter) read(n int) error {
	if n == 0 {
		return nil
	}
	if s.reserve != nil && !s.reserve(int64(n)) {
		return errBusy
	}
	at := len(s.buf)
	s.buf = slices.Grow(s.buf, n)[:at+n]
	if _, err := io.ReadFull(s.from, s.buf[at:]); err != nil {
		s.buf = s.buf[:at]
		return err
	}
	return nil
}

func unlessEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunk is what a moof says of the samples that follow.
type chunk struct {
	time    uint64 // ticks: baseMediaDecodeTime
	samples int64
}

// maxDecodeTime and maxSamples bound what a stranger can say, so that sums with them fit.
const (
	maxDecodeTime = 1 << 61
	maxSamples    = 1 << 28
)

// parseMoof looks for the decode time and the number of samples of the first track.
func parseMoof(b []byte) (c chunk, ok bool) {
	for kind, traf := range children(b) {
		if kind != "traf" {
			continue
		}
		for kind, b := range children(traf) {
			switch {
			case kind == "tfdt" && len(b) >= 8 && b[0] == 0:
				c.time, ok = uint64(binary.BigEndian.Uint32(b[4:])), true
			case kind == "tfdt" && len(b) >= 12 && b[0] == 1:
				c.time, ok = binary.BigEndian.Uint64(b[4:]), true
			case kind == "trun" && len(b) >= 8:
				c.samples = min(maxSamples, c.samples+int64(binary.BigEndian.Uint32(b[4:])))
			}
		}
		break
	}
	return c, ok
}

// children goes over the boxes in a container, as far as they are whole.
func children(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			size := uint64(binary.BigEndian.Uint32(b))
			if size < 8 || size > uint64(len(b)) || !yield(string(b[4:8]), b[8:size]) {
				return
			}
			b = b[size:]
		}
	}
}

// timeline tells the numbers of a rendition's media times, in ticks after the event's AvailabilityStartTime. A source
// that counts from 1970, as DASH-IF's ingest advises, belongs to an event that starts then.
type timeline struct {
	event *origin.Event
	scale uint32 // ticks a second
	frame int64  // ticks
}

// start is the nominal start of segment n, rounded down to a tick.
func (l *timeline) start(n origin.SegmentNumber) int64 {
	d := time.Duration(n-l.event.StartNumber) * l.event.SegmentDuration
	return int64(d/time.Second)*int64(l.scale) + int64(d%time.Second)*int64(l.scale)/int64(time.Second)
}

// number is that of the segment which begins less than a frame before or after t: where frames do not divide the
// segment, packagers differ in which side of the boundary a frame goes to. A chunk in the middle of a segment is no
// nearer than that to the next one's start.
func (l *timeline) number(t int64) origin.SegmentNumber {
	ahead := uint64(t + l.frame - 1)
	hi, lo := bits.Mul64(ahead%uint64(l.scale), uint64(time.Second))
	rest, _ := bits.Div64(hi, lo, uint64(l.scale)) // below a second
	seconds := ahead / uint64(l.scale)
	if seconds > uint64(maxMedia/time.Second) {
		return maxNumber
	}
	at := time.Duration(seconds)*time.Second + time.Duration(rest)
	return l.event.StartNumber + origin.SegmentNumber(at/l.event.SegmentDuration)
}

// maxMedia is the longest media time that a number is reckoned for: with room to spare, what fits into a Duration.
const maxMedia = 250 * 365 * 24 * time.Hour
