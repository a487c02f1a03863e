package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	playFlags
	agents         bool
	viewers, speed float64
}

func replayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay SCENARIO",
		Short: "Run a scenario in virtual time and judge it",
		Long: `Run a scenario - a file, or the name of a shipped one - in virtual time: the same origins, edges, pipelines and faults,
over modelled storage, links, machines and viewers. Hours take minutes, and the same seed gives the same history, byte by
byte. The report is the same as a run's, with the same objectives and exit codes; capacity.json and capacity.csv say what
each tier needs.`,
		Example: `  liveorigin replay region-loss
  liveorigin replay event-65m
  liveorigin replay event-65m --viewers 0.1         a tenth of the viewers
  liveorigin replay event-65m --speed 4             who come four times as fast
  liveorigin replay region-loss --agents            every viewer with a state of its own`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: completeScenarios,
		RunE: func(c *cobra.Command, args []string) error { return f.replay(c, args[0]) },
	}
	f.register(c)
	c.Flags().BoolVar(&f.agents, "agents", false, "simulate every viewer, not counts of viewers: slower, to check the counts")
	c.Flags().Float64Var(&f.viewers, "viewers", 1, "multiply the viewers by this")
	c.Flags().Float64Var(&f.speed, "speed", 1, "let viewers come and go so many times as fast")
	return c
}

func (f *replayFlags) replay(c *cobra.Command, name string) error {
	sc, err := f.load(c, name)
	if err != nil {
		return err
	}
	if err := f.adapt(sc); err != nil {
		return err
	}
	ctx, stop := stopOnSignal(c.ErrOrStderr(), judgedAll)
	defer stop()
	o := sim.ReplayOptions{Options: f.begin(c, sc, f.repeat("replay", name, f.more()...)), Agents: f.agents}
	report, plan, err := sim.Replay(ctx, sc, o)
	if err != nil {
		return brokeError{err}
	}
	if f.out == "" {
		link(o.Out)
	}
	return conclude(c, report, plan, o.Out, f.quiet)
}

// adapt multiplies the audience, and refuses what cannot be simulated.
func (f *replayFlags) adapt(sc *scenarios.Scenario) error {
	if err := errors.Join(sc.VirtualTime(), sc.Models()); err != nil {
		return err
	}
	if f.viewers != 1 || f.speed != 1 {
		if err := sc.Scale(f.viewers, f.speed); err != nil {
			return err
		}
	}
	if f.agents {
		return sc.Agents()
	}
	return nil
}

// more lists the flags that only replay has, as far as they say something.
func (f *replayFlags) more() (words []string) {
	if f.agents {
		words = append(words, "--agents")
	}
	if f.viewers != 1 {
		words = append(words, fmt.Sprintf("--viewers %v", f.viewers))
	}
	if f.speed != 1 {
		words = append(words, fmt.Sprintf("--speed %v", f.speed))
	}
	return words
}
