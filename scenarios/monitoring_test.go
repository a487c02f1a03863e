package scenarios

import (
	"strings"
	"testing"
	"time"
)

func TestMonitoring(t *testing.T) {
	const detect = "  - {indicator: time to detect, after: slow-store, max: 10s}\n"
	for _, tt := range []struct {
		name, src string
		every     time.Duration
		want      string // problem; none for ""
	}{
		{"nobody watches", good, 0, ""},
		{"somebody does", good + detect + "monitoring: {every: 5s}\n", 5 * time.Second, ""},
		{"without a time", good + "monitoring: {}\n", 0, `missing key "every" in monitoring`},
		{"too often", good + "monitoring: {every: 500ms}\n", 0, "500ms is out of range: 1s to 1m"},
		{"too seldom", good + "monitoring: {every: 61s}\n", 0, "61s is out of range: 1s to 1m"},
		{"not at whole seconds", good + "monitoring: {every: 1600ms}\n", 0, `1.6s is not a whole number of seconds; did you mean "2s"?`},
		{"nearly too much", strings.Replace(good, "60s", "19998s", 1) + "monitoring: {every: 2s}\n", 2 * time.Second, ""},
		{"too much", strings.Replace(good, "60s", "10000s", 1) + "monitoring: {every: 1s}\n", 0,
			"2 nodes, scraped every 1s for 2h46m40s, are 20002 scrapes; at most 20000 are kept"},
		{"alerts that nobody sees", good + detect, 0, "time to detect is about alerts, and nobody watches; give monitoring: {every: 5s}"},
		{"nor these", good + "  - {indicator: false alarms, max: 0}\n", 0, "false alarms is about alerts, and nobody watches"},
		{"of no fault", good + "  - {indicator: time to detect, max: 10s}\nmonitoring: {every: 5s}\n", 0, `time to detect needs "after"`},
		{"a fault at the end can be detected", strings.Replace(good, "at: 20s, for: 10s", "at: 45s, for: 15s", 1) + detect + "monitoring: {every: 5s}\n",
			5 * time.Second, ""},
	} {
		s, err := Parse("x.yaml", []byte(tt.src))
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			}
		case err != nil || s.Monitoring.Every != tt.every:
			t.Errorf("%s: %v, %+v", tt.name, err, s)
		case (s.WallClock() != nil) != (tt.every > 0):
			t.Errorf("%s on the wall clock: %v", tt.name, s.WallClock())
		}
	}
}
