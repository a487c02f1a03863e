package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim"
)

// playFlags are the flags of what plays a scenario, on either clock.
type playFlags struct {
	out   string
	seed  uint64
	quiet bool
	set   []string
}

func (f *playFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.out, "out", "", "directory for the run (default runs/<scenario>-<UTC time>, linked as runs/latest)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "seed, instead of the scenario's")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "only the verdict line")
	c.Flags().StringArrayVar(&f.set, "set", nil, "override one key of the scenario, `path=value`; may be repeated")
}

// load reads the scenario with what the flags say of it.
func (f *playFlags) load(c *cobra.Command, name string) (*scenarios.Scenario, error) {
	if c.Flags().Changed("seed") {
		f.set = append(f.set, "seed="+strconv.FormatUint(f.seed, 10))
	}
	return load(name, f.set)
}

// begin says what is going to be played, and how it is to be written down.
func (f *playFlags) begin(c *cobra.Command, sc *scenarios.Scenario, command string) sim.Options {
	o := sim.Options{Out: f.out, Command: command, Progress: progressFor(c.ErrOrStderr(), f.quiet)}
	if o.Out == "" {
		o.Out = filepath.Join("runs", sc.Name+"-"+time.Now().UTC().Format("20060102T150405Z"))
	}
	if !f.quiet {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s\nseed %d, %v of event time, history in %s\n",
			sc.Name, sc.About, sc.Seed, sc.Duration, o.Out)
	}
	return o
}

// typed is how commands that repeat something begin, as somebody types them who stands where the README is.
const typed = "bin/liveorigin"

// repeat is the command line that makes the same run again.
func (f *playFlags) repeat(verb, name string, more ...string) string {
	words := []string{typed, verb, quoted(name)}
	for _, s := range f.set {
		if seed, ok := strings.CutPrefix(s, "seed="); ok {
			words = append(words, "--seed", seed)
		} else {
			words = append(words, "--set", quoted(s))
		}
	}
	return strings.Join(append(words, more...), " ")
}

// needsNone is a word that no shell changes.
var needsNone = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// quoted is a word as a shell has to be given it.
func quoted(word string) string {
	if needsNone.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// load reads a scenario with the overrides of --set.
func load(name string, set []string) (*scenarios.Scenario, error) {
	var overrides []scenarios.Override
	for _, s := range set {
		o, err := scenarios.ParseOverride(s)
		if err != nil {
			return nil, err
		}
		overrides = append(overrides, o)
	}
	sc, err := scenarios.Load(name, overrides...)
	if err != nil {
		return nil, err
	}
	return sc, sim.Check(sc)
}

func completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, s := range scenarios.Names() {
		names = append(names, s.Name+"\t"+s.About)
	}
	return names, cobra.ShellCompDirectiveDefault
}

// What becomes of what was begun when Ctrl-C stops it.
const (
	judgedAll    = "judging what there is; its history is in the run's directory"
	comparedNone = "comparing nothing"
	fittedNone   = "fitting nothing"
)

// stopOnSignal ends the context on the first Ctrl-C, and says so, with what becomes of what was begun; the second one ends
// the process.
func stopOnSignal(stderr io.Writer, becomes string) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintf(stderr, "\nstopping, and %s; once more stops at once\n", becomes)
		cancel()
		if _, ok := <-signals; ok {
			fmt.Fprintln(stderr, "stopped at once")
			os.Exit(exitBroke) // the kernel ends k6 with us
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}

// progressFor chooses how to show progress: a line that keeps itself current on a terminal, plain lines elsewhere.
func progressFor(w io.Writer, quiet bool) sim.Progress {
	if quiet {
		return sim.Quiet{}
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			width = 80
		}
		return &sim.Live{W: w, Width: width}
	}
	return &sim.Lines{W: w}
}

// link makes runs/latest lead to a run. It is a convenience: where links are not to be had, the run is still a run.
func link(out string) {
	latest := filepath.Join(filepath.Dir(out), "latest")
	if os.Remove(latest) == nil || !exists(latest) {
		_ = os.Symlink(filepath.Base(out), latest)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
