package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin/servertest"
)

// asProgram makes this test's own binary the program itself.
const asProgram = "LIVEORIGIN_TEST_PROGRAM"

// patience is for what another process does at once: long enough for a busy machine.
const patience = 10 * time.Second

// process is a verb that runs.
type process struct {
	*exec.Cmd
	name           string
	lines          chan string // of stdout
	stdout, stderr bytes.Buffer
	read           chan struct{} // closed when stdout has been read to its end
}

// begin starts a verb, which the test's end kills if it is still there.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	return beginWith(t, nil, args...)
}

// beginWith starts it with something besides in its environment.
func beginWith(t *testing.T, environment []string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(exe, args...), name: strings.Join(args, " "), lines: make(chan string, 1000), read: make(chan struct{})}
	p.Env = append(append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0"), environment...)
	p.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() {
		defer close(p.read)
		for in := bufio.NewScanner(out); in.Scan(); {
			p.stdout.WriteString(in.Text() + "\n")
			p.lines <- in.Text()
		}
	}()
	return p
}

// addresses waits until an origin or an edge says where it listens.
func (p *process) addresses(t *testing.T, names ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for len(all) < len(names) {
		select {
		case line := <-p.lines:
			name, address, _ := strings.Cut(line, "=")
			all[name] = "http://" + address
		case <-time.After(patience):
			t.Fatalf("%s: only listens on %v", p.name, all)
		}
	}
	for _, name := range names {
		if all[name] == "" {
			t.Fatalf("%s: listens on %v, not for %s", p.name, all, name)
		}
	}
	return all
}

// ends waits for the process, and compares its exit code.
func (p *process) ends(t *testing.T, within time.Duration, code int) {
	t.Helper()
	late := time.AfterFunc(within, func() { _ = p.Process.Kill() })
	<-p.read
	err := p.Wait()
	if !late.Stop() {
		t.Errorf("%s: still there after %v", p.name, within)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit); p.ProcessState.ExitCode() != code {
		t.Errorf("%s: exit %d (%v), want %d; it said\n%s%s", p.name, p.ProcessState.ExitCode(), err, code, p.stdout.String(), p.stderr.String())
	}
}

// interrupt is Ctrl-C.
func (p *process) interrupt() { _ = p.Process.Signal(os.Interrupt) }

// configuration writes a file.
func configuration(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "origin.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// twoEvents is a configuration with one event that is over soon, and one that has no end.
const twoEvents = `
name: origin-1
region: us-east
events:
  - id: short
    start: now
    duration: 8s
    ladder: small
    regions: [{name: us-east, pipelines: [a, b]}]
  - id: open
    start: now
    ladder: small
    regions: [{name: us-east, pipelines: [a]}]
`

// An origin and its encoders are processes; what one publishes the other gives out, a player can play it, and all stop
// when they are told to.
func TestOriginOfYourOwn(t *testing.T) {
	t.Parallel()
	o := begin(t, "origin", "--config", configuration(t, twoEvents), "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0",
		"--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	to := []string{"encode", "--to", at["publish"], "--config-from", at["deliver"]}
	encode := func(more ...string) *process { return begin(t, append(to[:len(to):len(to)], more...)...) }

	short, endless := encode("--event", "short", "--pipeline", "a"), encode("--event", "open", "--pipeline", "a")
	e := begin(t, "edge", "--listen", "127.0.0.1:0", "--origin", "us-east=http://"+servertest.Free(t), "--origin", "us-east="+at["deliver"], "--event", "short")
	site := e.addresses(t, "deliver")["deliver"]
	nowhere := begin(t, "encode", "--to", "http://"+servertest.Free(t), "--config-from", at["deliver"], "--event", "short", "--pipeline", "b")
	encode("--event", "none", "--pipeline", "a").ends(t, patience, 1)
	encode("--event", "short", "--pipeline", "z").ends(t, patience, 2)

	short.ends(t, 8*time.Second+patience, 0)
	published := regexp.MustCompile(`(?m)^all +(\d+) +0 +0 +0 `).FindStringSubmatch(short.stdout.String())
	if published == nil || published[1] == "0" {
		t.Errorf("not all was published:\n%s", short.stdout.String())
	}
	nowhere.ends(t, patience, 3) // an origin that is not there: every segment is given up
	play(t, at["deliver"]+"/short")
	play(t, site+"/short")
	e.interrupt()
	e.ends(t, 7*time.Second, 0)
	endless.interrupt()
	endless.ends(t, patience, 0)

	held := make(chan int, 1)
	go func() { held <- hold(at["deliver"] + "/open") }()
	time.Sleep(1200 * time.Millisecond) // for its time, and for the request to get there
	o.interrupt()
	o.ends(t, 7*time.Second, 0) // 5 s are promised, and this machine may be busy
	if status := <-held; status != http.StatusServiceUnavailable && status != http.StatusGone {
		t.Errorf("who was held open when the origin stopped got %d", status)
	}
	for name, url := range at {
		if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
			_ = conn.Close()
			t.Errorf("something still listens for %s", name)
		}
	}
}

// hold asks for the segment that would come next, and returns the status of what comes; 0 for none.
func hold(event string) int {
	resp, err := http.Get(event + "/config")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var ev struct {
		Start time.Time `json:"availability_start_time"`
		First int       `json:"start_number"`
	}
	if json.NewDecoder(resp.Body).Decode(&ev) != nil {
		return 0
	}
	since := func() time.Duration { return time.Since(ev.Start) - 300*time.Millisecond } // the publish delay
	// Before the event has begun its first segment is early, and late in a segment its encoder may have published it before
	// it was stopped.
	for since() < 0 || since()%(2*time.Second) > 1200*time.Millisecond {
		time.Sleep(50 * time.Millisecond)
	}
	next := ev.First + int(since()/(2*time.Second))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, event+"/v360/"+strconv.Itoa(next)+".m4s", nil)
	if err != nil {
		return 0
	}
	resp, err = http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// play reads an event as a player would: the manifests, the header, the segments, and the whole of it with ffprobe, if it
// is installed.
func play(t *testing.T, event string) {
	t.Helper()
	for _, file := range []string{"/manifest.mpd", "/master.m3u8", "/v360/playlist.m3u8", "/v360/init.mp4", "/a96/init.mp4", "/v360/2.m4s", "/v360/3.m4s", "/v360/4.m4s", "/a96/4.m4s"} {
		resp, err := http.Get(event + file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || n == 0 || err != nil {
			t.Errorf("%s: status %d, %d bytes, %v", file, resp.StatusCode, n, err)
		}
	}
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil && os.Getenv("LIVEORIGIN_REQUIRE_FFMPEG") == "" {
		t.Log("no ffprobe here: the streams are not looked at")
		return
	}
	out, err := exec.Command(ffprobe, "-v", "error", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets",
		"-of", "csv=p=0", event+"/master.m3u8").CombinedOutput()
	// 25 frames a second: the three or four segments that were published from the moment the encoder came.
	if err != nil || !regexp.MustCompile(`(?m)^h264,(150|200)$`).Match(out) || !strings.Contains(string(out), "aac,") {
		t.Errorf("ffprobe: %v\n%s", err, out)
	}
}

// What cannot start says what is wrong, why, and what to do.
func TestOriginCannotStart(t *testing.T) {
	t.Parallel()
	taken := servertest.Listen(t)
	good := configuration(t, "name: o\nregion: r\n")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{1, "another process listens there; stop that one, or choose another port", []string{"origin", "--config", good, "--deliver", "127.0.0.1:0", "--operate", "127.0.0.1:0", "--publish", taken.Addr().String()}},
		{1, "this machine does not have that address", []string{"origin", "--config", good, "--publish", "127.0.0.1:0", "--deliver", "192.0.2.1:0"}},
		{2, "is not host:port", []string{"origin", "--config", good, "--publish", "8081"}},
		{2, "no such file", []string{"origin", "--config", "/nonexistent"}},
		{2, `unknown key "nme"; did you mean "name"?`, []string{"origin", "--config", configuration(t, "nme: o")}},
		{2, "at least one of the flags", []string{"origin"}},
		{2, "none of the others can be", []string{"origin", "--example", "--config", good}},
		{0, "name: origin-1", []string{"origin", "--example"}},
		{1, "segments are kept in memory", []string{"origin", "--config", good, "--create-keyspace"}},
		{2, "[create-keyspace publish] were all set", []string{"origin", "--config", good, "--create-keyspace", "--publish", "127.0.0.1:0"}},
		{2, "[create-keyspace example] were all set", []string{"origin", "--example", "--create-keyspace"}},
		{2, "[deliver example] were all set", []string{"origin", "--example", "--deliver", "127.0.0.1:0"}},
		{2, "--token-file: open none", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a", "--token-file", "none"}},
		{2, "--token-file: /dev/zero: it has more than 4096 bytes", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a", "--token-file", "/dev/zero"}},
		{2, "--ca: README.md has no certificate", []string{"encode", "--to", "https://127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a", "--ca", "README.md"}},
		{2, "--ca: open none", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "https://127.0.0.1:1", "--pipeline", "a", "--ca", "none"}},
		{2, "--ca is for https, and nothing else is spoken with http://127.0.0.1:1", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a", "--ca", "README.md"}},
		{2, "--cert and --key are for https", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a", "--cert", "c", "--key", "k"}},
		{2, "--ca is for https", []string{"edge", "--origin", "r=http://127.0.0.1:1", "--event", "a", "--ca", "README.md"}},
		{2, `--origin r=ftp://h: it is said as us-east=http://10.1.0.1:8080: origin's URL: "ftp://h" is not like`, []string{"edge", "--origin", "r=ftp://h", "--event", "a"}},
		{2, `"a b" is no region's name`, []string{"edge", "--origin", "a b=http://127.0.0.1:1", "--event", "a"}},
		{1, "address already in use", []string{"edge", "--origin", "r=http://127.0.0.1:1", "--event", "a", "--listen", "127.0.0.1:0", "--operate", taken.Addr().String()}},
		{2, "is no name", []string{"edge", "--origin", "r=http://127.0.0.1:1", "--event", "a/b"}},
		{2, "it is said as us-east=http", []string{"edge", "--origin", "http://127.0.0.1:1", "--event", "a"}},
		{2, "--ca: README.md has no certificate", []string{"edge", "--origin", "r=https://127.0.0.1:1", "--event", "a", "--ca", "README.md"}},
		{2, "--cache-mib 0", []string{"edge", "--origin", "r=http://127.0.0.1:1", "--event", "a", "--cache-mib", "0"}},
		{1, "address already in use", []string{"edge", "--origin", "r=http://127.0.0.1:1", "--event", "a", "--listen", taken.Addr().String()}},
		{2, "[cert key]", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a", "--cert", "x"}},
		{2, `required flag(s) "config-from", "pipeline"`, []string{"encode", "--to", "http://127.0.0.1:1"}},
		{2, `--to: origin's URL`, []string{"encode", "--to", "127.0.0.1:1", "--config-from", "http://127.0.0.1:1", "--pipeline", "a"}},
		{1, "is it started, and is that where it delivers?", []string{"encode", "--to", "http://127.0.0.1:1", "--config-from", "http://" + servertest.Free(t), "--pipeline", "a"}},
	} {
		p := begin(t, c.args...)
		p.ends(t, patience, c.code)
		if said := p.stdout.String() + p.stderr.String(); !strings.Contains(said, c.says) {
			t.Errorf("%s: does not say %q:\n%s", p.name, c.says, said)
		}
	}
}

// A second Ctrl-C does not wait for the grace of the first.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	o := begin(t, "origin", "--config", configuration(t, twoEvents), "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0",
		"--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	encoder := begin(t, "encode", "--to", at["publish"], "--config-from", at["deliver"], "--event", "open", "--pipeline", "a")
	conn, err := net.Dial("tcp", strings.TrimPrefix(at["publish"], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PUT /open/v360/1.m4s HTTP/1.1\r\nHost: o\r\nLive-Pipeline: a\r\nContent-Length: 9\r\n\r\n1"); err != nil {
		t.Fatal(err) // it waits for the rest
	}
	time.Sleep(1200 * time.Millisecond) // for its time, and for the request to get there
	o.interrupt()
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	_ = o.Process.Signal(syscall.SIGINT)
	_, _ = o.Process.Wait()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the second signal took %v", took)
	}
	encoder.interrupt()
	<-encoder.read
}
