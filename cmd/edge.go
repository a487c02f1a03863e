package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/edge"
	"github.com/liveorigin/liveorigin/origin/guard"
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// edgeFlags are the flags of edge.
type edgeFlags struct {
	listen, operate, name string
	origins               []string
	events                []string
	cacheMiB              int
	trust                 trust
}

func edgeCommand() *cobra.Command {
	var f edgeFlags
	c := &cobra.Command{
		Use:   "edge --origin REGION=URL --event NAME",
		Short: "Be an edge cache in front of origins",
		Long: `Be an edge cache in front of origins, until Ctrl-C: refuse what cannot exist, keep answers to the millisecond, make one
request of many, and go to the next origin when one fails. What operators do to the events is heard of at once.

When it is ready it says where it listens, one name=address a line. It stops within 5 s.`,
		Example: `  liveorigin edge --origin us-east=http://127.0.0.1:8080 --event live
  liveorigin edge --origin us-east=https://live.example --ca ca.pem --event live
  liveorigin edge --listen 0.0.0.0:80 --origin us-east=http://10.1.0.1:8080 --origin us-west=http://10.2.0.1:8080 --event final --event news`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.OutOrStdout(), c.ErrOrStderr()) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8090", "`host:port` for players; port 0 picks a free one")
	c.Flags().StringVar(&f.operate, "operate", "", "`host:port` for operators: /metrics, /healthz, and /readyz, which is 200 once all events are known; none by default")
	c.Flags().StringVar(&f.name, "name", "edge-1", "what it calls itself in Cache-Status")
	c.Flags().StringArrayVar(&f.origins, "origin", nil, "an origin's region and delivery URL, `REGION=URL`; given again, others in the order in which they are gone to")
	c.Flags().StringArrayVar(&f.events, "event", nil, "an `event` to deliver; may be repeated")
	c.Flags().IntVar(&f.cacheMiB, "cache-mib", 256, "how much is kept, in `MiB`")
	f.trust.register(c)
	for _, name := range []string{"origin", "event"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return c
}

// mostRepeated bounds how often a flag may be repeated.
const mostRepeated = 64

func (f *edgeFlags) check() error {
	switch i := slices.IndexFunc(f.events, func(id string) bool { return !origin.ValidName(id) }); {
	case i >= 0:
		return fmt.Errorf("--event %q is no name", f.events[i])
	case !origin.ValidName(f.name):
		return fmt.Errorf("--name %q is no name", f.name)
	case f.cacheMiB < 1 || f.cacheMiB > 1<<20:
		return fmt.Errorf("--cache-mib %d is not within 1 and %d", f.cacheMiB, 1<<20)
	case len(f.events) > mostRepeated || len(f.origins) > mostRepeated:
		return errors.New("at most " + strconv.Itoa(mostRepeated) + " events, and as many origins")
	}
	return nil
}

// run is the life of an edge.
func (f *edgeFlags) run(stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	upstreams, closeAll, err := f.upstreams()
	defer closeAll()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	rt := new(origin.Wall)
	defer rt.Join()
	behind, cancel := rt.WithCancel(context.Background()) // what goes on beside requests, and after them
	defer cancel()
	m := metrics.New()
	e := edge.New(edge.Config{Name: f.name, Runtime: rt, Context: behind, CacheBytes: f.cacheMiB << 20, Recorder: origin.Discard,
		Upstreams: upstreams, Answered: m.WatchEdge()})
	doors, err := f.open(e, m, rt, stderr)
	if err != nil {
		return brokeError{err}
	}
	for _, id := range f.events {
		rt.Go(func() { e.Follow(behind, id, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))) })
	}
	var open []originhttp.Door
	for _, d := range doors {
		fmt.Fprintln(stdout, d.name+"="+d.Addr().String())
		open = append(open, d.Door)
	}
	if err := originhttp.ServeAll(ctx, open); err != nil {
		return brokeError{err}
	}
	return nil
}

// upstreams are the origins, in their order. What closes them is there with an error, too.
func (f *edgeFlags) upstreams() (all []edge.Upstream, closeAll func(), err error) {
	var clients []*originhttp.Client
	closeAll = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	var urls []string
	for _, o := range f.origins {
		_, url, _ := strings.Cut(o, "=")
		urls = append(urls, url)
	}
	secure, err := f.trust.config(urls...)
	if err != nil {
		return nil, closeAll, err
	}
	for i, o := range f.origins {
		region, _, _ := strings.Cut(o, "=")
		c, err := originhttp.NewClient(urls[i], originhttp.ClientOptions{TLS: secure})
		if err == nil {
			clients = append(clients, c)
		}
		if err == nil && !origin.ValidName(region) {
			err = fmt.Errorf("%q is no region's name", region)
		}
		if err != nil {
			return nil, closeAll, fmt.Errorf("--origin %s: it is said as us-east=http://10.1.0.1:8080: %w", o, err)
		}
		all = append(all, edge.Upstream{Name: urls[i], Region: region, Getter: c})
	}
	return all, closeAll, nil
}

// edgeDoor is a door that has a name.
type edgeDoor struct {
	name string
	originhttp.Door
}

// open opens the listener for players, and that for operators if there is to be one.
func (f *edgeFlags) open(e *edge.Edge, m *metrics.Metrics, rt *origin.Wall, stderr io.Writer) ([]edgeDoor, error) {
	limited := metrics.NewLog(slog.NewTextHandler(stderr, nil))
	logger := slog.New(limited)
	delivery := originhttp.Delivery(e, e, rt)
	ln, err := net.Listen("tcp", f.listen)
	if err != nil {
		return nil, err
	}
	deliver := edgeDoor{"deliver", originhttp.Door{Listener: guard.Listen(ln, guard.Limits{Logger: logger, Refuse: delivery.Refuse}),
		Server: originhttp.NewServer(delivery, originhttp.ForDelivery, logger)}}
	if f.operate == "" {
		return []edgeDoor{deliver}, nil
	}
	if ln, err = net.Listen("tcp", f.operate); err != nil {
		_ = deliver.Close()
		return nil, err
	}
	m.Process()
	m.WatchLog(limited)
	operate := edgeDoor{"operate", originhttp.Door{Listener: guard.Listen(ln, guard.Limits{Logger: logger}),
		Server: originhttp.NewServer(metrics.Handler(metrics.HandlerOptions{Metrics: m, Ready: f.ready(e)}), originhttp.ForDelivery, logger)}}
	for _, d := range []edgeDoor{deliver, operate} {
		m.WatchListener(d.name, d.Stats, nil)
	}
	return []edgeDoor{deliver, operate}, nil
}

// ready is when all events are known: until then nothing of them can be delivered.
func (f *edgeFlags) ready(e *edge.Edge) func() error {
	return func() error {
		for _, id := range f.events {
			if _, known := e.State(id); !known {
				return fmt.Errorf("no origin has told of event %s yet", id)
			}
		}
		return nil
	}
}
