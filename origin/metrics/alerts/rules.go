package alerts

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// Rule is an alert as a Prometheus rule file has it.
type Rule struct {
	Alert string
	Expr  string
	For   time.Duration // for how long Expr has to hold without a gap
}

// Parse reads the alerts of a Prometheus rule file, and says everything that Prometheus would find wrong with it.
func Parse(file []byte) ([]Rule, error) {
	groups, errs := rulefmt.Parse(file, false, model.UTF8Validation)
	if len(errs) > 0 {
		return nil, fmt.Errorf("read alerting rules: %w", errors.Join(errs...))
	}
	var rules []Rule
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Record != "" || r.KeepFiringFor != 0 {
				return nil, fmt.Errorf("group %s: recording rules and keep_firing_for are not evaluated here", g.Name)
			}
			rules = append(rules, Rule{Alert: r.Alert, Expr: r.Expr, For: time.Duration(r.For)})
		}
	}
	return rules, nil
}

// Names lists the metrics that an expression asks for, sorted.
func Names(expr string) ([]string, error) {
	parsed, err := parser.ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, matchers := range parser.ExtractSelectors(parsed) {
		for _, m := range matchers {
			if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
				names = append(names, m.Value)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
