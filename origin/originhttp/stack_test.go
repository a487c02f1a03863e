//go:build !race

package originhttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// Who was held is answered on the stack of 8 KiB on which they waited. A hundred bytes more in a frame between net/http and the
// hold, and each stack is doubled, copied, and halved again: the last of 10,000 had its first byte after 160 ms instead of 100.
func TestHeldAnswersFitTheirStacks(t *testing.T) {
	const holders, size = 200, 2 << 10
	counted := metrics.New()
	node := speedNode(t, func(c *origin.NodeConfig) { c.Observer = counted })
	counted.Watch(node)
	ev := heldEvent()
	if err := node.AddEvent(ev); err != nil {
		t.Fatal(err)
	}
	address := serve(t, asShipped(node), originhttp.ForDelivery)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would shrink stacks

	n := ev.LiveEdge(time.Now()) + 1
	conns := make([]net.Conn, holders)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(c, "GET /%s/%s/%d.m4s HTTP/1.1\r\nHost: x\r\n\r\n", ev.ID, ev.Renditions[0].ID, n)
		conns[i] = c
	}
	servertest.Eventually(t, "all are held", func() bool { return node.Holders() == holders })
	before := stacks()
	body := make([]byte, size)
	if r, err := node.Publish(t.Context(), origin.Publication{Inspected: true, Object: origin.Object{Body: body, Size: size, Digest: origin.Checksum(body)},
		Key: origin.Key{Event: ev.ID, Rendition: ev.Renditions[0].ID, Number: n, Pipeline: "a"}}); err != nil || r.Outcome != origin.Stored {
		t.Fatal(r, err)
	}
	for _, c := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			t.Fatal(n, err)
		}
	}
	if grown := (stacks() - before) / holders; grown > 1<<10 {
		t.Errorf("to answer took %d bytes of stack more than to wait", grown)
	}
}

// stacks is the memory of all goroutines' stacks.
func stacks() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}
