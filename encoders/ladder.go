package encoders

import (
	"fmt"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// renditions is every rendition that there is media for. Codecs are what ffmpeg's headers say (RFC 6381); a test
// compares.
var renditions = []origin.Rendition{
	{ID: "v720", Kind: origin.Video, Codecs: "avc1.4d401f", Bandwidth: 2_000_000, Width: 1280, Height: 720,
		FrameRate: "25", Timescale: 12800, SampleTicks: 512, TrackID: 1},
	{ID: "v540", Kind: origin.Video, Codecs: "avc1.4d401f", Bandwidth: 1_200_000, Width: 960, Height: 540,
		FrameRate: "25", Timescale: 12800, SampleTicks: 512, TrackID: 2},
	{ID: "v360", Kind: origin.Video, Codecs: "avc1.4d401e", Bandwidth: 600_000, Width: 640, Height: 360,
		FrameRate: "25", Timescale: 12800, SampleTicks: 512, TrackID: 3},
	{ID: "a96", Kind: origin.Audio, Codecs: "mp4a.40.2", Bandwidth: 96_000, SampleRate: 48000,
		Timescale: 48000, SampleTicks: 1024, TrackID: 4},
}

// ladders is the table of named ladders.
var ladders = []struct {
	name string
	ids  []string
}{
	{"hd", []string{"v720", "v540", "v360", "a96"}},
	{"small", []string{"v360", "a96"}}, // for quick tests
}

// The loop: every rendition's media is loopSegments segments of segmentDuration long.
const (
	loopSegments    = 8
	segmentDuration = 2 * time.Second
)

// Ladders lists the names that Ladder knows, the usual one first.
func Ladders() []string {
	var names []string
	for _, l := range ladders {
		names = append(names, l.name)
	}
	return names
}

// Ladder gives the renditions of a named ladder, best first.
func Ladder(name string) ([]origin.Rendition, error) {
	for _, l := range ladders {
		if l.name != name {
			continue
		}
		var rs []origin.Rendition
		for _, id := range l.ids {
			r, _ := rendition(id)
			rs = append(rs, r)
		}
		return rs, nil
	}
	return nil, fmt.Errorf("unknown ladder %q; there are %s", name, strings.Join(Ladders(), ", "))
}

func rendition(id string) (origin.Rendition, bool) {
	for _, r := range renditions {
		if r.ID == id {
			return r, true
		}
	}
	return origin.Rendition{}, false
}
