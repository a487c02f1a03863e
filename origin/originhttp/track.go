package originhttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

const (
	// mostRefused is how many segments in a row may be refused before a long upload ends: whoever was away for longer than
	// that goes on at the live edge (DASH-IF, general failure behaviours, 2).
	mostRefused = 3
	// idleTrack is how much longer than its duration a segment of a long upload may take to come in.
	idleTrack = 10 * time.Second
	// How long to wait before a segment that no quorum has is tried again.
	firstWait = 50 * time.Millisecond
	lastWait  = 400 * time.Millisecond
)

// takeTrack takes a track as it comes: a CMAF header and chunks of any number of segments, as one long request, or as
// many. Each segment is numbered from its decode time and is published as soon as it is whole, as if it had been sent
// by itself. A track's first request begins with the header; a later one need not, but if this origin has not seen it,
// as after a restart, the answer to its first segment is 412, and the source sends the header again.
//
// The answer comes when the body ends. It is the one that its only segment has; of several, 201 when all were accepted,
// and else that of the last that was refused; it says how many were stored, repeated and refused. A segment that is
// refused is dropped, and the upload goes on; it ends early, with the connection, where the rest could fare no better:
// when mostRefused segments in a row were refused, the header was, the pipeline may not publish, or it is no CMAF.
// A body that is cut short loses the segment that was not whole; those before it stay.
//
// What is not stored for want of a quorum is tried again until its retry deadline, and the body waits meanwhile.
func (h *publishing) takeTrack(w http.ResponseWriter, r *http.Request, to admission) {
	if ref := checkTrack(r, &to); ref != nil {
		ref.close = true
		ref.write(w)
		return
	}
	if r.ContentLength == 0 {
		ready(w, "publishing is allowed here\n")
		return
	}
	u := &upload{publishing: h, request: r, to: &to, control: http.NewResponseController(w)}
	u.body = timely{Reader: r.Body, clock: h.clock}
	u.split = splitter{from: &u.body, limit: h.options.Body, reserve: u.reserve,
		timeline: timeline{&to.event, to.rendition.Timescale, int64(to.rendition.SampleTicks)}}
	stop := context.AfterFunc(r.Context(), func() { _ = u.control.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	defer func() { u.inFlight.Add(-u.reserved) }()
	ref := u.run()
	_ = u.control.SetWriteDeadline(time.Now().Add(idleTrack))
	if ref != nil {
		ref.write(w)
		return
	}
	if u.early {
		w.Header().Set("Connection", "close")
	}
	acknowledgeAll(w, u.last, &u.tally)
}

// checkTrack refuses what cannot be meant for a whole track.
func checkTrack(r *http.Request, to *admission) *refusal {
	if ref := checkLength(r, 1<<62); ref != nil { // each segment has its limit
		return ref
	}
	if ref := checkMedia(r); ref != nil {
		return ref
	}
	for _, field := range []string{fieldDefects, fieldToken, fieldDigest, fieldContentDigest} {
		if _, ok := r.Header[field]; ok {
			return bad(field + " is of one segment, not of a track")
		}
	}
	for _, field := range []string{"If-Match", "If-None-Match"} {
		if _, ok := r.Header[field]; ok {
			return preconditionFailed("a track has no state to compare with")
		}
	}
	if to.rendition.Timescale == 0 || to.rendition.SampleTicks == 0 {
		return &refusal{outcome: origin.Unparseable, text: "the event does not say how this rendition counts time"}
	}
	return nil
}

// upload is a long upload under way.
type upload struct {
	*publishing
	request  *http.Request
	to       *admission
	control  *http.ResponseController
	split    splitter
	body     timely
	reserved int64 // bytes in flight

	tally
	last  origin.Receipt // of the last segment that was refused, or else of the last one
	inRow int            // refused
	early bool           // the rest of the body is not wanted
}

// run publishes part after part, up to the end of the body or of patience with it.
func (u *upload) run() *refusal {
	for {
		u.extend()
		p, err := u.split.next()
		if err == io.EOF {
			return u.nothing()
		}
		if err != nil {
			return u.broken(err)
		}
		if p.number != origin.Header && !u.knows(u.to.key(origin.Header)) {
			return &refusal{outcome: origin.HeaderFirst, text: "the track's CMAF header comes before its segments", close: true}
		}
		receipt := u.publishPart(p)
		u.reserve(-int64(len(p.body)))
		if u.early = u.count(p, receipt); u.early {
			return nil
		}
	}
}

// reserve counts bytes that are read, or given back.
func (u *upload) reserve(n int64) bool {
	u.reserved += n
	return u.publishing.reserve(n)
}

// extend gives the next segment its time: the server's own limit on a request is for one that is one segment. A server
// that cannot do so (a test's recorder) has no limit.
func (u *upload) extend() {
	until := time.Now().Add(u.to.event.SegmentDuration + idleTrack)
	u.body.until = u.clock.Now().Add(u.to.event.SegmentDuration + idleTrack)
	_ = u.control.SetReadDeadline(until)
	_ = u.control.SetWriteDeadline(until.Add(idleTrack))
	if u.request.Context().Err() != nil { // in between, the server has begun to stop
		_ = u.control.SetReadDeadline(time.Unix(1, 0))
	}
}

// publishPart publishes until there is another answer than that no quorum has it.
func (u *upload) publishPart(p part) origin.Receipt {
	publication := origin.Publication{Key: u.to.key(p.number),
		Object: origin.Object{Body: p.body, Size: len(p.body), Digest: origin.Checksum(p.body)}}
	deadline := u.clock.Now().Add(u.to.event.RetryBudget)
	if p.number != origin.Header {
		deadline = u.to.event.RetryDeadline(p.number)
	}
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		receipt := u.publish(u.request, publication)
		if receipt.Outcome != origin.Unavailable || !u.clock.Now().Add(wait).Before(deadline) ||
			u.clock.Sleep(u.request.Context(), wait) != nil {
			return receipt
		}
	}
}

// count takes a receipt down, and says whether it is the last one.
func (u *upload) count(p part, receipt origin.Receipt) (over bool) {
	if receipt.Outcome.Accepted() {
		u.inRow = 0
		if p.number == origin.Header {
			u.remember(u.to.key(origin.Header))
			if u.last.Outcome == "" {
				u.last = receipt // of a request that has nothing else
			}
			return false
		}
		if receipt.Outcome == origin.Repeated {
			u.tally.Repeated++
		} else {
			u.tally.Stored++
		}
		if u.tally.Refused == 0 && (u.tally.Stored == 0 || receipt.Outcome == origin.Stored) {
			u.last = receipt
		}
		return false
	}
	u.last = receipt
	u.tally.Refused++
	u.inRow++
	return p.number == origin.Header || u.inRow >= mostRefused || receipt.Outcome == origin.Forbidden ||
		receipt.Outcome == origin.NoSuchPlace
}

// nothing refuses a body that ended without anything in it.
func (u *upload) nothing() *refusal {
	if u.last.Outcome == "" && len(u.split.buf) > 0 {
		return &refusal{outcome: origin.Unparseable, text: "neither a header nor a segment"}
	}
	if u.last.Outcome == "" {
		u.last = origin.Receipt{Outcome: origin.Repeated, Detail: "nothing was sent"}
	}
	return nil
}

// broken says what ended a body that did not end by itself.
func (u *upload) broken(err error) *refusal {
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge(u.options.Body)
	case errors.Is(err, errCMAF):
		return &refusal{outcome: origin.Unparseable, text: err.Error(), close: true}
	case errors.Is(err, errBusy), errors.Is(context.Cause(u.request.Context()), errStopping):
		return &refusal{outcome: origin.Unavailable, text: "not now: " + err.Error(), close: true}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{status: http.StatusRequestTimeout, text: "the next segment took too long", close: true}
	}
	return &refusal{status: http.StatusBadRequest, text: err.Error(), close: true}
}

// maxHeaders bounds the headers that a handler remembers: more than there are in any event. When it is reached all are
// forgotten, which costs each source the header once more.
const maxHeaders = 4096

// remember keeps in mind that a track's header is stored.
func (h *publishing) remember(key origin.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.headers) >= maxHeaders {
		clear(h.headers)
	}
	h.headers[key] = true
}

func (h *publishing) knows(key origin.Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.headers[key]
}
