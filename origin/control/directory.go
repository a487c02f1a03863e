package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Events implements origin.Directory: all events, by their names, but those that have been over for an hour, or for longest
// while there are more than nodes have room for.
func (s *Service) Events(ctx context.Context) ([]origin.State, error) {
	documents, err := s.Store.Documents(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: list events: %w", ErrUnavailable, err)
	}
	now := s.Runtime.Now()
	var states []origin.State
	var past []Document
	for i := range documents {
		if d := &documents[i]; d.lasts(now) {
			states = append(states, forNodes(d.State))
		} else if over, _ := d.over(); now.Before(over.Add(forgetAfter)) {
			past = append(past, *d)
		}
	}
	slices.SortStableFunc(past, func(a, b Document) int {
		overA, _ := a.over()
		overB, _ := b.over()
		return overB.Compare(overA)
	})
	for i := range past[:min(len(past), max(0, s.MaxEvents-len(states)))] {
		states = append(states, forNodes(past[i].State))
	}
	slices.SortFunc(states, func(a, b origin.State) int { return strings.Compare(a.ID, b.ID) })
	return states, nil
}

// lasts says whether there is an event of which something can be asked for, now or later.
func (d *Document) lasts(now time.Time) bool {
	over, ok := d.over()
	return d.State.Version > 0 && (!ok || now.Before(over))
}

// over is when nothing of an event can be asked for any more, if that is known.
func (d *Document) over() (time.Time, bool) {
	switch {
	case d.State.Removed:
		return d.Last.At, true
	case !d.State.End.IsZero():
		return d.State.End.Add(d.State.TimeShiftBufferDepth), true
	}
	return time.Time{}, false
}

// List gives the states of all events, those that are over among them.
func (s *Service) List(ctx context.Context) ([]origin.State, error) {
	documents, err := s.Store.Documents(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: list events: %w", ErrUnavailable, err)
	}
	states := make([]origin.State, len(documents))
	for i := range documents {
		states[i] = documents[i].State
	}
	return states, nil
}

// Show gives an event's state; ErrUnknown when there is none.
func (s *Service) Show(ctx context.Context, event string) (origin.State, error) {
	d, err := s.Store.Load(ctx, event)
	switch {
	case errors.Is(err, origin.ErrNotFound):
		return origin.State{}, fmt.Errorf("event %s: %w", event, ErrUnknown)
	case err != nil:
		return origin.State{}, fmt.Errorf("%w: read event %s: %w", ErrUnavailable, event, err)
	}
	return d.State, nil
}

// CatchUp writes into the journal what a crash kept from it: call it before the first operation.
func (s *Service) CatchUp(ctx context.Context) error {
	documents, err := s.Store.Documents(ctx)
	if err != nil {
		return fmt.Errorf("%w: list events: %w", ErrUnavailable, err)
	}
	for i := range documents {
		if err := s.Journal.Append(ctx, documents[i].Last); err != nil {
			return fmt.Errorf("event %s: %w", documents[i].State.ID, err)
		}
	}
	return nil
}
