package cmd

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
)

// following tells a pipeline when its event is to start, and to end, as soon as operators have decided otherwise.
type following struct {
	from     origin.Configs
	state    origin.State // as it was heard of last
	pipeline *encoders.Pipeline
	stop     func() // ends the pipeline's run
	err      error  // why the pipeline could not go by the state
}

// askAgain is the pause after an answer that was no news, or no answer.
const askAgain = 200 * time.Millisecond

// follow asks for the event's next state, until ctx ends. An origin that does not answer, or does not know the event while it
// starts, changes nothing.
func (f *following) follow(ctx context.Context, clock origin.Clock) {
	for ctx.Err() == nil {
		next, err := f.from.Changed(ctx, f.state.ID, f.state.Version)
		if err != nil || next.Version <= f.state.Version {
			_ = clock.Sleep(ctx, askAgain) // its error is the loop's condition
			continue
		}
		f.state = next
		if f.err = f.pipeline.Heed(next.Event); f.err != nil || next.Removed {
			f.stop()
			return
		}
	}
}
