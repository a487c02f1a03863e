package sim

import (
	"bytes"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/scenarios"
)

// The shipped alerts tell of each fault in time and of nothing else, from the same bytes on one processor or two, and the stored
// run is judged alike.
func TestAlertsInVirtualTime(t *testing.T) {
	sc, err := scenarios.Load("alerts")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	r, _, err := Replay(t.Context(), sc, ReplayOptions{Options: Options{Out: out, Command: "again", Progress: Quiet{}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != reports.Pass {
		t.Errorf("%s: %s", r.Verdict, strings.Join(r.Reasons, "; "))
	}
	if every := plan(sc, sc.Event(replayStart), nil, "").Watched; every != 5*time.Second {
		t.Errorf("the judge is told that somebody looks every %v", every)
	}
	for _, a := range r.Alerts { // which rules wait for 5 s before they fire, and which at once
		waits := map[string]int64{"PipelineStopped": 0, "DefectsServed": 0}
		if want, at := waits[a.Alert]; a.FiredMs-a.PendingMs != want && at || !at && a.FiredMs-a.PendingMs != 5000 || a.ResolvedMs == nil {
			t.Errorf("%+v", a)
		}
	}
	told := toldOf(r)
	for fault, alert := range map[string]string{"pipeline-stop": "PipelineStopped", "slow-store": "PublishesSlow", "both-a": "DefectsServed",
		"east-1": "StoreFailing"} {
		if !slices.Contains(told[fault], alert) {
			t.Errorf("%s: told by %q, want %s", fault, told[fault], alert)
		}
	}
	again, _, err := Judge(out)
	if err != nil || len(again.Alerts) != len(r.Alerts) || again.Verdict != r.Verdict {
		t.Errorf("judged again: %v, %d alerts, then %d", err, len(r.Alerts), len(again.Alerts))
	}
	first := contents(t, out)
	for _, processors := range []int{1, 2} {
		before := runtime.GOMAXPROCS(processors)
		_, files := replayed(t, sc, false)
		runtime.GOMAXPROCS(before)
		if !bytes.Equal(first[historyFile], files[historyFile]) {
			t.Errorf("another history on %d processors", processors)
		}
	}
}

// After an early end, pipelines that go on are refused, and after a removal too: nobody needs to be told of that.
func TestNoAlarmAfterAnEarlyEnd(t *testing.T) {
	sc, err := scenarios.Load("early-end", scenarios.Override{Path: "monitoring", Value: "{every: 5s}"})
	if err != nil {
		t.Fatal(err)
	}
	r, files := replayed(t, sc, false)
	refused := 0
	for _, p := range records(t, files[historyFile]) {
		if p.Kind == origin.KindPublish && p.Reason == string(origin.Outside) {
			refused++
		}
	}
	if len(r.Alerts) != 0 || r.Verdict != reports.Pass || refused < 8 {
		t.Errorf("%s, %d publications refused, %+v", r.Verdict, refused, r.Alerts)
	}
}

func toldOf(r *reports.Report) map[string][]string {
	told := map[string][]string{}
	for _, a := range r.Alerts {
		told[a.Fault] = append(told[a.Fault], a.Alert)
	}
	return told
}

// Without faults no alert fires; and who watches changes nothing of what happens.
func TestAlertsOfAQuietEvent(t *testing.T) {
	watched, err := scenarios.Load("quiet", scenarios.Override{Path: "monitoring", Value: "{every: 5s}"})
	if err != nil {
		t.Fatal(err)
	}
	unwatched, err := scenarios.Load("quiet")
	if err != nil {
		t.Fatal(err)
	}
	r, files := replayed(t, watched, false)
	_, without := replayed(t, unwatched, false)
	if len(r.Alerts) != 0 || r.Verdict != reports.Pass {
		t.Errorf("%s, %+v", r.Verdict, r.Alerts)
	}
	for _, scrape := range records(t, files[historyFile]) {
		if scrape.Kind == origin.KindScrape && (scrape.AtUs%(5*time.Second).Microseconds() != 0 || scrape.Count == 0) {
			t.Errorf("%+v", scrape)
		}
	}
	var scrapes int
	rest := slices.DeleteFunc(slices.Collect(bytes.Lines(files[historyFile])), func(line []byte) bool {
		scrape := bytes.Contains(line, []byte(`"kind":"`+origin.KindScrape+`"`))
		if scrape {
			scrapes++
		}
		return scrape
	})
	if !bytes.Equal(bytes.Join(rest, nil), without[historyFile]) || scrapes < 6 {
		t.Errorf("an event with %d scrapes is another one than without", scrapes)
	}
}
