package encoders

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Sizes is an Encoder without bytes, for virtual time: an origin.Source whose segments come at the same instants, and
// are no more than a size and a digest. It has any rendition, whether there is media for it or not. Two of one event
// give the same for the same number, as two Encoders do.
//
// Bytes that are not there cannot be looked at; what a fault did to a segment is in its Flaws, and Known finds it there.
type Sizes struct {
	event origin.Event
	clock origin.Clock
}

// NewSizes makes an encoder without bytes for the event's renditions.
func NewSizes(ev origin.Event, clock origin.Clock) *Sizes { return &Sizes{ev, clock} }

// Segment implements origin.Source: it sleeps until segment n is available. A number outside of the event is
// origin.ErrNoSegment.
func (s *Sizes) Segment(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
	if err := s.has(r); err != nil {
		return origin.Object{}, err
	}
	if n < s.event.StartNumber || n > s.event.LastNumber() {
		return origin.Object{}, origin.ErrNoSegment
	}
	if err := s.clock.Sleep(ctx, s.event.AvailableAt(n).Sub(s.clock.Now())); err != nil {
		return origin.Object{}, err
	}
	return origin.Object{Size: s.size(r, n), Digest: s.Digest(r.ID, n), ExpiresAt: s.event.ExpiresAt(n)}, nil
}

// Header gives what stands for the rendition's CMAF header. It never expires.
func (s *Sizes) Header(r origin.Rendition) (origin.Object, error) {
	if err := s.has(r); err != nil {
		return origin.Object{}, err
	}
	return origin.Object{Size: headerSize, Digest: s.Digest(r.ID, origin.Header)}, nil
}

// headerSize is about what the headers of the looped media have, in bytes: they are 692 to 757 long.
const headerSize = 750

func (s *Sizes) has(r origin.Rendition) error {
	if _, ok := s.event.Rendition(r.ID); !ok {
		return fmt.Errorf("encode %s: the event has no such rendition", r.ID)
	}
	return nil
}

// Digest is the digest of a clean segment, or of a header, by the id of its rendition: it follows from both alone, so
// that whoever is given an object can tell whether it is the right one.
func (s *Sizes) Digest(rendition string, n origin.SegmentNumber) uint32 {
	var b [96]byte // names have at most 64 bytes, numbers at most 20
	return origin.Checksum(strconv.AppendInt(append(append(b[:0], rendition...), '/'), int64(n), 10))
}

// wobble is by how much, in thousandths, video segments are larger or smaller than their bandwidth says: encoders of live
// events cap a variable bit rate (facts.md ENC-13). How much capped VBR varies is not published; a tenth is ours.
const wobble = 100

// size is the number of bytes of a segment. What is going on in the picture makes every rendition's segment of a number
// larger or smaller alike; sound is of a constant rate.
func (s *Sizes) size(r origin.Rendition, n origin.SegmentNumber) int {
	nominal := int64(r.Bandwidth) * int64(s.event.SegmentDuration/time.Microsecond) / 8 / 1_000_000
	if r.Kind != origin.Video {
		return int(nominal)
	}
	return int(nominal * (1000 - wobble + int64(mix(uint64(n))%(2*wobble+1))) / 1000)
}

// mix is a number's hash: the output function of SplitMix64 (Steele, Lea, Flood 2014), in which every bit of the input
// has an effect on every bit of the result.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// Known is the PackagerConfig.Inspect for objects without bytes: it finds what whoever spoilt them wrote down.
func Known(_ *origin.Event, _ origin.Rendition, _ origin.SegmentNumber, o origin.Object) (origin.Defects, error) {
	return o.Flaws, nil
}
