package audience

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios"
)

// listed is an edge with playlists, which it keeps for a while: each tells what was newest when it was made.
type listed struct {
	lasts  time.Duration                          // for how long it keeps one
	made   map[string]time.Duration               // by rendition
	told   map[time.Duration]origin.SegmentNumber // what was newest
	reads  []wanted
	asked  []wanted
	silent func(at time.Duration) bool // when there is no playlist
}

func (e *listed) answer(w *world, _ context.Context, at time.Duration, r request) (answer, error) {
	asked := wanted{"", r.Rendition, r.Number, at}
	if r.Number != origin.Playlist {
		e.asked = append(e.asked, asked)
		return object(r), nil
	}
	e.reads = append(e.reads, asked)
	if e.silent != nil && e.silent(at) {
		return answer{}, origin.ErrUnreachable
	}
	if made, ok := e.made[r.Rendition]; !ok || at >= made+e.lasts {
		e.made[r.Rendition] = at
	}
	newest := w.config.Event.LiveEdge(begin.Add(e.made[r.Rendition]))
	e.told[at] = newest
	return answer{Reason: origin.Published, Newest: newest,
		Object: origin.Object{Size: 1000}}, nil
}

func readers(viewers int, dvr float64) (*world, *listed) {
	w, e := newWorld(viewers, 1, nil), &listed{lasts: time.Second, made: map[string]time.Duration{}, told: map[time.Duration]origin.SegmentNumber{}}
	w.config.Edges[0].Getter = scripted{w, e.answer}
	w.config.Audience.Refresh, w.config.Audience.DVRShare = true, dvr
	return w, e
}

// Viewers at the live edge read every segment, each at its own phase, and ask for every segment once: as soon as they have
// read of it, and never before it is listed.
func TestReadAgain(t *testing.T) {
	const viewers, trip = 50, 40 * ms
	w, e := readers(viewers, 0)
	w.config.Audience.Ladder, w.config.Audience.CheckEvery = "v360", 5
	w.config.Digest = func(origin.Rendition, origin.SegmentNumber, string) uint32 { return 0 }
	w.config.Edges[0].Access = &Access{RoundTrip: trip}
	w.play(t)
	if len(e.reads) != viewers*2*30 {
		t.Errorf("read %d times; want every viewer 30 times for each of two renditions", len(e.reads))
	}
	phases := map[time.Duration]int{}
	for _, r := range e.reads {
		phases[r.at%(2*time.Second)]++
	}
	for p, n := range phases {
		if n != 2*30 {
			t.Errorf("phase %v: %d reads; want one viewer's, every turn", p, n)
		}
	}
	if each := slices.Sorted(maps.Keys(phases)); len(each) != viewers || each[len(each)-1]-each[0] < 1900*ms {
		t.Errorf("phases %v; want them spread over a turn", each)
	}
	each := map[string]map[origin.SegmentNumber]int{"v360": {}, "a128": {}}
	for _, a := range e.asked {
		published := w.config.Event.ExpectedPublish(a.number).Sub(begin)
		if a.at < published || a.at >= published+3*time.Second {
			t.Errorf("%s %d asked for %v after it was listed; want within a turn and a second", a.rendition, a.number, a.at-published)
		}
		if !slices.ContainsFunc(e.reads, func(r wanted) bool { return r.rendition == a.rendition && r.at+trip == a.at }) {
			t.Errorf("%s %d asked for at %v, when nobody read", a.rendition, a.number, a.at)
		}
		each[a.rendition][a.number]++
	}
	for rendition, numbers := range each {
		for n := w.config.Event.StartNumber; n < 1027; n++ { // what comes last is not read of by everyone
			if numbers[n] != viewers {
				t.Errorf("%s %d: %d asked; want each viewer once", rendition, n, numbers[n])
			}
		}
	}
	sum, latency, _ := w.total(t, nil)
	if want := int64(len(e.reads) + len(e.asked)); sum.Requests != want || sum.Segments != int64(len(e.asked)) || sum.Missed != 0 {
		t.Errorf("%+v; want %d requests, %d segments", sum, want, len(e.asked))
	}
	if share := float64(sum.Unchecked) / float64(sum.Segments); share < 0.75 || share > 0.85 {
		t.Errorf("%.2f of the segments unchecked; want four in five", share)
	}
	// 0.3 s until it is listed, half a turn until one reads, and half a second for which the list is kept
	if p50 := time.Duration(latency.ValueAtPercentile(50)) * time.Microsecond; p50 < 1500*ms || p50 > 2100*ms {
		t.Errorf("half of the segments within %v; want some 1.8 s", p50)
	}
}

// Slices of many read as single viewers do, in proportion.
func TestCrowdReads(t *testing.T) {
	w, e := readers(3_000_000, 0.2)
	w.play(t)
	sum, latency, _ := w.total(t, func(l *anyLine) bool { return l.Class == "live" })
	if share := float64(sum.Segments) / (2_400_000 * 2 * 30); share < 0.93 || share > 1 {
		t.Errorf("%.3f of what there was came", share)
	}
	if p50 := time.Duration(latency.ValueAtPercentile(50)) * time.Microsecond; p50 < 1500*ms || p50 > 2100*ms || sum.Missed != 0 {
		t.Errorf("half of the segments within %v, %d missed; want some 1.8 s", p50, sum.Missed)
	}
	phases := map[time.Duration]bool{}
	for _, r := range e.reads {
		phases[r.at%(2*time.Second)] = true
	}
	if len(phases) < 32 {
		t.Errorf("%d phases", len(phases))
	}
}

// Who has just gone back asks for no more than is listed either.
func TestBehindReads(t *testing.T) {
	w, e := readers(200, 0)
	w.config.Audience.Rewinds, w.config.Audience.Ladder = 0.9, "a128"
	w.config.Event.SegmentDuration, e.lasts = time.Second, 1700*ms // so that the segment before may not be listed
	w.play(t)
	back, _, _ := w.total(t, func(l *anyLine) bool { return l.Class == "dvr" })
	for _, a := range e.asked {
		if a.number > w.config.Event.LiveEdge(begin.Add(a.at)) || a.number > e.told[a.at] {
			t.Fatalf("%s %d asked for at %v, before it was listed", a.rendition, a.number, a.at)
		}
	}
	if back.Segments < 1000 || back.Missed != 0 {
		t.Errorf("%d came to those who went back, %d missed", back.Segments, back.Missed)
	}
}

// Who comes again wants the newest, and has missed nothing meanwhile.
func TestReadersComeAgain(t *testing.T) {
	w, _ := readers(10, 0)
	w.config.Audience.Viewers, w.config.Audience.Curve = scenarios.Viewers{}, []scenarios.CurvePoint{
		{At: 0, Viewers: 10}, {At: 20 * time.Second, Viewers: 10}, {At: 22 * time.Second}, {At: 40 * time.Second}, {At: 42 * time.Second, Viewers: 10}}
	w.play(t)
	if sum, _, _ := w.total(t, nil); sum.Missed != 0 || sum.Segments < 10*2*17 || sum.Segments > 10*2*21 {
		t.Errorf("%d came, %d missed; want about twenty for each, and none", sum.Segments, sum.Missed)
	}
}

// Who hears nothing for long starts again, be it that there was nothing to read.
func TestReadersRestart(t *testing.T) {
	w, e := readers(1, 0)
	w.config.Audience.Ladder = "a128"
	w.config.Audience.Restarts = scenarios.Restarts{After: 6 * time.Second, Surge: 2}
	e.silent = func(at time.Duration) bool { return at >= 20*time.Second && at < 40*time.Second }
	w.play(t)
	if !slices.ContainsFunc(e.asked, func(a wanted) bool { return a.number == origin.Header }) {
		t.Error("nobody started again")
	}
}

// Who could not read catches up with what is still of use, and has missed the rest.
func TestNothingToRead(t *testing.T) {
	for _, c := range []struct {
		lasts        time.Duration
		missed, most int64 // segments; requests at one instant
	}{{3 * time.Second, 0, 4}, {20 * time.Second, 9, 4}} {
		w, e := readers(1, 0)
		w.config.Audience.Ladder, w.config.Audience.Buffer = "a128", 4*time.Second
		e.silent = func(at time.Duration) bool { return at >= 20*time.Second && at < 20*time.Second+c.lasts }
		w.play(t)
		sum, _, _ := w.total(t, nil)
		if sum.Missed < c.missed-3 || sum.Missed > c.missed || c.missed > 0 && sum.Missed == 0 || sum.Missed+sum.Segments < 28 {
			t.Errorf("%v without: %d missed, %d came; want %d, and all others", c.lasts, sum.Missed, sum.Segments, c.missed)
		}
		reasons := map[string]int64{}
		at := map[time.Duration]int64{}
		for _, l := range w.lines(t) {
			if l.Kind == "missed" {
				reasons[l.Reason] += l.Count
			}
		}
		for _, a := range e.asked {
			at[a.at]++
			if at[a.at] > c.most {
				t.Errorf("%v without: more than %d segments asked for at %v", c.lasts, c.most, a.at)
			}
		}
		if reasons[unlisted] != sum.Missed {
			t.Errorf("%v without: missed for %v, want all %d %q", c.lasts, reasons, sum.Missed, unlisted)
		}
	}
}
