package originhttp

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

func TestParsePlace(t *testing.T) {
	good := map[string]place{
		"/final/v1080/0.m4s":          {event: "final", rendition: "v1080"},
		"/final/v1080/17.m4s":         {event: "final", rendition: "v1080", number: 17},
		"/final/v1080/init.mp4":       {event: "final", rendition: "v1080", number: origin.Header},
		"/final/Streams(v1080.cmfv)":  {what: aTrack, event: "final", rendition: "v1080", kind: origin.Video},
		"/final/Streams(a.b-c.cmfa)":  {what: aTrack, event: "final", rendition: "a.b-c", kind: origin.Audio},
		"/final/Streams(subs.cmft)":   {what: aTrack, event: "final", rendition: "subs", kind: "text"},
		"/final/Streams(scte35.cmfm)": {what: aTrack, event: "final", rendition: "scte35", kind: "metadata"},
		"/final/Streams(v.cmfv.cmfv)": {what: aTrack, event: "final", rendition: "v.cmfv", kind: origin.Video},
		"/final/manifest.mpd":         {what: aManifest, event: "final", name: "manifest"},
		"/final/a.b.mpd":              {what: aManifest, event: "final", name: "a.b"},
		"/final/":                     {what: thePoint, event: "final"},
	}
	for s, want := range good {
		if got, err := parsePlace(s); err != nil || got != want || got.String() != s {
			t.Errorf("parsePlace(%q) = %+v, %v; want %+v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "/", "//", "/final", "final/", "/final//", "/.final/", "/final/config", "/final/master.m3u8", "/final/v1080/playlist.m3u8",
		"/final/v1080/01.m4s", "/final/.mpd", "/final/..mpd", "/final/x.mpd/", "/final/x/y.mpd", "/final/x.MPD",
		"/final/Streams()", "/final/Streams(v1080)", "/final/Streams(.cmfv)", "/final/Streams(v1080.cmfv", "/final/Streams(v1080.cmfv))",
		"/final/Streams((v1080.cmfv)", "/final/streams(v1080.cmfv)", "/final/Streams(v1080.mp4)", "/final/Streams(v1080.CMFV)",
		"/final/Streams(v/1080.cmfv)", "/final/Streams(../v.cmfv)", "/final/Streams(.v.cmfv)", "/final/Streams(v1080.cmfv)/",
		"/final/x/Streams(v1080.cmfv)", "/final/Streams(v 1.cmfv)", "/final/Streams(" + strings.Repeat("n", 65) + ".cmfv)",
	} {
		if got, err := parsePlace(s); err == nil {
			t.Errorf("parsePlace(%q) = %+v; want an error", s, got)
		}
	}
}

// Only the brackets may be escaped.
func TestRequestPlace(t *testing.T) {
	for target, good := range map[string]bool{
		"/final/Streams(v1080.cmfv)": true, "/final/Streams%28v1080.cmfv%29": true, "/final/Streams(v1080.cmfv)?x=y": true,
		"/final/Streams(v1080.cmfv%29": true, "/final/Streams(v%31080.cmfv)": false, "/final%2fStreams(v1080.cmfv)": false,
		"/final/v1080/%31.m4s": false, "/final/v1080/1.m4s": true, "/final/%28": false,
	} {
		if got, err := requestPlace(httptest.NewRequest("PUT", target, nil)); (err == nil) != good {
			t.Errorf("%s: %+v, %v", target, got, err)
		}
	}
}

// FuzzPlace: whatever is taken for a place has one spelling, and names that are allowed.
func FuzzPlace(f *testing.F) {
	for _, s := range []string{"/final/v1080/17.m4s", "/final/v1080/init.mp4", "/final/Streams(v1080.cmfv)", "/final/x.mpd", "/final/",
		"/final/Streams(a.cmfa", "/final/Streams(..cmfv)", "/a/Streams(%28.cmfm)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePlace(s)
		if err != nil {
			return
		}
		if p.String() != s {
			t.Errorf("%q is %+v, which is written %q", s, p, p)
		}
		named := p.what == anObject || p.what == aTrack
		if !origin.ValidName(p.event) || origin.ValidName(p.rendition) != named || p.number < origin.Header || p.number > maxNumber {
			t.Errorf("%q is %+v", s, p)
		}
	})
}
