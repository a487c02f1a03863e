package originhttp

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/liveorigin/liveorigin/origin"
)

func TestMaster(t *testing.T) {
	b, err := Master(testEvent())
	if err != nil {
		t.Fatal(err)
	}
	read, kind, err := m3u8.Decode(*bytes.NewBuffer(b), true)
	if err != nil || kind != m3u8.MASTER {
		t.Fatalf("%v in\n%s", err, b)
	}
	p := read.(*m3u8.MasterPlaylist)
	if len(p.Variants) != 2 || !p.IndependentSegments() || strings.Count(string(b), "#EXT-X-MEDIA:") != 1 {
		t.Fatalf("got\n%s", b)
	}
	v := p.Variants[0]
	if v.URI != "v1080/playlist.m3u8" || v.Bandwidth != 6_128_000 || v.Codecs != "avc1.640028,mp4a.40.2" ||
		v.Resolution != "1920x1080" || v.FrameRate != 29.97 || v.Audio != "audio" {
		t.Errorf("variant: %+v", v.VariantParams)
	}
	if a := v.Alternatives[0]; a.URI != "a128/playlist.m3u8" || a.GroupId != "audio" || !a.Default || a.Name != "a128" {
		t.Errorf("audio: %+v", a)
	}
	ev := testEvent()
	ev.Renditions = ev.Renditions[2:]
	b, err = Master(ev)
	if err != nil || !strings.Contains(string(b), "a128/playlist.m3u8") || strings.Contains(string(b), "#EXT-X-MEDIA:") {
		t.Errorf("audio only: %v\n%s", err, b)
	}
}

func TestFrameRate(t *testing.T) {
	for s, want := range map[string]float64{"25": 25, "24000/1001": 24000.0 / 1001, "": 0, "x": 0, "25/0": 0, "25/": 0,
		"-25": 0, "NaN": 0, "1e308/1e-308": 0} {
		if got := frameRate(s); got != want {
			t.Errorf("frameRate(%q) = %v, want %v", s, got, want)
		}
	}
}

// What is listed, around each instant at which that changes. Segment n's expected publish is at (n-1000)·2 s + 2.5 s.
func TestMediaPlaylist(t *testing.T) {
	ended := testEvent()
	ended.End = epoch.Add(20 * time.Second) // 1009 is the last
	short := testEvent()
	short.TimeShiftBufferDepth = 4 * time.Second
	dvr := testEvent()
	dvr.TimeShiftBufferDepth = 24 * time.Hour
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	for _, c := range []struct {
		about       string
		ev          origin.Event
		now         time.Time
		first, last uint64 // last < first: nothing
		closed      bool
		maxAge      time.Duration
	}{
		{"an hour before", testEvent(), at(-time.Hour), 1000, 999, false, 2 * time.Second},
		{"just before the first", testEvent(), at(2499 * time.Millisecond), 1000, 999, false, time.Millisecond},
		{"the first", testEvent(), at(2500 * time.Millisecond), 1000, 1000, false, 2 * time.Second},
		{"just before the second", testEvent(), at(4500*time.Millisecond - 1), 1000, 1000, false, 1},
		{"the second", testEvent(), at(4500 * time.Millisecond), 1000, 1001, false, 2 * time.Second},
		{"half of the buffer", testEvent(), at(10 * time.Minute), 1298 - 73, 1298, false, 500 * time.Millisecond},
		{"a short buffer gives what it has", short, at(time.Minute), 1028, 1028, false, 500 * time.Millisecond},
		{"a long buffer is cut", dvr, at(2 * time.Hour), 4598 - 299, 4598, false, 500 * time.Millisecond},
		{"before the last", ended, at(20400 * time.Millisecond), 1000, 1008, false, 100 * time.Millisecond},
		{"the last", ended, at(20500 * time.Millisecond), 1000, 1009, true, time.Minute},
		{"some have expired", ended, at(5*time.Minute + 6*time.Second), 1003, 1009, true, time.Minute},
		{"all have expired", ended, at(time.Hour), 1010, 1009, true, time.Minute},
	} {
		b, err := MediaPlaylist(c.ev, "v1080", c.now)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		read, kind, err := m3u8.Decode(*bytes.NewBuffer(b), true)
		if err != nil || kind != m3u8.MEDIA {
			t.Errorf("%s: %v in\n%s", c.about, err, b)
			continue
		}
		p := read.(*m3u8.MediaPlaylist)
		if p.SeqNo != c.first || uint64(p.Count()) != c.last+1-c.first || p.Closed != c.closed {
			t.Errorf("%s: %d from %d, closed %v; want %d to %d, %v", c.about, p.Count(), p.SeqNo, p.Closed, c.first, c.last, c.closed)
		}
		if p.TargetDuration != 2 || p.Map == nil || p.Map.URI != "init.mp4" || !p.IndependentSegments() || p.Version() != 6 {
			t.Errorf("%s:\n%s", c.about, b)
		}
		checkListed(t, c.about, c.ev, p)
		if got := playlistMaxAge(c.ev, c.now); got != c.maxAge {
			t.Errorf("%s: may be kept for %v, want %v", c.about, got, c.maxAge)
		}
	}
	if _, err := MediaPlaylist(testEvent(), "v1", epoch); err == nil {
		t.Error("a rendition that is not there has a playlist")
	}
}

func checkListed(t *testing.T, about string, ev origin.Event, p *m3u8.MediaPlaylist) {
	t.Helper()
	for i, s := range p.GetAllSegments() {
		n := origin.SegmentNumber(p.SeqNo) + origin.SegmentNumber(i)
		path, err := ParsePath("/final/v1080/" + s.URI)
		if err != nil || path.Number != n || s.Duration != 2 {
			t.Errorf("%s: segment %d is %+v", about, n, s)
		}
		if i == 0 && !s.ProgramDateTime.Equal(ev.SegmentStart(n)) {
			t.Errorf("%s: segment %d starts at %v, want %v", about, n, s.ProgramDateTime, ev.SegmentStart(n))
		}
	}
}
