// Package cqldouble is a double of a Cassandra cluster in this process, for tests: nodes that speak the native protocol
// on the loopback, and keep rows in maps. It knows as much CQL as package cassandra and its driver use, and breaks as
// told. What a quorum is it does not know: all nodes of a data centre share one copy, and data centres copy at once, but
// while they are split.
package cqldouble

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/datastax/go-cassandra-native-protocol/message"
)

// Node is one of the cluster's.
type Node struct {
	IP      string // that it knows itself by
	DC      string
	Address string // where it listens

	id       [16]byte
	rack     string
	listener net.Listener
	conns    map[net.Conn]bool
}

// Request is a statement that a node has got from its client.
type Request struct {
	Node      *Node
	Statement string
	// Consistency is the statement's, as in the protocol's notation: LOCAL_QUORUM.
	Consistency string
}

// Breakage is what a node does instead of answering as it should.
type Breakage struct {
	Delay time.Duration // before all else
	Drop  bool          // ends the connection
	// Answer is given in place of the right one. With Applied, what was asked has been done all the same.
	Answer  message.Message
	Applied bool
}

// Cluster is a running double.
type Cluster struct {
	Nodes []*Node

	user, password string
	encryption     *tls.Config
	wait           sync.WaitGroup
	ended          context.Context
	end            context.CancelFunc

	mu        sync.Mutex
	keyspaces map[string]map[string]*table // by name, their tables by name
	layout    map[string][]string          // replication of keyspaces: key, value, key, value ...
	split     bool
	late      []func() // writes that wait for the split to end
	breaks    func(Request) Breakage
}

// Config says what is doubled.
type Config struct {
	// Nodes is how many there are in each data centre, by the order of Names.
	Nodes map[string]int
	// User and Password are asked for, if there are any.
	User, Password string
	// TLS is what nodes listen with; nil is plain TCP.
	TLS *tls.Config
}

// Start starts a cluster.
func Start(c Config) (*Cluster, error) {
	d := &Cluster{user: c.User, password: c.Password, encryption: c.TLS, keyspaces: make(map[string]map[string]*table),
		layout: make(map[string][]string)}
	d.ended, d.end = context.WithCancel(context.Background())
	d.keyspaces["system_auth"] = map[string]*table{"roles": {name: "roles", keyspace: "system_auth", types: map[string]string{}}}
	for dc, nodes := range c.Nodes {
		for i := range nodes {
			n := len(d.Nodes) + 1
			d.Nodes = append(d.Nodes, &Node{IP: fmt.Sprintf("10.0.0.%d", n), DC: dc, rack: fmt.Sprint("z", i+1),
				id: [16]byte{15: byte(n)}, conns: make(map[net.Conn]bool)})
		}
	}
	for _, n := range d.Nodes {
		if err := d.Up(n); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// Up makes a node listen, at the address that it had if it had one.
func (d *Cluster) Up(n *Node) error {
	address := n.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("start node %s: %w", n.IP, err)
	}
	d.mu.Lock()
	n.listener, n.Address = l, l.Addr().String()
	d.mu.Unlock()
	d.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if d.encryption != nil {
				c = tls.Server(c, d.encryption)
			}
			d.mu.Lock()
			up := n.listener == l
			if up {
				n.conns[c] = true
			}
			d.mu.Unlock()
			if !up { // it went down before this one was known
				_ = c.Close()
				return
			}
			d.wait.Go(func() { d.serve(n, c) })
		}
	})
	return nil
}

// Down ends a node, with all its connections.
func (d *Cluster) Down(n *Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n.listener != nil {
		_ = n.listener.Close()
		n.listener = nil
	}
	for c := range n.conns {
		_ = c.Close()
	}
}

// Close ends all nodes, and waits for what they do.
func (d *Cluster) Close() {
	d.end()
	for _, n := range d.Nodes {
		d.Down(n)
	}
	d.wait.Wait()
}

// Break asks fn about every statement of clients' tables and keyspaces from now on; nil breaks nothing.
func (d *Cluster) Break(fn func(Request) Breakage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.breaks = fn
}

// Split cuts data centres off from each other; when it is over, what was written meanwhile is copied.
func (d *Cluster) Split(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.split = on; on {
		return
	}
	for _, write := range d.late {
		write()
	}
	d.late = nil
}

// Hosts are the nodes of a data centre, host:port as they know themselves, and where each is published.
func (d *Cluster) Hosts(dc string) (hosts []string, published map[string]string) {
	published = make(map[string]string)
	for _, n := range d.Nodes {
		if n.DC == dc {
			hosts = append(hosts, n.IP+":9042")
		}
		published[n.IP] = n.Address
	}
	return hosts, published
}
