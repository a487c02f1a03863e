package scenarios

import (
	"strconv"

	"github.com/liveorigin/liveorigin/origin"
)

// Origin is what origins do of themselves. Each can be left out, to see what it is worth (liveorigin ablate).
type Origin struct {
	// Hold says that requests for the next segment are held open; otherwise they are told to come again.
	Hold bool
	// Memory says that events are known by memory; otherwise the control plane's store is asked with every request.
	Memory bool
	// Holders bounds the requests that one node holds open.
	Holders int
}

func (f *form) originKeys() keys {
	return keys{
		{name: "hold", otherwise: "true", about: "requests for the next segment are held open until it is there; otherwise they get a 404",
			is: boolean(&f.Origin.Hold)},
		{name: "memory", otherwise: "true", about: "events are known by memory; otherwise the control plane's store is asked with every request",
			is: boolean(&f.Origin.Memory)},
		{name: "holders", otherwise: strconv.Itoa(origin.DefaultHolders), about: "how many requests one node holds open at most",
			is: count(&f.Origin.Holders, 1, 1_000_000)},
	}
}
