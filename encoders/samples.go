package encoders

import (
	"errors"
	"fmt"
	"math/bits"
)

// run is one trun (ISO/IEC 14496-12, 8.8.8): a table with a line a sample, of those fields that its flags name.
type run struct {
	count                      int
	table                      []byte
	stride                     int // bytes a line
	duration, size, flags      int // where the field is in a line; negative where tfhd's default holds
	firstFlags                 uint32
	hasFirstFlags, hasPosition bool
	position                   int32 // data_offset
}

// maxSamples bounds the samples of a segment, and the runs that they come in: a run that says nothing about any of its
// samples could else ask for billions with four bytes. Two seconds of PCM sound at 48 kHz, a sample a line, fit.
const maxSamples = 100_000

func parseRun(b []byte) (run, error) {
	if len(b) < 8 {
		return run{}, short(boxTrun)
	}
	flags, count := be32(b)&0xffffff, be32(b[4:])
	r := run{duration: -1, size: -1, flags: -1, stride: 4 * bits.OnesCount32(flags&0xf00), table: b[8:]}
	if flags&0x1 != 0 && len(r.table) >= 4 {
		r.hasPosition, r.position, r.table = true, int32(be32(r.table)), r.table[4:]
	}
	if flags&0x4 != 0 && len(r.table) >= 4 {
		r.hasFirstFlags, r.firstFlags, r.table = true, be32(r.table), r.table[4:]
	}
	if want := 8 + 4*bits.OnesCount32(flags&0x5); uint64(len(b)) != uint64(want)+uint64(count)*uint64(r.stride) {
		return run{}, short(boxTrun)
	}
	r.count = int(count)
	at := 0
	for _, field := range [...]struct {
		flag uint32
		to   *int
	}{{0x100, &r.duration}, {0x200, &r.size}, {0x400, &r.flags}} {
		if flags&field.flag != 0 {
			*field.to = at
			at += 4
		}
	}
	return r, nil
}

// readTrun goes over one run's samples and gives their duration. Runs may lie anywhere in mdat; only if samples have more
// bytes than the segment they must overlap, and there would be no end to what can be asked for.
func (s *survey) readTrun(f *fragment, b []byte) (duration int64, err error) {
	r, err := parseRun(b)
	if err != nil {
		return 0, err
	}
	s.runs++
	switch {
	case s.runs > maxSamples:
		return 0, fmt.Errorf("more than %d runs of samples", maxSamples)
	case s.samples+int64(r.count) > maxSamples:
		return 0, fmt.Errorf("%d samples after %d; a segment may have %d", r.count, s.samples, maxSamples)
	case r.hasPosition:
		f.at = f.moof + int(r.position)
	case !f.hasRun:
		return 0, errors.New("trun without a data offset")
	}
	if f.at < f.from && !s.truncated {
		return 0, fmt.Errorf("samples begin %d bytes before mdat's payload", f.from-f.at)
	}
	f.hasRun = true
	for i := range r.count {
		line, size := r.table[i*r.stride:], f.defaults.size
		if r.size >= 0 {
			size = be32(line[r.size:])
		}
		if r.duration >= 0 {
			duration += int64(be32(line[r.duration:]))
		} else {
			duration += int64(f.defaults.duration)
		}
		nal := s.readSample(f, size)
		if s.bytes > int64(len(f.body)) {
			return 0, errors.New("samples that overlap")
		}
		if i == 0 && s.samples == 0 && s.video {
			s.notSync = flagsOf(&r, f, line)&nonSync != 0 || (nal != 0 && nal != nalIDR)
		}
		s.samples++
	}
	s.duration += duration
	return duration, nil
}

// nonSync is sample_is_non_sync_sample (ISO/IEC 14496-12, 8.8.3.1).
const nonSync = 1 << 16

// flagsOf gives the first sample's flags: its own, else the run's for the first one, else the track fragment's. What
// the header says (trex) is not known here and taken for sync; the NAL unit type decides anyway.
func flagsOf(r *run, f *fragment, line []byte) uint32 {
	switch {
	case r.flags >= 0:
		return be32(line[r.flags:])
	case r.hasFirstFlags:
		return r.firstFlags
	}
	return f.defaults.flags
}

// NAL unit types (ISO/IEC 14496-10, table 7-1): coded slices are the types from 1 to 5; 5 is a slice of an IDR picture.
const (
	nalIDR = 5
	nalSEI = 6 // the first that is no slice
)

// noSlice stands for a whole sample in which there is no coded slice at all.
const noSlice = 0xff

// readSample steps over the next sample. For video it checks the NAL unit lengths and gives the type of the first coded
// slice, noSlice when there is none, 0 when that cannot be known.
func (s *survey) readSample(f *fragment, size uint32) (nal byte) {
	if f.at < f.from || f.at > f.to || uint64(size) > uint64(f.to-f.at) {
		s.truncated = true
		f.from, f.at = f.to+1, f.to // nothing that follows can be there
		return 0
	}
	sample := f.body[f.at : f.at+int(size)]
	f.at += int(size)
	s.bytes += int64(size)
	if !s.video {
		return 0
	}
	nal, ok := walk(sample)
	if !ok {
		s.badNAL = true
	}
	return nal
}

// walk goes from NAL unit to NAL unit by their four-byte lengths (ISO/IEC 14496-15, 5.3.3.1). ok says that they add up.
func walk(sample []byte) (slice byte, ok bool) {
	for len(sample) > 0 {
		if len(sample) < 5 {
			return slice, false
		}
		size := be32(sample)
		if size == 0 || uint64(size) > uint64(len(sample)-4) {
			return slice, false
		}
		if kind := sample[4] & 0x1f; slice == 0 && kind > 0 && kind < nalSEI {
			slice = kind
		}
		sample = sample[4+size:]
	}
	if slice == 0 {
		slice = noSlice
	}
	return slice, true
}
