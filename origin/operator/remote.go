package operator

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/control"
)

// Remote speaks to States elsewhere: to a node, for who tells it of states (control.Listener); to the control plane, for a
// node that follows it (origin.Directory).
type Remote struct {
	url    string
	token  string
	client *http.Client
}

// NewRemote makes a Remote of a base URL, as http://10.0.0.1:9000. secure is for https: authorities to trust, the node's own
// certificate; nil trusts the system's, and shows none.
func NewRemote(base, token string, secure *tls.Config) *Remote {
	return &Remote{strings.TrimRight(base, "/") + StatesPath, token, newHTTPClient(control.TellWithin, secure)}
}

// newHTTPClient never follows anybody elsewhere, with a token in its hand.
func newHTTPClient(timeout time.Duration, secure *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, TLSClientConfig: secure, MaxIdleConnsPerHost: 2, MaxConnsPerHost: maxInFlight, IdleConnTimeout: time.Minute,
			ResponseHeaderTimeout: timeout, TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: 16 << 10,
		},
	}
}

// Close lets the connections go.
func (r *Remote) Close() { r.client.CloseIdleConnections() }

// Apply implements control.Listener.
func (r *Remote) Apply(s origin.State) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, _, err = send(context.Background(), r.client, r.token, http.MethodPost, r.url, nil, body, maxBody)
	return err
}

// Events implements origin.Directory.
func (r *Remote) Events(ctx context.Context) ([]origin.State, error) {
	var all []origin.State
	for url, pages := r.url, 0; pages < maxPages; pages++ {
		body, header, err := send(ctx, r.client, r.token, http.MethodGet, url, nil, nil, maxPage)
		if err != nil {
			return nil, err
		}
		var page []origin.State
		if err := decode(body, &page); err != nil {
			return nil, fmt.Errorf("%s: %w", url, err)
		}
		all = append(all, page...)
		if header.Get("Link") == "" || len(page) == 0 {
			return all, nil
		}
		url = r.url + "?after=" + page[len(page)-1].ID // what Link says, without leading anywhere else
	}
	return nil, fmt.Errorf("%s: more than %d pages", r.url, maxPages)
}

// send asks for something, and gives the body and the fields of a success, or the problem.
func send(ctx context.Context, c *http.Client, token, method, url string, header http.Header, body []byte, limit int64) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Authorization", "Bearer "+token)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s %s: %w", method, url, err)
	case int64(len(answer)) > limit:
		return nil, nil, fmt.Errorf("%s %s: the answer has more than %d bytes", method, url, limit)
	case resp.StatusCode/100 == 2:
		return answer, resp.Header, nil
	}
	p := &Problem{}
	if json.Unmarshal(answer, p) != nil || p.Status != resp.StatusCode {
		return nil, nil, fmt.Errorf("%s %s: %s, without a word that this program understands", method, url, resp.Status)
	}
	return nil, nil, p
}

// temporary says whether trying again may help: nobody answered, or not now.
func temporary(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status == http.StatusServiceUnavailable
	}
	return err != nil && !errors.Is(err, context.Canceled)
}
