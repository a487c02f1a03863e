// Package cmd is the command line: a file for each verb, or group of verbs.
package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/sim"
)

// The exit codes (design.md section 7). A report's verdict gives the others.
const (
	exitBroke       = 1
	exitUsage       = 2
	exitInterrupted = 4 // inconclusive
)

// Main is the whole program: it runs the command line of this process and returns the exit code.
func Main() int { return execute(os.Args[1:], os.Stdout, os.Stderr) }

// exitError carries an exit code past cobra; its message, if any, has been printed already.
type exitError int

func (e exitError) Error() string { return "exit " + strconv.Itoa(int(e)) }

// execute runs the command line and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintln(stderr, "liveorigin:", strings.TrimRight(err.Error(), "\n"))
	var broke brokeError
	if errors.As(err, &broke) {
		return exitBroke
	}
	return exitUsage
}

// brokeError is trouble that is not the user's.
type brokeError struct{ error }

// command is the table of verbs.
func command() *cobra.Command {
	root := &cobra.Command{
		Use: "liveorigin", Version: sim.Version,
		Short: "Runs a whole live video pipeline and breaks it on purpose",
		Long: `liveorigin runs a whole live video pipeline - encoders, packagers, origins, edges, viewers - from one scenario
file, breaks it on purpose, and gives one verdict.

Exit codes: 0 objectives met, 1 the tool broke, 2 usage or bad scenario, 3 an objective or invariant was missed,
4 inconclusive (too little load, no samples, a fault that nobody felt, interrupted).`,
		Example: `  liveorigin list                      what can be run
  liveorigin run region-loss           run a shipped scenario
  liveorigin replay region-loss        the same in virtual time
  liveorigin run my.yaml --seed 7      run a file of your own
  liveorigin report runs/latest        judge the last run again
  liveorigin stack up                  keep Cassandra and memcached running for runs`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(runCommand(), replayCommand(), reportCommand(), compareCommand(), ablateCommand(), lintCommand(), listCommand(), calibrateCommand(), schemaCommand(), doctorCommand(),
		stackCommand(), originCommand(), encodeCommand(), edgeCommand(), partCommand())
	root.AddCommand(operateCommands()...)
	return root
}
