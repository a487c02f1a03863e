package cmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/cmd/originserver"
)

func originCommand() *cobra.Command {
	var file string
	var listen originserver.Listen
	c := &cobra.Command{
		Use:   "origin --config FILE",
		Short: "Be an origin that encoders can publish to",
		Long: `Be an origin that encoders can publish to, until Ctrl-C. The configuration says which events it serves, what it keeps
segments in, which other origins there are, and how much it takes on; it is read strictly. ` + "`--example`" + ` prints one.

When it is ready it says where it listens, one name=address a line. It stops within 5 s: what is being taken in or given
out is finished first.

Exit codes: 0 stopped when told to, 1 it could not start or go on, 2 a mistake in the configuration or the flags.`,
		Example: `  liveorigin origin --example > origin.yaml
  liveorigin origin --config origin.yaml
  liveorigin origin --config origin.yaml --publish 127.0.0.1:0 --deliver 127.0.0.1:0 --operate 127.0.0.1:0
  liveorigin origin --config origin.yaml --publish 0.0.0.0:8081    reachable from elsewhere
  liveorigin origin --config origin.yaml --create-keyspace              once, before the first origin over databases`,
		Args: cobra.NoArgs,
	}
	example := c.Flags().Bool("example", false, "print a configuration that has everything, and what it means")
	create := c.Flags().Bool("create-keyspace", false, "make the keyspace and the tables of the configuration's databases, once, and do no more")
	c.Flags().StringVar(&file, "config", "", "the configuration's `file`")
	c.Flags().StringVar(&listen.Publish, "publish", "", "`host:port` for encoders, instead of the configuration's")
	c.Flags().StringVar(&listen.Deliver, "deliver", "", "`host:port` for players and edges, instead of the configuration's")
	c.Flags().StringVar(&listen.Operate, "operate", "", "`host:port` for operators, instead of the configuration's")
	c.MarkFlagsOneRequired("config", "example")
	c.MarkFlagsMutuallyExclusive("config", "example")
	for _, address := range []string{"publish", "deliver", "operate"} {
		c.MarkFlagsMutuallyExclusive("create-keyspace", address) // which listens nowhere
		c.MarkFlagsMutuallyExclusive("example", address)
	}
	c.MarkFlagsMutuallyExclusive("example", "create-keyspace")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *example {
			_, err := c.OutOrStdout().Write(originserver.Example())
			return err
		}
		config, err := originserver.Read(file)
		if err != nil {
			return err
		}
		if *create {
			return createKeyspace(config, c.OutOrStdout())
		}
		if err := config.Relisten(listen); err != nil {
			return err
		}
		return serveOrigin(config, c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

func createKeyspace(config *originserver.Config, stdout io.Writer) error {
	ctx, stop := untilSignal()
	defer stop()
	if err := config.CreateKeyspace(ctx); err != nil {
		return brokeError{err}
	}
	_, err := fmt.Fprintln(stdout, "made keyspace", config.Storage.Keyspace)
	return err
}

// serveOrigin is the life of an origin.
func serveOrigin(config *originserver.Config, stdout, stderr io.Writer) error {
	ctx, stop := untilSignal()
	defer stop()
	s, err := originserver.Open(ctx, config, slog.NewTextHandler(stderr, nil))
	if err != nil {
		return brokeError{err}
	}
	defer s.Close()
	for _, line := range s.Addresses() {
		fmt.Fprintln(stdout, line)
	}
	if err := s.Serve(ctx); err != nil {
		return brokeError{err}
	}
	return nil
}

// untilSignal is a context that ends with the first Ctrl-C; the second one ends the process at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // which lets the next signal do what it does by itself
	return ctx, stop
}
