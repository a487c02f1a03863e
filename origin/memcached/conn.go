package memcached

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/liveorigin/liveorigin/origin"
)

var (
	crlf   = []byte("\r\n")
	stored = []byte("STORED\r\n")
	ended  = []byte("END\r\n")
)

// conn is a connection, between calls at the start of an answer.
type conn struct {
	net  net.Conn
	read *bufio.Reader
	used bool // before, so that its end may be older than the call that notices it
	head [headSize]byte
}

// line reads one line, which lasts until the next read.
func (c *conn) line() ([]byte, error) {
	line, err := c.read.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	return line, nil
}

// value reads the answer to a get.
func (c *conn) value(id identity, digest uint32, into []byte, limit int) (o origin.Object, err error) {
	line, err := c.line()
	if err != nil {
		return o, err
	}
	if bytes.Equal(line, ended) {
		return o, origin.ErrNotFound
	}
	size, ok := itemSize(line, id.key())
	if !ok || size > limit {
		return o, fmt.Errorf("%w: %.80q", ErrRefused, line)
	}
	o, err = c.body(size, id, digest, into)
	if err != nil && err != origin.ErrNotFound {
		return o, err
	}
	switch tail, err := c.read.Peek(len(crlf) + len(ended)); {
	case err != nil:
		return origin.Object{}, err
	case string(tail) != "\r\nEND\r\n":
		return origin.Object{}, fmt.Errorf("%w: %q ends an item", ErrRefused, tail)
	}
	if _, err := c.read.Discard(len(crlf) + len(ended)); err != nil {
		return origin.Object{}, err
	}
	return o, err
}

// body reads an item of so many bytes, to its end, whether it is ours or not.
func (c *conn) body(size int, id identity, digest uint32, into []byte) (o origin.Object, err error) {
	front := c.head[:min(size, headSize)]
	if _, err := io.ReadFull(c.read, front); err != nil {
		return o, err
	}
	size -= len(front)
	h, ours := readHead(front)
	if !ours || h.id != id || h.digest != digest || h.size != size {
		if _, err := c.read.Discard(size); err != nil {
			return o, err
		}
		return o, origin.ErrNotFound
	}
	if cap(into) < size {
		into = make([]byte, size)
	}
	into = into[:size]
	if _, err := io.ReadFull(c.read, into); err != nil {
		return o, err
	}
	return origin.Object{Body: into, Size: size, Digest: digest, ExpiresAt: h.expires}, nil
}

// itemSize reads "VALUE <key> <flags> <bytes>\r\n".
func itemSize(line []byte, key string) (int, bool) {
	words := bytes.Split(bytes.TrimSuffix(line, crlf), []byte(" "))
	if len(words) != 4 || string(words[0]) != "VALUE" || string(words[1]) != key {
		return 0, false
	}
	size, err := strconv.ParseUint(string(words[3]), 10, 31)
	return int(size), err == nil
}
