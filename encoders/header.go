package encoders

import (
	"errors"
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
)

// InspectHeader says why bytes are not the rendition's CMAF header (ISO/IEC 23000-19, 7.3.1): ftyp, and moov with one
// track of the rendition's id, timescale and kind that is ready for fragments.
func InspectHeader(r origin.Rendition, body []byte) error {
	h, err := readHeader(body)
	if err != nil {
		return fmt.Errorf("inspect header of %s: %w", r.ID, err)
	}
	handler := "vide"
	if r.Kind == origin.Audio {
		handler = "soun"
	}
	switch {
	case h.track != r.TrackID || h.extends != r.TrackID:
		err = fmt.Errorf("tracks %d (tkhd) and %d (trex); want %d", h.track, h.extends, r.TrackID)
	case h.timescale != r.Timescale:
		err = fmt.Errorf("timescale %d; want %d", h.timescale, r.Timescale)
	case h.handler != handler:
		err = fmt.Errorf("handler %q; want %q", h.handler, handler)
	default:
		return nil
	}
	return fmt.Errorf("inspect header of %s: %w", r.ID, err)
}

// trackHeader is what a CMAF header says of its one track.
type trackHeader struct {
	track, extends, timescale uint32
	handler                   string
	tracks                    int
}

func readHeader(body []byte) (h trackHeader, err error) {
	var ftyp, moov bool
	c := cursor{b: body}
	for c.next() {
		switch c.kind {
		case boxFtyp:
			ftyp = true
		case boxMoov:
			moov = true
			if err := h.read(c.payload, 0); err != nil {
				return h, err
			}
		}
	}
	switch {
	case c.err != nil:
		return h, c.err
	case !ftyp || !moov:
		return h, errors.New("want ftyp and moov")
	case h.tracks != 1:
		return h, fmt.Errorf("%d tracks; want 1", h.tracks)
	}
	return h, nil
}

// deepest is how far below moov the boxes are that read looks for: moov, trak, mdia, mdhd.
const deepest = 2

// read goes down into the containers that lead to what is wanted.
func (h *trackHeader) read(b []byte, depth int) (err error) {
	c := cursor{b: b}
	for err == nil && c.next() {
		var field []byte
		switch c.kind {
		case boxTrak, boxMdia, boxMvex:
			if c.kind == boxTrak {
				h.tracks++
			}
			if depth < deepest {
				err = h.read(c.payload, depth+1)
			}
		case boxTkhd: // in version 1, two 64-bit times come before the field
			if field, err = fieldAt(&c, 12, 20); err == nil {
				h.track = be32(field)
			}
		case boxMdhd:
			if field, err = fieldAt(&c, 12, 20); err == nil {
				h.timescale = be32(field)
			}
		case boxHdlr:
			if field, err = fieldAt(&c, 8, 8); err == nil {
				h.handler = string(field)
			}
		case boxTrex:
			if field, err = fieldAt(&c, 4, 4); err == nil {
				h.extends = be32(field)
			}
		}
	}
	if err == nil {
		err = c.err
	}
	return err
}

// fieldAt gives four bytes of a full box, whose place depends on the box's version.
func fieldAt(c *cursor, version0, version1 int) ([]byte, error) {
	at := version0
	if len(c.payload) > 0 && c.payload[0] == 1 {
		at = version1
	}
	if len(c.payload) < at+4 {
		return nil, short(c.kind)
	}
	return c.payload[at : at+4], nil
}
