package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Paths in these tests are as somebody types them who stands where the README is. Where the program itself is asked for,
// this binary is it.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(program())
	}
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("about: x\nevnt: {duration: 10s}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	curve := filepath.Join(dir, "curve.yaml")
	src := strings.Replace(read(t, "scenarios/half-time.yaml"), "half-time.csv", "viewers.csv", -1)
	for name, content := range map[string]string{curve: src, filepath.Join(dir, "viewers.csv"): "time,viewers\n0s,100\n5s,many\n"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(full, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "run.jsonl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string // on either stream
	}{
		{"", 0, "Available Commands"},
		{"--help", 0, "Exit codes"},
		{"list", 0, "region-loss"},
		{"schema", 0, `"additionalProperties": false`},
		{"lint quiet region-loss", 0, "region-loss: ok"},
		{"completion bash", 0, "liveorigin"},
		{"lint " + bad, 2, `unknown key "evnt"; did you mean "event"?`},
		{"lint no-such-scenario", 2, "no-such-scenario"},
		{"lint quiet --set audience.viewers.paek=5", 2, "paek"},
		{"run", 2, "accepts 1 arg"},
		{"run quiet --nosuch", 2, "unknown flag"},
		{"run " + bad, 2, "bad.yaml:2:1"},
		{"run quiet --k6 /nonexistent --out " + dir + "/x", 1, "make build"},
		{"report " + dir, 2, "not the directory of a run"},
		{"run event-65m --out " + dir + "/y", 2, "event-65m.yaml:13:1: only virtual time has a delivery network; use `liveorigin replay`"},
		{"replay event-65m --agents", 2, "more than the 20000000 that are simulated one by one"},
		{"replay quiet --viewers 0", 2, "--viewers 0: a factor is above 0"},
		{"replay " + curve, 2, "viewers.csv:3:4: "},
		{"replay quiet --quiet --out " + full, 1, "holds a run already"},
		{"replay quiet --quiet --agents --out " + dir + "/z", 0, "PASS quiet  seed 1  repeat: bin/liveorigin replay quiet --agents"},
		{"replay quiet --quiet --viewers 0.5 --seed 7 --out " + dir + "/w", 0, "replay quiet --seed 7 --viewers 0.5"},
		{"report --quiet " + dir + "/w", 0, "PASS quiet  seed 7"},
		{"run quiet --stack cloud", 2, "--stack cloud: there are embedded, containers, external"},
		{"run quiet --stack external", 2, "needs --databases FILE"},
		{"run quiet --databases x", 2, "--databases is for --stack external"},
		{"run quiet --stack external --databases " + bad + " --out " + dir + "/e", 2, `unknown key "`},
		{"run zone-loss --stack external --databases " + bad, 2, "zone-loss would break databases that are not ours"},
		{"run object-store --stack containers", 2, "there is no real object-store to run on"},
		{"run broken-processes", 2, "process-kill needs parts that are processes and containers"},
		{"replay quiet --set admission.policy=adaptive", 2, "policy adaptive reads the wall clock by itself, so it cannot be replayed"},
		{"replay cut-store", 2, "disconnect needs parts that are processes and containers"},
		{"calibrate --stack external", 2, "--databases FILE goes with --stack external"},
		{"calibrate --stack cloud", 2, "unknown stack"},
		{"part", 1, "a part is started by a run, and not by hand"},
		{"stack", 0, "liveorigin stack up --profile small"},
		{"stack up --zones 0", 2, "region us-east has 0 zones: there can be 1 to 9"},
		{"stack up --profile medium", 2, `profile "medium": there are full and small`},
		{"frobnicate", 2, "unknown command"},
	} {
		var out strings.Builder
		if code := execute(strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("liveorigin %s: exit %d, want %d and %q in:\n%s", c.args, code, c.code, c.says, out.String())
		}
	}
}

// Every verb says what it is for and shows how it is called.
func TestHelpHasExamples(t *testing.T) {
	for _, c := range command().Commands() {
		if c.Hidden {
			continue
		}
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s: no short text, or no example", c.Name())
		}
	}
}

// What a run says repeats it does.
func TestRepeat(t *testing.T) {
	f := playFlags{set: []string{"audience.viewers.peak=50", "about=it's", "seed=7"}}
	if got := f.repeat("run", "my own.yaml"); got != `bin/liveorigin run 'my own.yaml' --set audience.viewers.peak=50 --set 'about=it'\''s' --seed 7` {
		t.Error(got)
	}
	c := calibrateCommand()
	if err := c.ParseFlags([]string{"--out", "my own.yaml", "--name", "$mine", "--burst", "2", "--quiet"}); err != nil {
		t.Fatal(err)
	}
	if got := repeated(c); got != `bin/liveorigin calibrate --burst 2 --for 5m0s --name '$mine' --out 'my own.yaml' --rate 8 --seed 1 --stack embedded` {
		t.Error(got)
	}
}

// What the README shows is what there is: its scenario, its lists, its messages, its commands.
func TestReadme(t *testing.T) {
	readme := read(t, "README.md")
	for what, block := range map[string]string{
		"the scenario":              read(t, "scenarios/pipeline-stop.yaml"),
		"the shipped scenarios":     output("list"),
		"the mistakes, as shown":    output("lint", "scenarios/testdata/mistakes.yaml"),
		"the command of one region": "bin/liveorigin run region-loss --set regions.us-west=null\n",
	} {
		if !strings.Contains(readme, strings.TrimSpace(block)+"\n") {
			t.Errorf("the README does not have %s:\n%s", what, block)
		}
	}
	makefile := read(t, "Makefile")
	for _, m := range regexp.MustCompile("(?m)^make ([a-z]+)").FindAllStringSubmatch(readme, -1) {
		if !strings.Contains(makefile, "\n"+m[1]+":") {
			t.Errorf("the README says make %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\bbin/liveorigin ([a-z]+)`).FindAllStringSubmatch(readme, -1) {
		if _, _, err := command().Find([]string{m[1]}); err != nil {
			t.Errorf("the README says liveorigin %s: %v", m[1], err)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([a-z0-9/.-]+)\)`).FindAllStringSubmatch(readme, -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("the README links to %v", err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func output(args ...string) string {
	var out strings.Builder
	execute(args, &out, &out)
	return out.String()
}
