package originhttp

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// refuser is a Getter that can say no before it is asked in earnest. A Node is one; a Getter that wraps one has to say so,
// or every request is asked in earnest.
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
	return append(into, d.refused.of(refused{resp.Reason, resp.MaxAge.Truncate(time.Millisecond), resp.Bulletin, now.Unix()})...)
}

// refused is what the text of a refusal depends on.
type refused struct {
	reason   origin.Reason
	maxAge   time.Duration // in whole milliseconds, as it is written
	bulletin origin.Bulletin
	second   int64 // of the epoch, for Date (RFC 9110, 6.6.1)
}

// refusedText remembers the text of the last refusal: those of a storm are alike, within a second or a millisecond.
type refusedText struct{ last atomic.Pointer[written] }

type written struct {
	refused
	text []byte
}

func (t *refusedText) of(r refused) []byte {
	if last := t.last.Load(); last != nil && last.refused == r {
		return last.text
	}
	text := r.write()
	t.last.Store(&written{r, text})
	return text
}

// write writes a refusal as it travels.
func (r refused) write() []byte {
	status, body := r.reason.Status(), errorBodies[r.reason]
	f := newFields()
	defer f.release()
	describeRefusal(f, &origin.Response{Reason: r.reason, MaxAge: r.maxAge, Bulletin: r.bulletin}, status, len(body))
	b := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, http.StatusText(status), time.Unix(r.second, 0).UTC().Format(http.TimeFormat))
	return append(append(f.appendTo(b), "\r\n"...), body...)
}

// plainGet is the path of a GET of HTTP/1.1 whose fields say nothing that an answer depends on. What has an escape in it, or
// says how its connection is to be treated, is left to net/http.
func plainGet(head []byte) (path string, ok bool) {
	line, rest, _ := bytes.Cut(head, lineEnd)
	target, ok := bytes.CutPrefix(line, []byte("GET "))
	if !ok {
		return "", false
	}
	target, ok = bytes.CutSuffix(target, []byte(" HTTP/1.1\r"))
	if !ok || bytes.IndexByte(target, '%') >= 0 {
		return "", false
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		for _, meant := range heeded {
			if n := len(meant); len(line) > n && line[n] == ':' && bytes.EqualFold(line[:n], meant) {
				return "", false
			}
		}
	}
	if query := bytes.IndexByte(target, '?'); query >= 0 {
		target = target[:query]
	}
	return string(target), true
}

var (
	lineEnd = []byte("\n")
	// heeded are the fields that an answer, what happens to its connection, or what is said of it in a log depends on.
	heeded = [][]byte{[]byte("Connection"), []byte("Expect"), []byte("Upgrade"), []byte("Sec-Purpose"), []byte("Purpose"),
		[]byte("Traceparent")}
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
