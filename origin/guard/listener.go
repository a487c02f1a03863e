package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Listener gives out vetted connections, within its limits.
type Listener struct {
	net.Listener
	limits Limits
	tally  tally

	mu      sync.Mutex
	open    int
	clients map[netip.Addr]int

	// Of TLS alone, where hands are shaken beside Accept, so that a client which is slow at it holds up nobody else.
	ready   chan net.Conn
	failed  chan error
	stopped context.Context
	stop    context.CancelFunc
	shaking sync.WaitGroup
}

// Listen guards a listener. Close ends it, and what it has begun.
func Listen(ln net.Listener, limits Limits) *Listener {
	l := &Listener{Listener: ln, limits: limits.withDefaults(), clients: make(map[netip.Addr]int)}
	l.tally.logger = limits.Logger
	if l.limits.TLS != nil {
		l.ready, l.failed = make(chan net.Conn), make(chan error, 1)
		l.stopped, l.stop = context.WithCancel(context.Background())
		l.shaking.Go(l.shakeHands)
	}
	return l
}

// Accept implements net.Listener. A connection is a *Conn, but where HTTP/2 was agreed on: then a *tls.Conn.
func (l *Listener) Accept() (net.Conn, error) {
	if l.limits.TLS == nil {
		conn, err := l.admit()
		if err != nil {
			return nil, err
		}
		return l.guard(conn), nil
	}
	select {
	case conn := <-l.ready:
		return conn, nil
	case err := <-l.failed:
		l.failed <- err // for who asks again
		return nil, err
	}
}

// Close stops listening, and handshakes; connections that were given out go on.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	if l.limits.TLS != nil {
		l.stop()
		l.shaking.Wait()
	}
	return err
}

func (l *Listener) guard(conn net.Conn) *Conn {
	c := &Conn{Conn: conn, limits: &l.limits, tally: &l.tally}
	if in, ok := conn.(*counted); ok && l.limits.Refuse != nil {
		c.storm = newStorm(c, in.Conn)
	}
	return c
}

// admit accepts until there is a connection that is within the limits.
func (l *Listener) admit() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := clientOf(conn.RemoteAddr())
		why := l.enter(client)
		if why == None {
			l.tally.accepted.Add(1)
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { l.leave(client) })}, nil
		}
		l.tally.refuse(why, conn.RemoteAddr())
		if l.limits.TLS == nil {
			now := time.Now()
			_ = conn.SetWriteDeadline(now.Add(answerTime))
			_, _ = conn.Write(why.answer(now)) // into an empty buffer, so this does not block
		}
		_ = conn.Close()
	}
}

func (l *Listener) enter(client netip.Addr) Refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.limits.Connections:
		return TooManyConnections
	case l.clients[client] >= l.limits.PerClient:
		return TooManyOfClient
	}
	l.open++
	l.clients[client]++
	return None
}

func (l *Listener) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}

// clientOf is whom an address is counted for: of IPv6 a whole /64, which is what one customer has at least.
func clientOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap()
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// counted leaves when it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// shakeHands accepts for a listener with TLS.
func (l *Listener) shakeHands() {
	for {
		conn, err := l.admit()
		if err != nil {
			var passing interface{ Temporary() bool }
			if errors.As(err, &passing) && passing.Temporary() && l.pause() {
				continue // out of file descriptors, or the like; net/http's own loop does the same
			}
			l.failed <- err
			return
		}
		l.shaking.Go(func() { l.shakeHand(conn) })
	}
}

// pause says whether there is a reason to go on after it.
func (l *Listener) pause() bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-l.stopped.Done():
		return false
	}
}

func (l *Listener) shakeHand(conn net.Conn) {
	ctx, cancel := context.WithTimeout(l.stopped, l.limits.HeadTime)
	defer cancel()
	secure := tls.Server(conn, l.limits.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		l.tally.refuse(BadHandshake, conn.RemoteAddr())
		_ = conn.Close()
		return
	}
	var out net.Conn = secure
	if secure.ConnectionState().NegotiatedProtocol != "h2" {
		out = overTLS{l.guard(secure), secure}
	}
	select {
	case l.ready <- out:
	case <-l.stopped.Done():
		_ = conn.Close()
	}
}

// overTLS is a vetted connection in which net/http finds the state for Request.TLS.
type overTLS struct {
	*Conn
	secure *tls.Conn
}

// ConnectionState is what was agreed on.
func (c overTLS) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// Secure says whether the listener speaks TLS, and whether it offers HTTP/2.
func (l *Listener) Secure() (secure, h2 bool) {
	return l.limits.TLS != nil, l.limits.TLS != nil && slices.Contains(l.limits.TLS.NextProtos, "h2")
}
