package player

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// answer is what came of one request.
type answer struct {
	status   int
	reason   string // Live-Reason
	err      error  // no answer, or not all of it
	lifetime time.Duration
	header   http.Header
	firstAt  time.Duration
	lastAt   time.Duration
	bytes    int64

	checked, noDigest bool
	wrong             string
}

// attempt asks one edge for the segment once. It ends when the answer is there, or when the segment is no use any more,
// or when not even the beginning of an answer has come by the time by which an origin answers.
func (f *fetch) attempt(ctx context.Context, edge int) (a answer) {
	e := f.viewer.event
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	limit := time.AfterFunc(min(f.patience(), f.giveUp-e.now()), cancel)
	defer limit.Stop()

	resp, err := f.viewer.transport.RoundTrip(f.viewer.request(ctx, edge, f.Rendition, f.Number))
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	a.firstAt = e.now()
	limit.Reset(f.giveUp - a.firstAt)
	a.status, a.header, a.reason = resp.StatusCode, resp.Header, f.viewer.names.intern(name(resp.Header[fieldReason]))
	if resp.StatusCode != http.StatusOK {
		a.lifetime = lifetime(resp.Header)
		_, _ = io.CopyN(io.Discard, resp.Body, 4096) // what is left of it costs the connection, which is cheaper
		return a
	}
	if f.check {
		f.readChecked(&a, resp)
	} else {
		a.bytes, a.err = drain(resp.Body)
	}
	a.lastAt = e.now()
	return a
}

// readChecked reads a body and compares it with what its header and its number say.
func (f *fetch) readChecked(a *answer, resp *http.Response) {
	n, sum, decode, found, err := inspect(resp.Body)
	a.bytes, a.err = n, err
	if err != nil {
		return
	}
	want, ok := crc32c(resp.Header[fieldDigest])
	a.checked, a.noDigest = ok, !ok
	switch {
	case resp.ContentLength >= 0 && n != resp.ContentLength:
		a.wrong = wrongLength
	case ok && sum != want:
		a.wrong = wrongDigest
	case len(defects(resp.Header[fieldDefects])) == 0:
		e := f.viewer.event
		a.wrong = verify(e, f.Number, &e.Renditions[f.Rendition], decode, found)
	}
}

// patience is how long the beginning of an answer may take: an origin holds a request up to the retry deadline, and
// after that an edge or an origin has a second, or the duration of a segment, to be slow.
func (f *fetch) patience() time.Duration {
	e := f.viewer.event
	slack := max(time.Second, e.Segment)
	return max(f.due+e.PublishDelay+e.RetryBudget+slack/2-e.now(), slack)
}

// request makes a request for a segment. URL and request are made by hand: parsing them would cost more than all else
// that a viewer does.
func (a *audience) request(ctx context.Context, edge, rendition int, n Number) *http.Request {
	base := a.bases[edge]
	u := *base
	path := make([]byte, 0, 128)
	path = append(path, base.Path...)
	for _, part := range [...]string{"/", a.event.ID, "/", a.event.Renditions[rendition].ID, "/"} {
		path = append(path, part...)
	}
	path = append(strconv.AppendInt(path, int64(n), 10), ".m4s"...)
	u.Path = string(path)
	return newRequest(ctx, &u, a.header)
}

func newRequest(ctx context.Context, u *url.URL, header http.Header) *http.Request {
	if header == nil {
		header = http.Header{} // net/http insists
	}
	r := &http.Request{
		Method: http.MethodGet, URL: u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return r.WithContext(ctx)
}

// over says that the edge knows of nothing more to come.
func (a *answer) over() bool {
	return a.err == nil && a.status != http.StatusOK && (a.reason == reasonAfterEnd || a.reason == reasonRemoved)
}

// describe names what became of a request in a few words, of which there are few.
func (a *answer) describe() string {
	switch {
	case a.err == nil && a.reason == "":
		return strconv.Itoa(a.status)
	case a.err == nil:
		return strconv.Itoa(a.status) + " " + a.reason
	case errors.Is(a.err, context.DeadlineExceeded), errors.Is(a.err, context.Canceled):
		return "timeout"
	case errors.Is(a.err, syscall.ECONNREFUSED):
		return "connection refused"
	case a.status == http.StatusOK:
		return "body cut short"
	case errors.Is(a.err, syscall.ECONNRESET), errors.Is(a.err, io.EOF), errors.Is(a.err, io.ErrUnexpectedEOF):
		return "connection lost"
	}
	return "connection error"
}
