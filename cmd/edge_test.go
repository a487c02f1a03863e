package cmd

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/servertest"
)

// get is a page's status and text.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// Operators see that an edge is alive, that it is ready once it knows all of its events, and what it counts.
func TestOperatedEdge(t *testing.T) {
	t.Parallel()
	o := begin(t, "origin", "--config", configuration(t, twoEvents), "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0", "--operate", "127.0.0.1:0")
	deliver := o.addresses(t, "publish", "deliver", "operate")["deliver"]
	edge := func(origin string) (*process, map[string]string) {
		e := begin(t, "edge", "--listen", "127.0.0.1:0", "--operate", "127.0.0.1:0", "--origin", "r="+origin, "--event", "open", "--event", "short")
		return e, e.addresses(t, "deliver", "operate")
	}
	lost, lostAt := edge("http://" + servertest.Free(t))
	e, at := edge(deliver)
	status := 0
	for until := time.Now().Add(patience); status != http.StatusOK && time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		status, _ = get(t, at["operate"]+"/readyz")
	}
	if status != http.StatusOK {
		t.Errorf("an edge that knows its events is not ready: %d", status)
	}
	if status, said := get(t, lostAt["operate"]+"/readyz"); status != http.StatusServiceUnavailable || said != "no origin has told of event open yet\n" {
		t.Errorf("an edge without an origin: %d %s", status, said)
	}
	if status, said := get(t, lostAt["operate"]+"/healthz"); status != http.StatusOK {
		t.Errorf("an edge without an origin: %d %s", status, said)
	}
	get(t, at["deliver"]+"/open/config")
	get(t, at["deliver"]+"/open/v360/1000000.m4s")
	for range 2 {
		get(t, at["deliver"]+"/open/v360/init.mp4") // nobody has published it: that is kept, too
	}
	_, numbers := get(t, at["operate"]+"/metrics")
	for _, want := range []string{`liveorigin_connections_accepted_total{listener="deliver"} 1`, "go_goroutines",
		`liveorigin_edge_requests_total{result="own"} 1`, `liveorigin_edge_requests_total{result="miss"} 1`, `liveorigin_edge_requests_total{result="hit"} 1`} {
		if !strings.Contains(numbers, want) {
			t.Errorf("there is no %s in its numbers:\n%s", want, numbers)
		}
	}
	for _, p := range []*process{lost, e, o} {
		p.interrupt()
		p.ends(t, 7*time.Second, 0)
	}
}
