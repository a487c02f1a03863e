package origin

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Known is in an order that does not depend on who was told first, nor on where the ring begins.
func TestKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		size := SegmentNumber(w.ev.TimeShiftBufferDepth/w.ev.SegmentDuration) + slack
		newest := 2*size + 2
		w.until(time.Minute)
		var told, want []Announcement
		for n := newest; n > newest-5; n-- { // the newest first, on both sides of the ring's end
			for _, p := range []string{"b", "a"} {
				told = append(told, Announcement{Key{Event: "demo", Rendition: "v", Number: n, Pipeline: p},
					Candidate{Pipeline: p, Region: "east", Digest: uint32(n), Size: 1}})
			}
		}
		told = append(told, Announcement{Key{Event: "demo", Rendition: "v", Number: Header, Pipeline: "a"},
			Candidate{Pipeline: "a", Region: "east", Size: 1}})
		for _, a := range told {
			w.Announce(a)
			want = append([]Announcement{a}, want...) // turned round: header, oldest first, a before b
		}
		if got := w.Known("demo"); !slices.Equal(got, want) {
			t.Errorf("known\n%v\nwant\n%v", got, want)
		}
		if got := w.Known("other"); got != nil {
			t.Errorf("known of another event: %v", got)
		}
	})
}
