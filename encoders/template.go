package encoders

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/liveorigin/liveorigin/origin"
)

// template is one segment of the loop as it is sent, but for three numbers that depend on when it is sent:
//
//	styp | prft  ntp, media time | moof( mfhd  sequence | traf( tfhd | tfdt  decode time | trun )) | mdat
//
// A segment is made by one copy and four stores.
type template struct {
	bytes []byte
	// Where the numbers are.
	ntp, mediaTime, sequence, decodeTime int
}

// stamp makes the segment with these numbers, in a buffer of its own.
func (t *template) stamp(sequence uint32, decodeTime, ntp uint64) []byte {
	b := bytes.Clone(t.bytes)
	binary.BigEndian.PutUint64(b[t.ntp:], ntp)
	binary.BigEndian.PutUint64(b[t.mediaTime:], decodeTime)
	binary.BigEndian.PutUint32(b[t.sequence:], sequence)
	binary.BigEndian.PutUint64(b[t.decodeTime:], decodeTime)
	return b
}

// makeTemplate lays out a segment. Video is brought to the rendition's nominal bandwidth, boxes included.
func makeTemplate(r origin.Rendition, frames [][]byte) (*template, error) {
	styp := mp4.NewStyp("msdh", 0, []string{"msdh", "msix", "cmfs", "dash"})
	prft := mp4.CreatePrftBox(1, mp4.PrftTimeCaptured, r.TrackID, 0, 0)
	moof, err := makeMoof(r, len(frames))
	if err != nil {
		return nil, err
	}
	t := &template{}
	// A full box's payload begins after size, type, version and flags: 12 bytes.
	t.ntp = int(styp.Size()) + 12 + 4 // after reference_track_ID
	t.mediaTime = t.ntp + 8
	t.sequence = int(styp.Size()+prft.Size()) + 8 + 12
	t.decodeTime = int(styp.Size()+prft.Size()+8+moof.Mfhd.Size()+8+moof.Traf.Tfhd.Size()) + 12

	if r.Kind == origin.Video {
		overhead := int(styp.Size()+prft.Size()+moof.Size()) + 8
		frames, err = pad(frames, nominalSize(r)-overhead)
		if err != nil {
			return nil, fmt.Errorf("rendition %s at %d bit/s: %w", r.ID, r.Bandwidth, err)
		}
	}
	for i, f := range frames {
		moof.Traf.Trun.Samples[i].Size = uint32(len(f))
	}
	var out bytes.Buffer
	for _, box := range []mp4.Box{styp, prft, moof, &mp4.MdatBox{Data: bytes.Join(frames, nil)}} {
		if err := box.Encode(&out); err != nil {
			return nil, err
		}
	}
	t.bytes = slices.Clip(out.Bytes())
	return t, nil
}

// makeMoof makes a movie fragment of equally long frames, the first of which is sync; for audio all are. Sizes are
// left open. tfdt is of version 1, whose 64 bits last; with 32, video at 12,800 ticks would wrap after four days.
func makeMoof(r origin.Rendition, frames int) (*mp4.MoofBox, error) {
	tfhd := mp4.CreateTfhd(r.TrackID)
	tfhd.Flags |= 0x8 | 0x20 // default-sample-duration-present, default-sample-flags-present
	tfhd.DefaultSampleDuration = r.SampleTicks
	tfhd.DefaultSampleFlags = mp4.SyncSampleFlags
	trun := mp4.CreateTrun(0)
	trun.Flags = mp4.TrunDataOffsetPresentFlag | mp4.TrunSampleSizePresentFlag
	if r.Kind == origin.Video {
		tfhd.DefaultSampleFlags = mp4.NonSyncSampleFlags
		trun.SetFirstSampleFlags(mp4.SyncSampleFlags)
	}
	trun.Samples = make([]mp4.Sample, frames)

	traf, moof := &mp4.TrafBox{}, &mp4.MoofBox{}
	for _, box := range []mp4.Box{tfhd, mp4.CreateTfdt(1 << 32), trun} {
		if err := traf.AddChild(box); err != nil {
			return nil, err
		}
	}
	for _, box := range []mp4.Box{mp4.CreateMfhd(0), traf} {
		if err := moof.AddChild(box); err != nil {
			return nil, err
		}
	}
	trun.DataOffset = int32(moof.Size()) + 8 // to the first byte of mdat's payload
	return moof, nil
}

// nominalSize is the number of bytes that a segment has at the rendition's bandwidth.
func nominalSize(r origin.Rendition) int {
	return int(int64(r.Bandwidth) * int64(segmentDuration/1e6) / 8 / 1000)
}

// fillerOverhead is the size of a filler data NAL unit without a single byte of filler: length, header, trailing bits.
const fillerOverhead = 4 + 1 + 1

// pad brings the frames to total bytes by raising the smaller ones to one level, with a filler data NAL unit
// (ISO/IEC 14496-10, 7.3.2.7) at the end of each: near-constant frames, as a constant-bitrate encoder would send them.
//
// ISO/IEC 14496-15 does not want filler data in stored streams, because a sender can make it up. The project has
// decided for it anyway: bytes have to come from somewhere for a segment to weigh what its bandwidth says, every
// decoder skips NAL units of type 12, and one unit a frame keeps inspection quick.
func pad(frames [][]byte, total int) ([][]byte, error) {
	size := func(level int) (sum int) {
		for _, f := range frames {
			sum += padded(len(f), level)
		}
		return sum
	}
	if least := size(0); least > total {
		return nil, fmt.Errorf("the media alone has %d bytes of %d in a segment", least, total)
	}
	low, high := 0, total+1 // size(low) fits; size(high) is not known to
	for high-low > 1 {
		if mid := (low + high) / 2; size(mid) <= total {
			low = mid
		} else {
			high = mid
		}
	}
	rest := total - size(low)
	out := make([][]byte, len(frames))
	for i, f := range frames {
		n := padded(len(f), low)
		if rest > 0 && n+rest >= len(f)+fillerOverhead { // what the level leaves over goes to the first that can take it
			n, rest = n+rest, 0
		}
		out[i] = fill(f, n)
	}
	return out, nil
}

// padded is the size of a frame once it is raised to level: unchanged where no filler fits in.
func padded(size, level int) int {
	if level < size+fillerOverhead {
		return size
	}
	return level
}

// fill appends one filler data NAL unit, if the frame is to grow at all.
func fill(frame []byte, size int) []byte {
	if size == len(frame) {
		return frame
	}
	out := make([]byte, 0, size)
	out = append(out, frame...)
	out = binary.BigEndian.AppendUint32(out, uint32(size-len(frame)-4))
	out = append(out, 12) // nal_ref_idc 0, nal_unit_type 12
	for len(out) < size-1 {
		out = append(out, 0xff)
	}
	return append(out, 0x80) // rbsp_trailing_bits
}
