package stack

import (
	"context"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
)

// Hands do to real parts what faults ask for. A stack of models has none.
type Hands interface {
	// Do does an act to every part that it names. After an error, what was done all the same is among the deeds.
	Do(ctx context.Context, a faults.Act) ([]Deed, error)
}

// Deed is what was done to one part.
type Deed struct {
	Part string
	// Undo makes the part what it was, and looks whether it is; nil where there is nothing to undo.
	Undo func(ctx context.Context) error
	// Probe asks the part for a sign of life, and gives the record of what came of it; nil where nothing can be seen.
	Probe func(ctx context.Context) origin.Record
}
