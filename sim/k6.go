package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/parts"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// The audience is a k6 child process that plays the event with our extension. The harness writes its script into the
// run's directory, so that a person can run it by hand, and reads what it has written when it is over.

// extension is what `k6 version` lists when the k6 is one of ours.
const extension = "k6/x/liveorigin"

// FindK6 finds a k6 that has our extension: the given path, or the k6 beside this program, or the one on the PATH.
func FindK6(given string) (string, error) {
	candidates := []string{given}
	if given == "" {
		if self, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(self), "k6"))
		}
		if path, err := exec.LookPath("k6"); err == nil {
			candidates = append(candidates, path)
		}
	}
	var tried []string
	for _, path := range candidates {
		if path == "" {
			continue
		}
		version, err := K6Version(path)
		switch {
		case err != nil:
			tried = append(tried, fmt.Sprintf("%s: %v", path, err))
		case !strings.Contains(version, extension):
			tried = append(tried, fmt.Sprintf("%s has no %s", path, extension))
		default:
			return path, nil
		}
	}
	if len(tried) == 0 {
		tried = []string{"none beside this program, none on the PATH"}
	}
	return "", fmt.Errorf("no k6 with %s (%s); build it with `make build`, or name one with --k6",
		extension, strings.Join(tried, "; "))
}

// K6Version asks a k6 for its version and extensions.
func K6Version(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return "", err
	}
	return string(out), nil
}

// script is the k6 script of a scenario's audience.
func script(sc *scenarios.Scenario, event string, edges []*stack.Edge, command string) ([]byte, error) {
	type edgeOption struct {
		Name   string `json:"name"`
		Region string `json:"region"`
		URL    string `json:"url"`
	}
	type phaseOption struct {
		Name string `json:"name"`
		From string `json:"from"`
	}
	player := map[string]any{
		"event": event, "ladder": sc.Audience.Ladder, "buffer": sc.Audience.Buffer.String(),
		"dvr_share": sc.Audience.DVRShare, "check_every": sc.Audience.CheckEvery, "seed": sc.Seed,
	}
	var es []edgeOption
	for _, e := range edges {
		es = append(es, edgeOption{e.Name, e.Region, e.URL})
	}
	var ps []phaseOption
	for _, p := range sc.Phases() {
		ps = append(ps, phaseOption{p.Name, p.From.String()})
	}
	player["edges"], player["phases"] = es, ps
	if s := sc.Audience.Scrub; s.For > 0 {
		player["scrub"] = map[string]string{"at": s.At.String(), "for": s.For.String()}
	}
	options, err := json.MarshalIndent(player, "", "  ")
	if err != nil {
		return nil, err
	}
	v := sc.Audience.Viewers
	return fmt.Appendf(nil, `// The audience of a liveorigin run. While the run's edges are up, it can be started by hand:
//   SNAPSHOT=audience-2.jsonl bin/k6 run audience.js
// The run itself: %s
import live from 'k6/x/liveorigin';

export const options = {
  scenarios: {
    audience: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '%ds', gracefulStop: '5s' },
  },
};

const player = new live.Player(Object.assign(%s, { snapshot: __ENV.SNAPSHOT || 'audience.jsonl' }));

export default function () {
  player.play({ viewers: { start: %d, ramp: '%s', peak: %d }, until: '%s' });
}
`, oneLine.Replace(command), int(playsFor(sc)/time.Second), options, v.Start, v.Ramp, v.Peak, sc.Duration), nil
}

// playsFor is how long the script may take at most: longer than the harness waits for it.
func playsFor(sc *scenarios.Scenario) time.Duration {
	return lead(sc) + sc.Duration + overdueAfter(sc) + time.Minute
}

// oneLine escapes what ends a line of JavaScript (ECMA-262, 12.3), and with it a comment.
var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\u2028", `\u2028`, "\u2029", `\u2029`)

// k6 is the running child.
type k6 struct {
	cmd  *exec.Cmd
	life *parts.Leashed
	done <-chan struct{}
}

// startK6 starts the audience in the run's directory; its output goes to k6.log there.
func startK6(path, dir string) (*k6, error) {
	log, err := os.Create(filepath.Join(dir, k6LogFile))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(abs, "run", "--quiet", "--no-usage-report", "--address", "", scriptFile)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(withoutK6(os.Environ()), "K6_AUTO_EXTENSION_RESOLUTION=false", "SNAPSHOT="+audienceFile)
	life, err := parts.Leash(cmd)
	if err != nil {
		return nil, fmt.Errorf("start k6: %w", err)
	}
	return &k6{cmd, life, life.Done()}, nil
}

// withoutK6 leaves out what would set k6's options (K6_VUS, K6_OUT and so on): the audience is what the scenario says.
func withoutK6(environ []string) []string {
	return slices.DeleteFunc(environ, func(one string) bool { return strings.HasPrefix(one, "K6_") })
}

// patience is for how long a child may go on after it was asked to end. A variable for the tests.
var patience = 7 * time.Second

// stop ends the child: politely, so that it writes down what it has, then at once.
func (k *k6) stop() {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		select {
		case <-k.done:
			return
		default:
		}
		if err := k.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return
		}
		select {
		case <-k.done:
			return
		case <-time.After(patience):
		}
	}
	<-k.done
}

// exitMeanings are k6's exit codes that say what went wrong.
var exitMeanings = map[int]string{
	99: "thresholds were crossed", 100: "setup timed out", 101: "teardown timed out", 102: "timed out",
	103: "stopped over REST", 104: "bad configuration", 105: "stopped by a signal", 106: "REST port in use",
	107: "script exception", 108: "test.abort()", 109: "Go panic", 110: "test.fail()",
}

// trouble says in a line why the child did not end well; empty when it did.
func (k *k6) trouble() string {
	var exit *exec.ExitError
	switch err := k.life.Err(); {
	case err == nil:
		return ""
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		meaning := exitMeanings[exit.ExitCode()]
		if meaning == "" {
			meaning = "see its documentation"
		}
		return fmt.Sprintf("k6 exited with %d: %s; its output is in %s", exit.ExitCode(), meaning, k6LogFile)
	}
	return fmt.Sprintf("k6 died: %v; its output is in %s", k.life.Err(), k6LogFile)
}

// usage is what the child used; call it after stop.
func (k *k6) usage() parts.Usage { return parts.UsageOf(k.cmd.ProcessState) }
