package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/doctor"
)

func lintCommand() *cobra.Command {
	var set []string
	c := &cobra.Command{
		Use:     "lint SCENARIO...",
		Short:   "Check scenario files",
		Long:    "Check scenario files, or shipped scenarios by name, and tell everything that is wrong with them.",
		Example: "  liveorigin lint scenarios/*.yaml\n  liveorigin lint my.yaml --set event.duration=10m",
		Args:    cobra.MinimumNArgs(1), ValidArgsFunction: completeScenarios,
		RunE: func(c *cobra.Command, args []string) error {
			var errs []error
			for _, name := range args {
				if _, err := load(name, set); err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintln(c.OutOrStdout(), name+": ok")
			}
			return errors.Join(errs...)
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "override one key, `path=value`; may be repeated")
	return c
}

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the shipped scenarios", Example: "  liveorigin list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			for _, s := range scenarios.Names() {
				fmt.Fprintf(c.OutOrStdout(), "%-16s %s\n", s.Name, s.About)
			}
			return nil
		},
	}
}

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON schema of scenario files",
		Long: `Print the JSON schema of scenario files. An editor with a YAML language server completes and checks a scenario
that begins with the line
  # yaml-language-server: $schema=schema.json`,
		Example: "  liveorigin schema > schema.json", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			_, err := c.OutOrStdout().Write(scenarios.Schema())
			return err
		},
	}
}

func doctorCommand() *cobra.Command {
	var k6 string
	c := &cobra.Command{
		Use: "doctor", Short: "Say what this machine has and lacks",
		Long: `Say what this machine has and lacks for running scenarios: a line each, with what to do. Exits with 1 when something
is missing that a run needs.`,
		Example: "  liveorigin doctor", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if !doctor.Examine(c.OutOrStdout(), k6) {
				return exitError(exitBroke)
			}
			return nil
		},
	}
	c.Flags().StringVar(&k6, "k6", "", "the k6 to look at")
	return c
}
