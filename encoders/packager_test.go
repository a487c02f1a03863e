package encoders

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// world is a packager between a source and nodes to order, inside a synctest bubble.
type world struct {
	ev     origin.Event
	source origin.Source
	enc    *Encoder

	mu      sync.Mutex
	sent    []sent // in the order of the calls
	records map[string]origin.Record
}

// digestOf is the digest of a segment as it was sent.
func (w *world) digestOf(rendition string, n origin.SegmentNumber) uint32 {
	for _, s := range w.sent {
		if s.p.Key.Rendition == rendition && s.p.Key.Number == n {
			return s.p.Object.Digest
		}
	}
	return 0
}

type sent struct {
	node int
	at   time.Time
	p    origin.Publication
}

type sourceFunc func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error)

func (f sourceFunc) Segment(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
	return f(ctx, r, n)
}

type node struct {
	world  *world
	index  int
	answer func(ctx context.Context, p origin.Publication) (origin.Receipt, error)
}

func (n node) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	n.world.mu.Lock()
	n.world.sent = append(n.world.sent, sent{n.index, time.Now(), p})
	n.world.mu.Unlock()
	return n.answer(ctx, p)
}

func (w *world) Record(r origin.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := fmt.Sprintf("%s/%d", r.Rendition, r.Number)
	if _, ok := w.records[key]; ok {
		panic("two records of " + key)
	}
	w.records[key] = r
}

// newWorld is an event of five segments that starts in a second.
func newWorld(t *testing.T) *world {
	w := &world{ev: testEvent(t, "small"), records: map[string]origin.Record{}}
	w.ev.AvailabilityStartTime = time.Now().Add(time.Second)
	w.ev.End = w.ev.AvailabilityStartTime.Add(10 * time.Second)
	w.enc = testEncoder(t, w.ev)
	w.source = w.enc
	return w
}

func (w *world) run(ctx context.Context, answers ...func(context.Context, origin.Publication) (origin.Receipt, error)) {
	w.packager(answers...).Run(ctx)
	synctest.Wait()
}

func (w *world) packager(answers ...func(context.Context, origin.Publication) (origin.Receipt, error)) *Packager {
	c := PackagerConfig{Runtime: new(origin.Wall), Event: w.ev, Pipeline: "a", Region: "us-east", Source: w.source,
		Header: w.enc.Header, Recorder: w, Rand: rand.New(rand.NewPCG(1, 2))}
	for i, answer := range answers {
		c.Publishers = append(c.Publishers, node{w, i, answer})
	}
	return NewPackager(c)
}

// tries lists the publications of one segment.
func (w *world) tries(rendition string, n origin.SegmentNumber) (out []sent) {
	for _, s := range w.sent {
		if s.p.Key.Rendition == rendition && s.p.Key.Number == n {
			out = append(out, s)
		}
	}
	return out
}

func stored(context.Context, origin.Publication) (origin.Receipt, error) {
	return origin.Receipt{Outcome: origin.Stored}, nil
}

// Headers first, then every segment once, as soon as it is available, with one record each.
func TestPackager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), stored)
		if got := time.Since(w.ev.End); got != 0 {
			t.Errorf("returned %v after the event's end", got)
		}
		if len(w.sent) != 12 || len(w.records) != 10 {
			t.Fatalf("%d publications and %d records; want 12 and 10", len(w.sent), len(w.records))
		}
		for i, s := range w.sent {
			k := s.p.Key
			if (k.Number == origin.Header) != (i < 2) || k.Event != "final" || k.Pipeline != "a" {
				t.Errorf("publication %d is %+v", i, k)
			}
			if k.Number != origin.Header && !s.at.Equal(w.ev.AvailableAt(k.Number)) {
				t.Errorf("%s/%d was published at %v, available at %v", k.Rendition, k.Number, s.at, w.ev.AvailableAt(k.Number))
			}
			if !s.p.Inspected || s.p.Defects != 0 || s.p.Object.Size == 0 {
				t.Errorf("%+v: inspected %v, %v, %d bytes", k, s.p.Inspected, s.p.Defects, s.p.Object.Size)
			}
		}
		want := origin.Record{AtUs: 4_000_000, Kind: origin.KindPublish, Pipeline: "a", Region: "us-east",
			Rendition: "v360", Number: 42, Reason: "stored", Attempts: 1, Size: 150_000, Digest: w.digestOf("v360", 42)}
		if want.Digest == 0 {
			t.Error("nothing to compare the digest with")
		}
		if got := w.records["v360/42"]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("record\n got %+v\nwant %+v", got, want)
		}
	})
}

// One table of sources that have something else than a clean segment for number 43 of the video.
func TestPackagerSource(t *testing.T) {
	for name, row := range map[string]struct {
		object  func(o origin.Object) (origin.Object, error)
		sent    int
		defects origin.Defects
		error   string
	}{
		"a declared hole": {func(origin.Object) (origin.Object, error) { return origin.Object{}, origin.ErrNoSegment },
			1, origin.MissingSegment, ""},
		"an encoder that is gone": {func(origin.Object) (origin.Object, error) { return origin.Object{}, origin.ErrUnreachable },
			0, 0, "unreachable"},
		"half a segment": {func(o origin.Object) (origin.Object, error) { return object(o.Body[:o.Size/2], o.ExpiresAt), nil },
			1, origin.Truncated, ""},
		"no segment at all": {func(o origin.Object) (origin.Object, error) { return object([]byte("oops"), o.ExpiresAt), nil },
			1, origin.Uninspected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.source = sourceFunc(func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
					o, err := w.enc.Segment(ctx, r, n)
					if n == 43 && r.Kind == origin.Video {
						return row.object(o)
					}
					return o, err
				})
				w.run(t.Context(), stored)
				tries, record := w.tries("v360", 43), w.records["v360/43"]
				if len(tries) != row.sent || len(w.records) != 10 {
					t.Fatalf("%d tries and %d records; want %d and 10", len(tries), len(w.records), row.sent)
				}
				if fmt.Sprint(record.Defects) != fmt.Sprint(row.defects.Names()) || record.Error != row.error {
					t.Errorf("record: defects %v, error %q; want %v, %q", record.Defects, record.Error, row.defects, row.error)
				}
				if row.sent > 0 && (tries[0].p.Defects != row.defects || !tries[0].p.Inspected) {
					t.Errorf("sent with %v, inspected %v", tries[0].p.Defects, tries[0].p.Inspected)
				}
				if row.defects == origin.MissingSegment && tries[0].p.Object.Size != 0 {
					t.Errorf("a hole of %d bytes", tries[0].p.Object.Size)
				}
			})
		})
	}
}

// Back-offs grow with jitter, stay inside of the budget, and go round the nodes.
func TestPackagerRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		broken := func(_ context.Context, p origin.Publication) (origin.Receipt, error) {
			if p.Key.Number == 43 {
				return origin.Receipt{}, origin.ErrTimeout
			}
			return stored(context.Background(), p)
		}
		short := func(_ context.Context, p origin.Publication) (origin.Receipt, error) {
			if p.Key.Number == 43 {
				return origin.Receipt{Outcome: origin.Unavailable, Detail: "1 of 3"}, nil
			}
			return stored(context.Background(), p)
		}
		w.run(t.Context(), broken, short)
		tries := w.tries("v360", 43)
		if len(tries) < 6 || len(tries) > 14 {
			t.Fatalf("%d tries in a budget of 2.2 s", len(tries))
		}
		var waits []time.Duration
		seen := map[int]bool{}
		for i, s := range tries {
			seen[s.node] = true
			if !s.at.Before(w.ev.RetryDeadline(43)) {
				t.Errorf("try %d at the deadline or later", i+1)
			}
			if i == 0 {
				continue
			}
			wait, most := s.at.Sub(tries[i-1].at), min(50*time.Millisecond<<(i-1), 400*time.Millisecond)
			if wait <= most/2-1 || wait > most {
				t.Errorf("waited %v before try %d; want between %v and %v", wait, i+1, most/2, most)
			}
			waits = append(waits, wait)
		}
		if len(seen) != 2 {
			t.Errorf("asked nodes %v; want both", seen)
		}
		if waits[3] == waits[4] && waits[4] == waits[5] {
			t.Errorf("no jitter in %v", waits)
		}
		r := w.records["v360/43"]
		if r.Attempts != len(tries) || r.Error == "" || r.WaitUs < 1_500_000 || r.LateUs != r.WaitUs {
			t.Errorf("record %+v", r)
		}
		if r := w.records["v360/44"]; r.Reason != "stored" || r.LateUs != 0 {
			t.Errorf("the next segment: %+v; want it on time", r)
		}
	})
}

// A node that has failed is not asked first again: its time-out would be paid for by every segment.
func TestPackagerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dead := func(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
			time.Sleep(300 * time.Millisecond)
			return origin.Receipt{}, origin.ErrUnreachable
		}
		w.run(t.Context(), dead, stored)
		asked := 0
		for _, s := range w.sent {
			if s.node == 0 {
				asked++
			}
		}
		if asked > 2 {
			t.Errorf("asked the dead node %d times; want at most once for each rendition's header", asked)
		}
		for key, r := range w.records {
			if r.Reason != "stored" {
				t.Errorf("%s: %+v", key, r)
			}
		}
	})
}

// A final answer ends the tries, whatever it is.
func TestPackagerFinal(t *testing.T) {
	for _, outcome := range []origin.Outcome{origin.Repeated, origin.Conflict, origin.TooLate, origin.Unparseable} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.run(t.Context(), func(_ context.Context, p origin.Publication) (origin.Receipt, error) {
				return origin.Receipt{Outcome: outcome, Defects: origin.DecodeTime}, nil
			})
			r := w.records["a96/41"]
			if len(w.tries("a96", 41)) != 1 || r.Reason != string(outcome) || (r.Error == "") != outcome.Accepted() ||
				len(r.Defects) != 1 {
				t.Errorf("%s: %d tries, record %+v", outcome, len(w.tries("a96", 41)), r)
			}
			if _, ok := w.records["a96/-1"]; ok == outcome.Accepted() {
				t.Errorf("%s: record of the header: %v; want one only where it was refused", outcome, ok)
			}
		})
	}
}

// One segment that hangs on its way, or at the encoder, holds up nothing else.
func TestPackagerOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.source = sourceFunc(func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
			o, err := w.enc.Segment(ctx, r, n)
			if n == 42 && r.Kind == origin.Video {
				time.Sleep(5 * time.Second)
			}
			return o, err
		})
		w.run(t.Context(), func(_ context.Context, p origin.Publication) (origin.Receipt, error) {
			if p.Key.Number == 41 {
				time.Sleep(7 * time.Second)
			}
			return stored(context.Background(), p)
		})
		for key, late := range map[string]time.Duration{"v360/41": 7 * time.Second, "v360/42": 5 * time.Second,
			"v360/43": 0, "a96/41": 7 * time.Second, "a96/42": 0} {
			if got := w.records[key].LateUs; got != late.Microseconds() {
				t.Errorf("%s was %d us late; want %v", key, got, late)
			}
		}
	})
}

// No more than maxInFlight segments are under way, however slow everything is; and all of them are published in the end.
func TestPackagerBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ev.End = w.ev.AvailabilityStartTime.Add(80 * time.Second)
		w.ev.Renditions = w.ev.Renditions[:1]
		w.enc = testEncoder(t, w.ev)
		now, most := 0, 0
		w.source = sourceFunc(func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
			w.mu.Lock()
			now++
			most = max(most, now)
			w.mu.Unlock()
			time.Sleep(time.Minute)
			w.mu.Lock()
			now--
			w.mu.Unlock()
			return w.enc.Build(r, n), nil
		})
		w.run(t.Context(), stored)
		if most != maxInFlight || len(w.records) != 40 {
			t.Errorf("%d in flight and %d records; want %d and 40", most, len(w.records), maxInFlight)
		}
	})
}

// A header that cannot be stored for a while is tried until it can; what has become too late meanwhile is recorded and
// not sent.
func TestPackagerHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		up := w.ev.RetryDeadline(42)
		w.run(t.Context(), func(_ context.Context, p origin.Publication) (origin.Receipt, error) {
			switch {
			case time.Now().Before(up.Add(-time.Second)):
				return origin.Receipt{}, errors.New("connection refused")
			case time.Now().Before(up):
				return origin.Receipt{Outcome: origin.NoSuchPlace}, nil
			}
			return stored(context.Background(), p)
		})
		for n := origin.SegmentNumber(41); n <= 45; n++ {
			r := w.records[fmt.Sprintf("v360/%d", n)]
			if n <= 42 && (r.Attempts != 0 || r.Error != "not tried: the retry deadline has passed") {
				t.Errorf("segment %d: %+v; want it not tried", n, r)
			}
			if n > 42 && r.Reason != "stored" {
				t.Errorf("segment %d: %+v; want it stored", n, r)
			}
		}
	})
}

// A packager whose encoder comes late says of every segment, when it is due, that there was none, and publishes the header and
// what there is from then on.
func TestPackagerOfALateEncoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		comes := w.ev.AvailableAt(42).Add(time.Second)
		w.source = sourceFunc(func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
			o, err := w.enc.Segment(ctx, r, n)
			if time.Now().Before(comes) {
				return origin.Object{}, origin.ErrUnreachable
			}
			return o, err
		})
		p := w.packager(stored)
		p.HeaderFrom = comes
		p.Run(t.Context())
		for n := origin.SegmentNumber(41); n <= 45; n++ {
			r := w.records[fmt.Sprintf("v360/%d", n)]
			if (r.Reason == "stored") != (n > 42) || n <= 42 && r.Error != origin.ErrUnreachable.Error() {
				t.Errorf("segment %d: %+v", n, r)
			}
		}
		if s := w.sent[0]; s.p.Key.Number != origin.Header || !s.at.Equal(comes) {
			t.Errorf("%+v was published first, at %v", s.p.Key, s.at)
		}
		left := newWorld(t)
		p = left.packager(stored)
		p.HeaderFrom = left.ev.End
		ctx, leave := context.WithCancel(t.Context())
		defer time.AfterFunc(time.Until(left.ev.AvailabilityStartTime)/2, leave).Stop()
		p.Run(ctx)
		if len(left.records) != 0 || len(left.sent) != 0 || !time.Now().Before(left.ev.AvailabilityStartTime) {
			t.Errorf("a packager that ends while it waits: %v, %v", left.records, left.sent)
		}
	})
}

// A packager that is started late begins with what is being captured now.
func TestPackagerStartsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(6 * time.Second) // one second into segment 43
		w.run(t.Context(), stored)
		if len(w.records) != 6 || w.records["v360/43"].Reason != "stored" {
			t.Errorf("published %v; want 43 to 45", w.records)
		}
	})
}

// When nobody ever answers, the packager returns all the same: nothing is wanted any more after the last retry deadline.
func TestPackagerOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run(t.Context(), func(context.Context, origin.Publication) (origin.Receipt, error) {
			return origin.Receipt{}, origin.ErrUnreachable
		})
		if late := time.Since(w.ev.RetryDeadline(45)); late > 0 || late < -lastBackOff {
			t.Errorf("returned %v after the last retry deadline", late)
		}
		if r := w.records["v360/-1"]; len(w.records) != 12 || !strings.HasPrefix(r.Error, "given up at the event's end: ") {
			t.Errorf("%d records, of the header %+v", len(w.records), r)
		}
	})
}

// Operators may end an event early, or let it go on: the segment that has begun by then is the last one.
func TestPackagerEndAt(t *testing.T) {
	for name, c := range map[string]struct {
		end  time.Duration // after the start
		want int           // segments, of two renditions
	}{
		"early":                {5 * time.Second, 3},
		"between two segments": {4 * time.Second, 2},
		"at once":              {-time.Second, 0},
		"late":                 {13 * time.Second, 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.packager(stored)
				end := w.ev.AvailabilityStartTime.Add(c.end)
				time.AfterFunc(time.Until(end), func() { p.EndAt(end) })
				if c.want > 5 {
					p.EndAt(end) // which comes after its own end
				}
				p.Run(t.Context())
				if len(w.records) != 2*c.want {
					t.Errorf("%d records, want %d", len(w.records), 2*c.want)
				}
				for key, r := range w.records {
					if r.Reason != "stored" {
						t.Errorf("%s: %+v", key, r)
					}
				}
			})
		})
	}
}

// When the run is over, nothing is left running (synctest would not end the test), and nothing is recorded as failed that
// was only interrupted.
func TestPackagerEnds(t *testing.T) {
	for name, answer := range map[string]func(context.Context, origin.Publication) (origin.Receipt, error){
		"while all is well": stored,
		"while a node hangs": func(ctx context.Context, _ origin.Publication) (origin.Receipt, error) {
			<-ctx.Done()
			return origin.Receipt{}, ctx.Err()
		},
		"while nodes fail": func(context.Context, origin.Publication) (origin.Receipt, error) {
			return origin.Receipt{}, origin.ErrUnreachable
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(4*time.Second+time.Millisecond, cancel)
				w.run(ctx, answer)
				if got := time.Since(w.ev.AvailabilityStartTime); got != 3*time.Second+time.Millisecond {
					t.Errorf("returned %v after the start", got)
				}
				for key, r := range w.records {
					if r.Reason != "stored" {
						t.Errorf("%s: recorded %+v", key, r)
					}
				}
			})
		})
	}
}
