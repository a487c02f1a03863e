package originhttp

import (
	"encoding/json"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// documentMaxAge is how long documents may be kept that change only when an operator changes the event, or that tell
// the time.
const documentMaxAge = time.Second

// document makes what a path asks for that is no segment. A document is answered like an object, tag and digest
// included.
func (d *delivery) document(p Path) (resp origin.Response, mediaType string, err error) {
	ev, ok := d.catalog.Event(p.Event)
	if !ok {
		return origin.Response{Reason: origin.UnknownEvent, MaxAge: origin.CreatedSoon}, "", nil
	}
	var body []byte
	now, lifetime := d.clock.Now(), documentMaxAge
	switch p.File {
	case ConfigFile:
		mediaType = "application/json"
		body, err = json.Marshal(ev)
	case ManifestFile:
		mediaType = "application/dash+xml"
		body, err = MPD(ev, now)
	case MasterFile:
		mediaType = "application/vnd.apple.mpegurl"
		body, err = Master(ev)
	case PlaylistFile:
		if _, ok := ev.Rendition(p.Rendition); !ok {
			return origin.Response{Reason: origin.UnknownRendition, MaxAge: origin.CreatedSoon}, "", nil
		}
		mediaType, lifetime = "application/vnd.apple.mpegurl", playlistMaxAge(ev, now)
		body, err = MediaPlaylist(ev, p.Rendition, now)
	}
	resp = origin.Response{
		Reason: origin.Published, MaxAge: lifetime,
		Object: origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)},
	}
	return resp, mediaType, err
}
