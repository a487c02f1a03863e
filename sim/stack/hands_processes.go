package stack

import (
	"context"
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
)

// ErrNoHands is for an act that a stack cannot do.
var ErrNoHands = errors.New("this stack cannot do that")

// Do implements Hands, for acts on processes.
func (p *Processes) Do(ctx context.Context, a faults.Act) ([]Deed, error) {
	if a.At.Node == "" {
		return nil, nil // databases are somebody else's
	}
	one, err := p.named(a.At.Node)
	if err != nil {
		return nil, err
	}
	d := Deed{Part: one.Name, Probe: one.probe}
	switch a.Verb {
	case faults.Kill:
		one.Kill()
		d.Undo = one.again
	case faults.Pause:
		err = one.Pause()
		d.Undo = one.goOn
	case faults.SetClock:
		err = one.Command(ctx, doClock, a.Offset.String())
		d.Undo = func(ctx context.Context) error { return one.Command(ctx, doClock, time.Duration(0).String()) }
		d.Probe = nil // the process has told what time it has
	default:
		return nil, ErrNoHands
	}
	return []Deed{d}, err
}

// again starts a killed process, and waits until it answers.
func (p *process) again(ctx context.Context) error {
	if err := p.Restart(ctx); err != nil {
		return err
	}
	_, err := p.Ping(ctx)
	return err
}

// goOn ends a pause, and waits until the process answers.
func (p *process) goOn(ctx context.Context) error {
	if err := p.Continue(); err != nil {
		return err
	}
	_, err := p.Ping(ctx)
	return err
}

// probe is whether a process answers.
func (p *process) probe(ctx context.Context) origin.Record {
	r := origin.Record{Kind: origin.KindPart, Node: p.Name, Region: p.Region}
	took, err := p.Ping(ctx)
	if r.WaitUs = took.Microseconds(); err != nil {
		r.Error = err.Error()
	}
	return r
}
