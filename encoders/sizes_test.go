package encoders

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The ladder of a large event has no media, and says so; its ids are nobody else's, so that no rendition is taken for
// another one.
func TestEventLadder(t *testing.T) {
	all, err := Ladder("event")
	if err != nil {
		t.Fatal(err)
	}
	seen, kinds := map[string]bool{}, map[string]int{}
	tracks := map[uint32]bool{}
	for i, r := range all {
		if HasMedia(r.ID) || seen[r.ID] || tracks[r.TrackID] {
			t.Errorf("%s: has media %v, seen before %v, track %d", r.ID, HasMedia(r.ID), seen[r.ID], r.TrackID)
		}
		if i > 0 && r.Bandwidth >= all[i-1].Bandwidth {
			t.Errorf("%s of %d bit/s comes after %s; the best is first", r.ID, r.Bandwidth, all[i-1].ID)
		}
		seen[r.ID], tracks[r.TrackID] = true, true
		kinds[r.Kind]++
	}
	if kinds[origin.Video] != 8 || kinds[origin.Audio] != 1 || all[0].Height != 2160 {
		t.Errorf("%v, the best of %d lines", kinds, all[0].Height)
	}
	if !HasMedia("v720") {
		t.Error("there is no media for v720")
	}
	all[0].ID = "changed"
	if again, _ := Ladder("event"); again[0].ID != "h2160" {
		t.Error("a caller changed the table")
	}
}

// Segments weigh their bandwidth on average, and up to a tenth more or less, all renditions of a number alike.
func TestSizes(t *testing.T) {
	ev := testEvent(t, "event")
	s := NewSizes(ev, new(origin.Wall))
	const segments = 5400 // three hours
	for _, r := range ev.Renditions {
		nominal, sum, least, most := r.Bandwidth*2/8, 0, 1<<62, 0
		for n := ev.StartNumber; n < ev.StartNumber+segments; n++ {
			size := s.size(r, n)
			sum, least, most = sum+size, min(least, size), max(most, size)
		}
		mean, wide := sum/segments, r.Kind == origin.Video
		if mean < nominal*99/100 || mean > nominal*101/100 || least < nominal*9/10 || most > nominal*11/10 {
			t.Errorf("%s: %d to %d bytes, %d on average; nominal are %d", r.ID, least, most, mean, nominal)
		}
		if reached := least < nominal*92/100 && most > nominal*108/100; reached != wide {
			t.Errorf("%s: %d to %d bytes of nominal %d; want a wobble: %v", r.ID, least, most, nominal, wide)
		}
	}
	high, low := ev.Renditions[0], ev.Renditions[3]
	for n := ev.StartNumber; n < ev.StartNumber+100; n++ {
		a, b := s.size(high, n)*1000/(high.Bandwidth/4), s.size(low, n)*1000/(low.Bandwidth/4)
		if a != b {
			t.Errorf("segment %d: %d and %d thousandths of nominal; one scene makes both larger", n, a, b)
		}
	}
}

func TestSizesDigests(t *testing.T) {
	ev := testEvent(t, "event")
	s, other := NewSizes(ev, new(origin.Wall)), NewSizes(ev, new(origin.Wall))
	seen := map[uint32]string{}
	for _, r := range ev.Renditions {
		for n := origin.Header; n < 2000; n++ {
			d := s.Digest(r.ID, n)
			if d != other.Digest(r.ID, n) {
				t.Fatalf("%s/%d: two pipelines differ", r.ID, n)
			}
			if before, ok := seen[d]; ok {
				t.Fatalf("%s/%d has the digest of one of %s", r.ID, n, before)
			}
			seen[d] = r.ID
		}
	}
}

// Sizes hands over at the same instants as an Encoder, and refuses the same, on either clock.
func TestSizesKeepTime(t *testing.T) {
	encoder := onWall(t, func(t *testing.T, rt origin.Runtime, ev origin.Event) []string {
		return askInTurn(rt, ev, testEncoder(t, ev))
	})
	sizes := func(_ *testing.T, rt origin.Runtime, ev origin.Event) []string {
		return askInTurn(rt, ev, NewSizes(ev, rt))
	}
	if d := gocmp.Diff(encoder, onWall(t, sizes)); d != "" {
		t.Errorf("sizes on the wall clock (-encoder +sizes):\n%s", d)
	}
	if d := gocmp.Diff(encoder, onLoop(t, sizes)); d != "" {
		t.Errorf("sizes in virtual time (-encoder +sizes):\n%s", d)
	}
	want := []string{"3s ok", "3s ok", "11s ok", "11s none", "11s none", "11s refused"}
	if !slices.Equal(encoder, want) {
		t.Errorf("got %q, want %q", encoder, want)
	}
}

func TestSizesHeader(t *testing.T) {
	ev := testEvent(t, "event")
	s := NewSizes(ev, new(origin.Wall))
	for _, r := range ev.Renditions {
		h, err := s.Header(r)
		if err != nil || h.Size == 0 || h.Body != nil || h.Digest != s.Digest(r.ID, origin.Header) || !h.ExpiresAt.IsZero() {
			t.Errorf("header of %s: %+v, %v", r.ID, h, err)
		}
	}
	if _, err := s.Header(origin.Rendition{ID: "v8k"}); err == nil {
		t.Error("a header of a rendition that the event does not have")
	}
}

// askInTurn asks a source of five segments for some that there are and some that there are not.
func askInTurn(rt origin.Runtime, ev origin.Event, s origin.Source) (out []string) {
	start := ev.AvailabilityStartTime.Add(-time.Second)
	for _, row := range []struct {
		rendition string
		n         origin.SegmentNumber
	}{
		{"v360", 41}, {"a96", 41}, // which is there already
		{"a96", 45}, {"v360", 40}, {"v360", 46}, {"v8k", 42},
	} {
		r, ok := ev.Rendition(row.rendition)
		if !ok {
			r = origin.Rendition{ID: row.rendition}
		}
		o, err := s.Segment(context.Background(), r, row.n)
		came := rt.Now().Sub(start).String()
		switch {
		case errors.Is(err, origin.ErrNoSegment):
			out = append(out, came+" none")
		case err != nil:
			out = append(out, came+" refused")
		case o.Size == 0 || !o.ExpiresAt.Equal(ev.ExpiresAt(row.n)):
			out = append(out, came+" odd")
		default:
			out = append(out, came+" ok")
		}
	}
	return out
}

// onWall lets a world happen on the wall clock, in a bubble of synctest. Its event of five segments starts in a second.
func onWall[T any](t *testing.T, world func(*testing.T, origin.Runtime, origin.Event) T) (out T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rt := new(origin.Wall)
		out = world(t, rt, soon(t, rt))
		rt.Join()
	})
	return out
}

// onLoop lets it happen in virtual time.
func onLoop[T any](t *testing.T, world func(*testing.T, origin.Runtime, origin.Event) T) (out T) {
	t.Helper()
	l := loop.New(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // where synctest's clock starts
	l.Go(func() { out = world(t, l, soon(t, l)) })
	if err := l.Run(l.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if left := l.Close(); left != 0 {
		t.Errorf("%d coroutines were left", left)
	}
	return out
}

func soon(t *testing.T, clock origin.Clock) origin.Event {
	ev := testEvent(t, "small")
	ev.AvailabilityStartTime = clock.Now().Add(time.Second)
	ev.End = ev.AvailabilityStartTime.Add(10 * time.Second)
	return ev
}

// taker is a node that stores what it is given within 20 ms, and cannot be reached for segment 43 of the video at first.
type taker struct {
	clock origin.Clock
	from  time.Time // when it can be reached for 43
}

func (n taker) Publish(ctx context.Context, p origin.Publication) (origin.Receipt, error) {
	if p.Key.Number == 43 && p.Key.Rendition == "v360" && n.clock.Now().Before(n.from) {
		return origin.Receipt{}, origin.ErrUnreachable
	}
	err := n.clock.Sleep(ctx, 20*time.Millisecond)
	return origin.Receipt{Outcome: origin.Stored, Defects: p.Defects}, err
}

type history struct {
	mu  sync.Mutex
	all []origin.Record
}

func (h *history) Record(r origin.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, r)
}

// A packager of segments without bytes writes the same history on both clocks: with a hole, a flaw, a late segment, an
// encoder that fails and a node that does.
func TestPackagerOnBothClocks(t *testing.T) {
	world := func(_ *testing.T, rt origin.Runtime, ev origin.Event) []origin.Record {
		h, sizes := new(history), NewSizes(ev, rt)
		source := sourceFunc(func(ctx context.Context, r origin.Rendition, n origin.SegmentNumber) (origin.Object, error) {
			o, err := sizes.Segment(ctx, r, n)
			switch {
			case err != nil || r.Kind == origin.Audio:
			case n == 41:
				o.Flaws = origin.DecodeTime | origin.NotSync
			case n == 42:
				return origin.Object{}, origin.ErrNoSegment
			case n == 44:
				err = rt.Sleep(ctx, 1700*time.Millisecond)
			case n == 45:
				return origin.Object{}, origin.ErrUnreachable
			}
			return o, err
		})
		NewPackager(PackagerConfig{Runtime: rt, Event: ev, Pipeline: "a", Region: "us-east", Source: source,
			Header: sizes.Header, Recorder: h, Rand: rand.New(rand.NewPCG(1, 2)), Inspect: Known,
			Publishers: []origin.Publisher{taker{rt, ev.AvailableAt(43).Add(time.Second)}}}).Run(context.Background())
		slices.SortFunc(h.all, func(a, b origin.Record) int { // those of one instant come in any order on the wall clock
			return cmp.Or(cmp.Compare(a.AtUs, b.AtUs), cmp.Compare(a.Rendition, b.Rendition), cmp.Compare(a.Number, b.Number))
		})
		return h.all
	}
	wall, virtual := onWall(t, world), onLoop(t, world)
	if d := gocmp.Diff(wall, virtual); d != "" {
		t.Errorf("the clocks differ (-wall +virtual):\n%s", d)
	}
	found := map[origin.SegmentNumber]origin.Record{}
	for _, r := range virtual {
		if r.Rendition == "v360" {
			found[r.Number] = r
		}
	}
	switch {
	case len(virtual) != 10:
		t.Errorf("%d records; want 10", len(virtual))
	case !slices.Equal(found[41].Defects, []string{"not-sync", "decode-time"}):
		t.Errorf("a flaw was written down, and %v found", found[41].Defects)
	case !slices.Equal(found[42].Defects, []string{"missing-segment"}) || found[42].Size != 0:
		t.Errorf("a hole: %+v", found[42])
	case found[43].Attempts < 2 || found[43].LateUs < 1_000_000 || found[43].Error != "":
		t.Errorf("a node that cannot be reached for a second: %+v", found[43])
	case found[44].LateUs != 1_720_000 || found[45].Error != "unreachable":
		t.Errorf("late %+v, and failed %+v", found[44], found[45])
	}
}
