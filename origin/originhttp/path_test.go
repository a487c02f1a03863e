package originhttp

import (
	"math"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

func TestParsePath(t *testing.T) {
	long := strings.Repeat("n", 64)
	good := map[string]Path{
		"/final/v1080/0.m4s":                   {Event: "final", Rendition: "v1080", File: SegmentFile},
		"/final/v1080/17.m4s":                  {Event: "final", Rendition: "v1080", File: SegmentFile, Number: 17},
		"/final/v1080/4611686018427387904.m4s": {Event: "final", Rendition: "v1080", File: SegmentFile, Number: 1 << 62},
		"/final/v1080/init.mp4":                {Event: "final", Rendition: "v1080", File: HeaderFile},
		"/final/v1080/playlist.m3u8":           {Event: "final", Rendition: "v1080", File: PlaylistFile},
		"/final/manifest.mpd":                  {Event: "final", File: ManifestFile},
		"/final/master.m3u8":                   {Event: "final", File: MasterFile},
		"/final/config":                        {Event: "final", File: ConfigFile},
		"/config/config/1.m4s":                 {Event: "config", Rendition: "config", File: SegmentFile, Number: 1},
		"/" + long + "/_-.x/1.m4s":             {Event: long, Rendition: "_-.x", File: SegmentFile, Number: 1},
	}
	for s, want := range good {
		if got, err := ParsePath(s); err != nil || got != want || got.String() != s {
			t.Errorf("ParsePath(%q) = %+v, %v; want %+v", s, got, err, want)
		}
	}
	bad := []string{
		"", "/", "//", "final/config", "/final", "/final/", "/final/config/", "/final//config", "//config",
		"/final/init.mp4", "/final/1.m4s", "/final/v1080/", "/final/v1080", "/final/v1080/config",
		"/final/v1080/.m4s", "/final/v1080/01.m4s", "/final/v1080/00.m4s", "/final/v1080/-1.m4s", "/final/v1080/+1.m4s",
		"/final/v1080/1", "/final/v1080/1.mp4", "/final/v1080/1.m4s/", "/final/v1080/1.m4s.m4s", "/final/v1080/x.m4s",
		"/final/v1080/1e3.m4s", "/final/v1080/1_0.m4s", "/final/v1080/0x1.m4s", "/final/v1080/ 1.m4s", "/final/v1080/١.m4s",
		"/final/v1080/4611686018427387905.m4s", "/final/v1080/9223372036854775808.m4s",
		"/final/v1080/99999999999999999999.m4s", "/../config", "/./config", "/final/../config", "/final/./1.m4s",
		"/.hidden/config", "/fi nal/config", "/fin\x00al/config", "/final/v1080/1\x00.m4s", "/é/config", "/a%62/config",
		"/" + long + "n/config", "/final/" + long + "n/1.m4s", "/a/b/c/1.m4s", "*",
	}
	for _, s := range bad {
		if got, err := ParsePath(s); err == nil {
			t.Errorf("ParsePath(%q) = %+v; want an error", s, got)
		}
	}
}

func TestPathOf(t *testing.T) {
	for _, n := range []origin.SegmentNumber{origin.Header, 0, 1, 1 << 62} {
		req := origin.Request{Event: "final", Rendition: "v1080", Number: n}
		p, err := pathOf(req)
		if err != nil {
			t.Fatalf("pathOf(%+v): %v", req, err)
		}
		if parsed, err := ParsePath(p.String()); err != nil || parsed.Request() != req {
			t.Errorf("%+v became %s, which asks for %+v (%v)", req, p, parsed.Request(), err)
		}
	}
	for _, req := range []origin.Request{
		{Event: "final", Rendition: "v1080", Number: -2}, {Event: "final", Rendition: "v1080", Number: math.MaxInt64},
		{Event: "a/b", Rendition: "v1080"}, {Event: "final", Rendition: ".."}, {Event: "final"}, {},
	} {
		if p, err := pathOf(req); err == nil {
			t.Errorf("pathOf(%+v) = %s; want an error", req, p)
		}
	}
}

// FuzzPath: what parses is written back as it was, and names nothing outside its folder.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/final/v1080/17.m4s", "/final/v1080/init.mp4", "/final/config", "/a/../config", "/a/b/01.m4s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			return
		}
		if got := p.String(); got != s {
			t.Errorf("ParsePath(%q) is written %q", s, got)
		}
		if strings.Contains(s, "/.") || strings.ContainsAny(s, "%\x00\\? ") || p.Number < 0 || p.Number > maxNumber {
			t.Errorf("ParsePath(%q) = %+v", s, p)
		}
	})
}
