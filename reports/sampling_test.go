package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// sampledWorld has 66 of 6600 ordinary decisions, a fetch that failed, and says by what rule.
func sampledWorld(rule int64) *world {
	w := regionLoss().objective(Objective{Indicator: "missed segments"})
	w.record(origin.Record{Kind: origin.KindSampling, Name: origin.KindDecision, Count: rule})
	for s := range int64(66) {
		w.record(origin.Record{Kind: origin.KindDecision, AtUs: s * second, Reason: string(origin.Published)})
	}
	return w
}

func TestSampledHistories(t *testing.T) {
	counter := func(kind string, n int64) origin.Record {
		return origin.Record{Kind: origin.KindCounter, Name: kind, Count: n}
	}
	for _, tt := range []struct {
		name               string
		rule               int64
		counters           []origin.Record
		decisions, fetches int64
		note               string
	}{
		{"counted exactly", 100, []origin.Record{counter("decision", 6543), counter("fetch", 21)}, 6543, 21,
			"run.jsonl: of the ordinary decision records (published, no error) one in 100 was written, of the others all; counts are exact"},
		{"counted in two parts", 100, []origin.Record{counter("decision", 6000), counter("decision", 543)}, 6543, 1, "counts are exact"},
		{"cut short, without a counter", 100, nil, 66, 1, "no counter says how many there were, so counts are too low"},
		{"every record was written", 1, []origin.Record{counter("decision", 66)}, 66, 1, ""},
		{"a counter of something else", 100, []origin.Record{counter("flush", 9999)}, 66, 1, "counts are too low"},
		{"a counter that cannot be", 1, []origin.Record{counter("decision", 5)}, 66, 1, ""},
	} {
		w := sampledWorld(tt.rule)
		w.history = append(w.history, tt.counters...)
		r := w.judge(t)
		if r.Counts.Decisions != tt.decisions || r.Counts.Fetches != tt.fetches {
			t.Errorf("%s: %d decisions, %d fetches; want %d, %d", tt.name, r.Counts.Decisions, r.Counts.Fetches, tt.decisions, tt.fetches)
		}
		if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
			t.Errorf("%s: notes %q, want %q", tt.name, notes, tt.note)
		}
		if r.Verdict != Pass {
			t.Errorf("%s: %s because of %q; sampling changes no verdict", tt.name, r.Verdict, r.Reasons)
		}
	}
}

// But for its notes, a sampled history comes to the same report as the whole one.
func TestSamplingChangesOnlyNotes(t *testing.T) {
	whole, sampled := troubled(), troubled()
	for s := range int64(660) {
		rec := origin.Record{Kind: origin.KindDecision, AtUs: s * second / 10, Rendition: "v720", Number: 13, Region: west, Reason: string(origin.Published)}
		if s == 305 { // written whatever the rule
			rec.Reason = string(origin.Defective)
			sampled.record(rec)
		} else if s%10 == 0 {
			sampled.record(rec)
		}
		whole.record(rec)
	}
	sampled.record(origin.Record{Kind: origin.KindSampling, Name: origin.KindDecision, Count: 10})
	sampled.record(origin.Record{Kind: origin.KindCounter, Name: origin.KindDecision, Count: 660, AtUs: 66 * second})
	want, got := whole.judge(t), sampled.judge(t)
	if len(got.Notes) != len(want.Notes)+1 {
		t.Fatalf("notes %q, want one more than %q", got.Notes, want.Notes)
	}
	got.Notes = want.Notes
	if a, b := reportJSON(t, want), reportJSON(t, got); !bytes.Equal(a, b) {
		t.Errorf("whole\n%s\nsampled\n%s", a, b)
	}
}
