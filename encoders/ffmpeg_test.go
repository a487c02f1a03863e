package encoders

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// ffmpegTool finds ffmpeg or ffprobe. Without it the test is skipped; LIVEORIGIN_REQUIRE_FFMPEG=1 makes that a failure.
func ffmpegTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("LIVEORIGIN_REQUIRE_FFMPEG") == "1":
		t.Fatalf("%s is required and not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return ""
}

// stream is the header and a run of segments across the point where the loop closes, from the middle of the event.
func stream(t *testing.T, ev origin.Event, r origin.Rendition, segments int) []byte {
	t.Helper()
	e := testEncoder(t, ev)
	head, err := e.Header(r)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(head.Body)
	from := ev.StartNumber + 1000*loopSegments - origin.SegmentNumber(segments/2)
	for i := range segments {
		out = append(out, e.Build(r, from+origin.SegmentNumber(i)).Body...)
	}
	return out
}

// A decoder finds nothing to complain about.
func TestDecodes(t *testing.T) {
	tool := ffmpegTool(t, "ffmpeg")
	ev := testEvent(t, "hd")
	for _, r := range ev.Renditions {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), tool, "-nostdin", "-v", "error", "-xerror", "-i", "-", "-f", "null", "-")
			cmd.Stdin = bytes.NewReader(stream(t, ev, r, 4))
			if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
				t.Errorf("ffmpeg: %v\n%s", err, out)
			}
		})
	}
}

// Decode times rise by one frame each, and every frame is there, across the loop point.
func TestContinuity(t *testing.T) {
	tool := ffmpegTool(t, "ffprobe")
	ev := testEvent(t, "hd")
	for _, r := range ev.Renditions {
		cmd := exec.CommandContext(t.Context(), tool, "-v", "error", "-show_entries", "packet=dts,flags", "-of", "csv=p=0", "-")
		cmd.Stdin = bytes.NewReader(stream(t, ev, r, loopSegments+2))
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		last, keys := int64(-1), 0
		for i, line := range lines {
			dts, flags, _ := strings.Cut(line, ",")
			var now int64
			if now, err = strconv.ParseInt(dts, 10, 64); err != nil {
				t.Fatalf("%s: packet %d is %q", r.ID, i, line)
			}
			if i > 0 && now != last+int64(r.SampleTicks) {
				t.Errorf("%s: packet %d has dts %d after %d", r.ID, i, now, last)
			}
			last = now
			if strings.HasPrefix(flags, "K") {
				keys++
			}
		}
		frames, wantKeys := 500, 10
		if r.Kind == origin.Audio {
			frames = int(firstFrame(loopSegments+5, r) - firstFrame(loopSegments-5, r))
			wantKeys = frames
		}
		if len(lines) != frames || keys != wantKeys {
			t.Errorf("%s: %d packets, %d of them sync; want %d and %d", r.ID, len(lines), keys, frames, wantKeys)
		}
	}
}
