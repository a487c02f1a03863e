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
	struck, err := p.struck(a.At)
	if err != nil {
		return nil, err
	}
	var deeds []Deed
	for _, one := range struck {
		d, err := one.do(ctx, a)
		if deeds = append(deeds, d); err != nil {
			return deeds, err
		}
	}
	return deeds, nil
}

// struck lists the processes that an act names.
func (p *Processes) struck(at faults.Place) (struck []*process, err error) {
	if at.Node != faults.AllNodes {
		one, err := p.named(at.Node)
		return []*process{one}, err
	}
	for _, one := range p.origins {
		if one.Region == at.Region {
			struck = append(struck, one)
		}
	}
	return struck, nil
}

func (p *process) do(ctx context.Context, a faults.Act) (d Deed, err error) {
	d = Deed{Part: p.Name, Probe: p.probe}
	switch a.Verb {
	case faults.Kill:
		p.Kill()
		d.Undo = p.again
	case faults.Pause:
		err = p.Pause()
		d.Undo = p.goOn
	case faults.SetClock:
		err = p.Command(ctx, doClock, a.Offset.String())
		d.Undo = func(ctx context.Context) error { return p.Command(ctx, doClock, time.Duration(0).String()) }
		d.Probe = nil // the process has told what time it has
	default:
		err = ErrNoHands
	}
	return d, err
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
