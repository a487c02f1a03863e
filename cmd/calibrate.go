package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/sim"
	"github.com/liveorigin/liveorigin/sim/calibrate"
	"github.com/liveorigin/liveorigin/sim/storage"
)

// measurable is a stack that can be measured: started, with a region and a zone of it to stop, and ended.
type measurable struct {
	target       calibrate.Target
	region, zone string
	beside       []string
	end          func() error
}

// startStack starts a stack, which ends with ctx if not before.
type startStack func(ctx context.Context, f *calibrateFlags, rt origin.Runtime, show sim.Progress) (*measurable, error)

// measurables is the table of stacks; the first is the default.
var measurables = []struct {
	name, about string
	start       startStack
}{
	{"embedded", "the modelled table of this process: to try the measurement itself", startEmbedded},
	{"containers", "Cassandra in containers: two regions of three zones", startMeasured},
	{"external", "the Cassandra that --databases names; no zone of it is stopped", startMeasured},
}

func startMeasured(ctx context.Context, f *calibrateFlags, _ origin.Runtime, show sim.Progress) (*measurable, error) {
	m, err := sim.StartMeasured(ctx, f.stack, f.databases, show)
	if err != nil {
		return nil, err
	}
	return &measurable{m, m.Region, m.Zone, m.Beside, m.Close}, nil
}

func startEmbedded(ctx context.Context, f *calibrateFlags, rt origin.Runtime, _ sim.Progress) (*measurable, error) {
	profile, _ := storage.StoreByName("embedded")
	m, err := calibrate.NewModel(ctx, rt, profile, f.seed)
	if err != nil {
		return nil, err
	}
	return &measurable{m, calibrate.ModelRegion, calibrate.ModelZone, nil, func() error { return nil }}, nil
}

// calibrateFlags are the flags of calibrate.
type calibrateFlags struct {
	stack, databases, out, name string
	lasts                       time.Duration
	rate                        float64
	burst                       int
	seed                        uint64
	quiet                       bool
}

func calibrateCommand() *cobra.Command {
	var f calibrateFlags
	var about []string
	for _, s := range measurables {
		about = append(about, s.name+", "+s.about)
	}
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure a real store and make a model of it",
		Long: `Measure the table of a region - latency of writes and reads by size, under so many callers, and with a zone stopped -
fit a model to it, and say by how much the model is off. The profile that --out writes can be named in a scenario, as
storage: {profile: FILE}; replay and run simulate the store that was measured then.

The load is --rate calls a second, --burst of them at once, in every region that shares the machine: about what a scenario
does. A model fits the load that it was measured at, and should not be believed far from it. Where all zones stand on
one machine, nothing else should run there meanwhile.

Exits with 0 when the model is within 10 % at p50 of every size and 25 % at p99 of all sizes, with 3 when it is not, and
with 4 when there were too few calls to say.

Stacks: ` + strings.Join(about, "; ") + ".",
		Example: `  liveorigin calibrate
  liveorigin calibrate --stack containers --out mystore.yaml --for 5m
  liveorigin replay region-loss --set storage.profile=mystore.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error { return f.calibrate(c) },
	}
	c.Flags().StringVar(&f.stack, "stack", measurables[0].name, "what to measure")
	c.Flags().StringVar(&f.databases, "databases", "", "with --stack external: the `file` that says where they are")
	c.Flags().StringVar(&f.out, "out", "", "the profile's `file` (default: none is written)")
	c.Flags().StringVar(&f.name, "name", "", "the profile's name (default: the file's)")
	c.Flags().DurationVar(&f.lasts, "for", calibrate.DefaultFor, "how long to measure")
	c.Flags().Float64Var(&f.rate, "rate", calibrate.DefaultRate,
		"calls a second whose latency is measured: by default about as many rows as an event's ladder makes; 0 a third of what the table can do")
	c.Flags().IntVar(&f.burst, "burst", calibrate.DefaultBurst, "how many of them come at once, as the renditions of a segment do")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of arrivals and of what is read")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "only the verdict line")
	return c
}

func (f *calibrateFlags) calibrate(c *cobra.Command) error {
	start, err := f.starter()
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return err
	}
	ctx, stop := stopOnSignal(c.ErrOrStderr(), fittedNone)
	defer stop()
	samples, err := f.measure(ctx, start, c.ErrOrStderr())
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", err)
	}
	if err != nil {
		return brokeError{err}
	}
	fit, err := samples.Fit()
	if err != nil {
		return brokeError{fmt.Errorf("fit: %w", err)}
	}
	if f.out != "" {
		if err := f.write(fit, repeated(c)); err != nil {
			return brokeError{err}
		}
	}
	if f.quiet {
		fmt.Fprintln(c.OutOrStdout(), fit.VerdictLine())
	} else if err := fit.WriteText(c.OutOrStdout()); err != nil {
		return brokeError{err}
	}
	if code := fit.ExitCode(); code != 0 {
		return exitError(code)
	}
	return nil
}

// check refuses before anything is measured what could not be written after.
func (f *calibrateFlags) check() error {
	if _, err := (calibrate.Plan{For: f.lasts, Rate: f.rate, Burst: f.burst}).Complete(); err != nil {
		return err
	}
	if (f.stack == sim.External) != (f.databases != "") {
		return errors.New("--databases FILE goes with --stack external, and only with it")
	}
	if f.out == "" {
		if f.name != "" {
			return errors.New("--name is of a profile, and none is written; give --out")
		}
		return nil
	}
	if ext := filepath.Ext(f.out); ext != ".yaml" {
		return fmt.Errorf("--out %s: a profile's file ends in .yaml, or no scenario can name it", f.out)
	}
	if f.name == "" {
		f.name = strings.TrimSuffix(filepath.Base(f.out), ".yaml")
	}
	if err := storage.CheckProfileName(f.name); err != nil {
		return fmt.Errorf("%w; give --name", err)
	}
	if _, err := os.Stat(filepath.Dir(f.out)); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// measure starts the stack, measures it, and ends it.
func (f *calibrateFlags) measure(ctx context.Context, start startStack, progress io.Writer) (*calibrate.Samples, error) {
	rt := new(origin.Wall)
	defer rt.Join()
	ctx, cancel := rt.WithCancel(ctx)
	defer cancel()
	stack, err := start(ctx, f, rt, progressFor(progress, f.quiet))
	if err != nil {
		return nil, fmt.Errorf("start stack %s: %w", f.stack, err)
	}
	plan := calibrate.Plan{Runtime: rt, Region: stack.region, Beside: stack.beside, Zone: stack.zone, For: f.lasts,
		Rate: f.rate, Burst: f.burst, Seed: f.seed}
	s, err := calibrate.Measure(ctx, stack.target, plan, f.progress(progress))
	return s, errors.Join(err, stack.end())
}

// starter finds the stack that was asked for.
func (f *calibrateFlags) starter() (startStack, error) {
	var names []string
	for _, m := range measurables {
		if m.name == f.stack {
			return m.start, nil
		}
		names = append(names, m.name)
	}
	return nil, fmt.Errorf("unknown stack %q; there is %s", f.stack, strings.Join(names, ", "))
}

// progress shows a line whenever something else is measured, and every few seconds.
func (f *calibrateFlags) progress(w io.Writer) calibrate.Progress {
	if f.quiet {
		return nil
	}
	return func(done, of time.Duration, what string) {
		fmt.Fprintf(w, "%3.0fs/%.0fs %s\n", done.Seconds(), of.Seconds(), what)
	}
}

// repeated is the command line that measures the same again: with all flags that say something, since defaults may change.
func repeated(c *cobra.Command) string {
	words := []string{typed, c.Name()}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if text := f.Value.String(); text != "" && f.Value.Type() != "bool" {
			words = append(words, "--"+f.Name, quoted(text))
		}
	})
	return strings.Join(words, " ")
}

// write writes the profile, and reads it back: what cannot be read is not worth keeping.
func (f *calibrateFlags) write(fit *calibrate.Fit, command string) error {
	var b bytes.Buffer
	if _, err := fit.Profile(f.name, sim.Version, command).WriteTo(&b); err != nil {
		return err
	}
	if _, err := storage.ReadProfile(f.out, b.Bytes()); err != nil {
		return fmt.Errorf("the fit makes no profile: %w", err)
	}
	return os.WriteFile(f.out, b.Bytes(), 0o644)
}
