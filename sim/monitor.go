package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/metrics/alerts"
	"github.com/liveorigin/liveorigin/scenarios"
)

// monitor watches the origins of a replay as a Prometheus server does that was told nothing but the shipped rules: it
// scrapes every node, in time of the event, and evaluates the rules as often. That is done when the event is over, since
// nothing in it depends on an alert. A nil monitor watches nothing.
type monitor struct {
	every    time.Duration
	start    time.Time // of the event
	nodes    []watchedNode
	history  *alerts.History
	recorder origin.Recorder
	scraped  bool
}

// watchedNode is a node by its name, which is what it is called as an instance.
type watchedNode struct {
	name    string
	metrics *metrics.Metrics
}

// newMonitor makes the monitor that a scenario asks for; nil where nobody watches.
func newMonitor(sc *scenarios.Scenario, ev origin.Event, recorder origin.Recorder) (*monitor, error) {
	if sc.Monitoring.Every == 0 {
		return nil, nil
	}
	rules, err := alerts.Parse(metrics.Alerts)
	if err != nil {
		return nil, fmt.Errorf("read the alerts: %w", err)
	}
	const native = false // histograms: what a server scrapes that was not told otherwise
	history, err := alerts.NewHistory(rules, native)
	if err != nil {
		return nil, err
	}
	return &monitor{every: sc.Monitoring.Every, start: ev.AvailabilityStartTime, history: history, recorder: recorder}, nil
}

// metrics is what makes the metrics of each node; nil where nobody watches, so that none are counted.
func (m *monitor) metrics() func(node string) *metrics.Metrics {
	if m == nil {
		return nil
	}
	return func(node string) *metrics.Metrics {
		counted := metrics.New()
		m.nodes = append(m.nodes, watchedNode{node, counted})
		return counted
	}
}

// look is called every second, and scrapes all nodes when it is time.
func (m *monitor) look(at time.Time) error {
	if m == nil || at.Sub(m.start)%m.every != 0 {
		return nil
	}
	for _, n := range m.nodes {
		if err := m.history.Scrape(at, n.name, n.metrics.Registry); err != nil {
			return err
		}
	}
	m.scraped = true
	m.recorder.Record(origin.Record{AtUs: m.since(at), Kind: origin.KindScrape, Count: int64(len(m.nodes))})
	return nil
}

// detect evaluates the alerts over all that was scraped, and records those that fired.
func (m *monitor) detect() error {
	if m == nil || !m.scraped {
		return nil
	}
	firings, err := m.history.Detect(context.Background(), m.every)
	if err != nil {
		return fmt.Errorf("evaluate the alerts: %w", err)
	}
	for _, f := range firings {
		r := origin.Record{AtUs: m.since(f.Fired), Kind: origin.KindAlert, Step: origin.Begin, Name: f.Alert, Target: f.Labels,
			WaitUs: f.Fired.Sub(f.Pending).Microseconds()}
		m.recorder.Record(r)
		if f.Resolved.IsZero() {
			continue
		}
		r.AtUs, r.Step, r.WaitUs = m.since(f.Resolved), origin.End, 0
		m.recorder.Record(r)
	}
	return nil
}

// since is microseconds since the event's start.
func (m *monitor) since(t time.Time) int64 { return t.Sub(m.start).Microseconds() }
