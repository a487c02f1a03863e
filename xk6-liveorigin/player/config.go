package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	configPatience = 10 * time.Second // for any edge to tell of the event
	configTimeout  = 3 * time.Second  // for one
	configPause    = 250 * time.Millisecond
	configMax      = 1 << 20

	startAgain = 2 * time.Second // between two looks at when an event starts
	startKnown = time.Second     // before it starts, for the last look
)

// FetchEvent asks the edges in order for the event's configuration, again and again for ten seconds: an audience may be
// there before the event is.
func FetchEvent(ctx context.Context, transport http.RoundTripper, header http.Header, o *Options) (*Event, error) {
	ctx, cancel := context.WithTimeout(ctx, configPatience)
	defer cancel()
	for {
		var errs []error
		for _, edge := range o.Edges {
			e, err := fetchEvent(ctx, transport, header, edge.URL+"/"+o.Event+"/config")
			if err == nil {
				return e, nil
			}
			errs = append(errs, fmt.Errorf("edge %s: %w", edge.Name, err))
		}
		if !sleep(ctx, configPause) {
			return nil, fmt.Errorf("read the configuration of event %s: %w", o.Event, errors.Join(errs...))
		}
	}
}

// AwaitStart gives the event as its configuration has it shortly before it starts, for until then operators can move its
// start; of one that has started, that is now. What was known stands where no edge answers, and when ctx is done.
func AwaitStart(ctx context.Context, transport http.RoundTripper, header http.Header, o *Options, e *Event) *Event {
	for {
		wait := -e.now() - startKnown
		if wait <= 0 || !sleep(ctx, min(wait, startAgain)) {
			return e
		}
		e = fetchAgain(ctx, transport, header, o, e)
	}
}

// fetchAgain asks the edges in order, and no longer than there is time before the start.
func fetchAgain(ctx context.Context, transport http.RoundTripper, header http.Header, o *Options, e *Event) *Event {
	ctx, cancel := context.WithTimeout(ctx, startKnown)
	defer cancel()
	for _, edge := range o.Edges {
		if next, err := fetchEvent(ctx, transport, header, edge.URL+"/"+o.Event+"/config"); err == nil {
			return next
		}
	}
	return e
}

func fetchEvent(ctx context.Context, transport http.RoundTripper, header http.Header, address string) (*Event, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	resp, err := transport.RoundTrip(newRequest(ctx, u, header))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, configMax))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s says %s", address, resp.Status)
	}
	return ParseEvent(body, time.Now())
}
