package liveorigin

import (
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/player"
	"github.com/liveorigin/liveorigin/xk6-liveorigin/snapshot"
)

// RootModule makes an instance for every VU.
type RootModule struct {
	watching atomic.Int64 // viewers of all VUs of this process
}

// instance is the module in one VU.
type instance struct {
	root      *RootModule
	vu        modules.VU
	metrics   *liveMetrics
	transport *http.Transport // made by the first play
}

// NewModuleInstance registers the metrics, which k6 allows only in init context.
func (root *RootModule) NewModuleInstance(vu modules.VU) modules.Instance {
	m, err := registerMetrics(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), err)
	}
	return &instance{root: root, vu: vu, metrics: m}
}

// Exports gives scripts `live.Player`, and `{ Player }` by name.
func (i *instance) Exports() modules.Exports {
	named := map[string]any{"Player": i.newPlayer}
	return modules.Exports{Default: named, Named: named}
}

// newPlayer is the constructor of Player.
func (i *instance) newPlayer(call sobek.ConstructorCall) *sobek.Object {
	rt := i.vu.Runtime()
	o, err := readOptions(export(call.Argument(0)))
	if err != nil {
		common.Throw(rt, err)
	}
	err = call.This.Set("play", func(call sobek.FunctionCall) sobek.Value {
		p, err := readPlan(export(call.Argument(0)))
		if err != nil {
			common.Throw(rt, err)
		}
		summary, err := i.play(o, p)
		if err != nil {
			common.Throw(rt, err)
		}
		return rt.ToValue(summary)
	})
	if err != nil {
		common.Throw(rt, err)
	}
	return call.This
}

func export(v sobek.Value) any {
	if v == nil || sobek.IsUndefined(v) || sobek.IsNull(v) {
		return nil
	}
	return v.Export()
}

var errInit = errors.New("play() needs a running test: call it from the default function, not from the script's top level")

// summary is what play returns to JavaScript.
type summary struct {
	Viewers     int   `js:"viewers"`
	Requests    int64 `js:"requests"`
	Segments    int64 `js:"segments"`
	Missed      int64 `js:"missed"`
	Interrupted bool  `js:"interrupted"`
}

// play lets an audience watch, and returns when it has gone.
func (i *instance) play(o *options, plan player.Plan) (*summary, error) {
	state := i.vu.State()
	if state == nil {
		return nil, errInit
	}
	ctx := i.vu.Context()
	if i.transport == nil {
		i.transport = newTransport(state)
	}
	header := http.Header{"User-Agent": {userAgent(state)}, "Accept": {"*/*"}}
	event, err := player.FetchEvent(ctx, i.transport, header, &o.Options)
	if err != nil {
		return nil, err
	}
	event = player.AwaitStart(ctx, i.transport, header, &o.Options, event)
	sinks := sinks{newMetricSink(ctx, i, o, event)}
	if o.snapshot != "" {
		r, err := snapshot.NewRecorder(o.snapshot, &o.Options, event, state.VUIDGlobal)
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, r)
	}
	audience := &player.Audience{
		Options: o.Options, Event: event, Transport: i.transport, Header: header, VU: state.VUIDGlobal, Sink: sinks,
	}
	r, err := audience.Play(ctx, plan)
	if err != nil {
		return nil, err
	}
	return &summary{
		Viewers: r.Peak, Requests: r.Requests, Segments: r.Segments, Missed: r.Missed, Interrupted: r.Interrupted,
	}, nil
}
