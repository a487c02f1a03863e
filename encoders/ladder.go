package encoders

import (
	"fmt"
	"slices"
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

// eventRenditions is a ladder for a large event: eight rungs of HEVC from UHD down, and sound. There is no media for it;
// its segments are sizes (Sizes). Bit rates and rungs are ours, of the order of Apple's HLS Authoring Specification for
// HEVC at 60 frames/s; what Netflix sends at an event is not published (facts.md ENC-8 names formats only). Bandwidth is
// what a server reserves for a stream, and the mean of its capped VBR (facts.md ENC-13, ENC-15).
var eventRenditions = []origin.Rendition{
	hevc("h2160", 14_000_000, 3840, 2160, "hvc1.2.4.H153.B0", 11),
	hevc("h1440", 8_000_000, 2560, 1440, "hvc1.2.4.L150.B0", 12),
	hevc("h1080", 5_000_000, 1920, 1080, "hvc1.2.4.L123.B0", 13),
	hevc("h720", 3_000_000, 1280, 720, "hvc1.2.4.L120.B0", 14),
	hevc("h576", 1_800_000, 1024, 576, "hvc1.2.4.L120.B0", 15),
	hevc("h432", 1_000_000, 768, 432, "hvc1.2.4.L93.B0", 16),
	hevc("h360", 600_000, 640, 360, "hvc1.2.4.L90.B0", 17),
	hevc("h270", 300_000, 480, 270, "hvc1.2.4.L90.B0", 18),
	{ID: "a128", Kind: origin.Audio, Codecs: "mp4a.40.2", Bandwidth: 128_000, SampleRate: 48000,
		Timescale: 48000, SampleTicks: 1024, TrackID: 19},
}

// hevc is a rendition at 59.94 frames/s.
func hevc(id string, bandwidth, width, height int, codecs string, track uint32) origin.Rendition {
	return origin.Rendition{ID: id, Kind: origin.Video, Codecs: codecs, Bandwidth: bandwidth, Width: width,
		Height: height, FrameRate: "60000/1001", Timescale: 60000, SampleTicks: 1001, TrackID: track}
}

// ladders is the table of named ladders.
var ladders = []struct {
	name       string
	renditions []origin.Rendition
}{
	{"hd", renditions},
	{"small", renditions[2:]}, // v360 and sound, for quick tests
	{"event", eventRenditions},
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
		if l.name == name {
			return slices.Clone(l.renditions), nil
		}
	}
	return nil, fmt.Errorf("unknown ladder %q; there are %s", name, strings.Join(Ladders(), ", "))
}

// HasMedia says whether there is media for a rendition, by its id. Without, an Encoder cannot make it, and Sizes can.
func HasMedia(id string) bool {
	_, ok := rendition(id)
	return ok
}

// rendition finds a rendition that there is media for.
func rendition(id string) (origin.Rendition, bool) {
	for _, r := range renditions {
		if r.ID == id {
			return r, true
		}
	}
	return origin.Rendition{}, false
}
