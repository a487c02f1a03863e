package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/capacity"
	"github.com/liveorigin/liveorigin/sim"
)

func reportCommand() *cobra.Command {
	var quiet bool
	c := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Judge a stored run again",
		Long: `Judge the run in a directory (default runs/latest) again, from its history alone, write its report files anew and
give the same exit code as the run did.`,
		Example: "  liveorigin report\n  liveorigin report runs/quiet-20261121T120000Z",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := filepath.Join("runs", "latest")
			if len(args) == 1 {
				dir = args[0]
			}
			r, p, err := sim.Judge(dir)
			if err != nil && !errors.Is(err, sim.ErrNoRun) {
				return brokeError{err}
			}
			if err != nil {
				return err
			}
			return conclude(c, r, p, dir, quiet)
		},
	}
	c.Flags().BoolVar(&quiet, "quiet", false, "only the verdict line")
	return c
}

// conclude writes a report's files, prints it, with what is needed to carry the load of a whole delivery network, and turns
// its verdict into the exit code.
func conclude(c *cobra.Command, r *reports.Report, p *capacity.Plan, dir string, quiet bool) error {
	if err := r.WriteFiles(dir); err != nil {
		return brokeError{err}
	}
	if err := r.WriteGitHub(c.OutOrStdout(), os.Getenv); err != nil {
		return brokeError{err}
	}
	out := c.OutOrStdout()
	if !quiet && wholeNetwork(p) {
		if err := p.WriteText(out); err != nil {
			return brokeError{err}
		}
	}
	if quiet {
		fmt.Fprintln(out, r.VerdictLine())
	} else if err := r.WriteText(out, colours(out)); err != nil {
		return brokeError{err}
	}
	if code := r.ExitCode(); code != 0 {
		return exitError(code)
	}
	return nil
}

// wholeNetwork says whether a plan is of an event on a delivery network, and not of a drill.
func wholeNetwork(p *capacity.Plan) bool {
	return p != nil && slices.ContainsFunc(p.Tiers, func(t capacity.Tier) bool { return t.Tier == reports.TierTop })
}

func colours(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
}
