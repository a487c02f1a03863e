package originhttp

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// place is where something is published: a Path of a segment or header, or what DASH-IF's ingest has besides.
type place struct {
	what      placeKind
	event     string
	rendition string
	number    origin.SegmentNumber // of an object
	kind      string               // of a track's rendition, as its name has it
	name      string               // of a manifest
}

type placeKind int

const (
	anObject  placeKind = iota // a segment or CMAF header
	aTrack                     // Streams(...)
	aManifest                  // ....mpd
	thePoint                   // the publishing point itself
)

// trackKinds are the kinds of rendition that a CMAF track's file name extension tells (ISO/IEC 23000-19, Annex B).
var trackKinds = map[string]string{".cmfv": origin.Video, ".cmfa": origin.Audio, ".cmft": "text", ".cmfm": "metadata"}

var errPlace = errors.New("nothing is published at this URL")

// requestPlace reads the path of a request, as requestPath does. The brackets of Streams() may be escaped: clients differ
// in whether they do, and no cache is in the way of a publication.
func requestPlace(r *http.Request) (place, error) {
	if strings.NewReplacer("%28", "(", "%29", ")").Replace(r.URL.EscapedPath()) != r.URL.Path {
		return place{}, errPlace
	}
	return parsePlace(r.URL.Path)
}

// parsePlace takes a decoded path apart; whatever String cannot write is an error.
func parsePlace(s string) (place, error) {
	if p, err := ParsePath(s); err == nil && (p.File == SegmentFile || p.File == HeaderFile) {
		req := p.Request()
		return place{event: req.Event, rendition: req.Rendition, number: req.Number}, nil
	}
	s, ok := strings.CutPrefix(s, "/")
	event, name, inEvent := strings.Cut(s, "/")
	if !ok || !inEvent || !origin.ValidName(event) {
		return place{}, errPlace
	}
	if name == "" {
		return place{what: thePoint, event: event}, nil
	}
	if name, ok := strings.CutSuffix(name, ".mpd"); ok && origin.ValidName(name) {
		return place{what: aManifest, event: event, name: name}, nil
	}
	name, ok = strings.CutPrefix(name, "Streams(")
	track, closed := strings.CutSuffix(name, ")")
	at := strings.LastIndexByte(track, '.')
	if !ok || !closed || at < 0 || trackKinds[track[at:]] == "" || !origin.ValidName(track[:at]) {
		return place{}, errPlace
	}
	return place{what: aTrack, event: event, rendition: track[:at], kind: trackKinds[track[at:]]}, nil
}

// String writes the path.
func (p place) String() string {
	switch p.what {
	case aTrack:
		for extension, kind := range trackKinds { // any order: each kind has one
			if kind == p.kind {
				return "/" + p.event + "/Streams(" + p.rendition + extension + ")"
			}
		}
	case aManifest:
		return "/" + p.event + "/" + p.name + ".mpd"
	case thePoint:
		return "/" + p.event + "/"
	}
	file := "/" + string(HeaderFile)
	if p.number != origin.Header {
		file = "/" + strconv.FormatInt(int64(p.number), 10) + string(SegmentFile)
	}
	return "/" + p.event + "/" + p.rendition + file
}
