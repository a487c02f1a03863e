package sim

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/sim/containers"
)

// wire is the way to a database node: it sees whether a keyspace is dropped, and breaks whenever it is to carry some words. Once
// is not enough: the driver first prepares a statement, and if that breaks, it may send it unprepared over another connection.
type wire struct {
	net.Listener
	node string

	mu      sync.Mutex
	breaks  string
	dropped bool
	carried sync.WaitGroup
}

func newWire(t *testing.T, node string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, node: node}
	w.carried.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			w.carried.Go(func() { w.carry(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.carried.Wait()
	})
	return w
}

func (w *wire) carry(client net.Conn) {
	defer client.Close()
	node, err := net.Dial("tcp", w.node)
	if err != nil {
		return
	}
	w.carried.Go(func() {
		_, _ = io.Copy(client, node)
		_ = client.Close()
	})
	defer node.Close()
	for b := make([]byte, 64<<10); ; {
		n, err := client.Read(b)
		if err != nil || w.broken(b[:n]) {
			return
		}
		if _, err := node.Write(b[:n]); err != nil {
			return
		}
	}
}

func (w *wire) broken(b []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Contains(b, []byte("DROP KEYSPACE liveorigin_")) {
		w.dropped = true
	}
	return w.breaks != "" && bytes.Contains(b, []byte(w.breaks))
}

// A keyspace of which only a part could be made is dropped, and what was never made is no trouble.
func TestGroundLeavesNoKeyspace(t *testing.T) {
	double, err := cqldouble.Start(cqldouble.Config{Nodes: map[string]int{"dc1": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(double.Close)
	hosts, published := double.Hosts("dc1")
	inside, _, err := net.SplitHostPort(hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	node := double.Nodes[0].Address
	w := newWire(t, node)
	if published[inside] != node {
		t.Fatalf("%s is published as %s, and listens on %s", inside, published[inside], node)
	}
	file := filepath.Join(t.TempDir(), "databases.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "regions: {east: {datacenter: dc1, replicas: 1, hosts: [%q], published: {%s: %q}}}\n",
		hosts[0], inside, w.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	want := demand{plan: containers.Plan{Regions: []containers.Region{{Name: "east"}}}, retention: time.Minute, owner: "test"}
	for _, row := range []struct {
		breaks string
		drops  bool
	}{{"", true}, {"CREATE TABLE", true}, {".rows (", true}, {"CREATE KEYSPACE", false}} {
		w.breaks, w.dropped = row.breaks, false
		g, err := startGround(t.Context(), want, External, file, Quiet{})
		if (err != nil) != (row.breaks != "") || err != nil && strings.Contains(err.Error(), "drop") {
			t.Errorf("broken at %q: %v", row.breaks, err)
		}
		if err == nil {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}
		if w.dropped != row.drops {
			t.Errorf("broken at %q: dropped the keyspace: %v, want %v", row.breaks, w.dropped, row.drops)
		}
	}
}
