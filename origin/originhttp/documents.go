package originhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// documentMaxAge is how long documents may be kept that change only when an operator changes the event, or that tell
// the time.
const documentMaxAge = time.Second

// serveDocument answers with what no getter is asked for.
func (d *delivery) serveDocument(w http.ResponseWriter, r *http.Request, p Path) {
	switch err := d.awaitFirst(r, p); {
	case errors.Is(err, origin.ErrTooMany):
		d.respondDocument(w, r, p, origin.Response{Reason: origin.TooManyHolders, MaxAge: time.Second}, "")
		return
	case err != nil:
		panic(http.ErrAbortHandler) // who asked has gone
	}
	resp, mediaType, err := d.document(p)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	d.respondDocument(w, r, p, resp, mediaType)
}

// awaitFirst holds a request for the media playlist of an event that has begun until there is a segment to list, as requests
// for that segment are held: hls.js takes an empty list for an error, and gives up (levelEmptyError).
func (d *delivery) awaitFirst(r *http.Request, p Path) error {
	if p.File != PlaylistFile || d.untilListed(p.Event) == 0 {
		return nil
	}
	defer d.listless.Add(-1)
	if d.listless.Add(1) > origin.DefaultHolders {
		return origin.ErrTooMany
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(d.waits.stop(r), cancel)()
	for wait := d.untilListed(p.Event); wait > 0; wait = d.untilListed(p.Event) {
		if d.clock.Sleep(ctx, wait) != nil {
			return r.Context().Err() // none when the server stops: then what there is will do
		}
	}
	return nil
}

// untilListed is how long it is until an event that has begun lists a segment; zero if it does, has not begun, or will take
// longer than anybody is held for.
func (d *delivery) untilListed(event string) time.Duration {
	s, ok := d.state(event)
	now := d.clock.Now()
	wait := s.ExpectedPublish(s.StartNumber).Sub(now)
	if !ok || s.Removed || now.Before(s.AvailabilityStartTime) || wait > maxWait {
		return 0
	}
	return max(0, wait)
}

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
