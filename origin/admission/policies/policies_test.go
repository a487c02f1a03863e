package policies

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
)

func ask(class origin.Class) origin.Ask { return origin.Ask{Event: "e", Class: class, Bytes: 1000} }

func TestNames(t *testing.T) {
	clock := new(origin.Wall)
	for _, name := range append(Names(), "") {
		a, err := New(name, clock, admission.Config{})
		if err != nil || !a.Admit(ask(origin.Background)) {
			t.Errorf("policy %q refuses when nothing happens, or is not there: %v", name, err)
		}
	}
	if _, err := New("prioritty", clock, admission.Config{}); err == nil || !strings.Contains(err.Error(), "adaptive, none, priority") {
		t.Errorf("an unknown policy: %v", err)
	}
	if a, _ := New(Names()[0], clock, admission.Config{}); a != origin.Everyone {
		t.Errorf("the first one is %T", a)
	}
}

// Each class has its share of the limit, which at first is 20; what is remembered needs none.
func TestShares(t *testing.T) {
	for class, want := range map[origin.Class]int{origin.LiveEdge: 20, origin.DVR: 16, origin.Background: 12} {
		l := NewLimiter(new(origin.Wall), 100)
		n := 0
		for range 100 {
			if l.Admit(ask(class)) {
				n++
			}
			a := ask(class)
			if a.Remembered = true; !l.Admit(a) {
				t.Error("what is remembered is refused")
			}
		}
		if n != want {
			t.Errorf("%d at once of class %s, want %d", n, class, want)
		}
		for range n {
			l.Done(ask(class), 0, true)
		}
		if got := l.limiter.Inflight(); got != 0 || len(l.reading) != 0 {
			t.Errorf("%d permits and %d reads are left", got, len(l.reading))
		}
	}
}

// While reads take as long as they used to the limit rises, and when they take longer it falls.
func TestLimitFollowsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 200
		l := NewLimiter(new(origin.Wall), most)
		for range 30_000 { // ten at a time
			serve(t, l, 10, time.Millisecond)
		}
		well, slow := l.limiter.Limit(), most
		for range 1000 {
			serve(t, l, 10, 30*time.Millisecond)
			slow = min(slow, l.limiter.Limit()) // it gets used to that
		}
		if well <= firstLimit || slow > well-3 {
			t.Errorf("the limit is %d on a store that is well, %d on a slow one", well, slow)
		}
	})
}

// serve lets so many reads at once take so long.
func serve(t *testing.T, l *Limiter, reads int, took time.Duration) {
	t.Helper()
	for range reads {
		if !l.Admit(ask(origin.LiveEdge)) {
			t.Fatal("refused")
		}
	}
	time.Sleep(took)
	for range reads {
		l.Done(ask(origin.LiveEdge), took, false)
	}
}

// Reads are told apart by when they began, for a permit measures how long its own took.
func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(new(origin.Wall), 100)
		begun := time.Now()
		for range 5 {
			l.Admit(ask(origin.LiveEdge))
			time.Sleep(10 * time.Millisecond)
		}
		for _, want := range []int{3, 0, 4, 1, 2} { // the read that began so many times 10 ms after the first
			before := len(l.reading)
			l.Done(ask(origin.LiveEdge), time.Since(begun)-time.Duration(want)*10*time.Millisecond+time.Millisecond, false)
			for _, r := range l.reading {
				if r.began.Equal(begun.Add(time.Duration(want) * 10 * time.Millisecond)) {
					t.Errorf("read %d is still there", want)
				}
			}
			if len(l.reading) != before-1 {
				t.Errorf("%d of %d are left", len(l.reading), before)
			}
		}
		l.Done(ask(origin.LiveEdge), time.Second, false) // of none
	})
}
