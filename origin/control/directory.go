package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Events implements origin.Directory: all events but those that have been over for an hour.
func (s *Service) Events(ctx context.Context) ([]origin.State, error) {
	documents, err := s.Store.Documents(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: list events: %w", ErrUnavailable, err)
	}
	now := s.Runtime.Now()
	var states []origin.State
	for i := range documents {
		if over, ok := documents[i].over(); !ok || now.Before(over.Add(forgetAfter)) {
			states = append(states, forNodes(documents[i].State))
		}
	}
	return states, nil
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
