package reports

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// An audience of three hours brings a quarter of a million histograms, of a few dozen buckets each. The library makes a
// decompressor and a histogram for every one of them, which takes five times as long as reading it; so we read the format
// ourselves, into buffers that are used again. It is HdrHistogram's V2, as AbstractHistogram.java writes it:
//
//	base64( cookie, length, zlib( cookie, payload length, index offset, digits, lowest, highest, ratio, payload ))
//
// in which the payload is a ZigZag LEB128 number a bucket, or, when it is negative, for as many empty ones.

// bucket is a value with how often it was recorded.
type bucket struct{ value, count int64 }

// histogramReader reads histograms one after another.
type histogramReader struct {
	text, raw, payload []byte
	compressed         bytes.Reader
	inflate            io.ReadCloser // nil until the first
}

const (
	cookieMask       = ^uint32(0xf0) // the rest says how wide a count is in memory
	innerHeaderBytes = 40
	payloadBytesMax  = 1 << 20 // a bucket takes a byte at least; with two digits there are five thousand
	countBytesMax    = 8       // longer ones are above numberMax
	indexMax         = 1 << 22 // with five digits, latencyMax is below it
)

// read appends a histogram's buckets, from the lowest value on; none for no text at all.
func (d *histogramReader) read(encoded string, into []bucket) ([]bucket, error) {
	if encoded == "" {
		return into, nil
	}
	header, payload, err := d.unpack(encoded)
	if err != nil {
		return into, fmt.Errorf("read histogram: %w", err)
	}
	g, err := newGeometry(int64(binary.BigEndian.Uint64(header[16:])), binary.BigEndian.Uint32(header[12:]))
	if err != nil {
		return into, fmt.Errorf("read histogram: %w", err)
	}
	if into, err = g.buckets(payload, into); err != nil {
		return into, fmt.Errorf("read histogram: %w", err)
	}
	return into, nil
}

// unpack gives the inner header and the payload, which stay until the next call.
func (d *histogramReader) unpack(encoded string) (header, payload []byte, err error) {
	d.text = append(d.text[:0], encoded...)
	if d.raw, err = base64.StdEncoding.AppendDecode(d.raw[:0], d.text); err != nil {
		return nil, nil, err
	}
	if len(d.raw) < 8 || binary.BigEndian.Uint32(d.raw)&cookieMask != uint32(hdrhistogram.V2CompressedEncodingCookieBase) {
		return nil, nil, errors.New("not of HdrHistogram's V2, compressed")
	}
	length := binary.BigEndian.Uint32(d.raw[4:])
	if int64(length) > int64(len(d.raw)-8) {
		return nil, nil, fmt.Errorf("%d compressed bytes of %d", len(d.raw)-8, length)
	}
	d.compressed.Reset(d.raw[8 : 8+length])
	if err := d.restart(); err != nil {
		return nil, nil, err
	}
	return d.inflated()
}

func (d *histogramReader) restart() (err error) {
	if d.inflate == nil {
		d.inflate, err = zlib.NewReader(&d.compressed)
		return err
	}
	return d.inflate.(zlib.Resetter).Reset(&d.compressed, nil)
}

// inflated reads as much as the header announces, and finds the end after it: then the checksum was right, too.
func (d *histogramReader) inflated() (header, payload []byte, err error) {
	d.payload = grown(d.payload, innerHeaderBytes)
	if _, err := io.ReadFull(d.inflate, d.payload); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if binary.BigEndian.Uint32(d.payload)&cookieMask != uint32(hdrhistogram.V2EncodingCookieBase) {
		return nil, nil, errors.New("not of HdrHistogram's V2")
	}
	length := binary.BigEndian.Uint32(d.payload[4:])
	if length > payloadBytesMax {
		return nil, nil, fmt.Errorf("%d bytes of counts; %d are the most", length, payloadBytesMax)
	}
	d.payload = grown(d.payload, innerHeaderBytes+int(length)+1)
	switch n, err := io.ReadFull(d.inflate, d.payload[innerHeaderBytes:]); {
	case err == nil:
		return nil, nil, fmt.Errorf("more than %d bytes of counts", length)
	case n < int(length) || err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, nil, fmt.Errorf("%d bytes of counts of %d: %w", n, length, err)
	}
	return d.payload[:innerHeaderBytes], d.payload[innerHeaderBytes : innerHeaderBytes+int(length)], nil
}

// grown keeps what is in b.
func grown(b []byte, length int) []byte {
	if length > cap(b) {
		b = append(make([]byte, 0, 2*length), b...)
	}
	return b[:length]
}

// geometry says which value a bucket's index stands for: the first 2^(halfBits+1) buckets are as wide as the unit, each
// 2^halfBits after them twice as wide as those before.
type geometry struct{ unitBits, halfBits uint }

func newGeometry(lowest int64, digits uint32) (g geometry, err error) {
	if digits < 1 || digits > 5 || lowest > latencyMax {
		return g, fmt.Errorf("%d digits from %d on", digits, lowest)
	}
	for unit := int64(2); unit <= lowest; unit *= 2 {
		g.unitBits++
	}
	largest := 2 // with a resolution of one unit
	for range digits {
		largest *= 10
	}
	for 2<<g.halfBits < largest {
		g.halfBits++
	}
	return g, nil
}

// value is the lowest of a bucket's; false when it is no latency.
func (g geometry) value(index int64) (int64, bool) {
	half := int64(1) << g.halfBits
	doublings, within := index>>g.halfBits-1, index&(half-1)+half
	if doublings < 0 {
		doublings, within = 0, index
	}
	shift := uint(doublings) + g.unitBits
	if shift > 40 || within<<shift > latencyMax {
		return 0, false
	}
	return within << shift, true
}

// buckets reads the payload.
func (g geometry) buckets(payload []byte, into []bucket) ([]bucket, error) {
	var index, total int64
	for len(payload) > 0 {
		n, size := int64(payload[0]>>1)^-int64(payload[0]&1), 1
		if payload[0] >= 0x80 {
			n, size = binary.Varint(payload)
		}
		if size < 1 || size > countBytesMax || n > numberMax || n < -indexMax {
			return into, errors.New("damaged counts")
		}
		payload = payload[size:]
		if n < 0 {
			index -= n
			continue
		}
		value, ok := g.value(index)
		if total += n; index > indexMax || n > 0 && !ok || total > numberMax {
			return into, fmt.Errorf("%d values, in bucket %d and below, are no measurement", total, index)
		}
		if n > 0 {
			into = append(into, bucket{value, n})
		}
		index++
	}
	return into, nil
}
