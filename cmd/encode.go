package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/encoders"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/secrets"
)

// exitUnpublished is encode's exit code when segments were not taken.
const exitUnpublished = 3

// encodeFlags are the flags of encode.
type encodeFlags struct {
	to              []string
	configFrom      string
	event, pipeline string
	tokenFile       string
	trust           trust
	cert, key       string
	quiet           bool
}

func encodeCommand() *cobra.Command {
	var f encodeFlags
	c := &cobra.Command{
		Use:   "encode --to URL --config-from URL --pipeline NAME",
		Short: "Be an encoder and its packager, and publish to an origin",
		Long: `Be an encoder and its packager: encode a live event from looped media - H.264 and AAC, locked to the epoch, so that any
number of encoders give the same bytes for the same segment - and publish it to an origin, until the event ends or Ctrl-C.
What the event is, the origin says: its configuration is read from where the origin delivers, and followed, so that an event
that operators start later, end early, or let go on, starts and ends here too when it does there.

Every segment is inspected before it is sent, tried again until the origin's retry deadline, and counted: published,
refused (the origin said no), or given up (it could not be told in time). Latency is from a segment's last frame to the
origin's acknowledgement.

Exit codes: 0 every segment was taken, 1 it could not start, 2 a mistake in the flags, 3 segments were refused or given up.`,
		Example: `  liveorigin encode --to http://127.0.0.1:8081 --config-from http://127.0.0.1:8080 --pipeline a
  liveorigin encode --to https://live.example:8081 --config-from https://live.example --ca ca.pem --token-file a.token --pipeline a
  liveorigin encode --to http://10.1.0.1:8081 --to http://10.1.0.2:8081 --config-from http://10.1.0.1:8080 --event final --pipeline b`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.OutOrStdout(), c.ErrOrStderr()) },
	}
	c.Flags().StringArrayVar(&f.to, "to", nil, "the origin's publishing `URL`; given again, other origins of the region to go to when one fails")
	c.Flags().StringVar(&f.configFrom, "config-from", "", "the origin's delivery `URL`, where the event's configuration is")
	c.Flags().StringVar(&f.event, "event", "live", "the event")
	c.Flags().StringVar(&f.pipeline, "pipeline", "", "as which of the event's pipelines to publish")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "the `file` with the pipeline's bearer token, and nothing else")
	f.trust.register(c)
	c.Flags().StringVar(&f.cert, "cert", "", "for https: the PEM `file` with the pipeline's own certificate")
	c.Flags().StringVar(&f.key, "key", "", "the `file` with its key")
	c.MarkFlagsRequiredTogether("cert", "key")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "only the table at the end")
	for _, name := range []string{"to", "config-from", "pipeline"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return c
}

// run is the life of an encoder.
func (f *encodeFlags) run(stdout, stderr io.Writer) error {
	ctx, stop := untilSignal()
	defer stop()
	options, err := f.options()
	if err != nil {
		return err
	}
	if f.tokenFile != "" {
		warnInClear(stderr, f.to...)
	}
	nodes, closeNodes, err := f.nodes(options)
	if err != nil {
		return err
	}
	defer closeNodes()
	from, err := originhttp.NewClient(f.configFrom, originhttp.ClientOptions{TLS: options.TLS})
	if err != nil {
		return fmt.Errorf("--config-from: %w", err)
	}
	defer from.Close()
	state, err := f.readEvent(ctx, from)
	if err != nil {
		return err
	}
	ev := state.Event
	region, ok := ev.RegionOf(f.pipeline)
	if !ok {
		return fmt.Errorf("--pipeline %s: event %s has %v", f.pipeline, ev.ID, ev.Order(""))
	}
	rt := new(origin.Wall)
	t := newTally(&ev)
	for i := range nodes {
		nodes[i] = witness{nodes[i], t}
	}
	pipeline, err := encoders.NewPipeline(rt, ev, func(ev origin.Event) (*encoders.Packager, error) {
		encoder, err := encoders.NewEncoder(ev, rt)
		if err != nil {
			return nil, err
		}
		return encoders.NewPackager(encoders.PackagerConfig{Runtime: rt, Event: ev, Pipeline: f.pipeline, Region: region, Source: encoder,
			Header: encoder.Header, Publishers: nodes, Recorder: t, Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}), nil
	})
	if err != nil {
		return brokeError{err}
	}
	beside, cancel := context.WithCancel(ctx)
	defer rt.Join()
	defer cancel()
	if !f.quiet {
		fmt.Fprintln(stderr, f.announce(&ev, rt.Now()))
		rt.Go(func() { t.show(beside, rt, stderr) })
	}
	running, stopRunning := context.WithCancel(ctx)
	defer stopRunning()
	follower := following{from: from, state: state, pipeline: pipeline, stop: stopRunning}
	rt.Go(func() { follower.follow(beside, rt) })
	first := max(ev.StartNumber, ev.SegmentAt(rt.Now()))
	pipeline.Run(running)
	cancel()
	rt.Join()
	if follower.err != nil {
		return brokeError{follower.err}
	}
	ev = follower.state.Event
	t.settle(&ev, first, rt.Now())
	if err := t.write(stdout); err != nil {
		return brokeError{err}
	}
	if t.unpublished() > 0 {
		return exitError(exitUnpublished)
	}
	return nil
}

// announce says what is going to be published, and until when.
func (f *encodeFlags) announce(ev *origin.Event, now time.Time) string {
	s := fmt.Sprintf("pipeline %s publishes event %s: %d renditions, segments of %v", f.pipeline, ev.ID, len(ev.Renditions), ev.SegmentDuration)
	if wait := ev.AvailabilityStartTime.Sub(now); wait > 0 {
		s += fmt.Sprintf(", from %s on (in %v)", ev.AvailabilityStartTime.Format(time.RFC3339), wait.Round(time.Second))
	}
	if ev.End.IsZero() {
		return s + ", until Ctrl-C"
	}
	return s + ", until " + ev.End.Format(time.RFC3339) + " or Ctrl-C"
}

// options are what a client shows to an origin, and wants to see.
func (f *encodeFlags) options() (o originhttp.ClientOptions, err error) {
	if f.tokenFile != "" {
		if o.Token, err = secrets.ReadToken(f.tokenFile); err != nil {
			return o, fmt.Errorf("--token-file: %w", err)
		}
	}
	o.TLS, err = f.tls()
	return o, err
}

// tls is nil where nothing is said.
func (f *encodeFlags) tls() (*tls.Config, error) {
	urls := append(slices.Clone(f.to), f.configFrom)
	c, err := f.trust.config(urls...)
	switch {
	case err != nil || f.cert == "":
		return c, err
	case !anySecure(urls):
		return nil, fmt.Errorf("--cert and --key are for https, and nothing else is spoken with %s", strings.Join(urls, ", "))
	}
	pair, err := secrets.ReadPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("--cert, --key: %w", err)
	}
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// nodes are the origins to publish to.
func (f *encodeFlags) nodes(o originhttp.ClientOptions) (nodes []origin.Publisher, closeAll func(), err error) {
	var clients []*originhttp.Client
	for _, url := range f.to {
		c, err := originhttp.NewClient(url, o)
		if err != nil {
			return nil, nil, fmt.Errorf("--to: %w", err)
		}
		clients, nodes = append(clients, c), append(nodes, c)
	}
	return nodes, func() {
		for _, c := range clients {
			c.Close()
		}
	}, nil
}

// readEvent asks the origin what the event is.
func (f *encodeFlags) readEvent(ctx context.Context, c *originhttp.Client) (origin.State, error) {
	s, err := c.Changed(ctx, f.event, 0)
	switch {
	case errors.Is(err, origin.ErrNotFound):
		return s, brokeError{fmt.Errorf("%s has no event %s; --event names another one", f.configFrom, f.event)}
	case errors.Is(err, origin.ErrUnreachable):
		return s, brokeError{fmt.Errorf("no origin answers at %s; is it started, and is that where it delivers? (%w)", f.configFrom, f.trust.advise(err))}
	case err != nil:
		return s, brokeError{err}
	}
	return s, nil
}
