package encoders

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/liveorigin/liveorigin/origin"
)

// lookedAt says whether Inspect looks into all the boxes of a segment: only of those it can promise anything.
func lookedAt(b []byte, depth int) bool {
	for c := (cursor{b: b}); c.next(); {
		switch c.kind {
		case boxMoof, boxTraf:
			if depth > 1 || !lookedAt(c.payload, depth+1) {
				return false
			}
		case boxPrft, boxMfhd, boxTfhd, boxTfdt, boxTrun, boxMdat:
		default:
			return false
		}
	}
	return true
}

// FuzzInspect looks for bytes that make the inspector panic, and for some that it calls clean but mp4ff cannot read.
func FuzzInspect(f *testing.F) {
	ev := testEvent(f, "small")
	e := testEncoder(f, ev)
	for _, r := range ev.Renditions {
		head, _ := e.Header(r)
		f.Add(head.Body, r.Kind == origin.Video)
		f.Add(e.Build(r, 50).Body, r.Kind == origin.Video)
		for _, body := range smallSegments(f, &ev, r) {
			f.Add(body, r.Kind == origin.Video)
		}
		f.Add(runs(r, 1000, 1024, 0, nil), r.Kind == origin.Video) // a million samples
		f.Add(runs(r, 1000, 1, 500, make([]byte, 500)), r.Kind == origin.Video)
	}
	f.Fuzz(func(t *testing.T, body []byte, video bool) {
		r := ev.Renditions[1]
		if video {
			r = ev.Renditions[0]
		}
		_ = InspectHeader(r, body)
		checkAgainstLibrary(t, &ev, r, body)
	})
}

// checkAgainstLibrary says whether the bytes are a clean segment 50; then mp4ff must be able to read them.
func checkAgainstLibrary(t *testing.T, ev *origin.Event, r origin.Rendition, body []byte) (clean bool) {
	t.Helper()
	d, err := Inspect(ev, r, 50, body)
	if d != 0 || err != nil || !lookedAt(body, 0) {
		return false
	}
	if _, err := mp4.DecodeFile(bytes.NewReader(body)); err != nil {
		t.Errorf("clean, but mp4ff says: %v\n%x", err, body)
	}
	return true
}

// smallSegments are clean versions of segment 50 without a byte too much: one fragment, and three chunks.
func smallSegments(t testing.TB, ev *origin.Event, r origin.Rendition) (out [][]byte) {
	first := firstFrame(int64(50-ev.StartNumber), r)
	frames := int(firstFrame(int64(51-ev.StartNumber), r) - first)
	for _, chunks := range [][]int{{frames}, {20, 20, frames - 40}} {
		s := synthetic{start: uint64(first) * uint64(r.SampleTicks), duration: r.SampleTicks, chunks: chunks,
			sequence: func(i int) uint32 { return 50 + uint32(i) }}
		out = append(out, s.bytes(t, r))
	}
	return out
}

// Small damage anywhere makes nothing panic, and is seen or is harmless. What fuzzing would find, in a second.
func TestInspectDamaged(t *testing.T) {
	ev := testEvent(t, "small")
	rng := rand.New(rand.NewPCG(7, 7))
	for _, r := range ev.Renditions {
		for _, whole := range smallSegments(t, &ev, r) {
			if !checkAgainstLibrary(t, &ev, r, whole) {
				t.Fatalf("%s: the undamaged segment is not clean", r.ID)
			}
			harmless := 0
			for range 5_000 {
				body := bytes.Clone(whole)
				for range 1 + rng.IntN(3) {
					at := rng.IntN(min(len(body), 600))          // prft, moof and the first frames
					body[at] = byte(rng.Uint32() & rng.Uint32()) // small values are the more telling ones
				}
				if checkAgainstLibrary(t, &ev, r, body) {
					harmless++
				}
			}
			if harmless == 0 || harmless > 4_500 {
				t.Errorf("%s: %d of 5000 damaged segments are clean; want some", r.ID, harmless)
			}
		}
	}
}
