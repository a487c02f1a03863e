package encoders

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Box types (ISO/IEC 14496-12, 4.2), as the four characters read.
const (
	boxFtyp = 'f'<<24 | 't'<<16 | 'y'<<8 | 'p'
	boxMoov = 'm'<<24 | 'o'<<16 | 'o'<<8 | 'v'
	boxTrak = 't'<<24 | 'r'<<16 | 'a'<<8 | 'k'
	boxTkhd = 't'<<24 | 'k'<<16 | 'h'<<8 | 'd'
	boxMdia = 'm'<<24 | 'd'<<16 | 'i'<<8 | 'a'
	boxMdhd = 'm'<<24 | 'd'<<16 | 'h'<<8 | 'd'
	boxHdlr = 'h'<<24 | 'd'<<16 | 'l'<<8 | 'r'
	boxMvex = 'm'<<24 | 'v'<<16 | 'e'<<8 | 'x'
	boxTrex = 't'<<24 | 'r'<<16 | 'e'<<8 | 'x'

	boxPrft = 'p'<<24 | 'r'<<16 | 'f'<<8 | 't'
	boxMoof = 'm'<<24 | 'o'<<16 | 'o'<<8 | 'f'
	boxMfhd = 'm'<<24 | 'f'<<16 | 'h'<<8 | 'd'
	boxTraf = 't'<<24 | 'r'<<16 | 'a'<<8 | 'f'
	boxTfhd = 't'<<24 | 'f'<<16 | 'h'<<8 | 'd'
	boxTfdt = 't'<<24 | 'f'<<16 | 'd'<<8 | 't'
	boxTrun = 't'<<24 | 'r'<<16 | 'u'<<8 | 'n'
	boxMdat = 'm'<<24 | 'd'<<16 | 'a'<<8 | 't'
)

// fourCC is a box type for people.
func fourCC(kind uint32) string { return fmt.Sprintf("%q", binary.BigEndian.AppendUint32(nil, kind)) }

// span is where a box is in its surroundings: payload begins after size and type, and the box ends at end.
type span struct {
	kind         uint32
	payload, end int
	// cut says that the box wants to be longer than what there is; end is then where the bytes end.
	cut bool
}

var errNoHeader = errors.New("fewer bytes than a box header has")

// boxAt reads the box header at b[at:]. A size of 0 ("to the end of the file") is none that a segment may have.
func boxAt(b []byte, at int) (span, error) {
	if len(b)-at < 8 {
		return span{}, errNoHeader
	}
	size, s := uint64(binary.BigEndian.Uint32(b[at:])), span{kind: binary.BigEndian.Uint32(b[at+4:]), payload: at + 8}
	if size == 1 {
		if len(b)-at < 16 {
			return span{}, errNoHeader
		}
		size, s.payload = binary.BigEndian.Uint64(b[at+8:]), at+16
	}
	if size < uint64(s.payload-at) {
		return span{}, fmt.Errorf("box %s has a size of %d", fourCC(s.kind), size)
	}
	if size > uint64(len(b)-at) {
		s.end, s.cut = len(b), true
	} else {
		s.end = at + int(size)
	}
	return s, nil
}

// cursor goes over the children of a container, all of which must be whole.
type cursor struct {
	b   []byte
	err error
	// The present child.
	kind    uint32
	payload []byte
	at      int // where the next one begins
}

// next steps to the next child; false at the end or at an error.
func (c *cursor) next() bool {
	if c.err != nil || c.at == len(c.b) {
		return false
	}
	s, err := boxAt(c.b, c.at)
	if err == nil && s.cut {
		err = fmt.Errorf("box %s is longer than what it is in", fourCC(s.kind))
	}
	if err != nil {
		c.err = err
		return false
	}
	c.kind, c.payload, c.at = s.kind, c.b[s.payload:s.end], s.end
	return true
}

// short is the error of a box without the fields that it should have.
func short(kind uint32) error {
	return fmt.Errorf("box %s has another size than its fields", fourCC(kind))
}

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }
