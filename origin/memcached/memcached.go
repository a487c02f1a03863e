package memcached

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Config says which node it is. Address is required.
type Config struct {
	Address string // host:port
	// Connections is how many calls can be under way; further ones wait. Zero means DefaultConnections.
	Connections int
	// Timeout bounds a call; zero means DefaultTimeout.
	Timeout time.Duration
	// ItemLimit is the node's own (-I), in bytes; zero means memcached's default of 1 MiB.
	ItemLimit int
	// TTL is how long an item is kept at most; zero, and more than memcached's 30 days, mean 30 days.
	TTL time.Duration
}

// What a Config that says nothing gets.
const (
	DefaultConnections = 32
	DefaultTimeout     = 250 * time.Millisecond
	DefaultItemLimit   = 1 << 20
)

// maxTTL is the longest that memcached counts from now; it takes larger numbers for dates.
const maxTTL = 30 * 24 * time.Hour

// overhead of an item that counts against the node's limit: memcached's own head with CAS, our key, and our head.
const overhead = 64 + keySize + headSize

// Why a node does not take a row. Nothing is wrong with it.
var (
	ErrTooLarge = errors.New("row is larger than an item of memcached")
	ErrRefused  = errors.New("refused by memcached")
)

// Node is one node as an origin.Store of rows.
type Node struct {
	config Config
	pool   pool
}

// Open makes a node. It is not called until it is needed: a cache may be dead.
func Open(c Config) (*Node, error) {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return nil, fmt.Errorf("memcached: want host:port: %w", err)
	}
	c.Connections = cmp.Or(c.Connections, DefaultConnections)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.ItemLimit = cmp.Or(c.ItemLimit, DefaultItemLimit)
	if c.TTL = cmp.Or(c.TTL, maxTTL); c.TTL > maxTTL {
		c.TTL = maxTTL
	}
	if c.Connections < 0 || c.Timeout < 0 || c.ItemLimit < overhead || c.TTL < 0 {
		return nil, fmt.Errorf("memcached %s: negative, or no room for an item: %+v", c.Address, c)
	}
	return &Node{config: c, pool: newPool(c.Address, c.Connections)}, nil
}

// Close ends all connections. Calls under way end with them.
func (n *Node) Close() { n.pool.close() }

// Put implements origin.Store. It takes whatever comes last.
func (n *Node) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if len(o.Body) != o.Size {
		return fmt.Errorf("memcached %s: a row of %d bytes that says %d", n.config.Address, len(o.Body), o.Size)
	}
	if o.Size+overhead > n.config.ItemLimit {
		return fmt.Errorf("memcached %s: %d bytes, at most %d: %w", n.config.Address, o.Size, n.config.ItemLimit-overhead,
			ErrTooLarge)
	}
	ttl := n.ttl(o.ExpiresAt, time.Now())
	if ttl == 0 {
		return nil // nothing to keep
	}
	id := identify(key)
	command := fmt.Appendf(make([]byte, 0, 128+headSize), "set %s 0 %d %d\r\n", id.key(), ttl, headSize+o.Size)
	command = head{digest: o.Digest, size: o.Size, expires: o.ExpiresAt, id: id}.append(command)
	return n.call(ctx, func(c *conn) error {
		packet := net.Buffers{command, o.Body, crlf}
		if _, err := packet.WriteTo(c.net); err != nil {
			return err
		}
		line, err := c.line()
		if err == nil && !bytes.Equal(line, stored) {
			err = fmt.Errorf("%w: %q", ErrRefused, line)
		}
		return err
	})
}

// ttl is how long an item is kept, in whole seconds, rounded up; zero is not at all.
func (n *Node) ttl(expires, now time.Time) int {
	ttl := n.config.TTL
	if !expires.IsZero() {
		ttl = max(0, min(ttl, expires.Sub(now)))
	}
	return int(math.Ceil(ttl.Seconds()))
}

// Get implements origin.Store.
func (n *Node) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	return n.GetInto(ctx, key, digest, nil)
}

// GetInto is a Get that puts the body into a buffer, if it fits there. Not having to allocate saves a sixth of its cost, or
// more. The buffer is the caller's again, with anything in it, when this returns.
func (n *Node) GetInto(ctx context.Context, key origin.Key, digest uint32, into []byte) (o origin.Object, err error) {
	id := identify(key)
	command := fmt.Appendf(make([]byte, 0, 64), "get %s\r\n", id.key())
	err = n.call(ctx, func(c *conn) error {
		if _, err := c.net.Write(command); err != nil {
			return err
		}
		o, err = c.value(id, digest, into, n.config.ItemLimit)
		return err
	})
	return o, err
}

// Flush empties the node, as after a cold start.
func (n *Node) Flush(ctx context.Context) error {
	_, err := n.ask(ctx, "flush_all\r\n", "OK\r\n")
	return err
}

// Version is the node's own.
func (n *Node) Version(ctx context.Context) (string, error) {
	return n.ask(ctx, "version\r\n", "VERSION ")
}

// ask sends a command with an answer of one line, and returns what follows a prefix.
func (n *Node) ask(ctx context.Context, command, prefix string) (answer string, err error) {
	err = n.call(ctx, func(c *conn) error {
		if _, err := c.net.Write([]byte(command)); err != nil {
			return err
		}
		line, err := c.line()
		if err == nil && !bytes.HasPrefix(line, []byte(prefix)) {
			err = fmt.Errorf("%w: %q", ErrRefused, line)
		}
		answer = string(bytes.TrimSpace(bytes.TrimPrefix(line, []byte(prefix))))
		return err
	})
	return answer, err
}

var _ origin.Store = (*Node)(nil)
