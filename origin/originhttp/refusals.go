package originhttp

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// refuser is a Getter that can say no before it is asked in earnest. A Node is one; with anything wrapped around it, it is
// none, and every request is asked in earnest.
type refuser interface {
	Refused(origin.Request) (origin.Response, bool)
}

// Refuse answers a request from its head alone, if all that it gets is a refusal: the same bytes that ServeHTTP would have
// net/http write, at a fraction of the processor time, which is what a storm of requests for nothing is about. The guard
// asks before net/http hears of the request. It returns nil for whatever is not a plain GET, or is not refused.
func (d *delivery) Refuse(now time.Time, head, into []byte) []byte {
	r, ok := d.getter.(refuser)
	if !ok {
		return nil
	}
	target, ok := plainGet(head)
	if !ok {
		return nil
	}
	p, err := ParsePath(target)
	if err != nil || p.File != SegmentFile && p.File != HeaderFile {
		return nil
	}
	resp, ok := r.Refused(p.Request())
	if !ok {
		return nil
	}
	status, body := resp.Reason.Status(), errorBodies[resp.Reason]
	f := newFields()
	defer f.release()
	describeRefusal(f, &resp, status, len(body))
	into = append(into, "HTTP/1.1 "...)
	into = strconv.AppendInt(into, int64(status), 10)
	into = append(append(append(into, ' '), http.StatusText(status)...), "\r\nDate: "...)
	into = append(append(into, d.date.at(now)...), "\r\n"...)
	into = f.appendTo(into)
	return append(append(into, "\r\n"...), body...)
}

// date is the text of a Date field (RFC 9110, 6.6.1), written once a second.
type date struct{ last atomic.Pointer[dated] }

type dated struct {
	second int64 // of the epoch
	text   string
}

func (d *date) at(now time.Time) string {
	last, second := d.last.Load(), now.Unix()
	if last == nil || last.second != second {
		last = &dated{second, now.UTC().Format(http.TimeFormat)}
		d.last.Store(last)
	}
	return last.text
}

// plainGet is the path of a GET of HTTP/1.1 whose fields say nothing that an answer depends on. What has an escape in it, or
// says how its connection is to be treated, is left to net/http.
func plainGet(head []byte) (path string, ok bool) {
	line, rest, _ := bytes.Cut(head, crlf)
	target, ok := bytes.CutPrefix(line, []byte("GET "))
	if !ok {
		return "", false
	}
	target, ok = bytes.CutSuffix(target, []byte(" HTTP/1.1"))
	if !ok || bytes.IndexByte(target, '%') >= 0 {
		return "", false
	}
	target, _, _ = bytes.Cut(target, []byte("?"))
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, crlf)
		name, _, _ := bytes.Cut(line, []byte(":"))
		for _, meant := range heeded {
			if len(name) == len(meant) && bytes.EqualFold(name, meant) {
				return "", false
			}
		}
	}
	return string(target), true
}

var (
	crlf = []byte("\r\n")
	// heeded are the fields that an answer, or what happens to its connection, depends on.
	heeded = [][]byte{[]byte("Connection"), []byte("Expect"), []byte("Upgrade"), []byte("Sec-Purpose"), []byte("Purpose")}
)

// appendTo writes the fields as they travel.
func (f *fields) appendTo(b []byte) []byte {
	start := 0
	for i := range f.n {
		b = append(append(b, f.names[i]...), ": "...)
		b = append(append(b, f.text[start:f.ends[i]]...), "\r\n"...)
		start = f.ends[i]
	}
	return b
}
