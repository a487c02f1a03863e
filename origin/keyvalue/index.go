package keyvalue

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/liveorigin/liveorigin/origin"
)

// index is what row 0 of an object says that does not fit one row. Encoded, most significant byte first:
//
//	magic 4 | version 1 | bodiless 1 | flaws 2 | size 8 | digest 4 | bytes of a chunk 4 | digest of each chunk 4 | CRC32C 4
//
// The last is that of all before it. Nothing that is wrong with an index goes unnoticed, except with a chance of 2^-32.
type index struct {
	size     int
	digest   uint32 // of the object
	flaws    origin.Defects
	bodiless bool // virtual time's: chunks have sizes only, and digests that are made up
	chunk    int  // bytes of every chunk but the last
	chunks   []uint32
}

const (
	indexMagic   = "LOix"
	indexVersion = 1
	indexHead    = 4 + 1 + 1 + 2 + 8 + 4 + 4
)

// Limits of objects, so that no index, however it came about, makes a reader ask for the impossible.
const (
	mostChunks = 1 << 16
	mostBytes  = 1 << 30
)

// ErrDamaged is a row that is missing or wrong, though it was acknowledged.
var ErrDamaged = errors.New("damaged")

var errNoIndex = fmt.Errorf("no index: %w", ErrDamaged)

// passesForIndex says whether an object's own bytes would be taken for its index. Nobody sends such, unless to deceive:
// it has to be cut, however small.
func passesForIndex(o origin.Object) bool {
	x, err := decode(o.Body)
	return err == nil && x.digest == o.Digest
}

// newIndex cuts an object.
func newIndex(o origin.Object, chunk int) *index {
	x := &index{size: o.Size, digest: o.Digest, flaws: o.Flaws, bodiless: o.Body == nil, chunk: chunk}
	x.chunks = make([]uint32, (o.Size+chunk-1)/chunk)
	for i := range x.chunks {
		if x.bodiless {
			x.chunks[i] = madeUp(o.Digest, i)
		} else {
			from, to := x.span(i)
			x.chunks[i] = origin.Checksum(o.Body[from:to])
		}
	}
	return x
}

// madeUp is the digest of a chunk that has no bytes.
func madeUp(digest uint32, chunk int) uint32 {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], digest)
	binary.BigEndian.PutUint32(b[4:], uint32(chunk))
	return origin.Checksum(b[:])
}

// span is where in the object a chunk begins and ends.
func (x *index) span(chunk int) (from, to int) {
	return chunk * x.chunk, min((chunk+1)*x.chunk, x.size)
}

// rowOf is the row of a chunk of o, counted from 0.
func (x *index) rowOf(chunk int, o origin.Object) origin.Object {
	from, to := x.span(chunk)
	o.Size, o.Digest, o.Flaws, o.Candidate = to-from, x.chunks[chunk], 0, nil
	if !x.bodiless {
		o.Body = o.Body[from:to:to]
	}
	return o
}

// row is the index's own row, of the object o.
func (x *index) row(o origin.Object) origin.Object {
	o.Body = x.encode()
	o.Size = len(o.Body)
	return o
}

func (x *index) encode() []byte {
	b := make([]byte, 0, indexHead+4*len(x.chunks)+4)
	b = append(b, indexMagic...)
	b = append(b, indexVersion, 0)
	if x.bodiless {
		b[len(b)-1] = 1
	}
	b = binary.BigEndian.AppendUint16(b, uint16(x.flaws))
	b = binary.BigEndian.AppendUint64(b, uint64(x.size))
	b = binary.BigEndian.AppendUint32(b, x.digest)
	b = binary.BigEndian.AppendUint32(b, uint32(x.chunk))
	for _, d := range x.chunks {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return binary.BigEndian.AppendUint32(b, origin.Checksum(b))
}

// decode reads an index; the error says what is wrong with it.
func decode(b []byte) (*index, error) {
	if len(b) < indexHead+4 || string(b[:4]) != indexMagic {
		return nil, errNoIndex
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if origin.Checksum(body) != binary.BigEndian.Uint32(sum) {
		return nil, fmt.Errorf("index with a wrong checksum: %w", ErrDamaged)
	}
	if body[4] != indexVersion || body[5] > 1 {
		return nil, fmt.Errorf("index of version %d, want %d: %w", body[4], indexVersion, ErrDamaged)
	}
	size, chunk := binary.BigEndian.Uint64(body[8:]), uint64(binary.BigEndian.Uint32(body[20:]))
	digests := body[indexHead:]
	if size > mostBytes || chunk == 0 || len(digests)%4 != 0 || uint64(len(digests)/4) != (size+chunk-1)/chunk {
		return nil, fmt.Errorf("index of %d bytes in %d chunks of %d: %w", size, len(digests)/4, chunk, ErrDamaged)
	}
	x := &index{size: int(size), digest: binary.BigEndian.Uint32(body[16:]), bodiless: body[5] == 1,
		flaws: origin.Defects(binary.BigEndian.Uint16(body[6:])), chunk: int(chunk), chunks: make([]uint32, len(digests)/4)}
	for i := range x.chunks {
		x.chunks[i] = binary.BigEndian.Uint32(digests[4*i:])
	}
	return x, nil
}
