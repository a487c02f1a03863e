package originhttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// errTooLarge says that a body of unannounced length passed its limit.
var errTooLarge = errors.New("body too large")

// readAll reads a body of the announced length, or of any length up to limit when that is negative, into one buffer of
// just its size. A body that ends early is an error: there are no partial objects.
func readAll(body io.Reader, length, limit int64) ([]byte, error) {
	if length >= 0 {
		if length > limit {
			return nil, errTooLarge
		}
		b := make([]byte, length)
		if n, err := io.ReadFull(body, b); err != nil {
			return nil, fmt.Errorf("body ended after %d of %d bytes: %w", n, length, err)
		}
		return b, nil
	}
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("body ended after %d bytes: %w", n, err)
	case n > limit:
		return nil, errTooLarge
	}
	return bytes.Clone(b.Bytes()), nil // without the buffer's room to grow: objects are kept
}

// timely is a body that has to be there at some time: what drips in is given up, however it is framed. That no single Read takes
// long is the guard's business.
type timely struct {
	io.Reader
	clock origin.Clock
	until time.Time
}

// Read implements io.Reader.
func (t *timely) Read(b []byte) (int, error) {
	if !t.clock.Now().Before(t.until) {
		return 0, os.ErrDeadlineExceeded
	}
	return t.Reader.Read(b)
}

// readBody reads a request's body once, from in, and maps what can go wrong to the status that says it.
func readBody(r *http.Request, in io.Reader, limit int64) ([]byte, *refusal) {
	body, err := readAll(in, r.ContentLength, limit)
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, errTooLarge):
		return nil, tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{status: http.StatusRequestTimeout, text: "the body took too long", close: true}
	}
	return nil, &refusal{status: http.StatusBadRequest, text: err.Error(), close: true}
}
