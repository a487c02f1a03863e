package originhttp

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// File is the last part of a URL; for segments, which have a number there, it is the suffix.
type File string

// The files that an event has; the first three are in the folder of a rendition.
const (
	SegmentFile  File = ".m4s"
	HeaderFile   File = "init.mp4"
	PlaylistFile File = "playlist.m3u8"
	ManifestFile File = "manifest.mpd"
	MasterFile   File = "master.m3u8"
	ConfigFile   File = "config"
)

// maxNumber is the largest segment number that a URL may name; event arithmetic has room above it.
const maxNumber = 1 << 62

// errPath says no more than that: what a stranger sent is not repeated.
var errPath = errors.New("not a URL of this origin")

// Path is a URL's path, taken apart:
//
//	/{event}/{rendition}/{n}.m4s    /{event}/{rendition}/init.mp4    /{event}/{rendition}/playlist.m3u8
//	/{event}/manifest.mpd           /{event}/master.m3u8             /{event}/config
//
// Names are 1 to 64 of A-Z a-z 0-9 . _ - and do not begin with a dot; numbers are decimal with no sign and no leading
// zero. So each place has exactly one spelling: caches need not normalise, and there is nothing to climb out of.
type Path struct {
	Event     string
	Rendition string // "" for what belongs to the event as a whole
	File      File
	Number    origin.SegmentNumber // only with SegmentFile
}

// ParsePath takes a decoded path apart; whatever String cannot write is an error.
func ParsePath(s string) (Path, error) {
	s, ok := strings.CutPrefix(s, "/")
	if !ok {
		return Path{}, errPath
	}
	event, rest, _ := strings.Cut(s, "/")
	if !origin.ValidName(event) {
		return Path{}, errPath
	}
	rendition, file, inRendition := strings.Cut(rest, "/")
	if !inRendition {
		return ofEvent(event, File(rest))
	}
	if !origin.ValidName(rendition) {
		return Path{}, errPath
	}
	return ofRendition(event, rendition, file)
}

func ofEvent(event string, file File) (Path, error) {
	switch file {
	case ManifestFile, MasterFile, ConfigFile:
		return Path{Event: event, File: file}, nil
	}
	return Path{}, errPath
}

func ofRendition(event, rendition, file string) (Path, error) {
	switch p := (Path{Event: event, Rendition: rendition, File: File(file)}); p.File {
	case HeaderFile, PlaylistFile:
		return p, nil
	}
	digits, ok := strings.CutSuffix(file, string(SegmentFile))
	if !ok {
		return Path{}, errPath
	}
	n, ok := parseNumber(digits)
	if !ok {
		return Path{}, errPath
	}
	return Path{Event: event, Rendition: rendition, File: SegmentFile, Number: n}, nil
}

// requestPath reads the path of a request. An escape is refused even where it spells an allowed character (RawPath is
// set only then), because caches that do not decode would keep a second copy under it. The query is ignored: players
// put telemetry there (CTA-5004), and it selects nothing.
func requestPath(r *http.Request) (Path, error) {
	if r.URL.RawPath != "" {
		return Path{}, errPath
	}
	return ParsePath(r.URL.Path)
}

// String writes the path.
func (p Path) String() string {
	s := "/" + p.Event + "/"
	if p.Rendition != "" {
		s += p.Rendition + "/"
	}
	if p.File == SegmentFile {
		s += strconv.FormatInt(int64(p.Number), 10)
	}
	return s + string(p.File)
}

// Request is what the path asks a Getter for; only SegmentFile and HeaderFile ask for anything.
func (p Path) Request() origin.Request {
	if p.File == HeaderFile {
		return origin.Request{Event: p.Event, Rendition: p.Rendition, Number: origin.Header}
	}
	return origin.Request{Event: p.Event, Rendition: p.Rendition, Number: p.Number}
}

// pathOf is where a segment or header is, or an error where no URL can name it.
func pathOf(r origin.Request) (Path, error) {
	p := Path{Event: r.Event, Rendition: r.Rendition, File: SegmentFile, Number: r.Number}
	if r.Number == origin.Header {
		p.File, p.Number = HeaderFile, 0
	}
	if !origin.ValidName(p.Event) || !origin.ValidName(p.Rendition) || p.Number < 0 || p.Number > maxNumber {
		return Path{}, errPath
	}
	return p, nil
}

func parseNumber(s string) (origin.SegmentNumber, bool) {
	if s == "" || len(s) > 19 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 63) // takes no sign
	return origin.SegmentNumber(n), err == nil && n <= maxNumber
}
