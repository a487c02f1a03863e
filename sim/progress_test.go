package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

func TestLinesAreFewAndTellEveryChange(t *testing.T) {
	var out strings.Builder
	l := &Lines{W: &out}
	for s := range 20 {
		status := Status{At: time.Duration(s) * time.Second, Of: 20 * time.Second, Phase: "warm-up", Viewers: s}
		if s >= 7 && s < 9 {
			status.Faults = []string{"region-loss"}
		}
		l.Show(status)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	// At 0 and 5 by time, at 7 and 9 because the faults changed, at 14 and 19 by time again.
	if len(lines) != 6 || !strings.Contains(lines[2], "FAULT region-loss") || strings.Contains(lines[3], "FAULT") {
		t.Errorf("got %d lines:\n%s", len(lines), out.String())
	}
}

func TestLiveTakesBackWhatItDrew(t *testing.T) {
	var out strings.Builder
	l := &Live{W: &out, Width: 40}
	l.Show(Status{At: 30 * time.Second, Of: time.Minute, Phase: "a phase with a name that is too long for the terminal",
		Pipelines: []PipelineStatus{{"a", "..dx"}, {"b", "...."}}})
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 || len(lines[0]) >= 40 || !strings.HasPrefix(lines[0], "[==========          ]") ||
		!strings.Contains(lines[1], "..dx") {
		t.Errorf("%q", lines)
	}
	out.Reset()
	l.Done()
	if out.String() != "\x1b[3A\x1b[J" {
		t.Errorf("taken back with %q", out.String())
	}
}

// The worst that became of any rendition is what a strip shows of a segment.
func TestStrip(t *testing.T) {
	var h history
	publish := func(n origin.SegmentNumber, reason origin.Outcome, defects ...string) {
		h.tally.count(origin.Record{Kind: origin.KindPublish, Pipeline: "a", Number: n, Reason: string(reason), Defects: defects})
	}
	publish(origin.Header, origin.Conflict)
	publish(3, origin.Stored)
	publish(3, origin.Repeated, "short-segment")
	publish(4, origin.Stored)
	publish(6, origin.TooLate)
	publish(6, origin.Stored)
	publish(7, origin.Stored, "missing-segment")
	var s Status
	h.soFar(&s)
	want := []PipelineStatus{{"a", "d. x-"}}
	if !slices.Equal(s.Pipelines, want) || s.Published != 3 || s.Defective != 2 || s.Unpublished != 1 {
		t.Errorf("got %+v, want %+v", s, want)
	}
}
