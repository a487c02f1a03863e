package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Listener is told of every new state: an origin.Node, or who tells one far away. Apply must return within TellWithin;
// being told again, or of something older, changes nothing.
type Listener interface {
	Apply(s origin.State) error
}

// Neighbour is a Listener with a name for those who ask why it was not told.
type Neighbour struct {
	Name string
	Listener
}

// ServiceConfig is what a Service needs to know.
type ServiceConfig struct {
	Runtime    origin.Runtime
	Store      Store
	Journal    Journal
	Neighbours []Neighbour
	MaxEvents  int    // that every node serves at once (origin.NodeConfig); zero means origin.DefaultEvents
	Seed       uint64 // of the pauses between tries
}

const (
	// TellWithin is how long Do waits for its neighbours. Those that do not answer ask by themselves: see origin.Follow.
	TellWithin = time.Second
	// maxRaces is how often Do tries again that has lost a race, with pauses of up to maxPause.
	maxRaces = 32
	maxPause = 20 * time.Millisecond
	// forgetAfter is how long nodes are told of events that are over. After it, they know nothing of them any more, and
	// have room for others.
	forgetAfter = time.Hour
)

// Service does operations. All its methods may be called at once, and any number of services may share a store.
type Service struct {
	ServiceConfig
	mu     sync.Mutex
	jitter *rand.Rand
}

// NewService makes a service.
func NewService(c ServiceConfig) *Service {
	c.MaxEvents = cmp.Or(c.MaxEvents, origin.DefaultEvents)
	return &Service{ServiceConfig: c, jitter: rand.New(rand.NewPCG(c.Seed, 0))}
}

// Result is what came of an operation.
type Result struct {
	State origin.State
	// Repeated says that the state was so already: there is no new version.
	Repeated bool
	// Untold are the neighbours that could not be told in time. They hear of it when they ask next.
	Untold []Untold
}

// Untold is a neighbour that may not know of a state yet.
type Untold struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Do does an operation: the state is saved, the audit written, and every neighbour told, in this order. Errors are the
// operation's own, and of the store; after one of the store, the operation may have been done: whoever tries it again,
// with the same ID, finds out. An error with a Result says that only the audit is missing, which the next operation makes
// up for, or does not get past.
func (s *Service) Do(ctx context.Context, who string, o Operation) (Result, error) {
	d, repeated, err := s.save(ctx, who, o)
	if err != nil {
		return Result{}, err
	}
	if err = s.Journal.Append(ctx, d.Last); err != nil {
		err = fmt.Errorf("%w: %s of event %s is done as version %d, but not in the audit: %w", ErrUnavailable, KindOf(o.Do), o.Event, d.State.Version, err)
	}
	return Result{State: d.State, Repeated: repeated, Untold: s.tell(ctx, forNodes(d.State))}, err
}

// save makes the next document, however many others make theirs meanwhile.
func (s *Service) save(ctx context.Context, who string, o Operation) (d Document, repeated bool, err error) {
	for range maxRaces {
		d, err = s.Store.Load(ctx, o.Event)
		if err != nil && !errors.Is(err, origin.ErrNotFound) {
			return d, false, fmt.Errorf("%w: read event %s: %w", ErrUnavailable, o.Event, err)
		}
		now := s.Runtime.Now()
		next, err := o.Change(d.State, now)
		if err != nil || next.Version == d.State.Version {
			return d, true, err
		}
		fresh := Document{next, o.record(who, now, next.Version)}
		if err := s.room(ctx, &d, &fresh, now); err != nil {
			return d, false, fmt.Errorf("%s of event %s: %w", KindOf(o.Do), o.Event, err)
		}
		d, err = s.replace(ctx, d, fresh)
		if !errors.Is(err, ErrLost) {
			return d, false, err
		}
		if err := s.Runtime.Sleep(ctx, s.pause()); err != nil {
			return d, false, err
		}
	}
	return d, false, fmt.Errorf("%w: event %s: %w %d times", ErrUnavailable, o.Event, ErrLost, maxRaces)
}

// room refuses one more event that lasts than nodes can serve: none of them would take it in. Operations at the same moment
// may still bring in some more, which nodes refuse.
func (s *Service) room(ctx context.Context, old, next *Document, now time.Time) error {
	if old.lasts(now) || !next.lasts(now) {
		return nil
	}
	documents, err := s.Store.Documents(ctx)
	if err != nil {
		return fmt.Errorf("%w: list events: %w", ErrUnavailable, err)
	}
	lasting := 0
	for i := range documents {
		if documents[i].lasts(now) {
			lasting++
		}
	}
	if lasting >= s.MaxEvents {
		return fmt.Errorf("%w: %d; end or remove one that is not needed", ErrTooMany, lasting)
	}
	return nil
}

// replace saves a document over the one before, once that one's record is in the journal.
func (s *Service) replace(ctx context.Context, old, next Document) (Document, error) {
	if old.State.Version > 0 {
		if err := s.Journal.Append(ctx, old.Last); err != nil {
			return old, fmt.Errorf("%w: event %s: version %d is not in the audit yet: %w", ErrUnavailable, old.State.ID, old.State.Version, err)
		}
	}
	if err := s.Store.Save(ctx, next); err != nil {
		return old, fmt.Errorf("%w: save event %s: %w", ErrUnavailable, next.State.ID, err)
	}
	return next, nil
}

// record is what the audit says of an operation.
func (o *Operation) record(who string, now time.Time, version int64) Record {
	what, err := json.Marshal(o.Do)
	if err != nil {
		panic(err) // Change has written it, too
	}
	return Record{At: whole(now), Who: who, Event: o.Event, Version: version, ID: o.ID, Kind: KindOf(o.Do), What: what}
}

// pause is different for everyone, so that who has raced once does not race again.
func (s *Service) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Millisecond + time.Duration(s.jitter.Int64N(int64(maxPause-time.Millisecond)))
}

// tell tells all neighbours at once. What they answer late, nobody hears.
func (s *Service) tell(ctx context.Context, st origin.State) (untold []Untold) {
	type telling struct {
		done origin.Signal
		err  error
	}
	all := make([]telling, len(s.Neighbours))
	for i, n := range s.Neighbours {
		t := &all[i]
		t.done = s.Runtime.NewSignal()
		s.Runtime.Go(func() {
			t.err = n.Apply(st)
			t.done.Fire()
		})
	}
	until := s.Runtime.Now().Add(TellWithin)
	for i := range all {
		err := all[i].done.Wait(ctx, until)
		if err == nil {
			err = all[i].err
		}
		if err != nil {
			untold = append(untold, Untold{s.Neighbours[i].Name, err.Error()})
		}
	}
	return untold
}

// forNodes is a state without what only the control plane needs.
func forNodes(s origin.State) origin.State {
	s.Operations = nil
	return s
}
