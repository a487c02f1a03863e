package reports

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// skimmed is what the fast way and the slow way make of a line.
func skimmed(line string) (fast, slow audienceLine, ok bool, err error) {
	ok = fast.skim([]byte(line))
	err = json.Unmarshal([]byte(line), &slow)
	return fast, slow, ok, err
}

func TestAudienceIsSkimmed(t *testing.T) {
	for line := range strings.Lines(contract) {
		line = strings.TrimSpace(line)
		fast, slow, ok, err := skimmed(line)
		if plain := strings.HasPrefix(line, `{"kind":"interval"`) || strings.HasPrefix(line, `{"kind":"viewers"`); plain != ok && plain {
			t.Errorf("not skimmed: %s", line)
		}
		if ok && (err != nil || !reflect.DeepEqual(fast, slow)) {
			t.Errorf("%s\nskimmed %+v\nread %+v, %v", line, fast, slow, err)
		}
	}
	for _, tt := range []struct{ name, line string }{
		{"nothing", ``},
		{"no fields", `{}`},
		{"an escape", `{"kind":"a\u0062c"}`},
		{"what should have been escaped", "{\"kind\":\"a\tb\"}"},
		{"letters beyond ASCII", `{"kind":"é"}`},
		{"below zero", `{"vu":-1}`},
		{"a fraction", `{"vu":1.5}`},
		{"an exponent", `{"vu":1e3}`},
		{"a zero too many", `{"vu":01}`},
		{"no number", `{"vu":}`},
		{"nineteen digits", `{"vu":1234567890123456789}`},
		{"a word for a number", `{"vu":"1"}`},
		{"a number for a word", `{"kind":1}`},
		{"a list", `{"defects":["a"]}`},
		{"a key that JSON would take for another", `{"Kind":"a"}`},
		{"an unknown key", `{"mood":1}`},
		{"no end", `{"kind":"a"`},
		{"a comma and an end", `{"kind":"a",}`},
		{"something after it", `{"kind":"a"}x`},
		{"a word without an end", `{"kind":"a`},
		{"two fields without a comma", `{"kind":"a""vu":1}`},
		{"a semicolon for a comma", `{"kind":"a";"vu":1}`},
		{"no colon", `{"kind""a"}`},
	} {
		if _, _, ok, _ := skimmed(tt.line); ok {
			t.Errorf("%s: skimmed %s", tt.name, tt.line)
		}
	}
}

// Whatever is skimmed is read the same the slow way.
func FuzzSkim(f *testing.F) {
	for line := range strings.Lines(contract) {
		f.Add(strings.TrimSpace(line))
	}
	f.Add(`{"kind":"a","vu":0,"vu":18}`)
	f.Fuzz(func(t *testing.T, line string) {
		if fast, slow, ok, err := skimmed(line); ok && (err != nil || !reflect.DeepEqual(fast, slow)) {
			t.Errorf("%q\nskimmed %+v\nread %+v, %v", line, fast, slow, err)
		}
	})
}

// An audience of 65 million: counts up to a trillion are added, compared and shown.
func TestMillionsOfViewers(t *testing.T) {
	const viewers, trillion = int64(65_000_000), int64(1_000_000_000_000)
	w := quiet().objective(Objective{Indicator: "missed segments", Max: Limit{Count: 64*trillion - 1}})
	w.plan.Viewers = int(viewers)
	w.each("viewers", func(l *audienceLine) { l.Viewers = viewers })
	w.each("interval", func(l *audienceLine) {
		l.Segments, l.Requests, l.Bytes, l.StallUs = trillion, 2*trillion, 1000*trillion, 8*viewers*second
		if l.Region == east {
			l.Missed = trillion
		}
		l.Latency = histogram(400_000, trillion)
	})
	r := w.judge(t)
	if r.Counts.Segments != 128*trillion || r.Counts.Bytes != 128_000*trillion || r.Counts.Missed != 64*trillion ||
		r.Counts.StallUs != 128*8*viewers*second || r.Counts.ViewersPeak != viewers {
		t.Errorf("counts %+v", r.Counts)
	}
	if o := r.Objectives[0]; o.Verdict != Fail || o.Samples != 192*trillion || o.FirstBreach.FromMs != 63_000 {
		t.Errorf("%+v; want it missed in the last second", o)
	}
	if q := r.Phases[0].Regions[0].Latency; q.Samples != 20*trillion || q.P50 < 400 || q.P50 > 404 {
		t.Errorf("latency %+v, want 20 trillion around 400 ms", q)
	}
	w.each("viewers", func(l *audienceLine) { l.Viewers = viewers*95/100 - 1 })
	if r := w.judge(t); len(r.Validity) == 0 || !strings.Contains(r.Validity[0], "viewers peaked at 61749999 of 65000000") {
		t.Errorf("validity %q, want too few viewers", r.Validity)
	}
}

// Lines that are possible one by one do not add up to less than nothing.
func TestCountsThatCannotBeAddedUp(t *testing.T) {
	w := quiet().objective(Objective{Indicator: "missed segments"})
	for range 1 << 10 {
		w.line(audienceLine{Kind: "interval", Missed: numberMax, Region: east})
	}
	history, audience := w.files(t)
	_, err := Judge(w.plan, strings.NewReader(string(history)), strings.NewReader(string(audience)))
	if err == nil || !strings.Contains(err.Error(), "all counts so far come to more than") {
		t.Errorf("error %v, want that it is too much", err)
	}
}
