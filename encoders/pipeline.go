package encoders

import (
	"context"
	"fmt"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
)

// Pipeline publishes an event, also one whose start is moved before it comes. Such an event has another time line, in which
// no number is where it was: the packager that was made for the first one ends, and another takes its place.
type Pipeline struct {
	runtime origin.Runtime
	make    func(origin.Event) (*Packager, error)

	mu       sync.Mutex // guards what follows
	event    origin.Event
	packager *Packager
	end      context.CancelFunc // of the packager's run; nil before the first
}

// NewPipeline makes a pipeline that has published nothing yet; make gives a packager, with a source, for the event as it is
// known then.
func NewPipeline(rt origin.Runtime, ev origin.Event, make func(origin.Event) (*Packager, error)) (*Pipeline, error) {
	packager, err := make(ev)
	return &Pipeline{runtime: rt, make: make, event: ev, packager: packager}, err
}

// Run publishes the event, and leaves nothing running when it returns: as the event is over, or ctx.
func (p *Pipeline) Run(ctx context.Context) {
	for ctx.Err() == nil {
		running, end := p.runtime.WithCancel(ctx)
		packager := p.begin(end)
		packager.Run(running)
		end()
		if p.current() == packager {
			return
		}
	}
}

// begin takes down how the run of the packager that is to be run is ended.
func (p *Pipeline) begin(end context.CancelFunc) *Packager {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = end
	return p.packager
}

func (p *Pipeline) current() *Packager {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.packager
}

// Heed goes by the event as it is now: when it starts, and when it ends. An error means that all stays as it was.
func (p *Pipeline) Heed(ev origin.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ev.AvailabilityStartTime.Equal(p.event.AvailabilityStartTime) {
		p.packager.EndAt(ev.End)
		return nil
	}
	next, err := p.make(ev)
	if err != nil {
		return fmt.Errorf("begin again for another start of event %s: %w", ev.ID, err)
	}
	if p.event, p.packager = ev, next; p.end != nil {
		p.end()
	}
	return nil
}
