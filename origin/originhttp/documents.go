package originhttp

import (
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// documentMaxAge is how long documents may be kept that change only when an operator changes the event, or that tell
// the time.
const documentMaxAge = time.Second

// document makes a manifest or a playlist, as of now. A document is answered like an object, tag and digest included.
func (d *delivery) document(p Path) (resp origin.Response, mediaType string, err error) {
	s, ok := d.state(p.Event)
	now := d.clock.Now()
	switch {
	case !ok:
		return origin.Response{Reason: origin.UnknownEvent, MaxAge: origin.CreatedSoon}, "", nil
	case s.Phase(now) == origin.Removed:
		return origin.Response{Reason: origin.EventRemoved, MaxAge: closedMaxAge}, "", nil
	}
	var body []byte
	ev, lifetime := s.Event, documentMaxAge
	switch p.File {
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
	return documentOf(body, lifetime), mediaType, err
}

func documentOf(body []byte, lifetime time.Duration) origin.Response {
	return origin.Response{
		Reason: origin.Published, MaxAge: lifetime,
		Object: origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)},
	}
}
