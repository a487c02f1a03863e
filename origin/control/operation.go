package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Operation is one thing that is done to an event.
type Operation struct {
	// ID makes the operation idempotent: the event remembers the newest origin.MaxOperations, and one that comes again is
	// not done again. Without an ID nothing is remembered; then what leaves everything as it is makes no new version.
	ID    string
	Event string
	// If is the version that the event must have; zero means any.
	If int64
	Do Change
}

// Change is what an operation does. It knows nothing of versions and repetitions.
type Change interface {
	// change makes the next state of s, which nobody else has: its lists are its own, and its Version is the next one.
	change(s *origin.State, now time.Time) error
}

// What callers compare errors with. Everything else is said of an operation that makes no sense.
var (
	ErrUnknown   = errors.New("no such event")
	ErrExists    = errors.New("it exists already")
	ErrGone      = errors.New("the event is removed")
	ErrReused    = errors.New("another operation had this ID")
	ErrVersion   = errors.New("the event has another version")
	ErrMaskFirst = errors.New("mask first, then invalidate")
	ErrAbsent    = errors.New("there is none of this ID")
	ErrTooLate   = errors.New("it is too late for that")
	ErrTooMany   = errors.New("there are as many events as nodes serve")
	// ErrUnavailable is not the operation's fault: the store, or the journal, cannot be read or written now.
	ErrUnavailable = errors.New("the control plane's store is not available")
)

// Change is the state that the operation makes of s; the zero State stands for an event that does not exist. What was
// done already gives s itself.
func (o *Operation) Change(s origin.State, now time.Time) (origin.State, error) {
	next, err := o.next(s, now.UTC().Truncate(time.Millisecond))
	if err != nil {
		return s, fmt.Errorf("%s of event %s: %w", KindOf(o.Do), o.Event, err)
	}
	return next, nil
}

func (o *Operation) next(s origin.State, now time.Time) (origin.State, error) {
	digest, err := o.digest()
	if err != nil {
		return s, err
	}
	if done, err := o.done(&s, digest); done || err != nil {
		return s, err
	}
	creation, creates := o.Do.(Create)
	switch {
	case creates && creation.Event.ID != o.Event:
		return s, fmt.Errorf("the configuration is of event %q", creation.Event.ID)
	case s.Version == 0 && !creates:
		return s, ErrUnknown
	case s.Removed && o.ID == "" && o.Do == Change(Remove{}):
		return s, nil
	case s.Removed:
		return s, ErrGone
	case o.If != 0 && o.If != s.Version:
		return s, fmt.Errorf("%w: %d, not %d", ErrVersion, s.Version, o.If)
	}
	next := own(s)
	next.Version++
	if err := o.Do.change(&next, now); err != nil {
		return s, err
	}
	if o.ID == "" && same(s, next) {
		return s, nil
	}
	if o.ID != "" {
		next.Operations = append(next.Operations, origin.Operation{ID: o.ID, Digest: digest})
		next.Operations = next.Operations[max(0, len(next.Operations)-origin.MaxOperations):]
	}
	return next, next.Validate()
}

// done says whether s has seen the operation before.
func (o *Operation) done(s *origin.State, digest uint32) (bool, error) {
	if o.ID == "" {
		return false, nil
	}
	if !origin.ValidName(o.ID) {
		return false, fmt.Errorf("ID %q: 1 to 64 of A-Z a-z 0-9 . _ - and no dot at the beginning", o.ID)
	}
	for _, past := range s.Operations {
		switch {
		case past.ID == o.ID && past.Digest == digest:
			return true, nil
		case past.ID == o.ID:
			return false, fmt.Errorf("%w: %s", ErrReused, o.ID)
		}
	}
	return false, nil
}

// digest tells operations with one ID apart.
func (o *Operation) digest() (uint32, error) {
	what, err := json.Marshal(o.Do)
	return origin.Checksum(append(what, KindOf(o.Do)...)), err
}

// own is a state that shares no list with s.
func own(s origin.State) origin.State {
	s.Masks, s.Invalidations = slices.Clone(s.Masks), slices.Clone(s.Invalidations)
	s.Notices, s.Operations = slices.Clone(s.Notices), slices.Clone(s.Operations)
	return s
}

// same says whether nothing but the version differs.
func same(a, b origin.State) bool {
	b.Version = a.Version
	return reflect.DeepEqual(a, b)
}
