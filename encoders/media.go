package encoders

import (
	"bytes"
	"embed"
	"fmt"
	"sync"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/liveorigin/liveorigin/origin"
)

//go:embed media/*.mp4
var mediaFiles embed.FS

// medium is a rendition's loop, taken apart.
type medium struct {
	header []byte   // ftyp and moov, with the rendition's track id
	frames [][]byte // the whole loop, in decode order; for video the first of every segment is an IDR picture
}

// media reads all loops, once a process: about 3 MB.
var media = sync.OnceValues(func() (map[string]*medium, error) {
	all := make(map[string]*medium, len(renditions))
	for _, r := range renditions {
		m, err := readMedium(r)
		if err != nil {
			return nil, fmt.Errorf("read media of %s: %w", r.ID, err)
		}
		all[r.ID] = m
	}
	return all, nil
})

func readMedium(r origin.Rendition) (*medium, error) {
	b, err := mediaFiles.ReadFile("media/" + r.ID + ".mp4")
	if err != nil {
		return nil, err
	}
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if f.Init == nil || f.Init.Moov == nil || len(f.Init.Moov.Traks) != 1 {
		return nil, fmt.Errorf("want one fragmented track")
	}
	m := &medium{}
	for _, s := range f.Segments {
		for _, g := range s.Fragments {
			samples, err := g.GetFullSamples(f.Init.Moov.Mvex.Trex)
			if err != nil {
				return nil, err
			}
			for _, s := range samples {
				m.frames = append(m.frames, s.Data)
			}
		}
	}
	if want := firstFrame(loopSegments, r); int64(len(m.frames)) != want {
		return nil, fmt.Errorf("%d frames; a loop has %d", len(m.frames), want)
	}
	m.header, err = header(f.Init.Moov, r)
	return m, err
}

// header is the rendition's CMAF header (ISO/IEC 23000-19, 7.3.1). Each rendition has a track id of its own, so that a
// segment in the wrong place can be told by its bytes.
func header(moov *mp4.MoovBox, r origin.Rendition) ([]byte, error) {
	trak := moov.Trak
	if got := trak.Mdia.Mdhd.Timescale; got != r.Timescale {
		return nil, fmt.Errorf("timescale %d; want %d", got, r.Timescale)
	}
	trak.Tkhd.TrackID, moov.Mvex.Trex.TrackID = r.TrackID, r.TrackID
	moov.Mvhd.NextTrackID = r.TrackID + 1
	for _, entry := range trak.Mdia.Minf.Stbl.Stsd.Children {
		if v, ok := entry.(*mp4.VisualSampleEntryBox); ok && v.Btrt != nil {
			v.Btrt.AvgBitrate, v.Btrt.MaxBitrate = uint32(r.Bandwidth), uint32(r.Bandwidth)
		}
	}
	var out bytes.Buffer
	if err := mp4.NewFtyp("cmfc", 0, []string{"iso6", "dash", "cmfc"}).Encode(&out); err != nil {
		return nil, err
	}
	err := moov.Encode(&out)
	return out.Bytes(), err
}
