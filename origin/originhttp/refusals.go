package originhttp

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// refuser is a Getter that can say no before it is asked in earnest. A Node is one; a Getter that wraps one has to say so,
// or every request is asked in earnest.
type refuser interface {
	Refused(origin.Request) (origin.Refusal, bool)
}

// Refuse answers a plain GET from its target alone, if all that it gets is a refusal: the same bytes that ServeHTTP would have
// net/http write, at a fraction of the processor time, which is what a storm of requests for nothing is about. The guard
// asks before net/http hears of the request. It returns nil for whatever is not refused.
func (d *delivery) Refuse(target []byte) []byte {
	if d.refuser == nil {
		return nil
	}
	if query := bytes.IndexByte(target, '?'); query >= 0 {
		target = target[:query]
	}
	p, err := ParsePath(string(target)) // which takes no escapes: what has one is left to net/http
	if err != nil || p.File != SegmentFile && p.File != HeaderFile {
		return nil
	}
	r, ok := d.refuser.Refused(p.Request())
	if !ok {
		return nil
	}
	return d.refused.of(refused{r.Reason, r.MaxAge.Truncate(time.Millisecond), r.Bulletin, r.At.Unix()})
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
	b := make([]byte, 0, 1<<10)
	return append(f.appendHead(b, status, time.Unix(r.second, 0)), body...)
}
