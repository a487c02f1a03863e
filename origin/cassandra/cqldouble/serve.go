package cqldouble

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/datastax/go-cassandra-native-protocol/frame"
	"github.com/datastax/go-cassandra-native-protocol/message"
	"github.com/datastax/go-cassandra-native-protocol/primitive"
)

// client is a connection, whose statements are answered beside each other.
type client struct {
	cluster *Cluster
	node    *Node
	net     net.Conn
	mu      sync.Mutex // of what is written
	wait    sync.WaitGroup
}

// serve answers a client until it goes. The codec is the library's; its server is not used, since it races with itself
// when connections end.
func (d *Cluster) serve(n *Node, to net.Conn) {
	c := &client{cluster: d, node: n, net: to}
	defer func() {
		_ = to.Close()
		c.wait.Wait()
		d.mu.Lock()
		delete(n.conns, to)
		d.mu.Unlock()
	}()
	codec, read := frame.NewCodec(), bufio.NewReader(to)
	for {
		if first, err := read.Peek(1); err == nil && first[0] > byte(primitive.ProtocolVersion4) {
			c.send(primitive.ProtocolVersion4, 0, &message.ProtocolError{ErrorMessage: fmt.Sprintf(
				"Invalid or unsupported protocol version (%d); the lowest supported version is 3/v3 and the greatest is 4/v4",
				first[0])})
			return
		}
		f, err := codec.DecodeFrame(read)
		if err != nil {
			return
		}
		c.wait.Go(func() { c.send(f.Header.Version, f.Header.StreamId, c.answer(f.Body.Message)) })
	}
}

// send writes an answer, or ends the connection where there is none.
func (c *client) send(v primitive.ProtocolVersion, stream int16, m message.Message) {
	var b bytes.Buffer
	if m == nil || frame.NewCodec().EncodeFrame(frame.NewFrame(v, stream, m), &b) != nil {
		_ = c.net.Close()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.net.Write(b.Bytes()) // whoever is not there any more needs no answer
}

// answer says what a message deserves; nil ends the connection.
func (c *client) answer(m message.Message) message.Message {
	switch m := m.(type) {
	case *message.Options:
		return &message.Supported{Options: map[string][]string{"CQL_VERSION": {"3.4.7"}}}
	case *message.Startup:
		if c.cluster.user != "" {
			return &message.Authenticate{Authenticator: "org.apache.cassandra.auth.PasswordAuthenticator"}
		}
		return &message.Ready{}
	case *message.AuthResponse:
		if string(m.Token) != "\x00"+c.cluster.user+"\x00"+c.cluster.password {
			return &message.AuthenticationError{ErrorMessage: "Provided username and/or password are incorrect"}
		}
		return &message.AuthSuccess{}
	case *message.Register:
		return &message.Ready{}
	case *message.Prepare:
		s, err := parse(m.Query)
		if err != nil {
			return invalid(err)
		}
		return c.cluster.prepare(s)
	case *message.Query:
		return c.execute(m.Query, m.Options)
	case *message.Execute:
		return c.execute(string(m.QueryId), m.Options)
	}
	return invalid(fmt.Errorf("%T", m))
}

// execute does what a statement says, unless that is to break.
func (c *client) execute(query string, options *message.QueryOptions) message.Message {
	s, err := parse(query)
	if err != nil {
		return invalid(err)
	}
	var values [][]byte
	consistency := ""
	if options != nil {
		for _, v := range options.PositionalValues {
			values = append(values, v.Contents)
		}
		consistency = options.Consistency.String()
	}
	b := c.cluster.breakage(s, Request{Node: c.node, Statement: query, Consistency: consistency})
	if b.Delay > 0 {
		late := time.NewTimer(b.Delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-c.cluster.ended.Done():
		}
	}
	if b.Answer == nil && !b.Drop || b.Applied {
		m := c.cluster.run(c.node, s, values)
		if b.Answer == nil && !b.Drop {
			return m
		}
	}
	if b.Drop {
		return nil
	}
	return b.Answer
}

// breakage asks about statements that are neither the driver's own nor about the schema.
func (d *Cluster) breakage(s *statement, r Request) Breakage {
	d.mu.Lock()
	breaks := d.breaks
	d.mu.Unlock()
	if breaks == nil || s.isSystem() {
		return Breakage{}
	}
	return breaks(r)
}

func invalid(err error) message.Message {
	var known message.Message = &message.Invalid{ErrorMessage: err.Error()}
	if exists := (*alreadyExists)(nil); errors.As(err, &exists) {
		known = &message.AlreadyExists{ErrorMessage: err.Error(), Keyspace: exists.keyspace}
	}
	return known
}
