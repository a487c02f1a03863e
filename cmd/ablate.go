package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/sim"
)

// ablation is something that an origin does, and a scenario that shows what it is worth to leave it out.
type ablation struct {
	name, about, scenario string
	without               []string // overrides
	// alone, if any, are overrides for both sides.
	alone []string
}

// ablations is the table of what can be left out.
var ablations = []ablation{
	{name: "holding", about: "requests for the next segment are held open; without, they are told to come again",
		scenario: "quiet", without: []string{"origin.hold=false"}},
	{name: "template", about: "players know of segments by the template; without, by reading the manifest again, which edges keep for a second",
		scenario: "quiet", without: []string{"audience.manifest=refresh"}},
	{name: "metadata", about: "events are known by memory; without, the control plane's store is asked with every request",
		scenario: "not-found-storm", without: []string{"origin.memory=false"}, alone: []string{"faults[0].rate=3000"}},
	{name: "isolation", about: "publishing and delivery have machines of their own; without, they share them",
		scenario: "origin-storm", without: []string{"machines.shared=true"},
		// so large a storm that it is felt at all
		alone: []string{"machines.profile=cloud", "storage.cache=memcached", "audience.edges=32", "audience.viewers.peak=3000", "audience.dvr_share=60%"}},
	{name: "admission", about: "the least important requests are refused first; without, all queue alike",
		scenario: "dvr-storm", without: []string{"admission=null"}},
	{name: "pipelines", about: "two pipelines encode the event; without, one does",
		scenario: "pipeline-stop", without: []string{"regions.us-west.pipelines=[]"}},
}

func ablateCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "ablate [WHAT]",
		Short: "Show what one thing that an origin does is worth",
		Long: "Replay a scenario twice, as it is and with one thing left out, and lay both side by side:\n\n" + ablationTable() +
			"\nThe exit code is 0 when both could be replayed, whatever their verdicts, and 4 after Ctrl-C: half a replay shows nothing.",
		Example:   "  liveorigin ablate holding\n  liveorigin ablate                       all of them, one after the other",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: ablationNames(),
		RunE: func(c *cobra.Command, args []string) error {
			chosen := ablations
			if len(args) == 1 {
				i := slices.IndexFunc(ablations, func(a ablation) bool { return a.name == args[0] })
				if i < 0 {
					return fmt.Errorf("nothing that can be left out is called %q; there are %s", args[0], strings.Join(ablationNames(), ", "))
				}
				chosen = ablations[i : i+1]
			}
			ctx, stop := stopOnSignal(c.ErrOrStderr(), comparedNone)
			defer stop()
			if out == "" {
				out = filepath.Join("runs", "ablate-"+time.Now().UTC().Format("20060102T150405Z"))
			}
			for _, a := range chosen {
				if err := a.run(ctx, c, out); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory for the runs (default runs/ablate-<UTC time>)")
	return c
}

func ablationNames() (names []string) {
	for _, a := range ablations {
		names = append(names, a.name)
	}
	return names
}

func ablationTable() string {
	var b strings.Builder
	for _, a := range ablations {
		fmt.Fprintf(&b, "  %-10s %s\n", a.name, a.about)
	}
	return b.String()
}

// run replays both sides, and prints them.
func (a *ablation) run(ctx context.Context, c *cobra.Command, out string) error {
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s (scenario %s)\n", a.name, a.about, a.scenario)
	var sides []reports.Side
	for _, side := range []struct {
		name string
		set  []string
	}{{"with", nil}, {"without", a.without}} {
		dir := filepath.Join(out, a.name, side.name)
		f := playFlags{out: dir, quiet: true, set: slices.Concat(a.alone, side.set)}
		sc, err := f.load(c, a.scenario)
		if err != nil {
			return err
		}
		r, _, err := sim.Replay(ctx, sc, sim.ReplayOptions{Options: f.begin(c, sc, f.repeat("replay", a.scenario))})
		if err != nil {
			return brokeError{err}
		}
		if ctx.Err() != nil {
			return exitError(exitInterrupted)
		}
		if err := r.WriteFiles(dir); err != nil {
			return brokeError{err}
		}
		s, err := reports.ReadSide(side.name, dir)
		if err != nil {
			return brokeError{err}
		}
		sides = append(sides, s)
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "\n%s: %s\nwithout: replay %s", strings.ToUpper(a.name), a.about, a.scenario)
	for _, s := range slices.Concat(a.alone, a.without) {
		fmt.Fprintf(w, " --set %s", s)
	}
	fmt.Fprintln(w)
	if err := reports.WriteComparison(w, sides); err != nil {
		return brokeError{err}
	}
	return nil
}
