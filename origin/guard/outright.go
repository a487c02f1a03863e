package guard

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Outright is where a handler may write its answer to a request as it travels, head and all, past net/http, which takes longer
// to write a head than the kernel takes for the packet: with thousands who wait for the same, that is most of the last one's
// wait. It is nil where only net/http can answer, as over HTTP/2, or to a request that is to be its connection's last; after the
// first Write, the handler has nothing more to say to net/http.
//
// net/http answers for a handler that said nothing: with one write, of the head of an empty 200, which the connection swallows.
// All else is as ever: what may be read next, the deadlines, the end of the connection.
func Outright(w http.ResponseWriter, r *http.Request) io.Writer {
	c, ok := r.Context().Value(connKey{}).(*Conn)
	if !ok || r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.Close || r.ContentLength != 0 || c.isLast() {
		return nil
	}
	for {
		switch wrapped := w.(type) {
		case *begun:
			return outright{c, wrapped}
		case interface{ Unwrap() http.ResponseWriter }:
			w = wrapped.Unwrap()
		default:
			return nil
		}
	}
}

type outright struct {
	conn   *Conn
	answer *begun
}

// Write implements io.Writer.
func (o outright) Write(b []byte) (int, error) {
	o.answer.yes, o.conn.answered = true, true
	return o.conn.transmit(b)
}

// errTwice ends a connection on which a request has had two answers: nobody could tell what belongs to which.
var errTwice = errors.New("an answer after an answer")

// emptyAnswer is part of what net/http says for who said nothing.
var emptyAnswer = []byte("\r\nContent-Length: 0\r\n")

// swallow takes what net/http writes after an answer that was written past it.
func (c *Conn) swallow(b []byte) (int, error) {
	c.answered = false
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 200 OK\r\n")) || !bytes.HasSuffix(b, []byte("\r\n\r\n")) || !bytes.Contains(b, emptyAnswer) {
		return 0, errTwice
	}
	return len(b), nil
}
