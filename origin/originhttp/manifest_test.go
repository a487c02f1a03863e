package originhttp

import (
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"github.com/liveorigin/liveorigin/origin"
)

func readMPD(t *testing.T, ev origin.Event, now time.Time) *mpd.MPD {
	t.Helper()
	b, err := MPD(ev, now)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mpd.MPDFromBytes(b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return m
}

func TestMPD(t *testing.T) {
	now := epoch.Add(61*time.Second + 250*time.Millisecond)
	m := readMPD(t, testEvent(), now)
	var video, audio *mpd.AdaptationSetType
	if len(m.Periods) == 1 && len(m.Periods[0].AdaptationSets) == 2 {
		video, audio = m.Periods[0].AdaptationSets[0], m.Periods[0].AdaptationSets[1]
	} else {
		t.Fatalf("%+v", m.Periods)
	}
	v, a := video.Representations[0], audio.Representations[0]
	init, _ := v.GetInit()
	media, _ := a.GetMedia()
	for _, c := range []struct{ about, got, want string }{
		{"type", m.GetType(), "dynamic"},
		{"availabilityStartTime", string(m.AvailabilityStartTime), "2026-01-02T03:04:05Z"},
		{"publishTime", string(m.PublishTime), "2026-01-02T03:04:05Z"},
		{"timeShiftBufferDepth", m.TimeShiftBufferDepth.String(), "PT5M"},
		{"minimumUpdatePeriod", m.MinimumUpdatePeriod.String(), "PT1M"},
		{"suggestedPresentationDelay", m.SuggestedPresentationDelay.String(), "PT6.5S"},
		{"UTCTiming", string(m.UTCTimings[0].SchemeIdUri) + " " + m.UTCTimings[0].Value,
			"urn:mpeg:dash:utc:direct:2014 2026-01-02T03:05:06.25Z"},
		{"Period start", m.Periods[0].Start.String(), "PT0S"},
		{"video", string(video.ContentType) + " " + video.MimeType, "video video/mp4"},
		{"audio", string(audio.ContentType) + " " + audio.MimeType, "audio audio/mp4"},
		{"init", init, "v1080/init.mp4"},
		{"media", media, "a128/$Number$.m4s"},
		{"codecs", v.Codecs + " " + a.Codecs, "avc1.640028 mp4a.40.2"},
		{"frameRate", string(v.FrameRate), "30000/1001"},
		{"sampling rate", string(*a.AudioSamplingRate), "48000"},
		{"channels", a.AudioChannelConfigurations[0].Value, "2"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.about, c.got, c.want)
		}
	}
	if m.MediaPresentationDuration != nil {
		t.Errorf("a live event lasts %s", m.MediaPresentationDuration)
	}
	for _, set := range []*mpd.AdaptationSetType{video, audio} {
		s := set.SegmentTemplate
		if *s.StartNumber != 1000 || *s.Duration != 2*s.GetTimescale() || s.PresentationTimeOffset != nil {
			t.Errorf("template: %+v", s)
		}
	}
	if v.Bandwidth != 6_000_000 || v.Width != 1920 || v.Height != 1080 || len(video.Representations) != 2 {
		t.Errorf("representation: %+v", v)
	}
}

// What a manifest says of the event's life, around each instant at which that changes.
func TestMPDOverTime(t *testing.T) {
	ev := testEvent()
	ev.End = epoch.Add(601 * time.Second) // in the middle of segment 1300
	gone := ev.End.Add(ev.TimeShiftBufferDepth)
	for _, c := range []struct {
		about                  string
		now                    time.Time
		kind, duration, update string
	}{
		{"before the start", epoch.Add(-time.Hour), "dynamic", "", "PT1M"},
		{"long before the end", ev.End.Add(-time.Minute), "dynamic", "", "PT1M"},
		{"near the end", ev.End.Add(-30 * time.Second), "dynamic", "", "PT30S"},
		{"just before the end", ev.End.Add(-1), "dynamic", "", "PT2S"},
		{"at the end", ev.End, "dynamic", "PT10M2S", ""},
		{"before the last segment is gone", gone.Add(-1), "dynamic", "PT10M2S", ""},
		{"afterwards", gone, "static", "PT10M2S", ""},
	} {
		m := readMPD(t, ev, c.now)
		str := func(d *mpd.Duration) string {
			if d == nil {
				return ""
			}
			return d.String()
		}
		if m.GetType() != c.kind || str(m.MediaPresentationDuration) != c.duration || str(m.MinimumUpdatePeriod) != c.update {
			t.Errorf("%s: %s, lasts %q, update %q; want %s, %q, %q", c.about, m.GetType(),
				str(m.MediaPresentationDuration), str(m.MinimumUpdatePeriod), c.kind, c.duration, c.update)
		}
		if (m.TimeShiftBufferDepth != nil) != (c.kind == "dynamic") {
			t.Errorf("%s: %s with time-shift buffer %v", c.about, c.kind, m.TimeShiftBufferDepth)
		}
	}
}

func TestTemplateUnits(t *testing.T) {
	for _, c := range []struct {
		about      string
		d          time.Duration
		timescales []uint32
		timescale  uint32
		duration   uint32
	}{
		{"whole seconds", 2 * time.Second, []uint32{90000, 90000}, 90000, 180000},
		{"a fraction that fits", 1920 * time.Millisecond, []uint32{48000}, 48000, 92160},
		{"a fraction that does not", 1001 * time.Millisecond, []uint32{44100}, 1000, 1001},
		{"renditions that disagree", 2 * time.Second, []uint32{90000, 30000}, 1000, 2000},
		{"no timescale", 2 * time.Second, []uint32{0}, 1000, 2000},
		{"more ticks than 32 bits hold", time.Minute, []uint32{90_000_000}, 1000, 60000},
	} {
		ev := testEvent()
		ev.SegmentDuration, ev.Renditions = c.d, nil
		for _, ts := range c.timescales {
			ev.Renditions = append(ev.Renditions, origin.Rendition{Kind: origin.Video, Timescale: ts})
		}
		if ts, d := templateUnits(&ev, origin.Video); ts != c.timescale || d != c.duration {
			t.Errorf("%s: %d/%d, want %d/%d", c.about, d, ts, c.duration, c.timescale)
		}
	}
}

func TestManifestRefusals(t *testing.T) {
	for about, change := range map[string]func(*origin.Event){
		"a rendition with a quote": func(ev *origin.Event) { ev.Renditions[0].ID = `v"` },
		"an event with a slash":    func(ev *origin.Event) { ev.ID = "a/b" },
	} {
		ev := testEvent()
		change(&ev)
		_, mpdErr := MPD(ev, epoch)
		_, masterErr := Master(ev)
		_, playlistErr := MediaPlaylist(ev, "a128", epoch)
		if mpdErr == nil || masterErr == nil || playlistErr == nil {
			t.Errorf("%s: %v, %v, %v; want errors", about, mpdErr, masterErr, playlistErr)
		}
	}
	ev := testEvent()
	ev.StartNumber = 1 << 32
	if _, err := MPD(ev, epoch); err == nil {
		t.Error("a start number of 33 bits got into a manifest")
	}
	ev = testEvent()
	ev.Renditions[0].Codecs = `a"<&>`
	if b, err := MPD(ev, epoch); err != nil || strings.Contains(string(b), `a"<`) {
		t.Errorf("codecs are not escaped: %v", err)
	}
}
