package stack

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// playlist is one version of a rendition's media playlist: all nodes make the same.
type playlist struct {
	rendition string
	newest    origin.SegmentNumber
}

// playlistMaxAge is for how long caches keep a playlist: what origins say of documents that change as time goes by.
const playlistMaxAge = time.Second

// listing is a node that also has playlists, for viewers who go by them.
type listing struct {
	origin.Getter
	events  Catalog
	virtual *Virtual
}

// Get implements origin.Getter.
func (l *listing) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	if req.Number != origin.Playlist {
		return l.Getter.Get(ctx, req)
	}
	ev, ok := l.events.Event(req.Event)
	if !ok {
		return origin.Response{Reason: origin.EventRemoved, MaxAge: playlistMaxAge}, nil
	}
	now := l.virtual.loop.Now()
	p := playlist{req.Rendition, ev.LiveEdge(now)}
	size, ok := l.virtual.playlists[p]
	if !ok {
		body, err := originhttp.MediaPlaylist(ev, req.Rendition, now)
		if err != nil {
			return origin.Response{}, err
		}
		size = len(body)
		l.virtual.playlists[p] = size
	}
	return origin.Response{Reason: origin.Published, MaxAge: playlistMaxAge, Newest: p.newest, Object: origin.Object{Size: size}}, nil
}
