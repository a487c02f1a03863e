// Package doctor says what a machine has and lacks for running scenarios.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/liveorigin/liveorigin/sim"
	"github.com/liveorigin/liveorigin/sim/containers"
)

// finding is one line: what was looked at, what was seen, and what to do where that is not enough.
type finding struct {
	state  string // ok, missing or warn
	detail string
	todo   string
	needed bool // a run cannot do without
}

// The states of a finding.
const (
	ok      = "ok"
	missing = "missing"
	warn    = "warn"
)

// Examine prints a line for everything that matters and says whether a run is possible.
func Examine(w io.Writer, k6 string) bool {
	checks := []struct {
		name string
		look func() finding
	}{
		{"go", goToolchain},
		{"k6", func() finding { return k6WithExtension(k6) }},
		{"ffmpeg", ffmpeg},
		{"docker", engine},
		{"images", images},
		{"remains", leftovers},
		{"ports", ports},
		{"clock", clockSource},
		{"cores", cores},
	}
	healthy := true
	for _, c := range checks {
		f := c.look()
		line := fmt.Sprintf("%-7s %-8s %s", c.name, f.state, f.detail)
		if f.todo != "" {
			line += "; " + f.todo
		}
		fmt.Fprintln(w, line)
		healthy = healthy && (f.state != missing || !f.needed)
	}
	return healthy
}

func goToolchain() finding {
	out, err := run("go", "version")
	if err != nil {
		return finding{missing, "no Go toolchain", "install Go 1.26 or later to build and to run the tests", false}
	}
	return finding{ok, out + "; built with " + runtime.Version(), "", false}
}

func k6WithExtension(given string) finding {
	path, err := sim.FindK6(given)
	if err != nil {
		return finding{missing, err.Error(), "", true}
	}
	version, err := sim.K6Version(path)
	if err != nil {
		return finding{missing, err.Error(), "build it with `make build`", true}
	}
	return finding{ok, path + ": " + strings.Join(strings.Fields(version), " "), "", true}
}

func ffmpeg() finding {
	out, err := run("ffmpeg", "-version")
	if err != nil {
		return finding{missing, "no ffmpeg", "install it (Debian: apt-get install ffmpeg) for `make media` and the decoding tests; " +
			"runs do without", false}
	}
	first, _, _ := strings.Cut(out, "\n")
	return finding{ok, first, "", false}
}

// engine looks for what starts containers, and at how much memory they can have.
func engine() finding {
	m, err := containers.Check(context.Background(), containers.Images{})
	if m.Version == "" {
		return finding{missing, err.Error(), "only `run --stack containers` needs it", false}
	}
	detail := fmt.Sprintf("engine %s, API %s, %.1f GiB", m.Version, m.API, float64(m.Memory)/(1<<30))
	if full := (containers.Plan{Regions: containers.Regions([]string{"a", "b"}, 3)}).Memory(); full > m.Memory {
		return finding{warn, detail, fmt.Sprintf("two regions of three zones may take %.1f GiB; take the small profile",
			float64(full)/(1<<30)), false}
	}
	return finding{ok, detail, "", false}
}

// images says which images the containers would be started from, and whether they were made here.
func images() finding {
	m, err := containers.Check(context.Background(), containers.Images{})
	if m.Version == "" {
		return finding{missing, "no engine to ask", "", false}
	}
	if err != nil {
		return finding{missing, strings.ReplaceAll(err.Error(), "\n", ", "), "", false}
	}
	var words []string
	for _, i := range m.Images {
		word := i.Name
		if i.StandIn != "" {
			word += " (a stand-in: " + i.StandIn + ")"
		}
		words = append(words, word)
	}
	return finding{ok, strings.Join(words, ", "), "", false}
}

// leftovers looks for containers of runs that were killed.
func leftovers() finding {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	runs, err := containers.Leftovers(ctx)
	switch {
	case errors.Is(err, containers.ErrNoEngine) || errors.Is(err, containers.ErrTooOld):
		return finding{ok, "none, without an engine", "", false}
	case err != nil:
		return finding{warn, err.Error(), "", false}
	case len(runs) > 0:
		return finding{warn, "of " + strings.Join(runs, ", "), "the next run with containers removes them", false}
	}
	return finding{ok, "none of earlier runs", "", false}
}

// ports opens a few listeners as a run does.
func ports() finding {
	const wanted = 16
	for i := range wanted {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return finding{missing, fmt.Sprintf("only %d free ports on 127.0.0.1: %v", i, err), "stop what holds them", true}
		}
		defer l.Close()
	}
	return finding{ok, fmt.Sprintf("%d listeners opened on 127.0.0.1", wanted), "", true}
}

// clockSource looks at what the kernel tells the time from: some sources cost a system call a look.
func clockSource() finding {
	b, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err != nil {
		return finding{ok, "not known on this system", "", false}
	}
	source := strings.TrimSpace(string(b))
	if source == "tsc" || source == "kvm-clock" || source == "arch_sys_counter" || source == "hyperv_clocksource_tsc_page" {
		return finding{ok, source, "", false}
	}
	return finding{warn, source + " is slow to read", "latencies below a millisecond are not to be trusted", false}
}

func cores() finding {
	if n := runtime.NumCPU(); n < 2 {
		return finding{warn, fmt.Sprint(n), "harness and audience will disturb each other", false}
	}
	return finding{ok, fmt.Sprint(runtime.NumCPU()), "", false}
}

func run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	return strings.TrimSpace(string(out)), err
}
