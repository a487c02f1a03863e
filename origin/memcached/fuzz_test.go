package memcached

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
)

// FuzzValue reads whatever a node might answer to a get. Only an item with this key's head, and a body of the length that
// both it and the node say, is a row; and after an answer that leaves the connection in use, the next one is read right.
func FuzzValue(f *testing.F) {
	id, o := identify(row), object(20)
	item := append(head{digest: o.Digest, size: o.Size, id: id}.append(nil), o.Body...)
	whole := fmt.Appendf(nil, "VALUE %s 0 %d\r\n%s\r\nEND\r\n", id.key(), len(item), item)
	f.Add(whole)
	f.Add(ended)
	f.Add(whole[:len(whole)-1])
	f.Add(bytes.Replace(whole, []byte("LIVE"), []byte("DEAD"), 1))
	f.Add([]byte("VALUE " + id.key() + " 0 0\r\n\r\nEND\r\n"))
	f.Add([]byte("VALUE " + id.key() + " 0 4294967295\r\n"))
	f.Add([]byte("SERVER_ERROR out of memory\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &conn{read: bufio.NewReader(bytes.NewReader(append(bytes.Clone(answer), whole...)))}
		got, err := c.value(id, o.Digest, nil, 1<<20)
		switch {
		case err == nil:
			if !bytes.Contains(append(bytes.Clone(answer), whole...), item[:headSize]) || got.Digest != o.Digest ||
				len(got.Body) != got.Size {
				t.Errorf("a row was made out of %q: %+v", answer, got)
			}
		case !errors.Is(err, origin.ErrNotFound):
			return
		}
		if bytes.HasSuffix(answer, ended) && bytes.Count(answer, []byte("END")) == 1 {
			if got, err := c.value(id, o.Digest, nil, 1<<20); err != nil || !bytes.Equal(got.Body, o.Body) {
				t.Errorf("after %q: %+v, %v", answer, got, err)
			}
		}
	})
}

// FuzzHead: what is written is read, and nothing is read out of what is too short.
func FuzzHead(f *testing.F) {
	f.Add(head{digest: 1, size: 2, id: identify(row)}.append(nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := readHead(b)
		if ok && !bytes.Equal(h.append(nil), b[:headSize]) {
			t.Errorf("%x is read as %+v", b, h)
		}
		if want := len(b) >= headSize && string(b[:5]) == magic; ok != want {
			t.Errorf("%x: ok is %v", b, ok)
		}
	})
}
