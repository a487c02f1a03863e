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

// Ask is what admission knows of a request.
type Ask struct {
	Event string
	Class Class
	Bytes int
	// LookedUp says that a segment was looked up for it.
	LookedUp bool
	// Remembered says that the bytes are in memory: serving them takes nothing of the store, only of the network.
	Remembered bool
}

// Everyone is the Admission of who admits everyone.
var Everyone Admission = everyone{}

type everyone struct{}

func (everyone) Admit(Ask) bool                { return true }
func (everyone) Done(Ask, time.Duration, bool) {}

// overloadedFor is for how long caches keep a refusal, and when to try again (facts.md, PRI-6).
const overloadedFor = 5 * time.Second
