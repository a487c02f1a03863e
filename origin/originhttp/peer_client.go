package originhttp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// PeerOptions say who a PeerClient speaks for, and its limits; the zero value of each limit means its default.
type PeerOptions struct {
	Node, Region string // who speaks
	Peer         string // who is spoken to
	Recorder     origin.Recorder
	Start        time.Time   // the history's zero
	TLS          *tls.Config // for https: authorities to trust, the node's own certificate; the system's, and none

	Deadline   time.Duration // how long Announce waits for a neighbour that is not known to be dead; 200 ms
	Try        time.Duration // one try, which goes on beside; 1 s
	Keep       time.Duration // how long a candidate is worth telling: as long as it can be asked for; 5 min
	MaxPending int           // announcements that wait for a neighbour to come back; 14,400
}

func (o PeerOptions) withDefaults() PeerOptions {
	for d, otherwise := range map[*time.Duration]time.Duration{
		&o.Deadline: 200 * time.Millisecond, &o.Try: time.Second, &o.Keep: 5 * time.Minute,
	} {
		if *d <= 0 {
			*d = otherwise
		}
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 8 * 1800 // an hour of a ladder of eight renditions
	}
	if o.Recorder == nil {
		o.Recorder = origin.Discard
	}
	return o
}

// How long a neighbour that does not answer is left alone, and how many announcements one request carries.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 250 * time.Millisecond
	peerBatch  = 1024
)

// PeerClient is a neighbour of a node that lives in another process: an origin.Peer over HTTP. Announcements go one
// request after the other, in order of arrival, as many in one as are waiting.
//
//	Announce ──> queue ──> one request at a time ──> Peering
//	    '── waits until it is told, the Deadline, or the neighbour is known to be dead
//
// A dead neighbour costs one Deadline, once: from then on Announce does not wait, and what it queues is tried with
// back-off until the neighbour has it or it is older than Keep. The price is that a candidate may be acknowledged before
// a neighbour that was dead has heard of it.
type PeerClient struct {
	options PeerOptions
	client  *Client
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	queue   []*untold
	sending bool          // a goroutine is at work on the queue
	down    chan struct{} // closed while the neighbour is taken for dead
	isDown  bool
	lost    int64 // given up and not recorded yet
	losses  time.Time
}

// untold is an announcement on its way.
type untold struct {
	origin.Announcement
	since time.Time
	told  chan struct{} // closed when nobody needs to wait for it any more
}

var _ origin.Peer = (*PeerClient)(nil)

// NewPeerClient makes a client of the Peering handler at a base URL. Close ends it.
func NewPeerClient(base string, o PeerOptions) (*PeerClient, error) {
	o = o.withDefaults()
	client, err := NewClient(base, ClientOptions{MaxConns: 2, Connect: o.Try, Header: o.Try, Get: 10 * o.Try, Publish: o.Try,
		TLS: o.TLS})
	if err != nil {
		return nil, err
	}
	c := &PeerClient{options: o, client: client, down: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Close gives up what is still waiting and ends the client; Announce does nothing afterwards.
func (c *PeerClient) Close() {
	c.mu.Lock() // so that nothing is started once the context is seen to have ended
	c.cancel()
	c.mu.Unlock()
	c.running.Wait()
	c.client.Close()
	c.recordLost(true)
}

// Known asks the neighbour what it knows of an event.
func (c *PeerClient) Known(ctx context.Context, event string) ([]origin.Announcement, error) {
	if !origin.ValidName(event) {
		return nil, fmt.Errorf("what is known of %q: %w", event, errPath)
	}
	a, err := c.client.exchange(ctx, c.client.options.Get, http.MethodGet, peerPath(announcementsPath+"/"+event), nil, nil)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("what is known of %s: unexpected status %d", event, a.status)
	}
	return parseAnnouncements(a.body)
}

// peerPath is a path of Peering.
type peerPath string

func (p peerPath) String() string { return string(p) }

// Announce implements origin.Peer.
func (c *PeerClient) Announce(a origin.Announcement) {
	u := &untold{a, time.Now(), make(chan struct{})}
	down, ok := c.enqueue(u)
	if !ok {
		c.giveUp(1)
		return
	}
	timer := time.NewTimer(c.options.Deadline)
	defer timer.Stop()
	select {
	case <-down:
	case <-u.told:
	case <-timer.C:
		c.setDown("no answer in time")
	}
}

// enqueue refuses when too many wait, or when the client is closed.
func (c *PeerClient) enqueue(u *untold) (down <-chan struct{}, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil || len(c.queue) >= c.options.MaxPending {
		return nil, false
	}
	c.queue = append(c.queue, u)
	if !c.sending {
		c.sending = true
		c.running.Go(c.send)
	}
	return c.down, true
}
