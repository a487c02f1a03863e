package faults

import (
	"bytes"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
)

func testMedia(t *testing.T) (origin.Event, *encoders.Encoder) {
	t.Helper()
	rs, err := encoders.Ladder("hd")
	if err != nil {
		t.Fatal(err)
	}
	ev := origin.Event{ID: "final", AvailabilityStartTime: time.Unix(1_800_000_000, 500_000_000).UTC(), StartNumber: 7,
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute, Renditions: rs}
	e, err := encoders.NewEncoder(ev, new(origin.Wall))
	if err != nil {
		t.Fatal(err)
	}
	return ev, e
}

// Every defect that can be planted is found, alone, in every rendition that can have it, and at every place of the loop
// with its wobble. Spoiler and inspector share no code: one checks the other.
func TestSpoil(t *testing.T) {
	ev, e := testMedia(t)
	for _, name := range origin.DefectNames() {
		d, _ := origin.DefectByName(name)
		for _, r := range ev.Renditions {
			for n := ev.StartNumber; n < ev.StartNumber+9; n++ {
				clean := e.Build(r, n).Body
				before := bytes.Clone(clean)
				spoilt, err := spoil(d, r, clean)
				if !bytes.Equal(clean, before) {
					t.Fatalf("%s in %s/%d: the clean segment, which others hold too, was changed", name, r.ID, n)
				}
				if able := canHave(r, d); (err == nil) != able {
					t.Fatalf("%s in %s/%d: %v; can it have that: %v", name, r.ID, n, err, able)
				}
				if err != nil {
					continue
				}
				if found, err := encoders.Inspect(&ev, r, n, spoilt); found != d || err != nil {
					t.Errorf("%s in %s/%d: inspection found %v, %v", name, r.ID, n, found, err)
				}
			}
		}
	}
}

func canHave(r origin.Rendition, d origin.Defects) bool {
	switch d {
	case origin.NotSync, origin.NALLength:
		return r.Kind == origin.Video
	case origin.Uninspected, origin.MissingSegment:
		return false
	}
	return true
}

// An object without bytes gets what inspection would find in one with bytes, or gets nothing; and two pipelines with the
// same defect have the same bytes again, which are not the clean ones.
func TestDefectWithoutBytes(t *testing.T) {
	ev, e := testMedia(t)
	for _, name := range origin.DefectNames() {
		d, _ := origin.DefectByName(name)
		for _, r := range ev.Renditions {
			clean := origin.Object{Size: 9, Digest: 77, Flaws: origin.SequenceNumber}
			_, refusedBytes := withDefect(d, r, e.Build(r, 9))
			spoilt, err := withDefect(d, r, clean)
			if (err == nil) != (refusedBytes == nil) {
				t.Errorf("%s in %s: %v without bytes, %v with", name, r.ID, err, refusedBytes)
			}
			again, _ := withDefect(d, r, clean)
			other, _ := withDefect(d, r, origin.Object{Size: 9, Digest: 78})
			if err == nil && (spoilt.Flaws != d|origin.SequenceNumber || spoilt.Digest == clean.Digest ||
				again.Digest != spoilt.Digest || other.Digest == spoilt.Digest || spoilt.Size != 9) {
				t.Errorf("%s in %s: %+v, again %+v", name, r.ID, spoilt, again)
			}
			if err != nil && (spoilt.Flaws != clean.Flaws || spoilt.Digest != clean.Digest) {
				t.Errorf("%s in %s: refused, and yet %+v", name, r.ID, spoilt)
			}
		}
	}
}

func TestSpoilRefuses(t *testing.T) {
	ev, e := testMedia(t)
	r := ev.Renditions[0]
	clean := e.Build(r, 9).Body
	if _, err := spoil(origin.DecodeTime|origin.NotSync, r, clean); err == nil {
		t.Error("planted two defects as one")
	}
	for name, body := range map[string][]byte{"nothing": nil, "half a segment": clean[:len(clean)/2], "text": []byte("no")} {
		for _, d := range []origin.Defects{origin.DecodeTime, origin.EpochLock, origin.Truncated, origin.ShortSegment} {
			if d == origin.EpochLock && name == "half a segment" {
				continue // its prft is there
			}
			if _, err := spoil(d, r, body); err == nil {
				t.Errorf("planted %v in %s", d, name)
			}
		}
	}
}

// Half a frame of drift is where inspection begins to see it, to either side.
func TestShiftPrft(t *testing.T) {
	ev, e := testMedia(t)
	for _, r := range ev.Renditions {
		half := frames(r, 1) / 2
		digests := map[uint32]time.Duration{}
		clean := e.Build(r, 12).Body
		for _, row := range []struct {
			by   time.Duration
			want origin.Defects
		}{
			{0, 0}, {half - time.Microsecond, 0}, {time.Microsecond - half, 0},
			{half + time.Microsecond, origin.EpochLock}, {-half - time.Microsecond, origin.EpochLock},
			{time.Hour, origin.EpochLock}, {-time.Hour, origin.EpochLock},
		} {
			shifted, err := shiftPrft(clean, row.by)
			if err != nil {
				t.Fatal(err)
			}
			if d, err := encoders.Inspect(&ev, r, 12, shifted); d != row.want || err != nil {
				t.Errorf("%s shifted by %v: %v, %v; want %v", r.ID, row.by, d, err, row.want)
			}
			bare, err := withShift(origin.Object{Size: 9, Digest: 77}, r, row.by)
			if err != nil || bare.Flaws != row.want || (bare.Digest == 77) != (row.by == 0) {
				t.Errorf("%s without bytes, shifted by %v: %+v, %v; want %v", r.ID, row.by, bare, err, row.want)
			}
			if other, ok := digests[bare.Digest]; ok {
				t.Errorf("%s without bytes: shifted by %v it is the same as by %v", r.ID, row.by, other)
			}
			digests[bare.Digest] = row.by
			back, err := shiftPrft(shifted, -row.by)
			if err != nil || len(back) != len(clean) {
				t.Fatal(len(back), err)
			}
			if d, _ := encoders.Inspect(&ev, r, 12, back); d != 0 {
				t.Errorf("%s shifted by %v and back: %v", r.ID, row.by, d)
			}
		}
	}
	if _, err := shiftPrft([]byte("no segment"), time.Second); err == nil {
		t.Error("shifted the prft of text")
	}
}
