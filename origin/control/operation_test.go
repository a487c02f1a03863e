package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/liveorigin/liveorigin/origin"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// at is an instant of the event's.
func at(d time.Duration) time.Time { return start.Add(d) }

func demo() origin.Event {
	return origin.Event{
		ID: "demo", AvailabilityStartTime: start, SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: time.Minute,
		PublishDelay: time.Second, RetryBudget: 2 * time.Second, LiveEdgeSegments: 3,
		Renditions: []origin.Rendition{{ID: "v", Kind: origin.Video, Timescale: 1000, SampleTicks: 40, TrackID: 1}},
		Regions:    []origin.RegionPlan{{Name: "east", Pipelines: []string{"a"}}, {Name: "west", Pipelines: []string{"b"}}},
	}
}

func mask(id, region string, from, to origin.SegmentNumber) Mask {
	return Mask{origin.Mask{ID: id, Pipeline: "a", Region: region, From: from, To: to}}
}

func invalidate(id, region string, from, to origin.SegmentNumber) Invalidate {
	return Invalidate{origin.Invalidation{ID: id, Pipeline: "a", Region: region, From: from, To: to}}
}

// after does changes without an ID, one a second from before the start, and wants no error.
func after(t testing.TB, changes ...Change) origin.State {
	t.Helper()
	var s origin.State
	for i, c := range append([]Change{Create{Event: demo()}}, changes...) {
		o := Operation{Event: "demo", Do: c}
		next, err := o.Change(s, at(time.Duration(i-100)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s
}

// The same creation again is the same one, in whatever words its times are said, and after it has been written down.
func TestCreateAgain(t *testing.T) {
	zone := time.FixedZone("", 3600)
	e := demo()
	e.AvailabilityStartTime, e.End = at(123456).In(zone), at(time.Hour).In(zone)
	o := Operation{Event: "demo", Do: Create{Event: e, OnAir: at(time.Minute).In(zone)}}
	made, err := o.Change(origin.State{}, start)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	var read origin.State
	if err := json.Unmarshal(body, &read); err != nil || !reflect.DeepEqual(read, made) {
		t.Errorf("made %+v\nread %+v, %v", made, read, err)
	}
	for what, s := range map[string]origin.State{"made": made, "read": read} {
		if again, err := o.Change(s, start); err != nil || again.Version != 1 {
			t.Errorf("%s: version %d, %v", what, again.Version, err)
		}
	}
}

// What an operation does, or why it does not.
func TestChange(t *testing.T) {
	const most = origin.SegmentNumber(1<<63 - 1)
	ended := demo()
	ended.End = at(time.Hour)
	other := demo()
	other.PublishDelay = 0
	odd := demo()
	odd.PublishDelay = time.Microsecond
	for _, row := range []struct {
		why  string
		from origin.State
		do   Change
		now  time.Duration // of the event
		err  error
		want func(s *origin.State) bool
	}{
		{"created", origin.State{}, Create{Event: demo()}, 0, nil, func(s *origin.State) bool { return s.Version == 1 && s.ID == "demo" }},
		{"created again", after(t), Create{Event: demo()}, 0, nil, func(s *origin.State) bool { return s.Version == 1 }},
		{"created again as another", after(t), Create{Event: other}, 0, ErrExists, nil},
		{"nothing there", origin.State{}, Remove{}, 0, ErrUnknown, nil},
		{"nothing there, either", origin.State{}, BumpCacheVersion{}, 0, ErrUnknown, nil},
		{"moved", after(t), Start{at(time.Hour)}, -time.Minute, nil, func(s *origin.State) bool { return s.AvailabilityStartTime.Equal(at(time.Hour)) }},
		{"moved at the last moment", after(t), Start{at(time.Hour)}, -5 * time.Second, nil, func(s *origin.State) bool { return s.Version == 2 }},
		{"moved too late", after(t), Start{at(time.Hour)}, -5*time.Second + time.Millisecond, ErrTooLate, nil},
		{"moved into the past", after(t), Start{at(-2 * time.Minute)}, -time.Minute, ErrTooLate, nil},
		{"moved to where it is", after(t), Start{start}, time.Hour, nil, func(s *origin.State) bool { return s.Version == 1 }},
		{"ended", after(t), End{}, time.Minute, nil, func(s *origin.State) bool { return s.End.Equal(at(time.Minute)) }},
		{"ended twice", after(t, End{at(time.Minute)}), End{}, time.Hour, nil, func(s *origin.State) bool { return s.Version == 2 }},
		{"ended earlier than meant", after(t, End{at(time.Hour)}), End{}, time.Minute, nil, func(s *origin.State) bool { return s.End.Equal(at(time.Minute)) }},
		{"to end in the past", after(t), End{at(time.Minute)}, time.Hour, ErrTooLate, nil},
		{"on air", after(t, OnAir{at(time.Hour)}), OnAir{}, time.Minute, nil, func(s *origin.State) bool { return s.OnAir.Equal(at(time.Minute)) }},
		{"on air twice", after(t, OnAir{at(time.Minute)}), OnAir{}, time.Hour, nil, func(s *origin.State) bool { return s.OnAir.Equal(at(time.Minute)) }},
		{"longer buffer", after(t), TimeShiftBuffer{time.Hour}, 0, nil, func(s *origin.State) bool { return s.TimeShiftBufferDepth == time.Hour }},
		{"removed", after(t), Remove{}, 0, nil, func(s *origin.State) bool { return s.Removed }},
		{"removed twice", after(t, Remove{}), Remove{}, 0, nil, func(s *origin.State) bool { return s.Version == 2 }},
		{"masked after removal", after(t, Remove{}), mask("m", "", 1, 2), 0, ErrGone, nil},
		{"created after removal", after(t, Remove{}), Create{Event: demo()}, 0, ErrGone, nil},
		{"redirected", after(t), Redirect{"b"}, 0, nil, func(s *origin.State) bool { return s.Redirect == "b" }},
		{"and back", after(t, Redirect{"b"}), Redirect{}, 0, nil, func(s *origin.State) bool { return s.Redirect == "" && s.Version == 3 }},
		{"masked", after(t), mask("m", "", 1, 2), 0, nil, func(s *origin.State) bool { return len(s.Masks) == 1 }},
		{"masked otherwise", after(t, mask("m", "", 1, 2)), mask("m", "", 3, 4), 0, nil, func(s *origin.State) bool { return len(s.Masks) == 1 && s.Masks[0].From == 3 }},
		{"masked twice", after(t, mask("m", "", 1, 2)), mask("m", "", 1, 2), 0, nil, func(s *origin.State) bool { return s.Version == 2 }},
		{"unmasked", after(t, mask("m", "", 1, 2)), Unmask{"m"}, 0, nil, func(s *origin.State) bool { return s.Masks == nil }},
		{"one of two unmasked", after(t, mask("m", "", 1, 2), mask("n", "", 1, 2)), Unmask{"m"}, 0, nil, func(s *origin.State) bool { return s.Masks[0].ID == "n" }},
		{"no such mask", after(t), Unmask{"m"}, 0, ErrAbsent, nil},
		{"no such notice", after(t), Withdraw{"n"}, 0, ErrAbsent, nil},
		{"noticed now", after(t), Notify{origin.Notice{ID: "n", Text: "hi"}}, time.Minute, nil, func(s *origin.State) bool { return s.Notices[0].At.Equal(at(time.Minute)) }},
		{"noticed twice", after(t, Notify{origin.Notice{ID: "n", Text: "hi"}}), Notify{origin.Notice{ID: "n", Text: "hi"}}, time.Hour, nil, func(s *origin.State) bool { return s.Version == 2 }},
		{"new cache version", after(t, mask("m", "", 1, 2), invalidate("i", "", 1, 2)), BumpCacheVersion{}, 0, nil,
			func(s *origin.State) bool { return s.CacheVersion == 1 && s.Invalidations == nil }},

		{"masked first", after(t, mask("m", "", 1, 4)), invalidate("i", "", 1, 4), 0, nil, func(s *origin.State) bool { return s.Invalidations[0].Version == 3 }},
		{"not masked", after(t), invalidate("i", "", 1, 4), 0, ErrMaskFirst, nil},
		{"one too few at the end", after(t, mask("m", "", 1, 3)), invalidate("i", "", 1, 4), 0, ErrMaskFirst, nil},
		{"one too few at the beginning", after(t, mask("m", "", 2, 4)), invalidate("i", "", 1, 4), 0, ErrMaskFirst, nil},
		{"a hole", after(t, mask("n", "", 4, 6), mask("m", "", 1, 2)), invalidate("i", "", 1, 6), 0, ErrMaskFirst, nil},
		{"masks beside each other", after(t, mask("n", "", 3, 6), mask("m", "", 1, 2)), invalidate("i", "", 1, 6), 0, nil, func(s *origin.State) bool { return len(s.Invalidations) == 1 }},
		{"masked elsewhere", after(t, mask("m", "west", 1, 4)), invalidate("i", "east", 1, 4), 0, ErrMaskFirst, nil},
		{"masked in one region only", after(t, mask("m", "east", 1, 4)), invalidate("i", "", 1, 4), 0, ErrMaskFirst, nil},
		{"masked in every region", after(t, mask("m", "east", 1, 4), mask("n", "west", 1, 4)), invalidate("i", "", 1, 4), 0, nil, func(s *origin.State) bool { return len(s.Invalidations) == 1 }},
		{"masked everywhere", after(t, mask("m", "", 1, 4)), invalidate("i", "west", 2, 3), 0, nil, func(s *origin.State) bool { return len(s.Invalidations) == 1 }},
		{"masked to the end of numbers", after(t, mask("m", "", 1, most)), invalidate("i", "", 2, most), 0, nil, func(s *origin.State) bool { return len(s.Invalidations) == 1 }},
		{"another pipeline's mask", after(t, Mask{origin.Mask{ID: "m", Pipeline: "b", From: 1, To: 9}}), invalidate("i", "", 1, 4), 0, ErrMaskFirst, nil},
		{"invalidated twice", after(t, mask("m", "", 1, 4), invalidate("i", "", 1, 4)), invalidate("i", "", 1, 4), 0, nil, func(s *origin.State) bool { return s.Version == 3 }},
		{"invalidated otherwise", after(t, mask("m", "", 1, 4), invalidate("i", "", 1, 4)), invalidate("i", "", 1, 3), 0, ErrExists, nil},
	} {
		o := Operation{Event: "demo", Do: row.do}
		before := own(row.from)
		got, err := o.Change(row.from, at(row.now))
		switch {
		case !errors.Is(err, row.err) || row.err == nil && err != nil:
			t.Errorf("%s: %v, want %v", row.why, err, row.err)
		case row.err == nil && !row.want(&got):
			t.Errorf("%s: %+v", row.why, got)
		case row.err != nil && !reflect.DeepEqual(got, before):
			t.Errorf("%s: refused, but changed: %+v", row.why, got)
		}
		if !reflect.DeepEqual(own(row.from), before) {
			t.Errorf("%s: the state before is another one now: %+v", row.why, row.from)
		}
	}
	for why, do := range map[string]Change{ // what only words refuse
		"ends before it starts": End{start}, "on air before the start": OnAir{at(-time.Hour)}, "no such pipeline": Redirect{"x"},
		"masked back to front": mask("m", "", 4, 1), "masked in no region": mask("m", "north", 1, 4), "no name": mask("", "", 1, 4),
		"no text": Notify{origin.Notice{ID: "n"}}, "buffer of days": TimeShiftBuffer{100 * time.Hour},
		"odd buffer": TimeShiftBuffer{time.Minute + time.Nanosecond},
	} {
		o := Operation{Event: "demo", Do: do}
		if s, err := o.Change(after(t), at(-time.Minute)); err == nil {
			t.Errorf("%s: %+v", why, s)
		}
	}
	for _, o := range []Operation{{Event: "demo", Do: Create{Event: odd}}, {Event: "another", Do: Create{Event: demo()}}, {Event: "demo", ID: "a b", Do: Create{Event: demo()}}} {
		if s, err := o.Change(origin.State{}, start); err == nil {
			t.Errorf("%+v: %+v", o, s)
		}
	}
}

// The words say what to do first.
func TestMaskFirstSays(t *testing.T) {
	o := Operation{Event: "demo", Do: invalidate("i", "", 1, 4)}
	_, err := o.Change(after(t, mask("m", "", 1, 2)), start)
	if err == nil || !strings.Contains(err.Error(), "segment 3 of pipeline a is served in east") || !strings.Contains(err.Error(), "add a mask of 1 to 4") {
		t.Error(err)
	}
}

// An ID is good for one operation, and a version for whom it is meant.
func TestIdempotency(t *testing.T) {
	bump := Operation{ID: "x", Event: "demo", Do: BumpCacheVersion{}}
	once, err := bump.Change(after(t), start)
	if err != nil {
		t.Fatal(err)
	}
	bump.If = 1 // it has been done: what it was done to does not matter any more
	if twice, err := bump.Change(once, start); err != nil || !reflect.DeepEqual(once, twice) {
		t.Errorf("repeated: %+v, %v", twice, err)
	}
	other := Operation{ID: "x", Event: "demo", Do: Remove{}}
	if _, err := other.Change(once, start); !errors.Is(err, ErrReused) {
		t.Errorf("reused: %v", err)
	}
	bump.ID = "y"
	if _, err := bump.Change(once, start); !errors.Is(err, ErrVersion) {
		t.Errorf("of version 1: %v", err)
	}
	bump.If = 2
	if s, err := bump.Change(once, start); err != nil || s.CacheVersion != 2 {
		t.Errorf("of version 2: %+v, %v", s, err)
	}
	// What changes nothing is remembered, too: it must not undo, later, what others do in between.
	back := Operation{ID: "back", Event: "demo", Do: Redirect{}}
	s, _ := back.Change(once, start)
	away := Operation{ID: "away", Event: "demo", Do: Redirect{"b"}}
	s, _ = away.Change(s, start)
	if s, err = back.Change(s, start); err != nil || s.Redirect != "b" {
		t.Errorf("late repetition: %q, %v", s.Redirect, err)
	}
}

// The newest operations are remembered, and no more.
func TestOperationsAreBounded(t *testing.T) {
	s := after(t)
	for i := range origin.MaxOperations + 10 {
		o := Operation{ID: fmt.Sprint(i), Event: "demo", Do: BumpCacheVersion{}}
		var err error
		if s, err = o.Change(s, start); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Operations) != origin.MaxOperations || s.Operations[0].ID != "10" {
		t.Errorf("%d, from %s", len(s.Operations), s.Operations[0].ID)
	}
}

// drawChange makes any change, of few names, so that they meet.
func drawChange(t *rapid.T) Change {
	id := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "id")
	from := origin.SegmentNumber(rapid.IntRange(0, 5).Draw(t, "from"))
	to := origin.SegmentNumber(rapid.IntRange(0, 5).Draw(t, "to"))
	region := rapid.SampledFrom([]string{"", "east", "west"}).Draw(t, "region")
	when := at(time.Duration(rapid.IntRange(-100, 100).Draw(t, "when")) * time.Second)
	return rapid.SampledFrom([]Change{
		Create{Event: demo()}, Start{when}, OnAir{when}, OnAir{}, End{when}, End{}, Remove{},
		TimeShiftBuffer{time.Duration(to+1) * time.Minute}, Redirect{"b"}, Redirect{}, BumpCacheVersion{},
		mask(id, region, from, to), mask(id, "", 0, 9), Unmask{id}, invalidate(id, region, from, to),
		Notify{origin.Notice{ID: id, Text: "hi"}}, Notify{origin.Notice{ID: id, Text: "ho", At: when}}, Withdraw{id},
	}).Draw(t, "change")
}

// Operations of which some come again, whenever, make the state that they make when none does. On the way every version
// is the next one, can be kept and read again, and has only invalidations of what was masked.
func TestRetriesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var once, again origin.State
		var past []Operation
		now := at(-60 * time.Second)
		for i := range rapid.IntRange(1, 40).Draw(t, "operations") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause")) * time.Millisecond)
			o := Operation{ID: fmt.Sprint("op-", i), Event: "demo", Do: drawChange(t)}
			next, err := o.Change(once, now)
			same, errAgain := o.Change(again, now)
			if (err == nil) != (errAgain == nil) {
				t.Fatalf("%+v: %v, with retries %v", o, err, errAgain)
			}
			if err == nil {
				if next.Version != once.Version+1 {
					t.Fatalf("%+v: version %d after %d", o, next.Version, once.Version)
				}
				past = append(past, o)
				kept(t, next)
			}
			once, again = next, same
			for range rapid.IntRange(0, 3).Draw(t, "retries") {
				if len(past) == 0 {
					break
				}
				late := rapid.SampledFrom(past).Draw(t, "late")
				if again, err = late.Change(again, now.Add(time.Hour)); err != nil {
					t.Fatalf("%+v again: %v", late, err)
				}
			}
			if !reflect.DeepEqual(once, again) {
				t.Fatalf("with retries\n%+v\nwithout\n%+v", again, once)
			}
		}
	})
}

// kept writes a state and reads it again.
func kept(t *rapid.T, s origin.State) {
	body, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var read origin.State
	if err := read.UnmarshalJSON(body); err != nil || !reflect.DeepEqual(s, read) {
		t.Fatalf("%v: kept\n%+v\nread\n%+v", err, s, read)
	}
}

// Every kind of change has a name of its own.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []Change{Create{}, Start{}, OnAir{}, End{}, TimeShiftBuffer{}, Remove{}, Redirect{}, Mask{}, Unmask{}, Notify{}, Withdraw{}, BumpCacheVersion{}, Invalidate{}} {
		seen[KindOf(c)] = true
	}
	if len(seen) != len(kinds) || seen[""] || KindOf(nil) != "" {
		t.Errorf("%v", seen)
	}
}
