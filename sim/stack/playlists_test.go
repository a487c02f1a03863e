package stack

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

const reread = `
about: a test
event: {duration: 20s, ladder: small}
regions:
  east: {pipelines: [a]}
audience: {edges: 2, viewers: {peak: 10}, manifest: refresh}
`

// readAll reads playlists at every edge, every 500 ms, and looks at each answer.
func readAll(s *Stack, l interface {
	Go(func())
	Now() time.Time
	Sleep(context.Context, time.Duration) error
}, look func(at time.Time, r origin.Response, err error)) {
	for _, e := range s.Edges() {
		l.Go(func() {
			for range 30 {
				_ = l.Sleep(context.Background(), 500*time.Millisecond)
				r, err := e.Getter.Get(context.Background(), origin.Request{Event: s.Event.ID, Rendition: s.Event.Renditions[0].ID, Number: origin.Playlist})
				look(l.Now(), r, err)
			}
		})
	}
}

// Playlists come from origins, as large as they are over HTTP and never of what is not published, and edges keep them for
// a second. Nobody's history tells of them.
func TestPlaylists(t *testing.T) {
	s, v, l, rec := virtualWorld(t, reread)
	reads := 0
	readAll(s, l, func(at time.Time, r origin.Response, err error) {
		made := at.Add(r.MaxAge - playlistMaxAge)
		body, bad := originhttp.MediaPlaylist(s.Event, s.Event.Renditions[0].ID, made)
		if err != nil || bad != nil || r.Reason != origin.Published || r.Newest != s.Event.LiveEdge(made) || r.Object.Size != len(body) {
			t.Errorf("at %v: %s %v, newest %d, %d bytes; want %d, %d bytes", at, r.Reason, err, r.Newest, r.Object.Size, s.Event.LiveEdge(made), len(body))
		}
		reads++
	})
	if err := l.Run(s.Event.End); err != nil {
		t.Fatal(err)
	}
	var asked int64
	for _, c := range v.Carried() {
		if c.Tier == Origin && c.Side == Delivery {
			asked += c.Requests
		}
	}
	if reads != 60 || asked != 30 {
		t.Errorf("%d reads at edges, %d at origins; want 60, of which every other one", reads, asked)
	}
	for _, r := range rec.all {
		if r.Number < 0 {
			t.Errorf("in the history: %+v", r)
		}
	}
	s.Close()
}

// Where players go by the template, origins have no playlists for Getters.
func TestNoPlaylists(t *testing.T) {
	s, _, l, _ := virtualWorld(t, strings.Replace(reread, ", manifest: refresh", "", 1))
	readAll(s, l, func(at time.Time, r origin.Response, err error) {
		if err == nil && r.OK() {
			t.Errorf("at %v: %s", at, r.Reason)
		}
	})
	if err := l.Run(s.Event.End); err != nil {
		t.Fatal(err)
	}
	s.Close()
}
