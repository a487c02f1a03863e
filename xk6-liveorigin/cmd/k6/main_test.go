package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/xk6-liveorigin/internal/origintest"
)

// asK6 makes this test binary k6 itself, so that the examples run on a real one without a build step.
const asK6 = "XK6_LIVEORIGIN_AS_K6"

func TestMain(m *testing.M) {
	if os.Getenv(asK6) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// k6 runs a script against an edge in a folder of its own; it gives the output, and the exit code.
func k6(t *testing.T, script, edge string, env ...string) (output string, exit int, dir string) {
	t.Helper()
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "run", "--quiet", "--no-usage-report", "--address", "", "--no-color", path)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), asK6+"=1", "K6_AUTO_EXTENSION_RESOLUTION=false", "EDGE="+edge)
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the exit code says it
	return out.String(), cmd.ProcessState.ExitCode(), cmd.Dir
}

func TestExamples(t *testing.T) {
	for _, c := range []struct {
		script string
		env    []string
		exit   int
		output []string // must be in it
	}{
		{"live.js", []string{"VIEWERS=20", "FOR=1s"}, 0, []string{"live_edge_latency", "live_missed", "data_received"}},
		{"thresholds.js", []string{"FAULT=1s", "RAMP=500ms", "UNTIL=3s", "VIEWERS=20"}, 0, []string{"segments, 0 missed"}},
		{"arrival.js", []string{"FOR=2s", "STAY=1s"}, 0, []string{"{ audience:zappers }"}},
	} {
		t.Run(c.script, func(t *testing.T) {
			t.Parallel()
			origin := origintest.New()
			origin.Length = time.Hour
			server := httptest.NewServer(origin)
			defer server.Close()
			output, exit, dir := k6(t, "../../examples/"+c.script, server.URL, append(c.env, "EDGE2="+server.URL)...)
			if exit != c.exit {
				t.Fatalf("exit %d; want %d\n%s", exit, c.exit, output)
			}
			for _, want := range c.output {
				if !strings.Contains(output, want) {
					t.Errorf("%q is not in the output\n%s", want, output)
				}
			}
			if c.script == "thresholds.js" {
				checkEnd(t, filepath.Join(dir, "audience.jsonl"))
			}
		})
	}
}

// The README's first example is one that runs.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```js\n")
	code, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README.md has no JavaScript")
	}
	origin := origintest.New()
	server := httptest.NewServer(origin)
	defer server.Close()
	code = strings.NewReplacer("http://127.0.0.1:8090", server.URL, "http://127.0.0.1:8091", server.URL,
		"'20s'", "'200ms'", "'40s'", "'1s'", "'60s'", "'4s'", "peak: 200", "peak: 20").Replace(code)
	script := filepath.Join(t.TempDir(), "readme.js")
	if err := os.WriteFile(script, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	output, exit, dir := k6(t, script, server.URL)
	if exit != 0 {
		t.Fatalf("exit %d\n%s", exit, output)
	}
	checkEnd(t, filepath.Join(dir, "audience.jsonl"))
}

// When k6 ends the iterations, the record is whole all the same and says so, for every VU.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(origintest.New())
	defer server.Close()
	script := filepath.Join(t.TempDir(), "script.js")
	err := os.WriteFile(script, []byte(`
		import { Player } from 'k6/x/liveorigin';
		export const options = { scenarios: { a: { executor: 'constant-vus', vus: 3, duration: '2s', gracefulStop: '0s' } } };
		const player = new Player({ event: 'demo', edges: [{ name: 'e', url: __ENV.EDGE }], snapshot: 'audience.jsonl' });
		export default function () { player.play({ viewers: 5, for: '1m' }); }`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	output, exit, dir := k6(t, script, server.URL)
	b, err := os.ReadFile(filepath.Join(dir, "audience.jsonl"))
	if err != nil {
		t.Fatalf("exit %d: %v\n%s", exit, err, output)
	}
	if n := strings.Count(string(b), `"interrupted":true`); n != 3 || strings.Count(string(b), `"kind":"interval"`) == 0 {
		t.Errorf("%d interrupted ends; want 3, after what they saw\n%s\n%s", n, b, output)
	}
}

func checkEnd(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	var end struct {
		Kind        string
		ViewersPeak int `json:"viewers_peak"`
		Segments    int
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil {
		t.Fatal(err)
	}
	if end.Kind != "end" || end.ViewersPeak != 20 || end.Segments == 0 {
		t.Errorf("last line %+v; want the end of 20 viewers", end)
	}
}

// A breach must be k6's exit code 99, or no gate would close.
func TestThresholdBreach(t *testing.T) {
	t.Parallel()
	origin := origintest.New()
	origin.Length = time.Hour
	origin.PublishDelay = 2 * time.Second // every segment comes too late for the threshold
	server := httptest.NewServer(origin)
	defer server.Close()
	output, exit, _ := k6(t, "../../examples/thresholds.js", server.URL, "EDGE2="+server.URL, "FAULT=100ms", "RAMP=0s", "UNTIL=2s", "VIEWERS=20")
	if exit != 99 {
		t.Errorf("exit %d; want 99\n%s", exit, output)
	}
}
