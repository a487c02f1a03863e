package player

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"sync"
)

// What a check of the bytes can find.
const (
	wrongDigest     = "digest"
	wrongLength     = "length"
	wrongStructure  = "structure"
	wrongDecodeTime = "decode-time"
)

const (
	bodyMax = 256 << 20 // a body longer than this is cut off: no segment is
	headMax = 64 << 10  // of a segment, the part in which its first decode time must be found
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// buffers are what bodies are read through.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// heads keep the beginnings of bodies that are checked.
var heads = sync.Pool{New: func() any { b := make([]byte, 0, headMax); return &b }}

var errTooLong = errors.New("the body has no end")

// drain reads a body to its end and forgets it.
func drain(r io.Reader) (n int64, err error) { return scan(r, func([]byte) {}) }

// scan reads a body to its end and shows it piece by piece.
func scan(r io.Reader, show func([]byte)) (n int64, err error) {
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	for {
		k, err := r.Read(buf[:])
		n += int64(k)
		show(buf[:k])
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case n > bodyMax:
			return n, errTooLong
		}
	}
}

// inspect reads a body to its end, and says its checksum and the first decode time in it.
func inspect(r io.Reader) (n int64, sum uint32, decode uint64, found bool, err error) {
	head := heads.Get().(*[]byte)
	defer heads.Put(head)
	b := (*head)[:0]
	n, err = scan(r, func(piece []byte) {
		sum = crc32.Update(sum, castagnoli, piece)
		b = append(b, piece[:min(len(piece), headMax-len(b))]...)
	})
	*head = b
	decode, found = firstDecodeTime(b)
	return n, sum, decode, found, err
}

// verify compares a segment's decode time with the one that its number asks for: a wrong segment under a right checksum
// is still a wrong segment.
func verify(e *Event, n Number, r *Rendition, decode uint64, found bool) string {
	if !found {
		return wrongStructure
	}
	want := e.decodeTime(n, r)
	if max(want, decode)-min(want, decode) > uint64(r.SampleTicks) {
		return wrongDecodeTime
	}
	return ""
}

// firstDecodeTime finds moof/traf/tfdt (ISO/IEC 14496-12, 8.8.12) at the beginning of a segment.
func firstDecodeTime(b []byte) (t uint64, ok bool) {
	moof, ok := find(b, "moof")
	if !ok {
		return 0, false
	}
	traf, ok := find(moof, "traf")
	if !ok {
		return 0, false
	}
	tfdt, ok := find(traf, "tfdt")
	switch {
	case !ok || len(tfdt) < 8:
		return 0, false
	case tfdt[0] == 0:
		return uint64(binary.BigEndian.Uint32(tfdt[4:])), true
	case tfdt[0] == 1 && len(tfdt) >= 12:
		return binary.BigEndian.Uint64(tfdt[4:]), true
	}
	return 0, false
}

// find gives the payload of the first box of a type among boxes that follow each other. The box itself must be there
// whole; what comes after it need not be.
func find(b []byte, kind string) (payload []byte, ok bool) {
	for len(b) >= 8 {
		size, header := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch {
		case size == 1 && len(b) >= 16: // ISO/IEC 14496-12, 4.2.2: a 64-bit size follows
			size, header = binary.BigEndian.Uint64(b[8:]), 16
		case size == 0: // up to the end
			size = uint64(len(b))
		}
		if size < header || size > uint64(len(b)) {
			return nil, false
		}
		if string(b[4:8]) == kind {
			return b[header:size], true
		}
		b = b[size:]
	}
	return nil, false
}
