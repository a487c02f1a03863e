// Package origintest is one suite of tests that every origin.Store passes: of whole objects or of rows, in memory,
// modelled, a real database, or a cache, which may forget what it was given and is excused from little else.
//
//	origintest.Run(t, origintest.Subject{
//		New:  func(t *testing.T, rt origin.Runtime) origin.Store { return origin.NewMemory(rt, 1<<30) },
//		Rows: true,
//	})
//
// The suite waits by the seams only, so it runs on either clock: on the wall's, inside of a bubble of testing/synctest,
// and in virtual time, where a body may be left out and only its size be told.
package origintest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Subject is what is tested, and what may be expected of it. New is required.
type Subject struct {
	// New gives a store on a clock. It may give the same one each time: every test writes under an event of its own.
	New func(t *testing.T, rt origin.Runtime) origin.Store
	// Again opens the same store once more, as another process would; nil where that cannot be done.
	Again func(t *testing.T, s origin.Store) origin.Store
	// Clock calls test with a runtime to run it on, and returns once all that it started is over; nil means the wall's.
	Clock func(t *testing.T, test func(t *testing.T, rt origin.Runtime))

	// Rows says that keys may have a Part, and that the row with Part zero may have another digest than its own bytes'.
	Rows bool
	// Cache says that the store may forget at any time, and that it takes the newer of different bytes.
	Cache bool
	// Expires says that what has expired is gone within two seconds, by itself.
	Expires bool
	// Bodiless says that objects are to have no bodies, only sizes.
	Bodiless bool
	// MaxBody bounds the size of bodies; zero means 20 MiB.
	MaxBody int
	// Event begins the names of the tests' events. A store that outlives the process needs another one every time.
	Event string
}

// check is one test of the suite.
type check struct {
	name  string
	rows  bool // only of stores of rows
	keeps bool // only of stores that may not forget
	test  func(w *world)
}

var checks = []check{
	{name: "what was put is read", test: roundTrip},
	{name: "the same again is welcome", test: sameAgain},
	{name: "what nobody put is not found", test: notFound},
	{name: "other bytes are refused", keeps: true, test: otherBytes},
	{name: "a cache takes the newer", test: newerBytes},
	{name: "of two writers at most one is told yes", keeps: true, test: writers(2)},
	{name: "of sixteen writers at most one is told yes", keeps: true, test: writers(16)},
	{name: "writers of the same agree", test: sameWriters},
	{name: "every field of a key counts", test: keys},
	{name: "parts are apart", rows: true, test: parts},
	{name: "an index has its object's digest", rows: true, test: index},
	{name: "nothing expires early or turns into something else", test: expiry},
	{name: "a cancelled call breaks nothing", test: cancelled},
	{name: "another client reads what was written", test: secondHandle},
	{name: "many at once", test: crowd},
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	for _, c := range checks {
		if s.excuses(c) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s.clock(t, func(t *testing.T, rt origin.Runtime) { c.test(s.world(t, rt, t)) })
		})
	}
}

func (s Subject) excuses(c check) bool { return c.rows && !s.Rows || c.keeps && s.Cache }

func (s Subject) clock(t *testing.T, test func(t *testing.T, rt origin.Runtime)) {
	if s.Clock != nil {
		s.Clock(t, test)
		return
	}
	rt := new(origin.Wall)
	test(t, rt)
	rt.Join()
}

// reporter is told what is wrong.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// world is what a test has: a store, perhaps by way of two clients, and an event of its own.
type world struct {
	Subject
	reporter
	rt    origin.Runtime
	store origin.Store
	other origin.Store // the same by way of another client, where that can be
	event string
}

var events atomic.Int64

func (s Subject) world(t *testing.T, rt origin.Runtime, to reporter) *world {
	w := &world{Subject: s, reporter: to, rt: rt, store: s.New(t, rt)}
	w.event = fmt.Sprintf("%sorigintest-%d", s.Event, events.Add(1))
	if w.other = w.store; s.Again != nil {
		w.other = s.Again(t, w.store)
	}
	if w.MaxBody == 0 {
		w.MaxBody = 20 << 20
	}
	return w
}

// key is that of a segment of the test's own event.
func (w *world) key(n int) origin.Key {
	return origin.Key{Event: w.event, Rendition: "v1080", Number: origin.SegmentNumber(n), Pipeline: "a"}
}

// object has so many bytes, drawn from a seed, or only says so.
func (w *world) object(size int, seed uint64) origin.Object {
	size = min(size, w.MaxBody)
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	random := rand.NewChaCha8(key)
	o := origin.Object{Size: size, Token: origin.Token{Time: w.rt.Now(), Nonce: seed + 1}}
	if w.Bodiless {
		o.Digest, o.Flaws = uint32(random.Uint64())|1, origin.Defects(seed%8)
		return o
	}
	o.Body = make([]byte, size)
	_, _ = random.Read(o.Body) // never fails
	o.Digest = origin.Checksum(o.Body)
	return o
}

// put expects an object to be taken.
func (w *world) put(s origin.Store, k origin.Key, o origin.Object) {
	w.Helper()
	if err := s.Put(context.Background(), k, o); err != nil {
		w.Errorf("put of %d bytes as %+v: %v", o.Size, k, err)
	}
}

// get expects an object to be read as it was put; a cache may have forgotten it, and says so with found.
func (w *world) get(s origin.Store, k origin.Key, want origin.Object) (found bool) {
	w.Helper()
	got, err := s.Get(context.Background(), k, want.Digest)
	switch {
	case w.Cache && errors.Is(err, origin.ErrNotFound):
		return false
	case err != nil:
		w.Errorf("get of %d bytes as %+v: %v", want.Size, k, err)
	case !same(got, want):
		w.Errorf("get of %+v: %s, want %s", k, describe(got), describe(want))
	}
	return err == nil
}

// gone expects nothing with a digest.
func (w *world) gone(s origin.Store, k origin.Key, digest uint32) {
	w.Helper()
	if o, err := s.Get(context.Background(), k, digest); !errors.Is(err, origin.ErrNotFound) {
		w.Errorf("get of %+v, which is not there: %s, %v", k, describe(o), err)
	}
}

func same(a, b origin.Object) bool {
	return a.Size == b.Size && a.Digest == b.Digest && string(a.Body) == string(b.Body) && a.Flaws == b.Flaws
}

func describe(o origin.Object) string {
	return fmt.Sprintf("%d bytes with digest %08x (body of %d with %08x, flaws %v)", o.Size, o.Digest, len(o.Body),
		origin.Checksum(o.Body), o.Flaws)
}

// patience bounds the wait for calls that go on beside each other.
const patience = time.Minute

// beside runs n functions at once and waits for all.
func (w *world) beside(n int, fn func(i int)) {
	w.Helper()
	var mu sync.Mutex
	left, over := n, w.rt.NewSignal()
	for i := range n {
		w.rt.Go(func() {
			fn(i)
			mu.Lock()
			defer mu.Unlock()
			if left--; left == 0 {
				over.Fire()
			}
		})
	}
	if err := over.Wait(context.Background(), w.rt.Now().Add(patience)); err != nil {
		w.Errorf("%d calls beside each other: %v", n, err)
	}
}
