package encoders

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/liveorigin/liveorigin/origin"
)

// testEvent is an event that starts at an odd instant, with an odd number.
func testEvent(t testing.TB, ladder string) origin.Event {
	t.Helper()
	rs, err := Ladder(ladder)
	if err != nil {
		t.Fatal(err)
	}
	ev := origin.Event{
		ID: "final", AvailabilityStartTime: time.Date(2026, 7, 19, 19, 0, 0, 123_456_789, time.UTC), StartNumber: 41,
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute, PublishDelay: 200 * time.Millisecond,
		RetryBudget: 2 * time.Second, LiveEdgeSegments: 3, Renditions: rs,
		Regions: []origin.RegionPlan{{Name: "us-east", Pipelines: []string{"a"}}},
	}
	if err := ev.Validate(); err != nil {
		t.Fatal(err)
	}
	return ev
}

func testEncoder(t testing.TB, ev origin.Event) *Encoder {
	t.Helper()
	e, err := NewEncoder(ev, new(origin.Wall))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// parse reads a segment with mp4ff.
func parse(t testing.TB, body []byte) *mp4.File {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("mp4ff: %v", err)
	}
	return f
}

func prftOf(f *mp4.File) *mp4.PrftBox {
	for _, box := range f.Children { // DecodeFile does not fill Fragment.Prft
		if p, ok := box.(*mp4.PrftBox); ok {
			return p
		}
	}
	return nil
}

func TestLadder(t *testing.T) {
	for _, name := range Ladders() {
		if rs, err := Ladder(name); err != nil || len(rs) < 2 {
			t.Errorf("Ladder(%q) = %d renditions, %v; want at least a picture and its sound", name, len(rs), err)
		}
	}
	if _, err := Ladder("4k"); err == nil || !strings.Contains(err.Error(), "there are hd, small, event") {
		t.Errorf("Ladder(4k): got %v, want an error that lists hd, small and event", err)
	}
}

// The table of renditions says of the media what the media says of itself.
func TestHeader(t *testing.T) {
	ev := testEvent(t, "hd")
	e := testEncoder(t, ev)
	for _, r := range ev.Renditions {
		o, err := e.Header(r)
		if err != nil || !o.ExpiresAt.IsZero() {
			t.Fatalf("%s: header expires at %v, error %v", r.ID, o.ExpiresAt, err)
		}
		if err := InspectHeader(r, o.Body); err != nil {
			t.Error(err)
		}
		moov := parse(t, o.Body).Init.Moov
		codecs, width, height := "mp4a.40.2", 0, 0
		if stsd := moov.Trak.Mdia.Minf.Stbl.Stsd; stsd.AvcX != nil {
			c := stsd.AvcX.AvcC
			codecs = fmt.Sprintf("avc1.%02x%02x%02x", c.AVCProfileIndication, c.ProfileCompatibility, c.AVCLevelIndication)
			width, height = int(stsd.AvcX.Width), int(stsd.AvcX.Height)
		} else if got := stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig[0] >> 3; got != 2 {
			t.Errorf("%s: audio object type %d, want 2 (LC)", r.ID, got)
		}
		if codecs != r.Codecs || width != r.Width || height != r.Height {
			t.Errorf("%s: header has %s %dx%d, table %s %dx%d", r.ID, codecs, width, height, r.Codecs, r.Width, r.Height)
		}
		for _, other := range ev.Renditions {
			if err := InspectHeader(other, o.Body); (err == nil) != (other.ID == r.ID) {
				t.Errorf("header of %s as %s: %v", r.ID, other.ID, err)
			}
		}
	}
}

func TestNewEncoderRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*origin.Event)
		want   string
	}{
		"other segments":    {func(ev *origin.Event) { ev.SegmentDuration = 4 * time.Second }, "has 2s segments"},
		"other renditions":  {func(ev *origin.Event) { ev.Renditions[0].ID = "v8k" }, "no media"},
		"a ladder of sizes": {func(ev *origin.Event) { ev.Renditions = eventRenditions }, `no media for rendition "h2160"`},
		"other timescales":  {func(ev *origin.Event) { ev.Renditions[0].Timescale = 90000 }, "no media"},
		"too little bandwidth": {func(ev *origin.Event) { ev.Renditions[0].Bandwidth = 100_000 },
			"the media alone has"},
	} {
		ev := testEvent(t, "hd")
		row.change(&ev)
		if _, err := NewEncoder(ev, new(origin.Wall)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, row.want)
		}
	}
}

// Number, decode time, sequence number, reference time and size follow from event and number, over three loops and
// without a gap, as mp4ff reads them.
func TestBuild(t *testing.T) {
	ev := testEvent(t, "hd")
	e := testEncoder(t, ev)
	for _, r := range ev.Renditions {
		wobble := map[int]bool{}
		next, loop := uint64(0), uint64(0)
		for n := ev.StartNumber; n < ev.StartNumber+3*loopSegments; n++ {
			o := e.Build(r, n)
			if o.Size != len(o.Body) || o.Digest != origin.Checksum(o.Body) || !o.ExpiresAt.Equal(ev.ExpiresAt(n)) {
				t.Fatalf("%s/%d: object is not honest about its body", r.ID, n)
			}
			f := parse(t, o.Body)
			g := f.Segments[0].Fragments[0]
			tfdt := g.Moof.Traf.Tfdt.BaseMediaDecodeTime()
			frames := len(g.Moof.Traf.Trun.Samples)
			wobble[frames] = true
			if tfdt != next {
				t.Fatalf("%s/%d: decode time %d, want %d, where the last segment ended", r.ID, n, tfdt, next)
			}
			next = tfdt + uint64(frames)*uint64(r.SampleTicks)
			if got := g.Moof.Mfhd.SequenceNumber; got != uint32(n) {
				t.Errorf("%s/%d: sequence number %d", r.ID, n, got)
			}
			p := prftOf(f)
			media := time.Duration(tfdt) * time.Second / time.Duration(r.Timescale)
			want := ev.AvailabilityStartTime.Add(media)
			if off := p.NTPTimestamp.Time().Sub(want).Abs(); off > time.Microsecond || p.MediaTime != tfdt {
				t.Errorf("%s/%d: reference time is %v off, media time %d; want %v and %d", r.ID, n, off, p.MediaTime, want, tfdt)
			}
			if late := want.Sub(ev.SegmentStart(n)); late < 0 || late >= time.Second*1024/48000 {
				t.Errorf("%s/%d: first frame %v after the segment's start", r.ID, n, late)
			}
			if want := r.Bandwidth / 4; r.Kind == origin.Video && o.Size != want {
				t.Errorf("%s/%d: %d bytes, want %d", r.ID, n, o.Size, want)
			}
			if n-ev.StartNumber == loopSegments {
				loop = tfdt
			}
		}
		if want := uint64(16 * r.Timescale); loop != want {
			t.Errorf("%s: the loop is %d ticks long, want %d", r.ID, loop, want)
		}
		if r.Kind == origin.Audio && !(len(wobble) == 2 && wobble[93] && wobble[94]) {
			t.Errorf("%s: segments of %v frames, want 93 and 94", r.ID, wobble)
		}
		if r.Kind == origin.Video && !(len(wobble) == 1 && wobble[50]) {
			t.Errorf("%s: segments of %v frames, want 50", r.ID, wobble)
		}
	}
}

func TestBuildOutside(t *testing.T) {
	ev := testEvent(t, "small")
	e := testEncoder(t, ev)
	if o := e.Build(origin.Rendition{ID: "v8k"}, 41); o.Body != nil {
		t.Errorf("made %d bytes of a rendition that is not there", o.Size)
	}
	if o := e.Build(ev.Renditions[0], ev.StartNumber-1); o.Body != nil {
		t.Errorf("made %d bytes of before the start", o.Size)
	}
}

// Two encoders that do not know of each other make the same.
func TestEpochLock(t *testing.T) {
	ev := testEvent(t, "small")
	a, b := testEncoder(t, ev), testEncoder(t, ev)
	for _, r := range ev.Renditions {
		seen := map[uint32]origin.SegmentNumber{}
		for n := ev.StartNumber; n < ev.StartNumber+20; n++ {
			x, y := a.Build(r, n), b.Build(r, n)
			if !bytes.Equal(x.Body, y.Body) {
				t.Fatalf("%s/%d: two encoders differ", r.ID, n)
			}
			if m, ok := seen[x.Digest]; ok {
				t.Errorf("%s: segments %d and %d are the same", r.ID, m, n)
			}
			seen[x.Digest] = n
		}
	}
}

// Frames are near-constant, end in at most one filler unit, and idr_pic_id changes from one IDR picture to the next,
// also where the loop closes.
func TestFrames(t *testing.T) {
	ev := testEvent(t, "hd")
	e := testEncoder(t, ev)
	for _, r := range ev.Renditions[:3] {
		head, _ := e.Header(r)
		avcC := parse(t, head.Body).Init.Moov.Trak.Mdia.Minf.Stbl.Stsd.AvcX.AvcC
		sps, err := avc.ParseSPSNALUnit(avcC.SPSnalus[0], false)
		if err != nil {
			t.Fatal(err)
		}
		pps, err := avc.ParsePPSNALUnit(avcC.PPSnalus[0], map[uint32]*avc.SPS{sps.ParameterID: sps})
		if err != nil {
			t.Fatal(err)
		}
		last := int64(-1)
		for n := ev.StartNumber; n <= ev.StartNumber+2*loopSegments; n++ {
			samples, err := parse(t, e.Build(r, n).Body).Segments[0].Fragments[0].GetFullSamples(nil)
			if err != nil {
				t.Fatal(err)
			}
			slices := 0
			for i, s := range samples {
				units, err := avc.GetNalusFromSample(s.Data)
				if err != nil {
					t.Fatal(err)
				}
				for k, u := range units {
					switch avc.GetNaluType(u[0]) {
					case avc.NALU_FILL:
						if k != len(units)-1 || u[len(u)-1] != 0x80 || bytes.Count(u[1:len(u)-1], []byte{0xff}) != len(u)-2 {
							t.Fatalf("%s/%d: frame %d has ill-formed filler", r.ID, n, i)
						}
					case avc.NALU_IDR:
						h, err := avc.ParseSliceHeader(u, map[uint32]*avc.SPS{sps.ParameterID: sps},
							map[uint32]*avc.PPS{pps.PicParameterSetID: pps})
						if err != nil {
							t.Fatal(err)
						}
						if i != 0 || int64(h.IDRPicID) == last {
							t.Errorf("%s/%d: frame %d is an IDR picture with id %d after %d", r.ID, n, i, h.IDRPicID, last)
						}
						last = int64(h.IDRPicID)
						slices++
					case avc.NALU_NON_IDR:
						slices++
					default:
						t.Errorf("%s/%d: NAL unit of type %v", r.ID, n, avc.GetNaluType(u[0]))
					}
				}
			}
			if slices != len(samples) {
				t.Errorf("%s/%d: %d slices in %d frames", r.ID, n, slices, len(samples))
			}
		}
	}
}

// Filler brings frames to any total that there is room for, and changes nothing of the frames themselves.
func TestPad(t *testing.T) {
	frames := [][]byte{make([]byte, 900), make([]byte, 100), make([]byte, 90), make([]byte, 97), make([]byte, 3)}
	least := 900 + 100 + 90 + 97 + 3
	for total := least + fillerOverhead; total < 8000; total++ {
		out, err := pad(frames, total)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for i, f := range out {
			sum += len(f)
			if extra := len(f) - len(frames[i]); extra != 0 && extra < fillerOverhead {
				t.Fatalf("total %d: frame %d grew by %d bytes, too few for a filler unit", total, i, extra)
			}
		}
		if sum != total {
			t.Fatalf("padded to %d bytes, want %d", sum, total)
		}
	}
	if _, err := pad(frames, least-1); err == nil {
		t.Error("padded media to less than it has")
	}
}

// Segment hands over when the last frame has been captured, not before.
func TestSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ev := testEvent(t, "small")
		ev.AvailabilityStartTime = time.Now().Add(time.Second)
		ev.End = ev.AvailabilityStartTime.Add(10 * time.Second)
		e := testEncoder(t, ev)
		ctx, cancel := context.WithCancel(t.Context())
		o, err := e.Segment(ctx, ev.Renditions[0], ev.StartNumber+2)
		if got := time.Until(ev.AvailableAt(ev.StartNumber + 2)); err != nil || got != 0 || o.Size == 0 {
			t.Errorf("got %d bytes and %v, %v before they are available", o.Size, err, got)
		}
		for _, n := range []origin.SegmentNumber{ev.StartNumber - 1, ev.LastNumber() + 1} {
			if _, err := e.Segment(ctx, ev.Renditions[0], n); !errors.Is(err, origin.ErrNoSegment) {
				t.Errorf("segment %d, outside of the event: %v", n, err)
			}
		}
		if _, err := e.Segment(ctx, origin.Rendition{ID: "v8k"}, ev.StartNumber); err == nil {
			t.Error("no error for a rendition that is not there")
		}
		cancel()
		if _, err := e.Segment(ctx, ev.Renditions[0], ev.LastNumber()); !errors.Is(err, context.Canceled) {
			t.Errorf("after cancellation: %v", err)
		}
	})
}

// An event that runs for years still counts right, past NTP's wrap in 2036.
func TestFarFuture(t *testing.T) {
	ev := testEvent(t, "small")
	e := testEncoder(t, ev)
	n := ev.SegmentAt(time.Date(2056, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, r := range ev.Renditions {
		if d, err := Inspect(&ev, r, n, e.Build(r, n).Body); d != 0 || err != nil {
			t.Errorf("%s/%d: %v, %v", r.ID, n, d, err)
		}
	}
}

// BenchmarkEncoder makes distinct 512 KiB segments; beside it the copy that no encoder can do without.
func BenchmarkEncoder(b *testing.B) {
	ev := testEvent(b, "hd")
	r := ev.Renditions[0]
	r.Bandwidth = 4 * 512 << 10
	ev.Renditions = []origin.Rendition{r}
	e := testEncoder(b, ev)
	b.Run("build", func(b *testing.B) {
		b.SetBytes(512 << 10)
		b.ReportAllocs()
		n := ev.StartNumber
		for b.Loop() {
			e.Build(r, n)
			n++
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "segments/s")
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(512 << 10)
		b.ReportAllocs()
		body := e.Build(r, ev.StartNumber).Body
		for b.Loop() {
			sink = bytes.Clone(body)
		}
	})
	b.Run("mp4ff", func(b *testing.B) {
		b.SetBytes(512 << 10)
		f := parse(b, e.Build(r, ev.StartNumber).Body)
		for b.Loop() {
			var out bytes.Buffer
			for _, box := range f.Children {
				if err := box.Encode(&out); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

var sink []byte
