package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// How long things done to real parts may take, and how often a struck part is asked for a sign of life.
const (
	doTimeout    = 20 * time.Second
	undoTimeout  = 90 * time.Second
	probeEvery   = 250 * time.Millisecond
	probeTimeout = 500 * time.Millisecond
)

// acts are what faults do to real parts, from the beginning of a fault to its undoing. What is done goes into the
// history, and so does whether a struck part gives a sign of life: that is how a real fault is felt. A nil *acts does
// nothing: no part is real.
type acts struct {
	hands  stack.Hands
	record func(origin.Record)
	now    func() int64 // microseconds of the event

	mu    sync.Mutex
	under map[string]*underway // by fault
	all   sync.WaitGroup
}

// underway is one fault that acts, in a goroutine of its own: it does, waits for the end, and undoes.
type underway struct {
	fault  string
	end    context.CancelFunc
	undone error // what could not be, once all is over
}

func newActs(h stack.Hands, record func(origin.Record), now func() int64) *acts {
	return &acts{hands: h, record: record, now: now, under: map[string]*underway{}}
}

// begin does what a fault does, beside the caller, and undoes it once end is called; then the fault is over. It says
// whether there is anything to do: a fault that does nothing to real parts is over when its time is.
func (a *acts) begin(f faults.Fault, over func()) bool {
	actor, ok := f.(faults.Actor)
	if !ok || a == nil {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	u := &underway{fault: f.Spec().ID, end: cancel}
	a.mu.Lock()
	a.under[u.fault] = u
	a.mu.Unlock()
	a.all.Go(func() {
		probed, stop := context.WithCancel(context.Background())
		defer stop()
		deeds := a.do(probed, actor, u.fault)
		<-ctx.Done()
		u.undone = a.undo(deeds, u.fault)
		over()
	})
	return true
}

// do does all acts of a fault, and probes what they struck until ctx ends. It returns the deeds of each act.
func (a *acts) do(ctx context.Context, actor faults.Actor, fault string) (all [][]stack.Deed) {
	for _, act := range actor.Acts() {
		limited, cancel := context.WithTimeout(ctx, doTimeout)
		deeds, err := a.hands.Do(limited, act)
		cancel()
		for _, d := range deeds {
			a.note(origin.Begin, fault, act.Verb, d.Part, nil)
			a.watch(ctx, d)
		}
		if err != nil {
			a.note(origin.Begin, fault, act.Verb, "", err)
		} else if len(deeds) > 0 {
			actor.Acted()
		}
		all = append(all, deeds)
	}
	return all
}

// watch probes a part until it has been undone, and takes down the first sign of life, every change, and one a second. What
// is not undone is probed once, before the fault is over.
func (a *acts) watch(ctx context.Context, d stack.Deed) {
	switch {
	case d.Probe == nil:
		return
	case d.Undo == nil:
		a.record(a.probe(ctx, d))
		return
	}
	a.all.Go(func() {
		var last origin.Record
		var taken time.Time
		for ctx.Err() == nil {
			r := a.probe(ctx, d)
			if ctx.Err() != nil {
				return
			}
			if taken.IsZero() || (r.Error == "") != (last.Error == "") || time.Since(taken) > time.Second {
				a.record(r)
				last, taken = r, time.Now()
			}
			wait(ctx, probeEvery)
		}
	})
}

func (a *acts) probe(ctx context.Context, d stack.Deed) origin.Record {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r := d.Probe(limited)
	r.AtUs = a.now()
	return r
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// end undoes what a fault did, beside the caller.
func (a *acts) end(f faults.Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.under[f.Spec().ID].end()
}

// undo makes every part what it was: what was done last first, and the parts of one act together.
func (a *acts) undo(deeds [][]stack.Deed, fault string) error {
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	var errs []error
	for _, act := range slices.Backward(deeds) {
		errs = append(errs, a.undoAct(ctx, act, fault))
	}
	return errors.Join(errs...)
}

func (a *acts) undoAct(ctx context.Context, deeds []stack.Deed, fault string) error {
	errs := make([]error, len(deeds))
	var parts sync.WaitGroup
	for i, d := range deeds {
		if d.Undo == nil {
			continue
		}
		parts.Go(func() {
			err := d.Undo(ctx)
			a.note(origin.End, fault, "", d.Part, err)
			if err != nil {
				errs[i] = fmt.Errorf("%s is not what it was before %s: %w", d.Part, fault, err)
			}
		})
	}
	parts.Wait()
	return errors.Join(errs...)
}

// close undoes what has not been undone yet, waits for all of it, and says what could not be.
func (a *acts) close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	for _, u := range a.under { // any order: they end together
		u.end()
	}
	a.mu.Unlock()
	a.all.Wait()
	var errs []error
	for _, u := range a.under { // any order: all are told
		errs = append(errs, u.undone)
	}
	return errors.Join(errs...)
}

func (a *acts) note(step, fault string, verb faults.Verb, part string, err error) {
	r := origin.Record{AtUs: a.now(), Kind: origin.KindAct, Step: step, Target: fault, What: string(verb), Name: part}
	if err != nil {
		r.Error = err.Error()
	}
	a.record(r)
}
