package originhttp

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Config asks for an event's configuration. An event that the origin does not have is origin.ErrNotFound.
func (c *Client) Config(ctx context.Context, event string) (origin.Event, error) {
	s, err := c.Changed(ctx, event, 0)
	return s.Event, err
}

// Changed implements origin.Configs. What the origin keeps to itself, masks and redirection, is not in the state. The
// wait fits into the time that the client gives any answer to begin in.
func (c *Client) Changed(ctx context.Context, event string, after int64) (origin.State, error) {
	fail := func(err error) (origin.State, error) {
		return origin.State{}, fmt.Errorf("config of %.80q: %w", event, err)
	}
	if !origin.ValidName(event) {
		return fail(errPath)
	}
	q := configQuery{Path{Event: event, File: ConfigFile}, after, min(c.options.Header, c.options.Get, maxWait*4/3) * 3 / 4}
	a, err := c.exchange(ctx, c.options.Get, http.MethodGet, q, nil, nil)
	switch {
	case err != nil:
		return origin.State{}, err
	case a.status == http.StatusNotFound:
		return fail(origin.ErrNotFound)
	case a.status == http.StatusServiceUnavailable:
		return fail(origin.ErrTooMany)
	case a.status != http.StatusOK:
		return fail(fmt.Errorf("unexpected status %d", a.status))
	}
	if err := a.verify(); err != nil {
		return fail(err)
	}
	s, err := parseConfig(a.body)
	if err != nil {
		return fail(err)
	}
	if s.ID != event {
		return fail(fmt.Errorf("it is that of %s", s.ID))
	}
	return s, nil
}

// configQuery is where the next configuration is.
type configQuery struct {
	Path
	after int64
	wait  time.Duration
}

// String writes path and query. After version 0 comes any: then nobody waits.
func (q configQuery) String() string {
	if q.after == 0 {
		return q.Path.String()
	}
	return fmt.Sprintf("%s?after=%d&wait=%d", q.Path, q.after, int(q.wait.Seconds()))
}
