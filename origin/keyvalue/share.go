package keyvalue

import (
	"context"

	"github.com/liveorigin/liveorigin/origin"
)

// flight is one read of an object that any number of Gets wait for. The first of them makes it in its own coroutine, and
// under its own context; when it leaves while others wait, a coroutine of the store's begins anew in its place, which
// the last of the others ends by leaving.
type flight struct {
	waiting int
	landed  origin.Signal      // nil while nobody waits
	cancel  context.CancelFunc // of the coroutine that has taken over; nil before

	object origin.Object
	from   source
	err    error
}

// SharesReads implements origin.Sharing.
func (s *Store) SharesReads() {}

// share reads an object, or waits for who does so already.
func (s *Store) share(ctx context.Context, w wanted) (origin.Object, source, error) {
	s.mu.Lock()
	if f := s.flights[w]; f != nil {
		f.waiting++
		if f.landed == nil {
			f.landed = s.config.Runtime.NewSignal()
		}
		s.mu.Unlock()
		return s.await(ctx, w, f)
	}
	f := new(flight)
	s.flights[w] = f
	s.mu.Unlock()
	o, from, err := s.fetch(ctx, w)
	s.mu.Lock()
	if err != nil && ctx.Err() != nil && f.waiting > 0 {
		s.handOver(w, f)
	} else {
		s.land(w, f, o, from, err)
	}
	s.mu.Unlock()
	return o, from, err
}

// await waits for a flight that another one makes.
func (s *Store) await(ctx context.Context, w wanted, f *flight) (origin.Object, source, error) {
	err := f.landed.Wait(ctx, s.config.Runtime.Now().Add(s.config.Timeout))
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.waiting--; err == nil {
		return f.object, fromOther, f.err
	}
	if f.waiting == 0 && f.cancel != nil {
		s.drop(w, f) // before it is cancelled, so that nobody joins it any more
		f.cancel()
	}
	return origin.Object{}, fromOther, err
}

// land gives everyone who waits the answer. The caller holds the lock.
func (s *Store) land(w wanted, f *flight, o origin.Object, from source, err error) {
	f.object, f.from, f.err = o, from, err
	s.drop(w, f)
	if f.landed != nil {
		f.landed.Fire()
	}
}

func (s *Store) drop(w wanted, f *flight) {
	if s.flights[w] == f {
		delete(s.flights, w)
	}
}

// handOver goes on in place of a first that has left. The caller holds the lock.
func (s *Store) handOver(w wanted, f *flight) {
	var ctx context.Context
	ctx, f.cancel = s.config.Runtime.WithCancel(s.config.Context)
	s.config.Runtime.Go(func() {
		defer f.cancel()
		o, from, err := s.fetch(ctx, w)
		s.mu.Lock()
		s.land(w, f, o, from, err)
		s.mu.Unlock()
	})
}
