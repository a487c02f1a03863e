package originhttp

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
)

// ffmpeg as a source: one long upload by POST, as an appendix of DASH-IF's ingest has it.
func TestTrackFromFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	ev := testEvent()
	rt := new(origin.Wall)
	ev.AvailabilityStartTime, ev.RetryBudget = rt.Now().Add(-time.Minute), time.Hour
	ev.Renditions = []origin.Rendition{{ID: "v144", Kind: origin.Video, Codecs: "avc1.42c00c", Bandwidth: 200_000, Width: 256, Height: 144,
		FrameRate: "25", Timescale: 12800, SampleTicks: 512, TrackID: 1}}
	node := origin.NewNode(origin.NodeConfig{Name: "east-1", Region: "us-east", Runtime: rt, Store: origin.NewMemory(rt, 64<<20),
		Inspect: encoders.Inspect, InspectHeader: encoders.InspectHeader})
	if err := node.AddEvent(ev); err != nil {
		t.Fatal(err)
	}
	credentials := bearers(t)
	address := listen(t, Publishing(node, node, rt, PublishingOptions{Credentials: credentials}), ForPublishing)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, ffmpeg, "-hide_banner", "-loglevel", "error", "-f", "lavfi",
		"-i", "testsrc2=size=256x144:rate=25", "-t", "7", "-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-bf", "0",
		"-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-video_track_timescale", "12800", "-write_prft", "pts",
		"-movflags", "empty_moov+separate_moof+default_base_moof+cmaf+frag_keyframe", "-f", "mp4",
		"-headers", "Authorization: Bearer "+tokenA+"\r\n", "-method", "POST", "http://"+address+"/final/Streams(v144.cmfv)").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The last one has 25 of 50 frames, and prft counts from when the picture was made, not from the event's start.
	for n, want := range []origin.Defects{0, 0, 0, origin.ShortSegment} {
		r, err := node.Get(t.Context(), origin.Request{Event: "final", Rendition: "v144", Number: ev.StartNumber + origin.SegmentNumber(n)})
		if got := r.Defects &^ (origin.SequenceNumber | origin.EpochLock); err != nil || !r.OK() || got != want {
			t.Errorf("segment %d: %s with %v; want %v (%v)", n, r.Reason, r.Defects, want, err)
		}
	}
	if known := node.Known("final"); len(known) != 5 || known[0].Key.Number != origin.Header {
		t.Errorf("%d candidates; want a header and 4 segments: %+v", len(known), known)
	}
}
