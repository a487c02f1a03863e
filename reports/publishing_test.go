package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// Publications that took over half a second, or were given up, are counted and named; one that took just that long is fine.
func TestPublishTroubles(t *testing.T) {
	w := quiet()
	add := func(n origin.SegmentNumber, pipeline, reason string, waitUs int64) {
		w.record(origin.Record{Kind: origin.KindPublish, AtUs: 30 * second, Region: east, Rendition: "v1080", Number: n, Pipeline: pipeline,
			Reason: reason, WaitUs: waitUs, Attempts: 3})
	}
	add(900, "a", "stored", 500_000)
	add(901, "a", "stored", 500_001)
	add(902, "a", "repeated", 1_900_000)
	for _, n := range []origin.SegmentNumber{905, 904, 903, 907} {
		add(n, "b", "no-quorum", 2_000_000)
	}
	w.record(origin.Record{Kind: origin.KindPublish, AtUs: 31 * second, Region: east, Rendition: "v1080", Number: 907, Pipeline: "b",
		Error: "given up at the retry deadline: PUT /e/v1080/907.m4s: dial tcp 127.0.0.1:1: refused: timeout", WaitUs: 2_000_000})
	r := w.judge(t)
	if r.Counts.SlowPublishes != 2 || r.Counts.Refused != 5 || len(r.Publishing) != 7 {
		t.Errorf("%d slow, %d given up, %d named", r.Counts.SlowPublishes, r.Counts.Refused, len(r.Publishing))
	}
	var text bytes.Buffer
	if err := r.WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"publications over 500ms: 2, the slowest 1900 ms (v1080/902 of a)",
		"publications given up: 5: b 903-905, 907 (no-quorum, given up at the retry deadline: timeout)",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, text.String())
		}
	}
}
