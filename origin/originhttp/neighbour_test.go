package originhttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/admission"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// BenchmarkNeighbour is what one event's storm costs another event of the same process: how long the slowest hundredth of the
// requests for its live edge take, as a multiple of what they take when all is calm. The target is 1.2. A storm is 2,000 requests
// a second for what is not there yet, or 200 for segments that have left memory, which come from the store. Calm and storm take
// turns, and the ratio is the median of the rounds. The storm's clients have a process of their own, of the lowest priority:
// they are on the same cores, and elsewhere they would not be. How many answers a second they got is reported, too, refusals among
// them: the process has a bound on what it sends.
func BenchmarkNeighbour(b *testing.B) {
	storms := []storm{{"refusals", []origin.SegmentNumber{4000}, 404, 2000}, {"dvr", []origin.SegmentNumber{2, 3, 4, 5, 6, 7}, 200, 200}}
	if isChild() {
		what, address, _ := strings.Cut(os.Getenv(childOf), " ")
		for _, s := range storms {
			if s.name == what {
				s.wait(b, address)
				return
			}
		}
		serveNeighbours(b)
		return
	}
	for _, storm := range storms {
		b.Run(storm.name, func(b *testing.B) {
			const name = "BenchmarkNeighbour"
			s := child(b, name)
			wind := childBy(b, name, storm.name+" "+s.addresses[0], "nice", "-n", "19")
			var calm, stormy []time.Duration
			var ratios []float64
			answers, blown := 0, time.Duration(0)
			for b.Loop() {
				c := edgeP99(b, s.addresses[0])
				fmt.Fprintln(wind.say, "blow")
				began := time.Now()
				w := edgeP99(b, s.addresses[0])
				fmt.Fprintln(wind.say, "stop")
				blown += time.Since(began)
				if !wind.hear.Scan() {
					b.Fatal("the storm is gone")
				}
				n, err := strconv.Atoi(wind.hear.Text())
				if err != nil {
					b.Fatal(err)
				}
				answers += n
				calm, stormy, ratios = append(calm, c), append(stormy, w), append(ratios, float64(w)/float64(c))
			}
			slices.Sort(calm)
			slices.Sort(stormy)
			slices.Sort(ratios)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ms(calm[len(calm)/2]), "calm-p99-ms")
			b.ReportMetric(ms(stormy[len(stormy)/2]), "storm-p99-ms")
			b.ReportMetric(ratios[len(ratios)/2], "x-calm")
			b.ReportMetric(float64(answers)/blown.Seconds(), "storm-answers/s")
		})
	}
}

// storm is what is asked for, and how often.
type storm struct {
	name    string
	numbers []origin.SegmentNumber
	status  int
	rate    int // requests a second
}

// wait is the life of a storm's process: it blows when it is told to, until it is told to stop, and says how many answers it got.
func (s storm) wait(b *testing.B, address string) {
	fmt.Println("serving", address)
	for told := bufio.NewScanner(os.Stdin); told.Scan(); {
		ctx, stop := context.WithCancel(b.Context())
		var all sync.WaitGroup
		var answers atomic.Int64
		const clients = 20
		for i := range clients {
			all.Go(func() {
				n := s.numbers[i%len(s.numbers)]
				path := fmt.Sprintf("/storm/%s/%d.m4s", speedEvent("storm").Renditions[0].ID, n)
				time.Sleep(time.Duration(i) * time.Second / time.Duration(s.rate)) // evenly, not all at the same moment
				answers.Add(askEvery(b, ctx, clients*time.Second/time.Duration(s.rate), address, path, s.status))
			})
		}
		told.Scan()
		stop()
		all.Wait()
		fmt.Println(answers.Load())
	}
}

// neighbourEgress is what the process may send, in bytes a second: what two cores that the clients share send with ease. The calm
// event takes 50 MB/s; with a storm of 100 MB/s of another one's past it is too much, and admission refuses of that.
const neighbourEgress = 160 << 20

// serveNeighbours is the life of the other process: two events, of which one has old segments, and one a live edge.
func serveNeighbours(b *testing.B) {
	node := speedNode(b, func(c *origin.NodeConfig) {
		c.Admission = admission.NewPriority(c.Runtime, admission.Config{Egress: neighbourEgress})
	})
	for _, id := range []string{"storm", "calm"} {
		ev := speedEvent(id)
		ev.RetryBudget = 10 * time.Minute // so that all of its past can be published
		if id == "calm" {
			ev.LiveEdgeSegments = 1000 // what was published at the start stays the live edge
		}
		if err := node.AddEvent(ev); err != nil {
			b.Fatal(err)
		}
		for n := ev.StartNumber; n <= ev.LiveEdge(time.Now()); n++ {
			if r, err := node.Publish(b.Context(), segmentOf(b, ev, n, 512<<10)); err != nil || !r.Outcome.Accepted() {
				b.Fatal(r, err)
			}
		}
	}
	fmt.Printf("serving %s\n", serve(b, delivery(node), originhttp.ForDelivery))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// edgeP99 asks for the calm event's live edge a hundred times a second, and returns what 99 of a hundred requests stay under.
func edgeP99(b *testing.B, address string) time.Duration {
	ev := speedEvent("calm")
	// The event began a minute ago, and nothing has been published since: this was the live edge when it was.
	n := ev.StartNumber + 28
	c, err := originhttp.NewClient("http://"+address+"/", originhttp.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var took []time.Duration
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		began := <-tick.C // when it was due
		if r, err := c.Get(b.Context(), origin.Request{Event: ev.ID, Rendition: ev.Renditions[0].ID, Number: n}); err != nil || !r.OK() {
			b.Fatal(r.Reason, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// askEvery asks for the same again and again, at its pace, or as fast as it is answered. It returns the number of answers.
func askEvery(b *testing.B, ctx context.Context, every time.Duration, address, path string, status int) (answers int64) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer c.Close()
	in := bufio.NewReader(c)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return answers
		case <-ticker.C:
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != status && resp.StatusCode != http.StatusServiceUnavailable {
			b.Errorf("%s: %+v, %v", path, resp, err)
			return answers
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		answers++
	}
}
