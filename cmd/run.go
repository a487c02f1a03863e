package cmd

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim"
	"github.com/liveorigin/liveorigin/sim/parts"
	"github.com/liveorigin/liveorigin/sim/stack"
)

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run a scenario on the wall clock and judge it",
		Long: `Run a scenario - a file, or the name of a shipped one - on the wall clock: real servers on loopback, real media,
k6 as the audience. The run's directory gets the history (run.jsonl, audience.jsonl), the scenario, the k6 script, and
report.json, junit.xml and summary.md.

The stack is what origins keep segments in. embedded needs nothing: replicas in this process, modelled. containers starts
Cassandra and memcached (or takes what ` + "`liveorigin stack up`" + ` kept), and origins and edges as processes of their own; faults
stop containers and kill processes, and all that was acknowledged is read back at the end. external is the same over
databases that are there: nothing of them is broken, and a keyspace of the run's own is made and dropped. The file of
--databases says where they are:

` + indented(string(databases.Example())),
		Example: `  liveorigin run region-loss
  liveorigin run scenarios/quiet.yaml --seed 7 --out /tmp/quiet
  liveorigin run region-loss --set audience.viewers.peak=50 --set 'faults[0].for=20s'
  liveorigin run region-loss --stack containers
  liveorigin run quiet --stack external --databases databases.yaml`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: completeScenarios,
		RunE: func(c *cobra.Command, args []string) error { return run(c, args[0], &f) },
	}
	f.register(c)
	c.Flags().StringVar(&f.k6, "k6", "", "the k6 to use (default: the one beside liveorigin, then the PATH)")
	c.Flags().StringVar(&f.stack, "stack", sim.Embedded, "what it stands on: "+strings.Join(stacks, ", "))
	c.Flags().StringVar(&f.databases, "databases", "", "with --stack external: the `file` that says where they are")
	return c
}

// runFlags are the flags of run.
type runFlags struct {
	playFlags
	k6, stack, databases string
}

// stacks are what a run can stand on.
var stacks = []string{sim.Embedded, sim.Containers, sim.External}

// check says what is wrong with the flags, for a scenario.
func (f *runFlags) check(sc *scenarios.Scenario) error {
	switch {
	case !slices.Contains(stacks, f.stack):
		return fmt.Errorf("--stack %s: there are %s", f.stack, strings.Join(stacks, ", "))
	case f.stack == sim.External && f.databases == "":
		return errors.New("--stack external needs --databases FILE, which says where Cassandra and memcached are")
	case f.stack != sim.External && f.databases != "":
		return errors.New("--databases is for --stack external")
	}
	if err := sc.WallClock(); err != nil {
		return err
	}
	if f.stack == sim.Embedded {
		return sc.Models()
	}
	if err := sc.Databases(f.stack == sim.Containers); err != nil || f.stack == sim.Containers {
		return err
	}
	there, err := databases.Read(f.databases)
	if err != nil {
		return err
	}
	return there.For(sc.RegionNames())
}

// again are the flags that repeat the run, but for those of every verb.
func (f *runFlags) again() (words []string) {
	if f.stack != sim.Embedded {
		words = append(words, "--stack", f.stack)
	}
	if f.databases != "" {
		words = append(words, "--databases", quoted(f.databases))
	}
	return words
}

func run(c *cobra.Command, name string, f *runFlags) error {
	sc, err := f.load(c, name)
	if err != nil {
		return err
	}
	if err := f.check(sc); err != nil {
		return err
	}
	ctx, stop := stopOnSignal(c.ErrOrStderr(), judgedAll)
	defer stop()
	o := sim.RunOptions{Options: f.begin(c, sc, f.repeat("run", name, f.again()...)), K6: f.k6, Stack: f.stack,
		Databases: f.databases, Part: []string{partVerb}}
	if !f.quiet {
		o.Ready = func(manifest string) { fmt.Fprintf(c.ErrOrStderr(), "watch it at %s\n", manifest) }
	}
	report, err := sim.Run(ctx, sc, o)
	if err != nil {
		return brokeError{err}
	}
	if f.out == "" {
		link(o.Out)
	}
	return conclude(c, report, nil, o.Out, f.quiet)
}

// partVerb is the hidden verb by which a run starts its own parts.
const partVerb = "part"

func partCommand() *cobra.Command {
	return &cobra.Command{
		Use: partVerb, Hidden: true, Args: cobra.NoArgs, Short: "Be one origin or edge of a run; only runs start it",
		RunE: func(*cobra.Command, []string) error {
			if err := parts.Main(stack.RunPart); err != nil {
				return brokeError{err}
			}
			return nil
		},
	}
}

// indented sets a file off from the text around it.
func indented(file string) string {
	return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(strings.TrimSpace(file), "  $1")
}
