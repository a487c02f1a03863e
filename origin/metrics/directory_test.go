package metrics_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// directory is a control plane that can be away.
type directory struct {
	states []origin.State
	err    error
}

func (d *directory) Events(context.Context) ([]origin.State, error) { return d.states, d.err }

func TestConfigAge(t *testing.T) {
	const age = `liveorigin_config_age_seconds{event="cup"}`
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.apply(cup())
		w.want(age, math.NaN()) // nobody is asked
		d := &directory{states: []origin.State{cup()}}
		watched := w.Directory(d)
		ask := func() { _, _ = watched.Events(t.Context()) }
		ask()
		w.want(age, 0)
		time.Sleep(5 * time.Second)
		d.err = errors.New("away")
		ask()
		w.want(age, 5)
		w.want("liveorigin_config_failures_total{}", 1)
		d.err, d.states = nil, nil // there, but without the event
		ask()
		w.want(age, 5)
		other := cup()
		other.ID = "final"
		w.apply(other)
		d.states = []origin.State{other}
		ask()
		w.want(age, 5)
		w.want(`liveorigin_config_age_seconds{event="final"}`, 0)
		d.states = []origin.State{cup()}
		ask()
		w.want(age, 0)
		w.want("liveorigin_config_failures_total{}", 1)
	})
}

func TestFollowedThroughMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			w.node.Follow(ctx, w.Directory(&directory{states: []origin.State{cup()}}), 1, nil)
			close(done)
		}()
		time.Sleep(time.Minute)
		if age := w.values()[`liveorigin_config_age_seconds{event="cup"}`]; age > 1.25 {
			t.Errorf("age is %v s while the directory is asked every second", age)
		}
		stop()
		<-done
	})
}
