package audience

import (
	"context"
	"time"

	"github.com/liveorigin/liveorigin/sim/loop"
)

// limit is an instant by which an answer must have begun: a context that is cancelled then.
type limit struct {
	at     time.Duration
	ctx    context.Context
	cancel context.CancelFunc
	timer  loop.Timer
	shared bool // by the fetches of a turn
}

// Wake implements loop.Waker.
func (l *limit) Wake() { l.cancel() }

// limit makes a limit. First tries of one turn all have the same one, which they share.
func (a *Audience) limit(at time.Duration) *limit {
	if a.usual != nil && a.usual.at == at {
		return a.usual
	}
	l := &limit{at: at}
	l.ctx, l.cancel = a.config.Loop.WithCancel(a.ctx)
	l.timer = a.config.Loop.After(at-a.now(), l)
	return l
}

// lift takes a limit away that a single fetch had, if it had one.
func (a *Audience) lift(l *limit) {
	if l != nil && !l.shared && a.config.Loop.Stop(l.timer) {
		l.cancel()
	}
}
