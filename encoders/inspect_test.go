package encoders

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/liveorigin/liveorigin/origin"
)

// What our encoders make is never accused. With little filler, so that it goes quickly.
func TestInspectClean(t *testing.T) {
	ev := testEvent(t, "hd")
	for i := range ev.Renditions[:3] {
		ev.Renditions[i].Bandwidth = ev.Renditions[i].Bandwidth * 2 / 5
	}
	ev.End = ev.SegmentStart(ev.StartNumber + 2100)
	e := testEncoder(t, ev)
	for _, r := range ev.Renditions {
		for n := ev.StartNumber; n <= ev.LastNumber(); n++ {
			if d, err := Inspect(&ev, r, n, e.Build(r, n).Body); d != 0 || err != nil {
				t.Fatalf("%s/%d: %v, %v; want clean", r.ID, n, d, err)
			}
		}
	}
}

// What is right for one number, rendition or event is wrong for another.
func TestInspectElsewhere(t *testing.T) {
	ev := testEvent(t, "hd")
	e := testEncoder(t, ev)
	shifted := ev
	shifted.AvailabilityStartTime = ev.AvailabilityStartTime.Add(25 * time.Millisecond)
	ended := ev
	ended.End = ev.AvailabilityStartTime.Add(9 * time.Second)
	video, audio := ev.Renditions[0], ev.Renditions[3]
	for name, row := range map[string]struct {
		ev     *origin.Event
		made   origin.Rendition
		number origin.SegmentNumber
		as     origin.Rendition
		at     origin.SegmentNumber
		want   origin.Defects
	}{
		"the next number":                              {&ev, video, 50, video, 51, origin.SequenceNumber | origin.DecodeTime},
		"the next number, audio":                       {&ev, audio, 50, audio, 51, origin.SequenceNumber | origin.DecodeTime},
		"another video rendition":                      {&ev, video, 50, ev.Renditions[1], 50, origin.WrongTrack},
		"sound for picture":                            {&ev, audio, 50, video, 50, origin.WrongTrack},
		"more than half a frame off the epoch":         {&shifted, video, 50, video, 50, origin.EpochLock},
		"more than half a frame off the epoch, audio":  {&shifted, audio, 50, audio, 50, origin.EpochLock},
		"longer than the event, whose end is mid-way":  {&ended, video, 45, video, 45, 0},
		"longer than the event, whose end is mid-way ": {&ended, audio, 45, audio, 45, 0},
	} {
		d, err := Inspect(row.ev, row.as, row.at, e.Build(row.made, row.number).Body)
		if d != row.want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", name, d, err, row.want)
		}
	}
	// Less than half a frame is nothing: clocks are never quite the same.
	near := ev
	near.AvailabilityStartTime = ev.AvailabilityStartTime.Add(-19 * time.Millisecond)
	if d, err := Inspect(&near, video, 50, e.Build(video, 50).Body); d != 0 || err != nil {
		t.Errorf("19 ms off the epoch at 40 ms a frame: %v, %v", d, err)
	}
}

// synthetic is a segment to order, written by mp4ff: what other packagers may send.
type synthetic struct {
	start    uint64
	chunks   []int  // frames of each
	duration uint32 // of a frame
	sequence func(chunk int) uint32
	gap      uint64 // ticks between chunks
	noPrft   bool
	largest  bool // 64-bit mdat size
}

func (s synthetic) bytes(t testing.TB, r origin.Rendition) []byte {
	t.Helper()
	var out bytes.Buffer
	write := func(box interface{ Encode(io.Writer) error }) {
		if err := box.Encode(&out); err != nil {
			t.Fatal(err)
		}
	}
	time := s.start
	for i, frames := range s.chunks {
		if !s.noPrft {
			write(mp4.CreatePrftBox(0, mp4.PrftTimeMoofWritten, r.TrackID, 0, time))
		}
		g, err := mp4.CreateFragment(s.sequence(i), r.TrackID)
		if err != nil {
			t.Fatal(err)
		}
		for k := range frames {
			sample := mp4.FullSample{Sample: mp4.Sample{Flags: mp4.NonSyncSampleFlags, Dur: s.duration}, DecodeTime: time,
				Data: []byte{0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x41, byte(i), byte(k)}} // delimiter, slice
			if i == 0 && k == 0 {
				sample.Flags, sample.Data[10] = mp4.SyncSampleFlags, 0x65
			}
			sample.Size = uint32(len(sample.Data))
			g.AddFullSample(sample)
			time += uint64(s.duration)
		}
		g.Mdat.LargeSize = s.largest
		write(g)
		time += s.gap
	}
	return out.Bytes()
}

func TestInspectForeign(t *testing.T) {
	ev := testEvent(t, "hd")
	ev.AvailabilityStartTime = time.Unix(0, 0).UTC()
	ev.StartNumber = 0
	video := origin.Rendition{ID: "x", Kind: origin.Video, Timescale: 12800, SampleTicks: 512, TrackID: 7}
	film := origin.Rendition{ID: "x", Kind: origin.Video, Timescale: 30000, SampleTicks: 1001, TrackID: 7}
	same := func(int) uint32 { return 10 }
	rising := func(i int) uint32 { return 10 + uint32(i) }
	for name, row := range map[string]struct {
		r    origin.Rendition
		s    synthetic
		want origin.Defects
	}{
		"one fragment": {video, synthetic{start: 256000, chunks: []int{50}, duration: 512, sequence: same}, 0},
		"a 64-bit size": {video, synthetic{start: 256000, chunks: []int{50}, duration: 512, sequence: same,
			largest: true}, 0},
		"chunks, one sequence number": {video, synthetic{start: 256000, chunks: []int{20, 20, 10}, duration: 512,
			sequence: same, noPrft: true}, 0},
		"chunks, rising numbers, many": {video, synthetic{start: 256000, chunks: []int{5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
			duration: 512, sequence: rising}, 0},
		"chunks, falling numbers": {video, synthetic{start: 256000, chunks: []int{20, 20, 10}, duration: 512,
			sequence: func(i int) uint32 { return 10 - uint32(i) }}, origin.SequenceNumber},
		"a chunk lost at the end": {video, synthetic{start: 256000, chunks: []int{20, 20}, duration: 512,
			sequence: same}, origin.ShortSegment},
		"the last frame lost": {video, synthetic{start: 256000, chunks: []int{49}, duration: 512, sequence: same},
			origin.ShortSegment},
		"chunks that overlap": {video, synthetic{start: 256000, chunks: []int{25, 25}, duration: 512,
			gap: ^uint64(10*512 - 1), sequence: same}, origin.ShortSegment | origin.SurplusSamples},
		"a chunk lost in the middle": {video, synthetic{start: 256000, chunks: []int{20, 20}, duration: 512,
			gap: 5120, sequence: same}, origin.MissingSamples},
		"half the frame rate": {video, synthetic{start: 256000, chunks: []int{25}, duration: 1024,
			sequence: same}, origin.MissingSamples},
		"twice the frame rate": {video, synthetic{start: 256000, chunks: []int{100}, duration: 256,
			sequence: same}, origin.SurplusSamples},
		"another timescale": {video, synthetic{start: 20 * 90000, chunks: []int{50}, duration: 3600,
			sequence: same}, origin.WrongTrack},
		"a frame early": {video, synthetic{start: 256000 - 512, chunks: []int{50}, duration: 512,
			sequence: same}, origin.DecodeTime},
		"not a frame early": {video, synthetic{start: 256000 - 511, chunks: []int{50}, duration: 512, sequence: same}, 0},
		"not a frame late":  {video, synthetic{start: 256000 + 511, chunks: []int{49}, duration: 512, sequence: same}, 0},
		"no samples, and so no decode time from mp4ff": {video, synthetic{start: 256000, chunks: []int{0}, duration: 512, sequence: same},
			origin.ShortSegment | origin.DecodeTime},
		"29.97 frames a second, 60 of them": {film, synthetic{start: 600 * 1001, chunks: []int{60}, duration: 1001,
			sequence: same}, 0},
		"29.97 frames a second, 59 of them": {film, synthetic{start: 600000, chunks: []int{59}, duration: 1001,
			sequence: same}, 0},
		"29.97 frames a second, 61 of them": {film, synthetic{start: 600000 - 900, chunks: []int{61}, duration: 1001,
			sequence: same}, origin.SurplusSamples},
	} {
		body := row.s.bytes(t, row.r)
		parse(t, body)
		if d, err := Inspect(&ev, row.r, 10, body); d != row.want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", name, d, err, row.want)
		}
	}
}

// One change of a few bytes each, and what is to be found.
func TestInspectPatched(t *testing.T) {
	ev := testEvent(t, "small")
	r := ev.Renditions[0]
	whole := smallSegments(t, &ev, r)[0]
	made := testEncoder(t, ev).Build(r, 50).Body
	for name, row := range map[string]struct {
		body  []byte
		after string // where to change it: so many bytes after this box type
		at    int
		bytes string
		want  origin.Defects
	}{
		"an IDR picture that is flagged as none":    {made, "trun", 16, "\x00\x01\x00\x00", origin.NotSync},
		"a first frame that only is flagged as one": {whole, "mdat", 14, "\x41", origin.NotSync},
		"a first frame without a slice":             {whole, "mdat", 14, "\x06", origin.NotSync},
		"a NAL unit of no bytes":                    {whole, "mdat", 4 + 13, "\x00\x00\x00\x00\x00\x00\x00\x05", origin.NALLength},
		"a NAL unit of too few bytes":               {whole, "mdat", 4 + 13 + 3, "\x01", origin.NALLength},
		"mdat that should go on after its samples":  {whole, "mdat", -3, "\x01", origin.Truncated},
		"a reference time in 1900":                  {made, "prft", 12, "\x00\x00\x00\x00", origin.EpochLock},
		"a reference time of another track":         {made, "prft", 8, "\x00\x00\x00\x63\x00\x00", 0},
		"a decode time beyond all bounds":           {made, "tfdt", 8, "\xff\xff\xff\xff", origin.DecodeTime},
	} {
		body := bytes.Clone(row.body)
		copy(body[bytes.Index(body, []byte(row.after))+row.at:], row.bytes)
		if bytes.Equal(body, row.body) {
			t.Fatalf("%s: nothing changed", name)
		}
		if d, err := Inspect(&ev, r, 50, body); d != row.want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", name, d, err, row.want)
		}
	}
}

// What is no segment is refused, with a reason.
func TestInspectRefuses(t *testing.T) {
	ev := testEvent(t, "small")
	e := testEncoder(t, ev)
	r := ev.Renditions[0]
	clean := e.Build(r, 50).Body
	head, _ := e.Header(r)
	at := func(kind string) int { return bytes.Index(clean, []byte(kind)) - 4 }
	with := func(offset int, v uint32) []byte {
		b := bytes.Clone(clean)
		binary.BigEndian.PutUint32(b[offset:], v)
		return b
	}
	crowd := bytes.Clone(clean) // a run of two billion samples that says nothing about any, and the old table in a box
	run := at("trun")
	for i, v := range []uint32{24, 't'<<24 | 'r'<<16 | 'u'<<8 | 'n', 0x5, 1 << 31} {
		binary.BigEndian.PutUint32(crowd[run+4*i:], v)
	}
	copy(crowd[run+24:], "\x00\x00\x00\xc8free")
	pair, err := mp4.CreateMultiTrackFragment(50, []uint32{3, 4})
	if err != nil {
		t.Fatal(err)
	}
	var two bytes.Buffer
	for _, id := range []uint32{3, 4} {
		if err := pair.AddFullSampleToTrack(mp4.FullSample{Data: []byte{1}}, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := pair.Encode(&two); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		body []byte
		want string
	}{
		"a crowd":                   {crowd, "2147483648 samples after 0"},
		"two tracks":                {two.Bytes(), "more than one track"},
		"nothing":                   {nil, "no moof"},
		"text":                      {[]byte("<html>502 Bad Gateway</html>"), "longer than"},
		"a header":                  {head.Body, "a header"},
		"cut inside moof":           {clean[:at("trun")+20], "longer than the segment"},
		"without moof":              {clean[at("mdat"):], "does not follow"},
		"moof alone, then moof":     {append(bytes.Clone(clean[:at("mdat")]), clean[at("moof"):]...), "followed by"},
		"box of no size":            {with(0, 0), "size of 0"},
		"box of size 7":             {with(at("mfhd"), 7), "size of 7"},
		"trun of too many samples":  {with(at("trun")+12, 51), `"trun" has another size`},
		"samples before mdat":       {with(at("trun")+16, 8), "before mdat"},
		"tfhd with a base":          {with(at("tfhd")+8, 1), "base data offset"},
		"tfhd too short":            {with(at("tfhd")+8, 0x3a), `"tfhd" has another size`},
		"tfdt of another version":   {with(at("tfdt")+8, 0), `"tfdt" has another size`},
		"tfdt by another name":      {with(at("tfdt")+4, 'f'<<24|'r'<<16|'e'<<8|'e'), "without tfhd and tfdt"},
		"trun by another name":      {with(at("trun")+4, 'f'<<24|'r'<<16|'e'<<8|'e'), "without samples"},
		"mfhd by another name":      {with(at("mfhd")+4, 'f'<<24|'r'<<16|'e'<<8|'e'), "without mfhd"},
		"prft of another version":   {with(at("prft")+8, 2<<24), `"prft" has another size`},
		"a run without data offset": {with(at("trun")+8, 0x204), `"trun" has another size`},
	} {
		d, err := Inspect(&ev, r, 50, row.body)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, %v; want an error with %q", name, d, err, row.want)
		}
	}
	if _, err := Inspect(&ev, origin.Rendition{}, 50, clean); err == nil {
		t.Error("inspected for a rendition without a timescale")
	}
	if err := InspectHeader(r, append(bytes.Clone(head.Body), head.Body...)); err == nil {
		t.Error("took two headers for one")
	}
	if err := InspectHeader(r, clean); err == nil {
		t.Error("took a segment for a header")
	}
	for cut := range len(head.Body) {
		if InspectHeader(r, head.Body[:cut]) == nil {
			t.Errorf("took %d of %d bytes for a whole header", cut, len(head.Body))
		}
	}
}

// runs is a segment of so many runs, each of so many samples that nothing but the track's defaults describes: each run
// begins where mdat does, and all its samples are of one size.
func runs(r origin.Rendition, n, samples int, size uint32, media []byte) []byte {
	box := func(kind string, payload ...[]byte) []byte {
		all := bytes.Join(payload, nil)
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(all))), kind...), all...)
	}
	words := func(ws ...uint32) (b []byte) {
		for _, w := range ws {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		return b
	}
	head := [][]byte{box("tfhd", words(0x20018, r.TrackID, r.SampleTicks, size)), box("tfdt", words(0, 0))}
	moof := func(trun []byte) []byte {
		return box("moof", box("mfhd", words(0, 50)), box("traf", append(slices.Clone(head), bytes.Repeat(trun, n))...))
	}
	position := len(moof(box("trun", words(1, 0, 0)))) + 8
	return append(moof(box("trun", words(1, uint32(samples), uint32(position)))), box("mdat", media)...)
}

// What a few bytes ask for is bounded, however often they ask: in samples, in runs without any, and in media that many
// samples share. Sixteen megabytes could otherwise keep a processor busy for minutes.
func TestInspectBounds(t *testing.T) {
	ev := testEvent(t, "small")
	r := ev.Renditions[0]
	media := bytes.Repeat([]byte{0, 0, 0, 1, nalIDR}, 1000)
	for name, row := range map[string]struct {
		body []byte
		want string // empty where it is not refused
	}{
		"as many samples as there may be":  {runs(r, 100, maxSamples/100, 0, nil), ""},
		"one more":                         {runs(r, 1, maxSamples+1, 0, nil), "100001 samples after 0"},
		"a hundred more, in the last run":  {runs(r, 101, maxSamples/100, 0, nil), "1000 samples after 100000"},
		"a million short runs":             {runs(r, 1<<20, 1024, 0, nil), "1024 samples after 99328"},
		"as many runs as there may be":     {runs(r, maxSamples, 0, 0, nil), ""},
		"one run more":                     {runs(r, maxSamples+1, 0, 0, nil), "more than 100000 runs"},
		"a sample of all the media":        {runs(r, 1, 1, uint32(len(media)), media), ""},
		"many samples of all of the media": {runs(r, 1000, 1, uint32(len(media)), media), "overlap"},
	} {
		d, err := Inspect(&ev, r, 50, row.body)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, %v; want %q", name, d, err, row.want)
		}
	}
}

// A segment that is cut short anywhere is never clean; from the end of moof on it is called truncated.
func TestInspectCut(t *testing.T) {
	ev := testEvent(t, "small")
	e := testEncoder(t, ev)
	for _, r := range ev.Renditions {
		clean := e.Build(r, 50).Body
		moofEnd := bytes.Index(clean, []byte("mdat")) - 4
		for cut := range len(clean) {
			d, err := Inspect(&ev, r, 50, clean[:cut])
			switch {
			case cut >= moofEnd && (d != origin.Truncated || err != nil):
				t.Fatalf("%s: first %d of %d bytes: %v, %v; want truncated", r.ID, cut, len(clean), d, err)
			case cut < moofEnd && err == nil:
				t.Fatalf("%s: first %d of %d bytes: %v; want an error", r.ID, cut, len(clean), d)
			}
		}
	}
}

func TestInspectAllocatesNothing(t *testing.T) {
	ev := testEvent(t, "hd")
	e := testEncoder(t, ev)
	for _, r := range ev.Renditions {
		body := e.Build(r, 50).Body
		if n := testing.AllocsPerRun(100, func() { _, _ = Inspect(&ev, r, 50, body) }); n != 0 {
			t.Errorf("%s: %v allocations", r.ID, n)
		}
	}
}

// BenchmarkInspect looks over a 512 KiB video segment of 50 frames; beside it a copy of as much, and mp4ff's parser
// without a look at a single NAL unit.
func BenchmarkInspect(b *testing.B) {
	ev := testEvent(b, "hd")
	r := ev.Renditions[0]
	r.Bandwidth = 4 * 512 << 10
	ev.Renditions = []origin.Rendition{r}
	body := testEncoder(b, ev).Build(r, 50).Body
	b.Run("inspect", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if d, err := Inspect(&ev, r, 50, body); d != 0 || err != nil {
				b.Fatal(d, err)
			}
		}
	})
	b.Run("copy", func(b *testing.B) {
		to := make([]byte, len(body))
		for b.Loop() {
			copy(to, body)
		}
	})
	b.Run("mp4ff", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mp4.DecodeFileSR(bits.NewFixedSliceReader(body)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
