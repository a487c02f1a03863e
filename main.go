// Command liveorigin runs a whole live video pipeline and breaks it on purpose.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/liveorigin/liveorigin/reports"
	"github.com/liveorigin/liveorigin/reports/capacity"
	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim"
	"github.com/liveorigin/liveorigin/sim/doctor"
	"github.com/liveorigin/liveorigin/sim/parts"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// The exit codes (design.md section 7). A report's verdict gives the others.
const (
	exitBroke = 1
	exitUsage = 2
)

func main() { os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr)) }

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
	root.AddCommand(runCommand(), replayCommand(), reportCommand(), lintCommand(), listCommand(), calibrateCommand(), schemaCommand(), doctorCommand(),
		stackCommand(), partCommand())
	return root
}

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

// repeat is the command line that makes the same run again.
func (f *playFlags) repeat(verb, name string, more ...string) string {
	words := []string{"bin/liveorigin", verb, name}
	for _, s := range f.set {
		if seed, ok := strings.CutPrefix(s, "seed="); ok {
			words = append(words, "--seed", seed)
		} else {
			words = append(words, "--set", "'"+strings.ReplaceAll(s, "'", `'\''`)+"'")
		}
	}
	return strings.Join(append(words, more...), " ")
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
databases that are there: nothing of them is broken, and a keyspace of the run's own is made and dropped.`,
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
	databases, err := stack.ReadDatabases(f.databases)
	if err != nil {
		return err
	}
	return databases.For(sc.RegionNames())
}

// again are the flags that repeat the run, but for those of every verb.
func (f *runFlags) again() (words []string) {
	if f.stack != sim.Embedded {
		words = append(words, "--stack", f.stack)
	}
	if f.databases != "" {
		words = append(words, "--databases", f.databases)
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
	ctx, stop := stopOnSignal(c.ErrOrStderr())
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
	ctx, stop := stopOnSignal(c.ErrOrStderr())
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
	if err := sc.Models(); err != nil {
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

// stopOnSignal ends the context on the first Ctrl-C, and the process on the second.
func stopOnSignal(stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintln(stderr, "\nstopping, and judging what there is; once more stops at once")
		cancel()
		if _, ok := <-signals; ok {
			fmt.Fprintln(stderr, "stopped at once; the history is in the run's directory")
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
