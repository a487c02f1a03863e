package origin

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func cand(pipeline string, d Defects) Candidate { return Candidate{Pipeline: pipeline, Defects: d} }

// Segment 5 of testEvent is available at 10 s, expected at 10.3 s, a hole from 12.3 s on, and expires at 30 s.
func TestDecide(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		why    string
		n      SegmentNumber
		at     time.Duration
		cs     []Candidate
		reason Reason
		from   string        // pipeline
		maxAge time.Duration // exact
		hold   time.Duration // until, since the start
		open   bool          // nobody knows when the event ends
	}{
		{why: "number below the first", n: 0, at: 10 * time.Second, reason: BeforeStart, maxAge: time.Hour},
		{why: "number above the last", n: 31, at: 10 * time.Second, reason: AfterEnd, maxAge: time.Hour},
		{why: "out of the buffer", n: 5, at: 30 * time.Second, reason: Expired, maxAge: time.Hour},
		{why: "a moment before it leaves the buffer", n: 5, at: 30*time.Second - ms, cs: []Candidate{cand("a", 0)},
			reason: Published, from: "a", maxAge: ms},
		{why: "a number whose times do not fit into a time", n: 1 << 61, open: true, at: 5 * time.Second, reason: Early,
			maxAge: time.Hour},
		{why: "far too early", n: 5, at: 5 * time.Second, reason: Early, maxAge: 5300 * ms},
		{why: "a nanosecond before it is the next one", n: 5, at: 8300*ms - 1, reason: Early, maxAge: 2000 * ms},
		{why: "the next one is held", n: 5, at: 8300 * ms, hold: 12300 * ms},
		{why: "late, and still held", n: 5, at: 12300*ms - 1, hold: 12300 * ms},
		{why: "a hole from the retry deadline on", n: 5, at: 12300 * ms, reason: Gap, maxAge: 17700 * ms},
		{why: "before the very first is due, it is early like any other", n: 1, at: -time.Hour, reason: Early,
			maxAge: time.Hour + 2300*ms},
		{why: "first listed of two clean ones", n: 5, at: 11 * time.Second, cs: []Candidate{cand("a", 0), cand("b", 0)},
			reason: Published, from: "a", maxAge: 19 * time.Second},
		{why: "clean before defective", n: 5, at: 11 * time.Second,
			cs: []Candidate{cand("a", ShortSegment), cand("b", 0)}, reason: Published, from: "b", maxAge: 19 * time.Second},
		{why: "defective waits for the other pipeline", n: 5, at: 10100 * ms, cs: []Candidate{cand("a", ShortSegment)},
			hold: 10800 * ms},
		{why: "but not longer than patience", n: 5, at: 10800 * ms, cs: []Candidate{cand("a", ShortSegment)},
			reason: Defective, from: "a", maxAge: 19200 * ms},
		{why: "nobody left to wait for", n: 5, at: 10100 * ms,
			cs: []Candidate{cand("a", DecodeTime), cand("b", ShortSegment)}, reason: Defective, from: "b", maxAge: 19900 * ms},
		{why: "one declared hole, the other may come", n: 5, at: 10100 * ms, cs: []Candidate{cand("a", MissingSegment)},
			hold: 12300 * ms},
		{why: "everybody declared a hole", n: 5, at: 10100 * ms,
			cs: []Candidate{cand("a", MissingSegment), cand("b", MissingSegment)}, reason: Gap, maxAge: 19900 * ms},
	} {
		ev := testEvent()
		if c.open {
			ev.End = time.Time{}
		}
		d := ev.Decide(c.n, start.Add(c.at), c.cs, 2)
		if c.hold != 0 {
			if !d.HoldUntil.Equal(start.Add(c.hold)) {
				t.Errorf("%s: hold until %v, want %v", c.why, d.HoldUntil.Sub(start), c.hold)
			}
			continue
		}
		if d.Reason != c.reason || d.Candidate.Pipeline != c.from || d.MaxAge != c.maxAge || !d.HoldUntil.IsZero() {
			t.Errorf("%s: got %s from %q for %v (hold %v), want %s from %q for %v", c.why, d.Reason, d.Candidate.Pipeline,
				d.MaxAge, d.HoldUntil, c.reason, c.from, c.maxAge)
		}
	}
}

// An early 404 never outlives the moment at which the segment is expected (reliability.md, B6).
func TestEarlyNeverOutlivesExpectedPublish(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := testEvent()
		n := SegmentNumber(rapid.Int64Range(1, 30).Draw(t, "n"))
		now := start.Add(time.Duration(rapid.Int64Range(int64(-time.Minute), int64(2*time.Minute)).Draw(t, "now")))
		d, refused := ev.Refuse(n, now)
		if refused && d.Reason == Early && now.Add(d.MaxAge).After(ev.ExpectedPublish(n)) {
			t.Fatalf("404 for %d at %v lives until %v, after %v", n, now, now.Add(d.MaxAge), ev.ExpectedPublish(n))
		}
	})
}

// Choose is the documented scale: clean before defective, milder before worse, first listed before later, holes never.
func TestChooseAllCombinations(t *testing.T) {
	var all []Defects
	for d := Defects(0); d <= MissingSegment; d = max(1, d<<1) {
		all = append(all, d)
		if d == MissingSegment {
			break
		}
	}
	for _, a := range all {
		for _, b := range all {
			best, ok := Choose([]Candidate{cand("a", a), cand("b", b)})
			switch {
			case a == MissingSegment && b == MissingSegment:
				if ok {
					t.Errorf("chose %v of two holes", best)
				}
			case b == MissingSegment || (a != MissingSegment && a <= b):
				if best.Pipeline != "a" {
					t.Errorf("a %v, b %v: chose %s", a, b, best.Pipeline)
				}
			default:
				if best.Pipeline != "b" {
					t.Errorf("a %v, b %v: chose %s", a, b, best.Pipeline)
				}
			}
		}
	}
}

func TestDefectNames(t *testing.T) {
	for _, name := range DefectNames() {
		d, ok := DefectByName(name)
		if back, err := ParseDefects(d.Names()); !ok || err != nil || back != d || d.String() != name {
			t.Errorf("%s: %v, %v, %v", name, d, back, err)
		}
	}
	if _, err := ParseDefects([]string{"short-segment", "sideways"}); err == nil {
		t.Error("an unknown defect was taken for none")
	}
	if got := (ShortSegment | NotSync | SequenceNumber).String(); got != "not-sync,short-segment,sequence-number" {
		t.Errorf("worst first, got %s", got)
	}
}

func TestClassify(t *testing.T) {
	ev := testEvent()
	now := start.Add(20300 * time.Millisecond) // live edge 10
	for n, want := range map[SegmentNumber]Class{11: LiveEdge, 10: LiveEdge, 8: LiveEdge, 7: DVR, 1: DVR} {
		if got := ev.Classify(n, now); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestEveryReasonAndOutcomeHasAStatus(t *testing.T) {
	for _, r := range Reasons() {
		if r.Status() == 500 {
			t.Errorf("%s has no status", r)
		}
	}
	if len(Reasons()) != len(statuses) {
		t.Errorf("%d reasons, %d statuses", len(Reasons()), len(statuses))
	}
}

func BenchmarkChoose(b *testing.B) {
	cs := []Candidate{cand("a", ShortSegment), cand("b", 0)}
	b.ReportAllocs()
	for b.Loop() {
		Choose(cs)
	}
}

func BenchmarkLookAndDecide(b *testing.B) {
	c := newCatalog(State{Event: testEvent(), Version: 1}, "east")
	key := Key{Event: "demo", Rendition: "v", Number: 5, Pipeline: "a"}
	c.add(key, cand("a", ShortSegment))
	key.Pipeline = "b"
	c.add(key, cand("b", 0))
	now := start.Add(11 * time.Second)
	var buf [8]Candidate
	b.ReportAllocs()
	for b.Loop() {
		cs, _ := c.look(c.state.Load(), "v", 5, buf[:0])
		c.event().Decide(5, now, cs, 2)
	}
}

// Candidate choice and catalogue look-up happen for every request: neither may allocate.
func TestDecisionDoesNotAllocate(t *testing.T) {
	c := newCatalog(State{Event: testEvent(), Version: 1}, "east")
	c.add(Key{Event: "demo", Rendition: "v", Number: 5, Pipeline: "a"}, cand("a", 0))
	now := start.Add(11 * time.Second)
	var buf [8]Candidate
	if n := testing.AllocsPerRun(100, func() {
		cs, _ := c.look(c.state.Load(), "v", 5, buf[:0])
		c.event().Decide(5, now, cs, 2)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
