package memcached

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/servertest"
)

// node gives the address of an empty memcached: the one that LIVEORIGIN_MEMCACHED names, or one that is started where
// there is a program to start, or else the double.
func node(t testing.TB) string {
	if address := os.Getenv("LIVEORIGIN_MEMCACHED"); address != "" {
		return address
	}
	program, err := exec.LookPath("memcached")
	if err != nil {
		t.Log("no memcached on PATH (apt-get install memcached): the double stands in")
		return double(t, nil)
	}
	address := servertest.Free(t)
	_, port, _ := net.SplitHostPort(address)
	command := exec.Command(program, "-u", "nobody", "-l", "127.0.0.1", "-p", port, "-t", "1", "-m", "64")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	for range 500 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not listen at %s", program, address)
	return ""
}

// double is a memcached of four commands. What it answers goes through bend, which may change it, or end the connection
// by returning nil; nil bends nothing.
func double(t testing.TB, bend func(command string, answer []byte) []byte) string {
	l := servertest.Listen(t)
	d := &doubled{items: make(map[string][]byte), bend: bend, conns: make(map[net.Conn]bool)}
	d.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			d.conns[c] = true
			d.mu.Unlock()
			d.wait.Go(func() { d.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		d.mu.Lock()
		for c := range d.conns {
			_ = c.Close()
		}
		d.mu.Unlock()
		d.wait.Wait()
	})
	return l.Addr().String()
}

type doubled struct {
	bend  func(command string, answer []byte) []byte
	wait  sync.WaitGroup
	mu    sync.Mutex
	items map[string][]byte
	conns map[net.Conn]bool
}

func (d *doubled) serve(c net.Conn) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		answer, err := d.answer(strings.Fields(line), r)
		if d.bend != nil {
			answer = d.bend(line, answer)
		}
		if err != nil || answer == nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func (d *doubled) answer(words []string, r *bufio.Reader) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(words) == 5 && words[0] == "set":
		var size int
		if _, err := fmt.Sscan(words[4], &size); err != nil {
			return nil, err
		}
		value := make([]byte, size+2)
		if _, err := io.ReadFull(r, value); err != nil {
			return nil, err
		}
		d.items[words[1]] = value[:size]
		return stored, nil
	case len(words) == 2 && words[0] == "get":
		value, ok := d.items[words[1]]
		if !ok {
			return ended, nil
		}
		return fmt.Appendf(nil, "VALUE %s 0 %d\r\n%s\r\nEND\r\n", words[1], len(value), value), nil
	case len(words) == 1 && words[0] == "flush_all":
		clear(d.items)
		return []byte("OK\r\n"), nil
	case len(words) == 1 && words[0] == "version":
		return []byte("VERSION double\r\n"), nil
	}
	return []byte("ERROR\r\n"), nil
}
