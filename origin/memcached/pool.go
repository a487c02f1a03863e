package memcached

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// pool is a node's connections: those that are idle, the newest last, and room for so many under way.
type pool struct {
	address string
	room    chan struct{}

	mu     *sync.Mutex
	idle   []*conn
	open   map[*conn]bool
	closed bool
}

func newPool(address string, connections int) pool {
	return pool{address: address, room: make(chan struct{}, connections), mu: new(sync.Mutex),
		open: make(map[*conn]bool)}
}

// call runs a command on a connection, within the timeout and the context. A connection that was idle may have ended
// meanwhile, with its node: what fails on one is tried once more on a new one, which says what is the matter now.
func (n *Node) call(ctx context.Context, command func(c *conn) error) error {
	deadline := time.Now().Add(n.config.Timeout)
	late := origin.ErrTimeout
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline, late = d, context.DeadlineExceeded
	}
	err := n.pool.enter(ctx, deadline)
	if err == nil {
		var again bool
		if again, err = n.try(ctx, deadline, command, true); again {
			_, err = n.try(ctx, deadline, command, false)
		}
		n.pool.leave()
	}
	return n.explain(ctx, late, err)
}

// try runs a command on an idle connection, if it may and there is one, or else on a new one.
func (n *Node) try(ctx context.Context, deadline time.Time, command func(c *conn) error, mayBeUsed bool) (again bool, err error) {
	c, err := n.pool.take(ctx, deadline, mayBeUsed)
	if err != nil {
		return false, err
	}
	if err := c.net.SetDeadline(deadline); err != nil {
		n.pool.drop(c)
		return c.used, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	err = command(c)
	whole := err == nil || errors.Is(err, origin.ErrNotFound)
	if stop() && whole && c.read.Buffered() == 0 {
		n.pool.give(c)
		return false, err
	}
	n.pool.drop(c)
	over := whole || ctx.Err() != nil || errors.Is(err, ErrRefused) || errors.Is(err, os.ErrDeadlineExceeded)
	return c.used && !over, err
}

// explain says what an error of the network means to an origin; late is what the deadline means.
func (n *Node) explain(ctx context.Context, late, err error) error {
	var network net.Error
	switch {
	case err == nil, errors.Is(err, origin.ErrNotFound):
		return err
	case errors.Is(err, ErrRefused):
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.As(err, &network) && network.Timeout():
		err = fmt.Errorf("%w: %w", late, err)
	default:
		err = fmt.Errorf("%w: %w", origin.ErrUnreachable, err)
	}
	return fmt.Errorf("memcached %s: %w", n.config.Address, err)
}

var errClosed = errors.New("closed")

// enter waits until there is room for one more call.
func (p *pool) enter(ctx context.Context, deadline time.Time) error {
	select {
	case p.room <- struct{}{}:
		return nil
	default:
	}
	late := time.NewTimer(time.Until(deadline))
	defer late.Stop()
	select {
	case p.room <- struct{}{}:
		return nil
	case <-late.C:
		return fmt.Errorf("all %d connections are busy: %w", cap(p.room), os.ErrDeadlineExceeded)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) leave() { <-p.room }

// take gives an idle connection, or makes one.
func (p *pool) take(ctx context.Context, deadline time.Time, mayBeUsed bool) (*conn, error) {
	p.mu.Lock()
	if last := len(p.idle) - 1; mayBeUsed && last >= 0 && !p.closed {
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	made, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	c := &conn{net: made, read: bufio.NewReader(made)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = made.Close()
		return nil, errClosed
	}
	p.open[c] = true
	return c, nil
}

// give takes a connection back.
func (p *pool) give(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.used = true; !p.closed {
		p.idle = append(p.idle, c)
	}
}

// drop ends a connection.
func (p *pool) drop(c *conn) {
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	_ = c.net.Close()
}

// close ends all connections, and there will be no more.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.open {
		_ = c.net.Close()
	}
	p.open, p.idle = nil, nil
}
