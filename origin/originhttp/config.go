package originhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// configJSON is what /{event}/config says besides the event's fields, which stand beside these: what was done to the
// event, as far as caches and players need it. Masks and redirection are the origin's own business.
type configJSON struct {
	Version       int64                 `json:"version"`
	CacheVersion  int64                 `json:"cache_version"`
	Phase         origin.Phase          `json:"phase"`
	OnAir         *time.Time            `json:"on_air_time,omitempty"`
	Removed       bool                  `json:"removed,omitempty"` // by operators, whatever the time
	Invalidations []origin.Invalidation `json:"invalidations,omitempty"`
	Notices       []origin.Notice       `json:"notices,omitempty"`
}

// configDocument writes the Live Event Configuration as of now. As of any document, the tag is of its bytes: it changes
// with every version, with the phase, and is the same on every node that has the same version.
func configDocument(s *origin.State, now time.Time) ([]byte, error) {
	event, err := json.Marshal(s.Event)
	if err != nil {
		return nil, err
	}
	j := configJSON{Version: s.Version, CacheVersion: s.CacheVersion, Phase: s.Phase(now), Removed: s.Removed,
		Invalidations: s.Invalidations, Notices: s.Notices}
	if !s.OnAir.IsZero() {
		at := s.OnAir.UTC()
		j.OnAir = &at
	}
	rest, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	return append(append(event[:len(event)-1], ','), rest[1:]...), nil // two objects become one
}

// parseConfig reads what configDocument wrote, and refuses what State.Validate does. Version 0 is that of an edge which has
// not heard of any origin yet.
func parseConfig(b []byte) (origin.State, error) {
	var ev origin.Event
	if err := json.Unmarshal(b, &ev); err != nil {
		return origin.State{}, err
	}
	var j configJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return origin.State{}, err
	}
	s := origin.State{Event: ev, Version: max(1, j.Version), CacheVersion: j.CacheVersion, Removed: j.Removed,
		Invalidations: j.Invalidations, Notices: j.Notices}
	if j.OnAir != nil {
		s.OnAir = *j.OnAir
	}
	if err := s.Validate(); err != nil {
		return origin.State{}, err
	}
	if j.Version < 0 || j.Version > maxVersion || j.CacheVersion > maxVersion {
		return origin.State{}, fmt.Errorf("event %s: version %d, cache version %d", ev.ID, j.Version, j.CacheVersion)
	}
	s.Version = j.Version
	return s, nil
}

// maxWait is how long a request for the next configuration is held at the most; servers give an answer 30 s.
const maxWait = 20 * time.Second

// awaited reads ?after=VERSION&wait=SECONDS: an answer is wanted once there is a newer version, or the wait is over.
// Without after, an answer is wanted at once, whatever else stands in the query.
func awaited(q url.Values) (after int64, wait time.Duration, ok bool, err error) {
	if !q.Has("after") {
		return 0, 0, false, nil
	}
	version, err := strconv.ParseUint(q.Get("after"), 10, 63)
	if err != nil || version > maxVersion {
		return 0, 0, false, errors.New("after: not a version")
	}
	wait = maxWait
	if q.Has("wait") {
		seconds, err := strconv.ParseUint(q.Get("wait"), 10, 16)
		if err != nil {
			return 0, 0, false, errors.New("wait: not a number of seconds")
		}
		wait = min(wait, time.Duration(seconds)*time.Second)
	}
	return int64(version), wait, true, nil
}

// waits holds requests for configurations, and lets them go when the server stops: there is always one.
type waits struct {
	once     sync.Once
	stopping context.Context
	cancel   context.CancelFunc
}

// stop is a context that ends when the server that the first request came to is told to stop.
func (h *waits) stop(r *http.Request) context.Context {
	h.once.Do(func() {
		h.stopping, h.cancel = context.WithCancel(context.Background())
		if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
			srv.RegisterOnShutdown(h.cancel)
		}
	})
	return h.stopping
}

// next waits for the next configuration, at most for so long; then the one that is there is good enough.
func (h *waits) next(r *http.Request, c stateful, event string, after int64, wait time.Duration) (origin.State, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(h.stop(r), cancel)()
	s, err := c.Changed(ctx, event, after)
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		s, _ = c.State(event)
		return s, nil
	}
	return s, err
}

// serveConfig answers with the Live Event Configuration, be it the next one.
func (d *delivery) serveConfig(w http.ResponseWriter, r *http.Request, p Path) {
	after, wait, hold, err := awaited(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s, ok := d.state(p.Event)
	if changing, able := d.catalog.(stateful); able && ok && hold && s.Version <= after {
		s, err = d.waits.next(r, changing, p.Event, after, wait)
	}
	switch {
	case !ok:
		d.respondDocument(w, r, p, origin.Response{Reason: origin.UnknownEvent, MaxAge: origin.CreatedSoon}, "")
	case errors.Is(err, origin.ErrTooMany):
		d.respondDocument(w, r, p, origin.Response{Reason: origin.TooManyHolders, MaxAge: time.Second}, "")
	case err != nil:
		panic(http.ErrAbortHandler) // who asked has gone
	default:
		body, err := configDocument(&s, d.clock.Now())
		resp := documentOf(body, documentMaxAge)
		if hold {
			resp.MaxAge = 0 // the answer to a question that nobody asks again
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		d.respondDocument(w, r, p, resp, "application/json")
	}
}
