package originhttp

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// errRefused is a neighbour's answer that will be the same next time.
var errRefused = errors.New("refused")

// send works on the queue until it is empty or the client is closed.
func (c *PeerClient) send() {
	for retry := firstRetry; ; {
		batch := c.head()
		if len(batch) == 0 {
			return
		}
		switch err := c.try(batch); {
		case err == nil:
			c.settle(len(batch))
			c.setUp()
			retry = firstRetry
		case errors.Is(err, errRefused):
			c.settle(len(batch))
			c.giveUp(len(batch))
		default:
			c.setDown(shortly(err))
			c.pause(retry)
			retry = min(2*retry, lastRetry)
		}
	}
}

// head is what the next request carries, without what has become too old. When there is none, the caller is done.
func (c *PeerClient) head() []*untold {
	c.mu.Lock()
	old, oldest := 0, time.Now().Add(-c.options.Keep)
	for old < len(c.queue) && (c.queue[old].since.Before(oldest) || c.ctx.Err() != nil) {
		old++
	}
	c.drop(old)
	batch := c.queue[:min(len(c.queue), peerBatch)]
	c.sending = len(batch) > 0
	c.mu.Unlock()
	c.giveUp(old)
	return batch
}

// drop takes the first announcements out of the queue and lets those go on who wait for them.
func (c *PeerClient) drop(n int) {
	for i, u := range c.queue[:n] {
		close(u.told)
		c.queue[i] = nil
	}
	c.queue = c.queue[n:]
}

func (c *PeerClient) settle(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(n)
}

func (c *PeerClient) try(batch []*untold) error {
	all := make([]origin.Announcement, len(batch))
	for i, u := range batch {
		all[i] = u.Announcement
	}
	a, err := c.client.exchange(c.ctx, c.options.Try, http.MethodPost, peerPath(announcementsPath), nil, marshalAnnouncements(all))
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNoContent:
		return nil
	case a.status >= 500:
		return fmt.Errorf("unexpected status %d", a.status)
	}
	return fmt.Errorf("status %d: %w", a.status, errRefused)
}

// pause leaves the neighbour alone for a while, or until the client is closed.
func (c *PeerClient) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}
