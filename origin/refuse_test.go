package origin

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// announcing is an Admission that says beforehand what it refuses, and keeps to it or not.
type announcing struct {
	free, others    bool // what it says that it refuses
	admits          bool
	admitted, dones int
}

func (a *announcing) Refuses(ask Ask) bool {
	if ask.Free() {
		return a.free
	}
	return a.others
}

func (a *announcing) Admit(Ask) bool {
	if a.admits {
		a.admitted++
	}
	return a.admits
}

func (a *announcing) Done(Ask, time.Duration, bool) { a.dones++ }

// remembering is a store that has everything in memory.
type remembering struct{ Store }

func (r remembering) Remembers(Key, uint32) bool { return true }

func (r remembering) Remembered(key Key, digest uint32) (Object, bool) {
	return Object{Body: []byte("x"), Size: 1, Digest: digest}, true
}

// What is known, and for which admission has nothing but a refusal, is refused without Get; nothing else is.
func TestRefusedByAdmission(t *testing.T) {
	for _, tt := range []struct {
		name       string
		admission  announcing
		remembered bool
		n          SegmentNumber
		refused    bool
	}{
		{"all", announcing{free: true, others: true}, false, 1, true},
		{"all, from memory", announcing{free: true, others: true}, true, 1, true},
		{"what takes the store", announcing{others: true}, false, 1, true},
		{"not what is in memory", announcing{others: true}, true, 1, false},
		{"nobody yet", announcing{}, false, 1, false},
		{"nobody after all", announcing{free: true, others: true, admits: true}, false, 1, false},
		{"what is held", announcing{free: true, others: true}, false, 2, false},
		{"a header that is not there", announcing{free: true, others: true}, false, Header, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var store Store = NewMemory(new(Wall), 1<<20)
			if tt.remembered {
				store = remembering{store}
			}
			w := newWorld(t, store)
			w.until(2500 * time.Millisecond)
			if r := w.publish(1, "a", 0, "body"); !r.Outcome.Accepted() {
				t.Fatal(r)
			}
			a := tt.admission
			w.Admission = &a
			resp, ok := w.Refused(Request{Event: w.ev.ID, Rendition: w.ev.Renditions[0].ID, Number: tt.n})
			if ok != tt.refused || ok && (resp.Reason != Overloaded || resp.MaxAge != overloadedFor) {
				t.Errorf("%s: %v, %+v", tt.name, ok, resp)
			}
			w.rt.Join()
			if a.admitted != a.dones {
				t.Errorf("%s: %d admitted, %d done", tt.name, a.admitted, a.dones)
			}
		})
	}
}

// answers is an Observer of what was answered.
type answers struct {
	unobserved
	all []Reason
}

func (a *answers) Answered(_ Ask, r Response, _ time.Duration) { a.all = append(a.all, r.Reason) }

// A node that remembers no events, and cannot ask, is seen to fail: an ablation must not lose just those answers.
func TestFailureToAskIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, seen := newWorld(t, nil), new(answers)
		w.Observer, w.Ask = seen, &directory{err: errors.New("away")}
		if r := w.get(1); r.Reason != StoreFailed || !slices.Equal(seen.all, []Reason{StoreFailed}) {
			t.Errorf("answered %s, observed %v", r.Reason, seen.all)
		}
	})
}
