package originhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// foreignOutcomes are for servers that send no Live-Outcome. A request that a server cannot take as it is (4xx) will
// not get better by sending it again, which only Unparseable says as plainly.
var foreignOutcomes = map[int]origin.Outcome{
	http.StatusOK: origin.Stored, http.StatusCreated: origin.Stored, http.StatusNoContent: origin.Stored,
	http.StatusUnauthorized: origin.Forbidden, http.StatusForbidden: origin.Forbidden,
	http.StatusNotFound: origin.NoSuchPlace,
	http.StatusConflict: origin.Conflict,
	http.StatusGone:     origin.TooLate,
	// DASH-IF's ingest: the receiver has no CMAF header for the segment.
	http.StatusPreconditionFailed: origin.HeaderFirst,

	http.StatusBadRequest:            origin.Unparseable,
	http.StatusMethodNotAllowed:      origin.Unparseable,
	http.StatusLengthRequired:        origin.Unparseable,
	http.StatusRequestEntityTooLarge: origin.Unparseable,
	http.StatusUnsupportedMediaType:  origin.Unparseable,
	http.StatusUnprocessableEntity:   origin.Unparseable,

	http.StatusRequestTimeout:     origin.Unavailable,
	http.StatusTooManyRequests:    origin.Unavailable,
	http.StatusServiceUnavailable: origin.Unavailable,
}

// Publish sends a candidate, once. After an error it may have been stored.
func (c *Client) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	path, err := pathOf(origin.Request{Event: p.Key.Event, Rendition: p.Key.Rendition, Number: p.Key.Number})
	if err != nil || !origin.ValidName(p.Key.Pipeline) {
		return origin.Receipt{}, fmt.Errorf("publish %+v: %w", p.Key, errPath)
	}
	if len(p.Object.Body) != p.Object.Size {
		return origin.Receipt{}, fmt.Errorf("publish %s: the object has %d of its %d bytes", path,
			len(p.Object.Body), p.Object.Size)
	}
	a, err := c.exchange(ctx, c.options.Publish, http.MethodPut, path, c.publicationHeader(&p), bodyOf(&p))
	if err != nil {
		return origin.Receipt{}, err
	}
	receipt, ok := a.receipt()
	if !ok {
		return origin.Receipt{}, fmt.Errorf("publish %s: unexpected status %d", path, a.status)
	}
	return receipt, nil
}

// bodyOf is never nil, so that a declared hole says Content-Length: 0.
func bodyOf(p *origin.Publication) []byte {
	if p.Object.Body == nil {
		return []byte{}
	}
	return p.Object.Body
}

func (c *Client) publicationHeader(p *origin.Publication) http.Header {
	h := http.Header{
		"Content-Type": {"application/mp4"},
		fieldPipeline:  {item(p.Key.Pipeline)},
		fieldDigest:    {string(appendDigest(nil, p.Object.Digest))},
	}
	if c.options.Token != "" {
		h["Authorization"] = []string{"Bearer " + c.options.Token}
	}
	if p.Object.Token != (origin.Token{}) {
		h[fieldToken] = []string{tokenField(p.Object.Token)}
	}
	if p.Inspected {
		h[fieldDefects] = []string{defectList(p.Defects)}
	}
	return h
}

// receipt reads what became of the publication.
func (a *answer) receipt() (origin.Receipt, bool) {
	outcome, ours := outcomeOf(a.status, a.header)
	if outcome == "" {
		return origin.Receipt{}, false
	}
	receipt := origin.Receipt{Outcome: outcome}
	if !ours {
		receipt.Detail = strings.TrimSpace(fmt.Sprintf("status %d %.200s", a.status, a.body))
		return receipt, true
	}
	var said receiptJSON
	if json.Unmarshal(a.body, &said) == nil { // the detail is for people; the outcome stands without it
		receipt.Detail = said.Detail
	}
	receipt.Defects = defectsOf(a.header)
	return receipt, true
}

// outcomeOf believes Live-Outcome where it agrees with the status, as reasonOf does.
func outcomeOf(status int, h http.Header) (outcome origin.Outcome, ours bool) {
	s, err := parseItem(h[fieldOutcome])
	if err == nil && origin.Outcome(s).Status() == status && status != http.StatusInternalServerError {
		return origin.Outcome(s), true
	}
	return foreignOutcomes[status], false
}
