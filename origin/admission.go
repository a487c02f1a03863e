package origin

import "time"

// Admission decides who is served when not everyone can be. It is asked once a request is known to have an answer, and
// knows no more of it than the template and memory tell: no store is asked before it has admitted. Publications are never
// asked about. All methods may be called at once, and must not block.
type Admission interface {
	// Admit says whether a request is served now. Each that is admitted is Done once.
	Admit(a Ask) bool
	// Done says what became of a request: how long the store took, zero when it was not asked, and whether it failed.
	Done(a Ask, store time.Duration, failed bool)
}

// Refusing is an Admission that knows when it admits none of a class, so that this can be said before anything else is done
// for a request.
type Refusing interface {
	// Refuses says whether Admit would refuse this and every other one of its class now. Nothing is taken down. What is Free is
	// refused no sooner than what is not.
	Refuses(a Ask) bool
}

// Ask is what admission knows of a request.
type Ask struct {
	Event string
	Class Class
	Bytes int
	// LookedUp says that a segment was looked up for it.
	LookedUp bool
	// Remembered says that the bytes are in memory: serving them takes nothing of the store, only of the network.
	Remembered bool
	// Shared says that the bytes are being read for somebody else already: waiting for them takes nothing more of the store.
	Shared bool
}

// Free says that serving it takes nothing of the store.
func (a Ask) Free() bool { return a.Remembered || a.Shared }

// Everyone is the Admission of who admits everyone.
var Everyone Admission = everyone{}

type everyone struct{}

func (everyone) Admit(Ask) bool                { return true }
func (everyone) Done(Ask, time.Duration, bool) {}

// overloadedFor is for how long caches keep a refusal, and when to try again (facts.md, PRI-6).
const overloadedFor = 5 * time.Second
