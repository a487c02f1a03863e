package faults

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/liveorigin/liveorigin/origin"
)

// mediaDefect is an encoder whose segments have one defect. The packager is not told: it has to find it in the bytes.
// Where there are none, the defect goes into the object's Flaws, which is what an inspection then finds.
type mediaDefect struct {
	base
	defect origin.Defects
}

func newMediaDefect(b base) Fault {
	d, ok := origin.DefectByName(b.spec.Defect)
	if !ok {
		panic("faults: no defect " + b.spec.Defect + "; specs are validated by the scenario that holds them")
	}
	return mediaDefect{b, d}
}

func (f mediaDefect) WrapSource(at Place, s origin.Source) origin.Source {
	if at.Pipeline != f.spec.Pipeline {
		return s
	}
	return changedSource{s, f.base, f.spoil}
}

func (f mediaDefect) spoil(_ context.Context, r origin.Rendition, o origin.Object) (origin.Object, error) {
	if f.defect == origin.MissingSegment {
		f.touch()
		return origin.Object{}, origin.ErrNoSegment
	}
	spoilt, err := withDefect(f.defect, r, o)
	if err != nil {
		return o, nil // a defect that this kind of track cannot have, say a frame that is not sync in audio
	}
	f.touch()
	return spoilt, nil
}

// withDefect is the object with a defect planted, in its bytes if it has any.
func withDefect(d origin.Defects, r origin.Rendition, o origin.Object) (origin.Object, error) {
	if o.Body == nil {
		if err := plantable(d, r); err != nil {
			return o, err
		}
		return withFlaw(o, d, uint64(d)), nil
	}
	body, err := spoil(d, r, o.Body)
	if err != nil {
		return o, err
	}
	return withBody(o, body), nil
}

// Felt asks for a publication in which inspection found the defect.
func (f mediaDefect) Felt(r origin.Record) bool {
	return f.published(r) && slices.Contains(r.Defects, f.spec.Defect)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// withBody is the object with other bytes, and honest about them.
func withBody(o origin.Object, body []byte) origin.Object {
	o.Body, o.Size, o.Digest = body, len(body), crc32.Checksum(body, castagnoli)
	return o
}

// withFlaw is the object without bytes, spoilt: no longer the bytes it was, which how tells, so that what was spoilt alike
// is alike.
func withFlaw(o origin.Object, d origin.Defects, how uint64) origin.Object {
	o.Flaws |= d
	changed := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, o.Digest), how)
	o.Digest = crc32.Checksum(changed, castagnoli)
	return o
}
