package originhttp

import (
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// setDown takes the neighbour for dead, and lets everyone go on who waits for it.
func (c *PeerClient) setDown(why string) {
	c.mu.Lock()
	if c.isDown || c.ctx.Err() != nil {
		c.mu.Unlock()
		return
	}
	c.isDown = true
	close(c.down)
	c.mu.Unlock()
	c.record(origin.Record{Step: origin.Begin, Error: why})
}

// setUp is called when the neighbour has answered.
func (c *PeerClient) setUp() {
	c.mu.Lock()
	if !c.isDown {
		c.mu.Unlock()
		return
	}
	c.isDown, c.down = false, make(chan struct{})
	c.mu.Unlock()
	c.record(origin.Record{Step: origin.End})
}

// giveUp makes it visible that the neighbour will not be told of so many candidates.
func (c *PeerClient) giveUp(n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	c.lost += int64(n)
	c.mu.Unlock()
	c.recordLost(false)
}

// lossesEvery is how often what was given up is recorded at the most, all of that time in one record.
const lossesEvery = time.Second

func (c *PeerClient) recordLost(all bool) {
	c.mu.Lock()
	now := time.Now()
	if c.lost == 0 || !all && now.Sub(c.losses) < lossesEvery {
		c.mu.Unlock()
		return
	}
	lost := c.lost
	c.lost, c.losses = 0, now
	c.mu.Unlock()
	c.record(origin.Record{Count: lost, Error: "announcements given up"})
}

// record completes a record and takes it down; c.mu is not held.
func (c *PeerClient) record(r origin.Record) {
	r.AtUs, r.Kind = time.Since(c.options.Start).Microseconds(), origin.KindPeer
	r.Node, r.Region, r.Name = c.options.Node, c.options.Region, c.options.Peer
	c.options.Recorder.Record(r)
}

// shortly names an error by its kind, which is all that the history needs.
func shortly(err error) string {
	for _, known := range []error{origin.ErrUnreachable, origin.ErrTimeout} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}
