package originhttp

import (
	"context"
	"fmt"
	"net/http"

	"github.com/liveorigin/liveorigin/origin"
)

// foreignReasons are for servers that send no Live-Reason: the reason that promises least among those with the status.
var foreignReasons = map[int]origin.Reason{
	http.StatusOK:                 origin.Published,
	http.StatusNotFound:           origin.UnknownEvent,
	http.StatusGone:               origin.Gap,
	http.StatusBadGateway:         origin.NoOrigin,
	http.StatusServiceUnavailable: origin.StoreFailed,
}

// knownReasons has the status of each reason that we know.
var knownReasons = func() map[origin.Reason]int {
	m := make(map[origin.Reason]int)
	for _, reason := range origin.Reasons() {
		m[reason] = reason.Status()
	}
	return m
}()

// Get asks for a segment or header. Statuses that no reason has are errors, as no answer.
func (c *Client) Get(ctx context.Context, req origin.Request) (origin.Response, error) {
	p, err := pathOf(req)
	if err != nil {
		return origin.Response{}, fmt.Errorf("get %+v: %w", req, err)
	}
	var h http.Header
	if req.Background {
		h = http.Header{"Sec-Purpose": {"prefetch"}}
	}
	a, err := c.exchange(ctx, c.options.Get, http.MethodGet, p, h, nil)
	if err != nil {
		return origin.Response{}, err
	}
	resp, err := a.response()
	if err != nil {
		return origin.Response{}, fmt.Errorf("get %s: %w", p, err)
	}
	return resp, nil
}

// response reads an answer back into what the getter on the other side said.
func (a *answer) response() (origin.Response, error) {
	reason, ok := reasonOf(a.status, a.header)
	if !ok {
		return origin.Response{}, fmt.Errorf("unexpected status %d", a.status)
	}
	resp := origin.Response{
		Reason: reason,
		MaxAge: maxAge(a.header),
		Store:  timing(a.header, "store"),
		Hold:   timing(a.header, "hold"),
		Cache:  parseCacheStatus(a.header[fieldCache]),

		Bulletin: bulletin(a.header),
	}
	if !resp.OK() {
		return resp, nil
	}
	if err := a.verify(); err != nil {
		return origin.Response{}, err
	}
	resp.Object = origin.Object{Body: a.body, Size: len(a.body), Digest: a.digest}
	resp.Pipeline, _ = parseItem(a.header[fieldPipeline]) // a foreign server does not say
	resp.Region, _ = parseItem(a.header[fieldRegion])
	resp.ServedBy, _ = parseItem(a.header[fieldServedBy])
	resp.Defects = defectsOf(a.header)
	if resp.Defects != 0 {
		resp.Reason = origin.Defective // even if a foreign hop between lost the reason
	}
	return resp, nil
}

// reasonOf believes Live-Reason where it agrees with the status, and goes by the status otherwise: whatever stands
// between us and the origin may have answered in its place.
func reasonOf(status int, h http.Header) (origin.Reason, bool) {
	s, err := parseItem(h[fieldReason])
	if known, ok := knownReasons[origin.Reason(s)]; err == nil && ok && known == status {
		return origin.Reason(s), true
	}
	reason, ok := foreignReasons[status]
	return reason, ok
}

// defectsOf reads what a response owns up to. A finding that we do not know, or cannot read, still is one: it counts as
// uninspected, never as clean.
func defectsOf(h http.Header) (d origin.Defects) {
	tokens, err := parseTokens(h[fieldDefects])
	if err != nil {
		return origin.Uninspected
	}
	for _, token := range tokens {
		one, ok := origin.DefectByName(token)
		if !ok {
			one = origin.Uninspected
		}
		d |= one
	}
	return d
}
