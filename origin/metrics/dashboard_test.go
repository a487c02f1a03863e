package metrics_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/metrics/alerts"
)

// dashboard is what Grafana's model has that can be wrong.
type dashboard struct {
	ID            *int `json:"id"`
	SchemaVersion int  `json:"schemaVersion"`
	Inputs        []struct {
		Name string `json:"name"`
	} `json:"__inputs"`
	Panels []struct {
		Type, Title string
		Datasource  struct{ UID string }
		GridPos     struct{ H, W, X, Y int }
		Targets     []struct {
			RefID, Expr string
			Datasource  struct{ UID string }
		}
	}
}

// gathered is every name of everything that can be registered, and that Prometheus makes of it.
func gathered(t *testing.T) (names map[string]bool) {
	t.Helper()
	names = make(map[string]bool)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		st := cup()
		w.apply(st)
		w.everything()
		w.WatchStore("publish", func() keyvalue.Stats { return keyvalue.Stats{} })
		w.WatchCopies("publish", func() (made, failed, unmade int64) { return 0, 0, 0 })
		w.WatchLog(metrics.NewLog(nil))
		w.WatchEdge()(&origin.Response{}, 0)
		w.Process()
		d := w.Directory(&directory{states: []origin.State{st}})
		if _, err := d.Events(t.Context()); err != nil {
			t.Fatal(err)
		}
		families, err := w.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			names[f.GetName()] = true
			if f.Metric[0].Histogram != nil {
				names[f.GetName()+"_bucket"] = true
			}
		}
	})
	return names
}

// Whatever the dashboard asks for is there, as Prometheus's own parser reads it; and whatever there is of ours is shown.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal(metrics.Dashboard, &d); err != nil {
		t.Fatal(err)
	}
	if d.ID != nil || d.SchemaVersion < 36 || len(d.Inputs) != 1 || d.Inputs[0].Name != "DS_PROMETHEUS" {
		t.Errorf("cannot be imported anywhere: id %v, schema %d, inputs %v", d.ID, d.SchemaVersion, d.Inputs)
	}
	there, shown := gathered(t), map[string]bool{}
	for _, panel := range d.Panels {
		if panel.GridPos.X+panel.GridPos.W > 24 || panel.GridPos.W == 0 || panel.GridPos.H == 0 {
			t.Errorf("%s: at %+v, which is not on a grid of 24", panel.Title, panel.GridPos)
		}
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("%s shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			if target.Datasource.UID != "${DS_PROMETHEUS}" {
				t.Errorf("%s: data source %q is somebody's own", panel.Title, target.Datasource.UID)
			}
			names, err := alerts.Names(strings.NewReplacer("$__rate_interval", "1m", "$event", "cup").Replace(target.Expr))
			if err != nil {
				t.Errorf("%s: %v", panel.Title, err)
			}
			for _, name := range names {
				shown[name] = true
				if !there[name] {
					t.Errorf("%s: there is no %s", panel.Title, name)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if strings.HasPrefix(name, "liveorigin_") && !shown[name] {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}

// Every query has something to show once everything has happened: none asks for a label that there is not.
func TestDashboardShowsEverything(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal(metrics.Dashboard, &d); err != nil {
		t.Fatal(err)
	}
	var queries []alerts.Rule
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			for side, expr := range strings.Split(target.Expr, "\n  or\n") { // of native and of classic histograms
				expr = strings.NewReplacer("$__rate_interval", "1m", "$event", "cup").Replace(expr)
				queries = append(queries, alerts.Rule{Alert: fmt.Sprintf("%s %s %d", panel.Title, target.RefID, side), Expr: expr})
			}
		}
	}
	shown := map[string]bool{}
	for _, native := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.apply(cup())
			w.WatchStore("publish", func() keyvalue.Stats { return keyvalue.Stats{} })
			w.WatchCopies("publish", func() (made, failed, unmade int64) { return 0, 0, 0 })
			w.WatchLog(metrics.NewLog(nil))
			w.Process()
			edge := w.WatchEdge()
			d := w.Directory(&directory{states: []origin.State{cup()}})
			history, err := alerts.NewHistory(queries, native)
			if err != nil {
				t.Fatal(err)
			}
			for range 12 {
				_, _ = d.Events(t.Context())
				w.everything()
				edge(&origin.Response{Cache: origin.CacheStatus{Hit: true}}, time.Millisecond)
				edge(&origin.Response{Cache: origin.CacheStatus{Forward: "uri-miss"}}, time.Millisecond)
				if err := history.Scrape(time.Now(), "e1", w.Registry); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
			}
			firings, err := history.Detect(t.Context(), 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range firings {
				shown[f.Alert] = true
			}
		})
	}
	for _, q := range queries {
		if !shown[q.Alert] {
			t.Errorf("%s shows nothing:\n%s", q.Alert, q.Expr)
		}
	}
}

func TestAlertsAskForWhatIsThere(t *testing.T) {
	rules, err := alerts.Parse(metrics.Alerts)
	if err != nil || len(rules) == 0 {
		t.Fatalf("%d rules, %v", len(rules), err)
	}
	there := gathered(t)
	for _, r := range rules {
		names, err := alerts.Names(r.Expr)
		if err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
		for _, name := range names {
			if !there[name] {
				t.Errorf("%s: there is no %s", r.Alert, name)
			}
		}
	}
}
