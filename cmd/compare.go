package cmd

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/reports"
)

func compareCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Lay stored runs side by side",
		Long: `Lay the runs in two or more directories side by side: objectives, what viewers and packagers got, and, of replays, what
each tier carried. Runs are not judged again.`,
		Example: "  liveorigin compare runs/quiet-20261121T120000Z runs/latest",
		Args:    cobra.RangeArgs(2, 6),
		RunE: func(c *cobra.Command, dirs []string) error {
			var sides []reports.Side
			for _, dir := range dirs {
				s, err := reports.ReadSide(filepath.Base(dir), dir)
				if err != nil {
					return err
				}
				sides = append(sides, s)
			}
			if err := reports.WriteComparison(c.OutOrStdout(), sides); err != nil {
				return brokeError{err}
			}
			return nil
		},
	}
}
