package audience

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"math"
)

// encoder writes histograms as HdrHistogram's V2 format, compressed and in base64: what the library's Encode does,
// which makes a compressor of a megabyte for each. This one is kept.
type encoder struct {
	plain, packed bytes.Buffer
	zlib          *zlib.Writer
}

// The V2 format's cookies, and the range of the histograms that the judge merges (reports/histogram.go).
const (
	cookie       = 0x1c849303 | 0x10
	packedCookie = 0x1c849304 | 0x10
	shortest     = 1
	longest      = 1 << 40
	digits       = 2
	headerBytes  = 40
)

// encode is empty for a histogram without values.
func (e *encoder) encode(h *histogram) string {
	if h.total == 0 {
		return ""
	}
	e.pack(e.header(e.runs(h)))
	return base64.StdEncoding.EncodeToString(e.packed.Bytes())
}

// runs writes the counts in order, each as a ZigZag LEB128 number; a negative one says how many empty buckets follow.
func (e *encoder) runs(h *histogram) []byte {
	b := e.plain.AvailableBuffer()
	next := 0
	h.counts(func(bucket int, n int64) {
		if bucket > next {
			b = binary.AppendVarint(b, int64(next-bucket))
		}
		b = binary.AppendVarint(b, n)
		next = bucket + 1
	})
	return b
}

func (e *encoder) header(runs []byte) []byte {
	b := make([]byte, 0, headerBytes+len(runs))
	b = binary.BigEndian.AppendUint32(b, cookie)
	b = binary.BigEndian.AppendUint32(b, uint32(len(runs)))
	b = binary.BigEndian.AppendUint32(b, 0) // normalizing index offset
	b = binary.BigEndian.AppendUint32(b, digits)
	b = binary.BigEndian.AppendUint64(b, shortest)
	b = binary.BigEndian.AppendUint64(b, longest)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(1)) // conversion ratio
	return append(b, runs...)
}

// pack compresses; writing to memory does not fail.
func (e *encoder) pack(plain []byte) {
	const cookieAndLength = 8
	e.packed.Reset()
	e.packed.Write(make([]byte, cookieAndLength))
	if e.zlib == nil {
		e.zlib, _ = zlib.NewWriterLevel(&e.packed, zlib.BestSpeed)
	} else {
		e.zlib.Reset(&e.packed)
	}
	_, _ = e.zlib.Write(plain)
	_ = e.zlib.Close()
	b := e.packed.Bytes()
	binary.BigEndian.PutUint32(b, packedCookie)
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-cookieAndLength))
}
