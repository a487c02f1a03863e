package sim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// handsOfTest do nothing but say so. A part is gone from when it was struck until its undoing, which takes 2 s.
type handsOfTest struct {
	mu      sync.Mutex
	said    []string
	gone    map[string]bool
	stuck   bool // undoing fails
	useless bool // nothing can be done
}

func (h *handsOfTest) say(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, what)
}

func (h *handsOfTest) Do(_ context.Context, a faults.Act) ([]stack.Deed, error) {
	if h.useless {
		return nil, errors.New("no such part")
	}
	if a.Verb == faults.Flush {
		return []stack.Deed{{Part: "cache", Probe: func(context.Context) origin.Record {
			return origin.Record{Kind: origin.KindFlush, Region: a.At.Region, Name: "cache"}
		}}}, nil
	}
	part := a.At.Region + "/" + a.At.Zone + a.At.Cache
	h.say(string(a.Verb) + " " + part)
	h.mu.Lock()
	h.gone[part] = true
	h.mu.Unlock()
	return []stack.Deed{{Part: part,
		Undo: func(context.Context) error {
			time.Sleep(2 * time.Second)
			h.say("undo " + part)
			h.mu.Lock()
			defer h.mu.Unlock()
			h.gone[part] = false
			if h.stuck {
				return errors.New("it does not start")
			}
			return nil
		},
		Probe: func(context.Context) origin.Record {
			r := origin.Record{Kind: origin.KindReplica, Region: a.At.Region, Name: a.At.Zone}
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.gone[part] {
				r.Error = "refused"
			}
			return r
		},
	}}, nil
}

func zoneLossOfTest() faults.Fault {
	return faults.New(faults.Spec{ID: "f", Kind: "zone-loss", Region: "east", Zone: "2"}, time.Time{}, new(origin.Wall))
}

func actsOfTest(h stack.Hands) (*acts, func() []origin.Record) {
	var mu sync.Mutex
	var rs []origin.Record
	began := time.Now()
	a := newActs(h, func(r origin.Record) {
		mu.Lock()
		defer mu.Unlock()
		rs = append(rs, r)
	}, func() int64 { return time.Since(began).Microseconds() })
	return a, func() []origin.Record { return rs }
}

// What a fault does is done when it begins, shows while it lasts, and is undone when it ends.
func TestActsOfAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &handsOfTest{gone: map[string]bool{}}
		a, records := actsOfTest(h)
		f := zoneLossOfTest()
		a.begin(f, func() {})
		time.Sleep(3 * time.Second)
		a.end(f)
		time.Sleep(time.Second)
		if err := a.close(); err != nil {
			t.Error(err)
		}
		want := []string{"kill east/2", "kill east/2all", "undo east/2all", "undo east/2"} // the last first
		if !slices.Equal(h.said, want) || f.Affected() != 2 {
			t.Errorf("%v, affected %d", h.said, f.Affected())
		}
		felt := 0
		for _, r := range records() {
			if f.Felt(r) {
				felt++
			}
		}
		if felt < 4 || felt > 14 { // two parts, about one a second until they are back
			t.Errorf("felt in %d of %v", felt, records())
		}
	})
}

// A run that is interrupted undoes what is left, once, and says what it could not undo.
func TestActsAreUndoneAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &handsOfTest{gone: map[string]bool{}, stuck: true}
		a, _ := actsOfTest(h)
		f := zoneLossOfTest()
		a.begin(f, func() {})
		time.Sleep(time.Second)
		a.end(f)
		err := a.close()
		if err == nil || !strings.Contains(err.Error(), "east/2 is not what it was before f: it does not start") {
			t.Errorf("got %v", err)
		}
		if len(h.said) != 4 {
			t.Errorf("done and undone: %v", h.said)
		}
	})
}

// What could not be done has affected nothing, and so cannot have been felt.
func TestActsThatCannotBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, records := actsOfTest(&handsOfTest{useless: true})
		f := zoneLossOfTest()
		a.begin(f, func() {})
		a.end(f)
		if err := a.close(); err != nil {
			t.Error(err)
		}
		if f.Affected() != 0 || len(records()) != 2 || records()[0].Error != "no such part" {
			t.Errorf("affected %d: %v", f.Affected(), records())
		}
	})
}

// A fault of one moment is over as soon as it begins, and is felt all the same. (The cache was flushed, and the run said
// that nothing had shown it: the probe had been called off before its first look.)
func TestActOfAMomentIsFelt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, records := actsOfTest(&handsOfTest{})
		f := faults.New(faults.Spec{ID: "f", Kind: "cache-flush", Region: "east"}, time.Time{}, new(origin.Wall))
		var atTheEnd []origin.Record
		a.begin(f, func() { atTheEnd = slices.Clone(records()) })
		a.end(f)
		if err := a.close(); err != nil {
			t.Error(err)
		}
		if !slices.ContainsFunc(atTheEnd, f.Felt) {
			t.Errorf("nothing of it was seen before its end: %v", atTheEnd)
		}
	})
}
