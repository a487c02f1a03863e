package sim

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/scenarios"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// program writes a shell script to stand in for k6 where k6 itself cannot be made to fail as wanted.
func program(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k6")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindK6(t *testing.T) {
	ours := program(t, "echo k6 v2.2.0; echo '  xk6-liveorigin v0, k6/x/liveorigin [js]'")
	plain := program(t, "echo k6 v2.2.0")
	broken := program(t, "exit 3")
	if got, err := FindK6(ours); err != nil || got != ours {
		t.Errorf("ours: %q, %v", got, err)
	}
	for path, want := range map[string]string{
		plain: "has no k6/x/liveorigin", broken: "exit status 3", "/nonexistent/k6": "no such file",
	} {
		_, err := FindK6(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "make build") {
			t.Errorf("%s: %v; want %q and how to build it", path, err, want)
		}
	}
	t.Setenv("PATH", filepath.Dir(ours))
	if got, err := FindK6(""); err != nil || got != ours {
		t.Errorf("on the PATH: %q, %v", got, err)
	}
}

func TestTrouble(t *testing.T) {
	for body, want := range map[string]string{
		"exit 0":      "",
		"exit 107":    "script exception",
		"exit 77":     "77",
		"kill -9 $$":  "killed",
		"echo; false": "exited with 1",
	} {
		k, err := startK6(program(t, body), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		<-k.done
		if got := k.trouble(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// A child that will not go politely is made to go, and is gone.
func TestStopEndsTheChild(t *testing.T) {
	old := patience
	patience = 200 * time.Millisecond
	defer func() { patience = old }()
	for _, body := range []string{"exec sleep 60", "trap '' INT; while :; do sleep 0.1; done"} {
		k, err := startK6(program(t, body), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		k.stop()
		if err := syscall.Kill(k.cmd.Process.Pid, 0); err == nil {
			t.Errorf("%s: still there", body)
		}
		if k.trouble() == "" {
			t.Errorf("%s: ended well?", body)
		}
	}
}

func TestScriptHasWhatTheScenarioSays(t *testing.T) {
	sc, err := scenarios.Load("origin-storm")
	if err != nil {
		t.Fatal(err)
	}
	src, err := script(sc, "demo", []*stack.Edge{{Part: stack.Part{Name: "us-east-edge-1", Region: "us-east"}, URL: "http://127.0.0.1:1"}}, "again")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"event": "demo"`, `"url": "http://127.0.0.1:1"`, `"dvr_share": 0.3`, `"scrub": {`,
		`"name": "us-east-edge-1"`, "peak: ", "again"} {
		if !strings.Contains(string(src), want) {
			t.Errorf("no %s in\n%s", want, src)
		}
	}
}

// The script outlives everything that the harness waits for, however long players' buffers are.
func TestScriptLastsLongEnough(t *testing.T) {
	for _, buffer := range []string{"4s", "5m"} {
		sc, err := scenarios.Load("quiet", scenarios.Override{Path: "audience.buffer", Value: buffer},
			scenarios.Override{Path: "event.retry_budget", Value: "1m"})
		if err != nil {
			t.Fatal(err)
		}
		src, err := script(sc, "demo", nil, "again")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(src), "maxDuration: '")
		limit, _, _ := strings.Cut(after, "'")
		lasts, err := time.ParseDuration(limit)
		if most := lead(sc) + sc.Duration + overdueAfter(sc); err != nil || lasts <= most {
			t.Errorf("buffers of %s: the script may take %q, and the harness waits %v; %v", buffer, limit, most, err)
		}
	}
}

// No command, whatever is set in it, becomes code.
func TestCommandStaysAComment(t *testing.T) {
	sc, err := scenarios.Load("quiet")
	if err != nil {
		t.Fatal(err)
	}
	src, err := script(sc, "demo", nil, "run --set a='1\nthrow 1\rthrow 2\u2028throw 3\u2029throw 4'")
	if err != nil {
		t.Fatal(err)
	}
	if want := `// The run itself: run --set a='1\nthrow 1\rthrow 2\u2028throw 3\u2029throw 4'` + "\n"; !strings.Contains(string(src), want) {
		t.Errorf("no %q in\n%s", want, src)
	}
}

// What somebody has set for a k6 of their own changes nothing about the audience.
func TestK6HasNoOptionsFromOutside(t *testing.T) {
	for _, name := range []string{"K6_VUS", "K6_OUT", "K6_AUTO_EXTENSION_RESOLUTION"} {
		t.Setenv(name, "of-somebody")
	}
	t.Setenv("OTHER_K6", "kept")
	dir := t.TempDir()
	k, err := startK6(program(t, "env"), dir)
	if err != nil {
		t.Fatal(err)
	}
	<-k.done
	env, err := os.ReadFile(filepath.Join(dir, k6LogFile))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "of-somebody") || !strings.Contains(string(env), "OTHER_K6=kept") ||
		!strings.Contains(string(env), "K6_AUTO_EXTENSION_RESOLUTION=false") || !strings.Contains(string(env), "SNAPSHOT="+audienceFile) {
		t.Errorf("the audience has\n%s", env)
	}
}

func TestAudienceTailReadsWhatIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audience.jsonl")
	tail := &audienceTail{path: path}
	if got := tail.read(); got != (audienceSum{}) {
		t.Errorf("before there is a file: %+v", got)
	}
	write := func(s string) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"kind":"viewers","vu":1,"viewers":7,"segments_total":3,"missed_total":1}` + "\n" +
		`{"kind":"interval","segments":300}` + "\n" + `{"kind":"viewers","vu":1,"viewers":8,"seg`)
	if got := tail.read(); got != (audienceSum{viewers: 7, segments: 3, missed: 1}) {
		t.Errorf("got %+v", got)
	}
	write(`ments_total":5}` + "\n" + `{"kind":"viewers","vu":2,"viewers":1,"segments_total":10}` + "\n")
	if got := tail.read(); got != (audienceSum{viewers: 9, segments: 15}) {
		t.Errorf("then %+v", got)
	}
}
