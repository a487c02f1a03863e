package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// mortal is an origin as a process of its own over databases, with no neighbours, and its publishers.
type mortal struct {
	*testing.T
	config string
	*process
	at map[string]string
	ev origin.Event

	mu    sync.Mutex
	acked map[origin.SegmentNumber]origin.Object
	tried int
}

// publishers is how many there are, and segments how many each has.
const publishers, segmentsEach = 4, 25

func newMortal(t *testing.T) *mortal {
	t.Helper()
	cluster, err := cqldouble.Start(cqldouble.Config{Nodes: map[string]int{"us-east": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cluster.Break(func(cqldouble.Request) cqldouble.Breakage {
		return cqldouble.Breakage{Delay: 10 * time.Millisecond} // so that many publications are under way at any time
	})
	hosts, published := cluster.Hosts("us-east")
	start := time.Now().Add(-publishers * segmentsEach * 2 * time.Second).UTC().Format(time.RFC3339)
	m := &mortal{T: t, acked: map[origin.SegmentNumber]origin.Object{}, config: configuration(t, `
name: origin-1
region: us-east
listen: {publish: 127.0.0.1:0, deliver: 127.0.0.1:0, operate: 127.0.0.1:0}
storage: {databases: databases.yaml}
events:
  - {id: live, start: `+start+`, ladder: small, retry_budget: 10m, time_shift_buffer: 20m, regions: [{name: us-east, pipelines: [a]}]}
`)}
	at, err := json.Marshal(published) // which is YAML, too
	if err != nil {
		t.Fatal(err)
	}
	databases := fmt.Sprintf("regions: {us-east: {datacenter: us-east, replicas: 1, hosts: [%q], published: %s}}\n", hosts[0], at)
	if err := os.WriteFile(filepath.Join(filepath.Dir(m.config), "databases.yaml"), []byte(databases), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, "origin", "--config", m.config, "--create-keyspace").ends(t, patience, 0)
	m.start()
	return m
}

func (m *mortal) start() {
	m.Helper()
	m.process = begin(m.T, "origin", "--config", m.config)
	m.at = m.addresses(m.T, "publish", "deliver", "operate")
}

func (m *mortal) client(listener string) *originhttp.Client {
	m.Helper()
	c, err := originhttp.NewClient(m.at[listener], originhttp.ClientOptions{})
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(c.Close)
	return c
}

// publish lets all publishers begin, and waits until some of what they bring is acknowledged. The rest goes on; wait says
// when it is over.
func (m *mortal) publish() (wait func()) {
	m.Helper()
	var err error
	if m.ev, err = m.client("deliver").Config(m.Context(), "live"); err != nil {
		m.Fatal(err)
	}
	encoder, err := encoders.NewEncoder(m.ev, new(origin.Wall))
	if err != nil {
		m.Fatal(err)
	}
	r, _ := m.ev.Rendition("v360")
	var all sync.WaitGroup
	some := make(chan struct{})
	for worker := range publishers {
		c := m.client("publish")
		all.Go(func() {
			for i := range segmentsEach {
				n := origin.SegmentNumber(1 + worker*segmentsEach + i)
				m.publishOne(c, origin.Publication{Key: origin.Key{Event: "live", Rendition: r.ID, Number: n, Pipeline: "a"},
					Object: encoder.Build(r, n), Inspected: true}, some)
			}
		})
	}
	select {
	case <-some:
	case <-time.After(patience):
		m.Fatal("nothing is acknowledged")
	}
	return all.Wait
}

func (m *mortal) publishOne(c *originhttp.Client, p origin.Publication, some chan struct{}) {
	r, err := c.Publish(context.Background(), p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tried++
	if err == nil && r.Outcome == origin.Stored {
		if m.acked[p.Key.Number] = p.Object; len(m.acked) == 2*publishers {
			close(some)
		}
	}
}

// nothingLost starts the origin again, and reads all that was acknowledged.
func (m *mortal) nothingLost() {
	m.Helper()
	if len(m.acked) == m.tried {
		m.Errorf("all of %d publications were acknowledged: it did not end in their midst", m.tried)
	}
	m.start()
	c := m.client("deliver")
	for _, n := range slices.Sorted(maps.Keys(m.acked)) {
		r, err := c.Get(m.Context(), origin.Request{Event: "live", Rendition: "v360", Number: n})
		if err != nil || !bytes.Equal(r.Object.Body, m.acked[n].Body) {
			m.Errorf("segment %d was acknowledged, and is answered %s, %v", n, r.Reason, err)
		}
	}
	m.interrupt()
	m.ends(m.T, 7*time.Second, 0)
}

// An origin that is killed in the midst of publications has nobody to tell what it knew; the next one finds all that was
// acknowledged.
func TestKilledOriginLosesNothing(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	wait := m.publish()
	_ = m.Process.Signal(syscall.SIGKILL)
	wait()
	<-m.read
	_ = m.Wait()
	m.nothingLost()
}

// An origin that is told to stop does so within 5 s, in the midst of publications or not.
func TestStoppedOriginLosesNothing(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	wait := m.publish()
	m.interrupt()
	m.ends(t, 7*time.Second, 0) // 5 s are promised, and this machine may be busy
	wait()
	m.nothingLost()
}

// panicking makes the program's log panic, where asProgram is set too: the only place that a test can reach in what another
// process does for a request.
const panicking = "LIVEORIGIN_TEST_PANIC"

// program is the program itself, as main has it.
func program() int {
	if os.Getenv(panicking) == "" {
		return Main()
	}
	return execute(os.Args[1:], os.Stdout, panickyLog{os.Stderr})
}

// panickyLog takes all lines but those about headers that are not there.
type panickyLog struct{ io.Writer }

func (l panickyLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("answered no-header")) {
		panic("the log is broken")
	}
	return l.Writer.Write(line)
}

// A panic while a request is answered is that request's end, and nobody else's: not that of who came on the same connection
// before and after, nor of who is held open, and not the process's.
func TestPanicEndsOneRequest(t *testing.T) {
	t.Parallel()
	o := beginWith(t, []string{panicking + "=1"}, "origin", "--config", configuration(t, twoEvents), "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0",
		"--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	held := make(chan int, 1)
	go func() { held <- hold(at["deliver"] + "/open") }()
	browser := &http.Client{Timeout: patience, Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer browser.CloseIdleConnections()
	dials := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if !i.Reused {
			dials++
		}
	}})
	for _, want := range []struct {
		file   string
		status int
	}{{"config", 200}, {"a96/init.mp4", 500}, {"config", 200}, {"a96/init.mp4", 404}} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at["deliver"]+"/open/"+want.file, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want.status {
			t.Errorf("%s: %s, want %d", want.file, resp.Status, want.status)
		}
	}
	if dials != 1 {
		t.Errorf("the panic cost a connection: %d were made", dials)
	}
	if status := <-held; status != http.StatusGone {
		t.Errorf("who was held open got %d", status)
	}
	o.interrupt()
	o.ends(t, 7*time.Second, 0)
	if said := o.stderr.String(); strings.Count(said, "msg=panic") != 1 || !strings.Contains(said, "the log is broken") {
		t.Errorf("it said\n%s", said)
	}
}
