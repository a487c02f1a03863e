package encoders

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// task is one publication from its first try to its last answer.
type task struct {
	packager    *Packager
	publication origin.Publication
	first       time.Time // of the first try
	attempts    int
	receipt     origin.Receipt // the last one; zero where none came
	err         error          // of the last try
}

func (p *Packager) begin(r origin.Rendition, n origin.SegmentNumber) *task {
	return &task{packager: p, first: p.Runtime.Now(), publication: origin.Publication{
		Key: origin.Key{Event: p.Event.ID, Rendition: r.ID, Number: n, Pipeline: p.Pipeline}}}
}

// publish tries until an answer is final, until the next try would begin at the deadline or later, or until ctx is
// done. Without a deadline (a header) it also waits for an event or rendition that is not there yet. There is always
// one try: the answer to a late segment is the origin's to give.
func (t *task) publish(ctx context.Context, deadline time.Time) {
	p := t.packager
	for node := p.firstNode(); ; node = (node + 1) % len(p.Publishers) {
		t.attempts++
		t.receipt, t.err = p.Publishers[node].Publish(ctx, t.publication)
		absent := t.receipt.Outcome == origin.NoSuchPlace && deadline.IsZero()
		if t.err == nil && t.receipt.Outcome.Final() && !absent {
			p.prefer(node)
			return
		}
		wait := p.backOff(t.attempts)
		if !deadline.IsZero() && !p.Runtime.Now().Add(wait).Before(deadline) {
			return
		}
		if p.Runtime.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// fail records a segment of which nothing was sent.
func (t *task) fail(err error) {
	t.err = err
	t.record()
}

// record writes the publication into the history. Reason is the last answer's outcome; Error says why the candidate
// was not accepted.
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
	p.Recorder.Record(r)
}
