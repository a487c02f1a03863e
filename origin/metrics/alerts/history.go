package alerts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// History is what was scraped in a run, of the metrics that rules ask for. It is for one goroutine.
type History struct {
	rules    []Rule
	families map[string]bool
	native   bool
	series   map[uint64][]*series // by hash of their labels
	from, to time.Time            // of the scrapes
	symbols  *labels.SymbolTable
}

// series are the samples of one set of labels.
type series struct {
	promql.Series
	instance string
	last     int64 // when it was scraped last
	stale    bool
}

// NewHistory makes a history for rules. With native, histograms are scraped as a server does that was told to take native
// ones; without, as one that was told nothing.
func NewHistory(rules []Rule, native bool) (*History, error) {
	h := &History{rules: rules, families: make(map[string]bool), native: native, series: make(map[uint64][]*series),
		symbols: labels.NewSymbolTable()}
	for _, r := range rules {
		names, err := Names(r.Expr)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", r.Alert, err)
		}
		for _, name := range names {
			h.families[name] = true
			for _, part := range []string{"_bucket", "_count", "_sum"} {
				if family, ok := strings.CutSuffix(name, part); ok {
					h.families[family] = true
				}
			}
		}
	}
	return h, nil
}

// Scrape takes a sample of everything that a node gathers, at an instant not before the last one's. Every node is another
// instance.
func (h *History) Scrape(at time.Time, instance string, g prometheus.Gatherer) error {
	if at.Before(h.to) {
		return fmt.Errorf("scrape %s at %v, which is before the last scrape", instance, at)
	}
	families, err := g.Gather()
	if err != nil {
		return fmt.Errorf("scrape %s: %w", instance, err)
	}
	var body bytes.Buffer
	encoder := expfmt.NewEncoder(&body, expfmt.NewFormat(expfmt.TypeProtoDelim))
	for _, f := range families {
		if h.families[f.GetName()] {
			if err := encoder.Encode(f); err != nil {
				return fmt.Errorf("scrape %s: %w", instance, err)
			}
		}
	}
	if h.from.IsZero() {
		h.from = at
	}
	h.to = at
	if err := h.take(at.UnixMilli(), instance, body.Bytes()); err != nil {
		return err
	}
	h.expire(at.UnixMilli(), instance)
	return nil
}

// take adds the samples of a scrape's body.
func (h *History) take(at int64, instance string, body []byte) error {
	p := textparse.NewProtobufParser(body, !h.native, false, false, false, h.symbols)
	for {
		entry, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("scrape %s: %w", instance, err)
		case entry != textparse.EntrySeries && entry != textparse.EntryHistogram:
			continue
		}
		var ls labels.Labels
		p.Labels(&ls)
		s := h.seriesOf(labels.NewBuilder(ls).Set("instance", instance).Labels(), instance)
		s.last, s.stale = at, false
		if entry == textparse.EntryHistogram {
			_, _, counts, _ := p.Histogram()
			if counts == nil {
				return fmt.Errorf("scrape %s: a histogram of floats, which client_golang does not make", instance)
			}
			s.Histograms = append(s.Histograms, promql.HPoint{T: at, H: counts.ToFloat(nil)})
		} else {
			_, _, v := p.Series()
			s.Floats = append(s.Floats, promql.FPoint{T: at, F: v})
		}
	}
}

// expire marks what an instance had and has no more as stale, as a Prometheus server does.
func (h *History) expire(at int64, instance string) {
	for _, same := range h.series { // any order: each by itself
		for _, s := range same {
			if s.instance == instance && s.last != at && !s.stale {
				s.Floats = append(s.Floats, promql.FPoint{T: at, F: math.Float64frombits(value.StaleNaN)})
				s.stale = true
			}
		}
	}
}

// seriesOf finds or makes the series with these labels.
func (h *History) seriesOf(ls labels.Labels, instance string) *series {
	hash := ls.Hash()
	for _, s := range h.series[hash] {
		if labels.Equal(s.Metric, ls) {
			return s
		}
	}
	s := &series{Series: promql.Series{Metric: ls}, instance: instance}
	h.series[hash] = append(h.series[hash], s)
	return s
}

// Querier implements storage.Queryable.
func (h *History) Querier(int64, int64) (storage.Querier, error) {
	return querier{storage.NoopQuerier(), h}, nil
}

type querier struct {
	storage.Querier
	history *History
}

// Select implements storage.Querier: the series that all matchers match, sorted by their labels.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []*series
	for _, same := range q.history.series { // any order: sorted below
		for _, s := range same {
			if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Metric.Get(m.Name)) }) {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *series) int { return labels.Compare(a.Metric, b.Metric) })
	return &set{left: found}
}

// set implements storage.SeriesSet.
type set struct {
	at   *series
	left []*series
}

func (s *set) Next() bool {
	if len(s.left) == 0 {
		return false
	}
	s.at, s.left = s.left[0], s.left[1:]
	return true
}

func (s *set) At() storage.Series              { return promql.NewStorageSeries(s.at.Series) }
func (*set) Err() error                        { return nil }
func (*set) Warnings() annotations.Annotations { return nil }
