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
	"github.com/liveorigin/liveorigin/origin/metrics"
	"github.com/liveorigin/liveorigin/origin/originhttp"
)

// edgeFlags are the flags of edge.
type edgeFlags struct {
	listen, name string
	origins      []string
	events       []string
	cacheMiB     int
	trust        trust
}

func edgeCommand() *cobra.Command {
	var f edgeFlags
	c := &cobra.Command{
		Use:   "edge --origin REGION=URL --event NAME",
		Short: "Be an edge cache in front of origins",
		Long: `Be an edge cache in front of origins, until Ctrl-C: refuse what cannot exist, keep answers to the millisecond, make one
request of many, and go to the next origin when one fails. What operators do to the events is heard of at once.

When it is ready it says where it listens: deliver=address. It stops within 5 s.`,
		Example: `  liveorigin edge --origin us-east=http://127.0.0.1:8080 --event live
  liveorigin edge --origin us-east=https://live.example --ca ca.pem --event live
  liveorigin edge --listen 0.0.0.0:80 --origin us-east=http://10.1.0.1:8080 --origin us-west=http://10.2.0.1:8080 --event final --event news`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.OutOrStdout(), c.ErrOrStderr()) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8090", "`host:port` for players; port 0 picks a free one")
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
	secure, err := f.trust.config()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	rt := new(origin.Wall)
	defer rt.Join()
	behind, cancel := rt.WithCancel(context.Background()) // what goes on beside requests, and after them
	defer cancel()
	config := edge.Config{Name: f.name, Runtime: rt, Context: behind, CacheBytes: f.cacheMiB << 20, Recorder: origin.Discard}
	for _, o := range f.origins {
		region, url, _ := strings.Cut(o, "=")
		c, err := originhttp.NewClient(url, originhttp.ClientOptions{TLS: secure})
		if err != nil || !origin.ValidName(region) {
			return fmt.Errorf("--origin %s: it is said as us-east=http://10.1.0.1:8080", o)
		}
		defer c.Close()
		config.Upstreams = append(config.Upstreams, edge.Upstream{Name: url, Region: region, Getter: c})
	}
	e := edge.New(config)
	ln, err := net.Listen("tcp", f.listen)
	if err != nil {
		return brokeError{err}
	}
	for _, id := range f.events {
		rt.Go(func() { e.Follow(behind, id, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))) })
	}
	fmt.Fprintln(stdout, "deliver="+ln.Addr().String())
	logger := slog.New(metrics.NewLog(slog.NewTextHandler(stderr, nil)))
	srv := originhttp.NewServer(originhttp.Delivery(e, e, rt), originhttp.ForDelivery, logger)
	if err := originhttp.Serve(ctx, ln, srv, 0); err != nil {
		return brokeError{err}
	}
	return nil
}
