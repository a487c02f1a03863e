package operator

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// Client is an operator at a terminal, or a program that acts like one.
type Client struct {
	base   string
	token  string
	client *http.Client
}

// How a Client asks.
const (
	askWithin = 5 * time.Second // one try
	askTries  = 3
	askPause  = 200 * time.Millisecond // before the second try; twice that before the third
)

// NewClient makes a client of the operator API at a base URL, as http://localhost:8090. secure is for https: authorities to
// trust; nil trusts the system's.
func NewClient(base, token string, secure *tls.Config) *Client {
	return &Client{strings.TrimRight(base, "/"), token, newHTTPClient(askWithin, secure)}
}

// Close lets the connections go.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// Events lists all events.
func (c *Client) Events(ctx context.Context) ([]Shown, error) {
	var all Events
	err := c.ask(ctx, http.MethodGet, "/events", nil, nil, &all)
	return all.Events, err
}

// Event shows one.
func (c *Client) Event(ctx context.Context, id string) (Shown, error) {
	var one Shown
	if !origin.ValidName(id) {
		return one, noName(id)
	}
	err := c.ask(ctx, http.MethodGet, "/events/"+id, nil, nil, &one)
	return one, err
}

// Do does an operation, and tries again what nobody answered: it is done once, for it has an ID, if need be one of the
// client's. Problems match the errors of package control.
func (c *Client) Do(ctx context.Context, o control.Operation) (Answer, error) {
	var answer Answer
	method, path, body := request(o.Do)
	if !origin.ValidName(o.Event) {
		return answer, noName(o.Event)
	}
	if o.ID == "" {
		o.ID = rand.Text()
	}
	header := http.Header{"Idempotency-Key": {o.ID}}
	if o.If != 0 {
		header.Set("If-Match", etag(o.If))
	}
	err := c.ask(ctx, method, "/events/"+o.Event+path, header, body, &answer)
	return answer, err
}

// noName is what the API would say, which is not asked: the name would be another path.
func noName(event string) error {
	return problem(http.StatusBadRequest, strconv.Quote(event)+" is not the name of an event")
}

// request is how a change is asked for: the reverse of routes.
func request(c control.Change) (method, path string, body any) {
	switch c := c.(type) {
	case control.Create:
		return http.MethodPut, "", c
	case control.Remove:
		return http.MethodDelete, "", nil
	case control.Start:
		return http.MethodPut, "/start", c
	case control.OnAir:
		return http.MethodPut, "/on-air", c
	case control.End:
		return http.MethodPut, "/end", c
	case control.TimeShiftBuffer:
		return http.MethodPut, "/time-shift-buffer", c
	case control.Redirect:
		if c.Pipeline == "" {
			return http.MethodDelete, "/redirect", nil
		}
		return http.MethodPut, "/redirect", c
	case control.BumpCacheVersion:
		return http.MethodPost, "/cache-version", nil
	case control.Mask:
		m := c.Mask
		return http.MethodPut, "/masks/" + url.PathEscape(m.ID), rangeBody{m.Pipeline, m.Region, &m.From, &m.To}
	case control.Unmask:
		return http.MethodDelete, "/masks/" + url.PathEscape(c.ID), nil
	case control.Notify:
		return http.MethodPut, "/notices/" + url.PathEscape(c.Notice.ID), noticeBody{c.Notice.At, c.Notice.Text}
	case control.Withdraw:
		return http.MethodDelete, "/notices/" + url.PathEscape(c.ID), nil
	case control.Invalidate:
		i := c.Invalidation
		return http.MethodPut, "/invalidations/" + url.PathEscape(i.ID), rangeBody{i.Pipeline, i.Region, &i.From, &i.To}
	}
	panic(fmt.Sprintf("no request for %T", c)) // a kind that was forgotten here; a test knows all
}

func (c *Client) ask(ctx context.Context, method, path string, header http.Header, body, into any) (err error) {
	var sent []byte
	if body != nil {
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	pause := askPause
	for try := 1; ; try++ {
		answer, _, err := send(ctx, c.client, c.token, method, c.base+path, header, sent, maxAnswer)
		if err == nil {
			return json.Unmarshal(answer, into)
		}
		if try == askTries || !temporary(err) {
			return err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
