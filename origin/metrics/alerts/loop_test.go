package alerts_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/metrics/alerts"
	"github.com/liveorigin/liveorigin/sim/loop"
)

// In virtual time a node is observed and scraped as it is on the wall's clock, and the same run gives the same alerts.
func TestInVirtualTime(t *testing.T) {
	rules, err := alerts.Parse(metrics.Alerts)
	if err != nil {
		t.Fatal(err)
	}
	var runs [2][]alerts.Firing
	for i := range runs {
		start := time.Unix(1_800_000_000, 0).UTC()
		l := loop.New(start)
		history, err := alerts.NewHistory(rules, true)
		if err != nil {
			t.Fatal(err)
		}
		m := metrics.New()
		node := origin.NewNode(origin.NodeConfig{Region: "us-east", Runtime: l, Store: origin.NewMemory(l, 1), Observer: m})
		m.Watch(node)
		ctx := context.Background()
		l.Go(func() {
			ev := cup(l.Now())
			if err := node.Apply(origin.State{Version: 1, Event: ev}); err != nil {
				t.Error(err)
			}
			for n := range 200 { // pipeline c is never heard of, and a stops for good
				if l.Sleep(ctx, 2*time.Second) != nil {
					return
				}
				if n < 100 {
					m.Taken("cup", "a", origin.Receipt{Outcome: origin.Stored}, 1, time.Millisecond)
				}
				_, _ = node.Get(ctx, origin.Request{Event: "cup", Rendition: "v1", Number: 1 << 20})
				if err := history.Scrape(l.Now(), "e1", m.Registry); err != nil {
					t.Error(err)
				}
			}
		})
		if err := l.Run(start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if runs[i], err = history.Detect(ctx, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		want := []alerts.Firing{
			{Alert: "PipelineStopped", Labels: `{event="cup", pipeline="c"}`, Pending: start.Add(8 * time.Second), Fired: start.Add(8 * time.Second)},
			{Alert: "PipelineStopped", Labels: `{event="cup", pipeline="a"}`, Pending: start.Add(208 * time.Second), Fired: start.Add(208 * time.Second)},
		}
		if !slices.Equal(runs[i], want) {
			t.Errorf("got %+v, want %+v", runs[i], want)
		}
	}
}
