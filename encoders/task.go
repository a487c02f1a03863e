package encoders

import (
	"context"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// task is one publication from its first try to its last answer.
type task struct {
	packager    *Packager
	rendition   origin.Rendition
	publication origin.Publication
	first       time.Time // of the first try
	attempts    int
	receipt     origin.Receipt // the last one; zero where none came
	err         error          // of the last try
	gaveUp      string         // why there was no other try; "" where the last answer was final
}

func (p *Packager) begin(r origin.Rendition, n origin.SegmentNumber) *task {
	return &task{packager: p, rendition: r, first: p.Runtime.Now(), publication: origin.Publication{
		Key: origin.Key{Event: p.Event.ID, Rendition: r.ID, Number: n, Pipeline: p.Pipeline}}}
}

// publish tries until an answer is final, until there is no sense in another try, or until ctx is done. Without a
// deadline (a header) it also waits for an event or rendition that is not there yet. There is always one try: the answer
// to a late segment is the origin's to give.
func (t *task) publish(ctx context.Context, deadline time.Time) {
	p := t.packager
	t.publication.Object.Token = t.token()
	for node := p.firstNode(); ; node = (node + 1) % len(p.Publishers) {
		t.attempts++
		t.receipt, t.err = p.Publishers[node].Publish(ctx, t.publication)
		absent := t.receipt.Outcome == origin.NoSuchPlace && deadline.IsZero()
		if t.err == nil && t.receipt.Outcome.Final() && !absent {
			p.answered(node)
			return
		}
		if t.err == nil && t.receipt.Outcome == origin.HeaderFirst {
			t.sendHeader(ctx, p.Publishers[node])
		}
		wait := p.backOff(t.attempts)
		if t.gaveUp = t.hopeless(deadline, wait); t.gaveUp != "" || p.Runtime.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// hopeless says why there is no sense in another try after such a wait; "" when there is.
func (t *task) hopeless(deadline time.Time, wait time.Duration) string {
	p, n := t.packager, t.publication.Key.Number
	outage := time.Duration(0)
	if t.err != nil || t.receipt.Outcome == origin.Unavailable {
		outage = p.unanswered()
	}
	switch next := p.Runtime.Now().Add(wait); {
	case !deadline.IsZero() && !next.Before(deadline):
		return "given up at the retry deadline"
	case n == origin.Header && p.done(next):
		return "given up at the event's end"
	case outage >= resendable*p.Event.SegmentDuration && p.old(n):
		return fmt.Sprintf("given up for the live edge after %v without an answer", outage.Truncate(time.Millisecond))
	}
	return ""
}

// sendHeader sends the rendition's CMAF header to a node that has none: one that was started anew, or is not ours. What
// becomes of it shows in the answer to the next try.
func (t *task) sendHeader(ctx context.Context, to origin.Publisher) {
	header, err := t.packager.Header(t.rendition)
	if err != nil {
		return // begun with, or there would be no segment: recorded then
	}
	key := t.publication.Key
	key.Number = origin.Header
	_, _ = to.Publish(ctx, origin.Publication{Key: key, Object: header, Inspected: true})
}

// token is the same for every try, at whichever node, and another one for every other write: for one of other bytes too.
func (t *task) token() origin.Token {
	key := t.publication.Key
	name := fmt.Sprintf("%s/%s/%d/%s", key.Event, key.Rendition, key.Number, key.Pipeline)
	nonce := mix(uint64(origin.Checksum([]byte(name)))<<32|uint64(t.publication.Object.Digest)) ^ mix(uint64(t.first.UnixNano()))
	return origin.Token{Time: t.first, Nonce: nonce}
}

// fail records a segment of which nothing was sent.
func (t *task) fail(err error) {
	t.err = err
	t.record()
}

// record writes the publication into the history. Reason is the last answer's outcome; Error says why the candidate
// was not accepted, and why it was given up.
func (t *task) record() {
	p, key := t.packager, t.publication.Key
	now := p.Runtime.Now()
	r := origin.Record{
		AtUs: now.Sub(p.Event.AvailabilityStartTime).Microseconds(), Kind: origin.KindPublish,
		Pipeline: p.Pipeline, Region: p.Region, Rendition: key.Rendition, Number: key.Number,
		Reason: string(t.receipt.Outcome), Defects: (t.publication.Defects | t.receipt.Defects).Names(),
		Attempts: t.attempts, WaitUs: now.Sub(t.first).Microseconds(), Size: t.publication.Object.Size,
		Digest: t.publication.Object.Digest,
	}
	if key.Number != origin.Header {
		r.LateUs = now.Sub(p.Event.AvailableAt(key.Number)).Microseconds()
	}
	switch {
	case t.err != nil:
		r.Error = t.err.Error()
	case !t.receipt.Outcome.Accepted():
		r.Error = string(t.receipt.Outcome)
		if t.receipt.Detail != "" {
			r.Error += ": " + t.receipt.Detail
		}
	}
	if t.gaveUp != "" {
		r.Error = t.gaveUp + ": " + r.Error
	}
	p.Recorder.Record(r)
}
