// Package servertest is what tests of servers need on this machine: somewhere to listen, certificates, and patience.
package servertest

import (
	"net"
	"testing"
	"time"
)

// Listen listens on a port that is free, until the test ends or somebody closes it.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// Free is an address where nobody listens, and somebody can.
func Free(t testing.TB) string {
	t.Helper()
	ln := Listen(t)
	_ = ln.Close()
	return ln.Addr().String()
}

// Eventually waits for what happens in the background, or fails.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
