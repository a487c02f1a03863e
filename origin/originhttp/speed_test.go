package originhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// What the speed of an origin is measured with: a node with an event that began a minute ago, over a store in memory.

func speedEvent(id string) origin.Event {
	ladder, err := encoders.Ladder("small")
	if err != nil {
		panic(err)
	}
	return origin.Event{ID: id, AvailabilityStartTime: time.Now().Add(-time.Minute).Truncate(2 * time.Second), StartNumber: 1,
		SegmentDuration: 2 * time.Second, TimeShiftBufferDepth: 5 * time.Minute, PublishDelay: 500 * time.Millisecond,
		RetryBudget: 4 * time.Second, Patience: time.Second, LiveEdgeSegments: 3, Renditions: ladder,
		Regions: []origin.RegionPlan{{Name: "us-east", Pipelines: []string{"a"}}}}
}

// refusing is an Admission that admits nobody.
type refusing struct{}

func (refusing) Admit(origin.Ask) bool                { return false }
func (refusing) Refuses(origin.Ask) bool              { return true }
func (refusing) Done(origin.Ask, time.Duration, bool) {}

func speedNode(b testing.TB, change func(*origin.NodeConfig)) *origin.Node {
	b.Helper()
	rt := new(origin.Wall)
	store := keyvalue.New(keyvalue.Config{Table: origin.NewMemory(rt, 1<<40), Runtime: rt, Context: context.Background(), Recent: 8})
	c := origin.NodeConfig{Name: "node", Region: "us-east", Runtime: rt, Store: store}
	if change != nil {
		change(&c)
	}
	node := origin.NewNode(c)
	if err := node.AddEvent(speedEvent("final")); err != nil {
		b.Fatal(err)
	}
	return node
}

// serve serves a node until the benchmark ends.
func serve(b testing.TB, h http.Handler, role originhttp.Role) (address string) {
	b.Helper()
	ln := servertest.Listen(b)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- originhttp.Serve(ctx, ln, originhttp.NewServer(h, role, nil), 0) }()
	b.Cleanup(func() {
		stop()
		<-done
	})
	return ln.Addr().String()
}

func delivery(node *origin.Node) http.Handler {
	return originhttp.Delivery(node, node, new(origin.Wall))
}

func publishing(node *origin.Node) http.Handler {
	return originhttp.Publishing(node, node, new(origin.Wall), originhttp.PublishingOptions{})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// segmentOf is a clean segment of about 512 KiB, filled up after its samples, and where it goes.
func segmentOf(b testing.TB, ev origin.Event, n origin.SegmentNumber, size int) origin.Publication {
	b.Helper()
	enc, err := encoders.NewEncoder(ev, new(origin.Wall))
	if err != nil {
		b.Fatal(err)
	}
	o, err := enc.Segment(b.Context(), ev.Renditions[0], n)
	if err != nil {
		b.Fatal(err)
	}
	if pad := size - o.Size; pad >= 8 { // a free box
		box := make([]byte, pad)
		box[0], box[1], box[2], box[3] = byte(pad>>24), byte(pad>>16), byte(pad>>8), byte(pad)
		copy(box[4:], "free")
		body := append(bytes.Clone(o.Body), box...)
		o = origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)}
	}
	return origin.Publication{Key: origin.Key{Event: ev.ID, Rendition: ev.Renditions[0].ID, Number: n, Pipeline: "a"}, Object: o, Inspected: true}
}

// childOf names the benchmark for which this process serves in another one.
const childOf = "LIVEORIGIN_SERVE"

// isChild says whether this process is the other one.
func isChild() bool { return os.Getenv(childOf) != "" }

// server is another process: where it listens, and what is said to it and heard from it, a line at a time.
type server struct {
	addresses []string
	pid       int
	say       io.Writer
	hear      *bufio.Scanner
}

// child starts this benchmark once more, in a process that serves until its standard input is closed.
func child(b *testing.B, name string) server { return childBy(b, name, name) }

// childBy is child for one of several children, which is told what it is, started by way of another command if one is given.
func childBy(b *testing.B, name, what string, by ...string) server {
	b.Helper()
	args := append(by, os.Args[0], "-test.run=^$", "-test.bench=^"+name+"$", "-test.benchtime=1x")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), childOf+"="+what), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, addresses, ok := strings.Cut(lines.Text(), "serving "); ok {
			return server{strings.Fields(addresses), cmd.Process.Pid, in, lines}
		}
	}
	b.Fatal("the server did not say where it listens")
	return server{}
}

// BenchmarkPutAgainstGet is how fast segments of 512 KiB are taken in, with inspection and checksum, as a share of how fast
// they are given out: the target is a half.
func BenchmarkPutAgainstGet(b *testing.B) {
	node := speedNode(b, func(c *origin.NodeConfig) { c.Inspect, c.MaxEvents = encoders.Inspect, 100_000 })
	get, err := originhttp.NewClient("http://"+serve(b, delivery(node), originhttp.ForDelivery)+"/", originhttp.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer get.Close()
	put, err := originhttp.NewClient("http://"+serve(b, publishing(node), originhttp.ForPublishing)+"/", originhttp.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer put.Close()
	var putting, getting time.Duration
	for round := 0; b.Loop(); round++ {
		ev := speedEvent(fmt.Sprintf("final-%d", round))
		ev.RetryBudget = time.Minute // so that all of its first minute can be published
		if err := node.AddEvent(ev); err != nil {
			b.Fatal(err)
		}
		for n := ev.StartNumber; n <= ev.LiveEdge(time.Now()); n++ {
			p := segmentOf(b, ev, n, 512<<10)
			began := time.Now()
			if r, err := put.Publish(b.Context(), p); err != nil || r.Outcome != origin.Stored {
				b.Fatal(r, err)
			}
			putting += time.Since(began)
			began = time.Now()
			if r, err := get.Get(b.Context(), origin.Request{Event: ev.ID, Rendition: p.Key.Rendition, Number: n}); err != nil || !r.OK() {
				b.Fatal(r.Reason, err)
			}
			getting += time.Since(began)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(getting.Seconds()/putting.Seconds(), "put/get-rate")
}
