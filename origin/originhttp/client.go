package originhttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// ErrDamaged says that a body is not the one that its digest is of.
var ErrDamaged = errors.New("damaged body")

// ClientOptions set a Client's limits; the zero value of each means its default.
type ClientOptions struct {
	MaxConns int           // connections at once; 256. Each held request needs one.
	Connect  time.Duration // dialling, and TLS; 1 s
	Header   time.Duration // from the request to the first byte; 8 s, as an origin holds requests open
	Get      time.Duration // a whole Get; 15 s
	Publish  time.Duration // one try to publish; 1 s
	MaxBody  int64         // bytes of a body; 64 MiB
	Token    string        // bearer token of the pipeline, sent with publications; none
	TLS      *tls.Config   // for https: authorities to trust, the pipeline's certificate; the system's, and none
}

func (o ClientOptions) withDefaults() ClientOptions {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	set(&o.Connect, time.Second)
	set(&o.Header, 8*time.Second)
	set(&o.Get, 15*time.Second)
	set(&o.Publish, time.Second)
	if o.MaxConns <= 0 {
		o.MaxConns = 256
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 64 << 20
	}
	return o
}

// Client is an origin's Getter and Publisher on this side of a connection. It never gives part of an object, follows no
// redirect and repeats no request that may have been heard; trying again is its caller's business.
type Client struct {
	base      string // without a slash at the end
	options   ClientOptions
	transport *http.Transport
}

var (
	_ origin.Getter    = (*Client)(nil)
	_ origin.Publisher = (*Client)(nil)
	_ origin.Configs   = (*Client)(nil)
)

// NewClient makes a client of the origin or edge at a base URL such as http://127.0.0.1:8080.
func NewClient(base string, o ClientOptions) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("origin's URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("origin's URL: %q is not like http://host:port", base)
	}
	for len(base) > 0 && base[len(base)-1] == '/' {
		base = base[:len(base)-1]
	}
	o = o.withDefaults()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Client{base: base, options: o, transport: &http.Transport{
		Protocols:              protocols,
		DialContext:            (&net.Dialer{Timeout: o.Connect}).DialContext,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    o.Connect,
		ResponseHeaderTimeout:  o.Header,
		MaxConnsPerHost:        o.MaxConns,
		MaxIdleConns:           o.MaxConns,
		MaxIdleConnsPerHost:    o.MaxConns,
		IdleConnTimeout:        60 * time.Second, // before the server's 75 s
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}}, nil
}

// Close closes idle connections; the client must not be used afterwards.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// answer is a response that has been read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	digest uint32 // CRC32C of body
}

// verify compares the body with its Repr-Digest, where there is one.
func (a *answer) verify() error {
	digests, err := reprDigests(a.header[fieldDigest])
	if err != nil {
		return fmt.Errorf("%s: %w", fieldDigest, err)
	}
	if want, ok := crc32cOf(digests); ok && want != a.digest {
		return fmt.Errorf("crc32c is %08x, not %08x: %w", a.digest, want, ErrDamaged)
	}
	return nil
}

// exchange sends one request and reads the whole answer within a budget.
func (c *Client) exchange(ctx context.Context, budget time.Duration, method string, p fmt.Stringer, h http.Header,
	body []byte) (answer, error) {
	limited, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	var reader io.Reader = unrepeatable{}
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(limited, method, c.base+p.String(), reader)
	if err != nil {
		return answer{}, err
	}
	for name, values := range h {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "liveorigin")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return answer{}, failure(ctx, method, p, err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = readAll(resp.Body, resp.ContentLength, c.options.MaxBody); err != nil {
		return answer{}, failure(ctx, method, p, err)
	}
	a.digest = origin.Checksum(a.body)
	return a, nil
}

// unrepeatable is the empty body of a GET. Without one, http.Transport would send a GET again, on a new connection,
// when a reused one breaks before the first byte of the answer: which is just what a dying origin looks like. Its
// caller would not hear of the fault, and the origin would get two requests for one. A publication is repeated by the
// transport only if nothing of it was written.
type unrepeatable struct{}

func (unrepeatable) Read([]byte) (int, error) { return 0, io.EOF }

// failure says why no answer came: the caller's own context as it is, a time-out as origin.ErrTimeout, anything else as
// origin.ErrUnreachable.
func failure(ctx context.Context, method string, p fmt.Stringer, err error) error {
	if own := ctx.Err(); own != nil {
		return own
	}
	var t interface{ Timeout() bool }
	switch {
	case errors.As(err, &t) && t.Timeout(): // ours, the transport's, and the kernel's
		return fmt.Errorf("%s %s: %w", method, p, origin.ErrTimeout)
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("%s %s: %w", method, p, err)
	}
	return fmt.Errorf("%s %s: %w: %w", method, p, err, origin.ErrUnreachable)
}
