package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/sim/containers"
)

func stackCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "stack", Short: "Start, look at or remove the container stack that runs share",
		Long: `Start Cassandra and memcached in containers and keep them for the runs that follow: a data centre a region, a node and
a cache a zone. It takes the images that ` + "`make images`" + ` pulls or makes, and a Docker engine.`,
		Example: `  liveorigin stack up                    two regions of three zones: six nodes, six caches
  liveorigin stack up --profile small    a node a region
  liveorigin stack status
  liveorigin stack down`,
	}
	c.AddCommand(stackUpCommand(), stackDownCommand(), stackStatusCommand())
	return c
}

func stackUpCommand() *cobra.Command {
	var profile string
	var regions []string
	var zones int
	c := &cobra.Command{
		Use: "up", Short: "Start the stack and keep it", Example: "  liveorigin stack up --profile small", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			plan := containers.Plan{Name: containers.Warm, Profile: containers.Profile(profile), Keep: true,
				Regions: containers.Regions(regions, zones), Progress: startProgress(c.ErrOrStderr())}
			if err := plan.Check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			s, err := containers.Up(ctx, plan)
			if err != nil {
				return brokeError{err}
			}
			fmt.Fprintf(c.OutOrStdout(), "%d parts in %.1f s, kept until `liveorigin stack down`\n", len(s.Parts), s.Took.Seconds())
			if err := s.Close(ctx); err != nil {
				return brokeError{err}
			}
			return nil
		},
	}
	c.Flags().StringVar(&profile, "profile", string(containers.Full), "`small` (a node a region) or full (a node a zone)")
	c.Flags().StringSliceVar(&regions, "regions", []string{"us-east", "us-west"}, "the regions")
	c.Flags().IntVar(&zones, "zones", 3, "zones a region")
	return c
}

// startProgress prints a line for every part that is ready.
func startProgress(w io.Writer) func(containers.Part, int, int) {
	return func(p containers.Part, done, of int) {
		fmt.Fprintf(w, "%2d/%d  %-24s %5.1f s  %s %s at %s\n", done, of, p.Name, p.Took.Seconds(), p.Image, p.Version, p.Address)
	}
}

func stackDownCommand() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Remove the stack", Example: "  liveorigin stack down", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := containers.Down(context.Background(), containers.Warm)
			if err != nil {
				return brokeError{err}
			}
			fmt.Fprintf(c.OutOrStdout(), "%d containers removed\n", n)
			return nil
		},
	}
}

func stackStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say how the stack is",
		Long:    "Say how the stack is, a line a part. Exits with 1 when there is none, or a part of it is not as it should be.",
		Example: "  liveorigin stack status", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := containers.Look(context.Background(), containers.Warm)
			if err != nil {
				return brokeError{err}
			}
			for _, p := range s.Parts {
				state := "ok"
				if err := s.Amiss[p.Name]; err != nil {
					state = err.Error()
				}
				fmt.Fprintf(c.OutOrStdout(), "%-24s %s %s at %s: %s\n", p.Name, p.Image, p.Version, p.Address, state)
			}
			if s.InUse {
				fmt.Fprintln(c.OutOrStdout(), "a run is using it")
			}
			if len(s.Amiss) > 0 {
				return exitError(exitBroke)
			}
			return nil
		},
	}
}
