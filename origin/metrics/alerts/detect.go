package alerts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// Firing is one time that an alert fired for one set of labels.
type Firing struct {
	Alert  string
	Labels string // of the expression's result: {event="cup", pipeline="a"}
	// Pending is when the expression began to hold, Fired when it had held for as long as the rule wants.
	Pending, Fired time.Time
	// Resolved is when it did not hold any more; zero while it still did at the end of the history.
	Resolved time.Time
}

// How much one query may take.
const (
	maxSamples = 50_000_000
	maxQuery   = time.Minute
)

// Detect evaluates the rules at every instant that is a multiple of every after the first scrape, up to the last one, and
// lists what fired: by when, then by alert and labels.
func (h *History) Detect(ctx context.Context, every time.Duration) ([]Firing, error) {
	if every < time.Millisecond {
		return nil, fmt.Errorf("evaluate every %v: at least 1ms", every)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: maxSamples, Timeout: maxQuery, LookbackDelta: 5 * time.Minute})
	defer engine.Close()
	var all []Firing
	for _, r := range h.rules {
		firings, err := h.detect(ctx, engine, r, every)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", r.Alert, err)
		}
		all = append(all, firings...)
	}
	slices.SortStableFunc(all, func(a, b Firing) int {
		return cmp.Or(a.Fired.Compare(b.Fired), cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Labels, b.Labels))
	})
	return all, nil
}

func (h *History) detect(ctx context.Context, engine *promql.Engine, r Rule, every time.Duration) ([]Firing, error) {
	query, err := engine.NewRangeQuery(ctx, h, nil, r.Expr, h.from, h.to, every)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	result := query.Exec(ctx)
	matrix, err := result.Matrix()
	if err != nil {
		return nil, err
	}
	var firings []Firing
	for _, s := range matrix {
		ls := labels.NewBuilder(s.Metric).Del(model.MetricNameLabel).Labels().String()
		for _, f := range firingsOf(s.Floats, r.For, every, h.to) {
			f.Alert, f.Labels = r.Alert, ls
			firings = append(firings, f)
		}
	}
	return firings, nil
}

// firingsOf finds the times in which a condition held for long enough: there is a point for every evaluation at which it
// did (Prometheus: rules/alerting.go, Eval).
func firingsOf(points []promql.FPoint, long, every time.Duration, end time.Time) (firings []Firing) {
	for i := 0; i < len(points); {
		first := time.UnixMilli(points[i].T).UTC()
		fired, last := time.Time{}, first
		for ; i < len(points) && time.UnixMilli(points[i].T).Sub(last) <= every; i++ {
			if last = time.UnixMilli(points[i].T).UTC(); fired.IsZero() && last.Sub(first) >= long {
				fired = last
			}
		}
		if fired.IsZero() {
			continue
		}
		f := Firing{Pending: first, Fired: fired}
		if over := last.Add(every); !over.After(end) {
			f.Resolved = over
		}
		firings = append(firings, f)
	}
	return firings
}
