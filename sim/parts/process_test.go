package parts

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// taken is a Sink's records.
type taken struct {
	mu  sync.Mutex
	all []origin.Record
}

func (k *taken) Record(r origin.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, r)
}

func (k *taken) of(kind string) (some []origin.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.all {
		if r.Kind == kind {
			some = append(some, r)
		}
	}
	return some
}

// start starts a child that is stopped when the test ends, if it has not been.
func start(t *testing.T, s Spec) (*Process, *taken) {
	t.Helper()
	got := new(taken)
	p, err := Start(within(t), s, Sink{Record: got.Record})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, got
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, p *Process) {
	t.Helper()
	if err := p.Connect(within(t), map[string]string{"hello": "world"}); err != nil {
		t.Fatal(err)
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	p, got := start(t, spec("east-1", role{Records: 7}))
	address := p.Addresses()["web"]
	if pid := ask(t, address); pid != p.present().cmd.Process.Pid {
		t.Errorf("at %q answers process %d", address, pid)
	}
	if table := Table(p); len(table) != 1 || table["east-1/web"] != address {
		t.Errorf("table %v", table)
	}
	connect(t, p)
	if err := p.Connect(within(t), nil); err == nil || !strings.Contains(err.Error(), "connected already") {
		t.Errorf("connected twice: %v", err)
	}
	for range 3 {
		if err := p.Command(within(t), "strike", "strike-1"); err != nil {
			t.Error(err)
		}
	}
	// What a command did is here when it has been answered.
	if n, faults := p.Count("strike-1"), got.of(origin.KindFault); n != 3 || len(faults) != 3 {
		t.Errorf("%d struck, %d records", n, len(faults))
	}
	if err := p.Command(within(t), "strike", "other"); err == nil || !strings.Contains(err.Error(), `no fault "other"`) {
		t.Errorf("another fault: %v", err)
	}
	if err := p.Command(within(t), "dance", nil); err == nil || !strings.Contains(err.Error(), `unknown command "dance"`) {
		t.Errorf("an unknown command: %v", err)
	}
	if d, err := p.Ping(within(t)); err != nil || d <= 0 {
		t.Errorf("ping: %v, %v", d, err)
	}
	if u := p.Usage(); u.Memory < 1<<20 {
		t.Errorf("usage while it lives: %+v", u)
	}
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
	if n := len(got.of(origin.KindDecision)); n != 7 {
		t.Errorf("%d of 7 records that it made when it was to end", n)
	}
	if runs := got.of(origin.KindRun); len(runs) != 1 || runs[0].Name != "world" {
		t.Errorf("records %v, want one with what the table says", runs)
	}
	if u := p.Usage(); u.Memory < 1<<20 || u.CPU <= 0 {
		t.Errorf("usage: %+v", u)
	}
	if p.Alive() || !refused(address) || p.Err() != nil || p.Losses() != (Losses{}) {
		t.Errorf("after its end: alive %v, err %v, losses %+v", p.Alive(), p.Err(), p.Losses())
	}
	if err := p.Stop(within(t)); err != nil {
		t.Errorf("stopped again: %v", err)
	}
	if err := p.Command(within(t), "strike", "strike-1"); err == nil {
		t.Error("a dead part obeys")
	}
}

// Nothing that was recorded is lost, and all of it is in order.
func TestManyRecords(t *testing.T) {
	t.Parallel()
	p, got := start(t, spec("busy", role{}))
	connect(t, p)
	const many = 50_000
	before := time.Now()
	if err := p.Command(within(t), "record", many); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records in %v", many, time.Since(before).Round(time.Millisecond))
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
	records := got.of(origin.KindDecision)
	if len(records) != many {
		t.Fatalf("%d records", len(records))
	}
	for i, r := range records {
		if r.Number != origin.SegmentNumber(i) {
			t.Fatalf("record %d has number %d", i, r.Number)
		}
	}
	if got := p.Losses(); got != (Losses{}) {
		t.Errorf("losses %+v", got)
	}
}

// A child that is killed while it records leaves whole records in order, at most half a line, and no process.
func TestKill(t *testing.T) {
	t.Parallel()
	var cut int64
	for range 5 {
		p, got := start(t, spec("victim", role{}))
		connect(t, p)
		if err := p.Command(within(t), "flood", nil); err != nil {
			t.Fatal(err)
		}
		servertest.Eventually(t, "records", func() bool { return len(got.of(origin.KindDecision)) > 2000 })
		p.Kill()
		for i, r := range got.of(origin.KindDecision) {
			if r.Number != origin.SegmentNumber(i) || len(r.Error) != i%500 {
				t.Fatalf("record %d is %+v", i, r)
			}
		}
		l := p.Losses()
		if p.Alive() || !refused(p.Addresses()["web"]) || l.Deaths != 1 || l.Cut > 1 || l.Missing != 0 {
			t.Errorf("alive %v, losses %+v", p.Alive(), l)
		}
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("ended with %v", err)
		}
		if err := p.Stop(within(t)); err != nil {
			t.Errorf("stop after a kill: %v", err)
		}
		cut += l.Cut
	}
	t.Logf("%d of 5 left half a line", cut)
}

// A child that dies of itself is noticed, and Stop says so.
func TestDiesLater(t *testing.T) {
	t.Parallel()
	p, _ := start(t, spec("weak", role{}))
	connect(t, p)
	if err := p.present().cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-within(t).Done():
		t.Fatal("not noticed")
	}
	if _, err := p.Ping(within(t)); !errors.Is(err, errDied) {
		t.Errorf("ping: %v", err)
	}
	if err := p.Stop(within(t)); err == nil || !strings.Contains(err.Error(), "part weak: signal: killed") {
		t.Errorf("stop: %v", err)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	p, _ := start(t, spec("frozen", role{}))
	connect(t, p)
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if _, err := p.Ping(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ping of a paused part: %v", err)
		}
		cancel()
	}
	if n := len(p.present().waiting); n != 0 {
		t.Errorf("%d answers are waited for that nobody wants", n)
	}
	conn, err := net.Dial("tcp", p.Addresses()["web"])
	if err != nil {
		t.Fatal(err) // its listener is there; only nobody comes to it
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !p.Alive() {
		t.Errorf("a paused part answers %d, %v, or is not there", n, err)
	}
	if err := p.Continue(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Ping(within(t)); err != nil {
		t.Error(err)
	}
	if err := p.Pause(); err != nil { // and it can be stopped as it is
		t.Fatal(err)
	}
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
	if err := p.Pause(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("paused when dead: %v", err)
	}
}

// A part that is started again has its addresses, its connections, and what it counted before.
func TestRestart(t *testing.T) {
	t.Parallel()
	p, got := start(t, spec("phoenix", role{}))
	connect(t, p)
	before := p.Addresses()["web"]
	pids := map[int]bool{}
	for i, end := range []func(){p.Kill, func() {}, p.Kill} { // the second is restarted while it is alive
		pids[ask(t, before)] = true
		if err := p.Command(within(t), "strike", "strike-1"); err != nil {
			t.Fatal(err)
		}
		end()
		if err := p.Restart(within(t)); err != nil {
			t.Fatal(err)
		}
		if after := p.Addresses()["web"]; after != before || len(pids) != i+1 {
			t.Errorf("life %d is at %s, was at %s; processes %v", i+2, after, before, pids)
		}
		if _, err := p.Ping(within(t)); err != nil {
			t.Fatal(err)
		}
		if n := p.Count("strike-1"); n != int64(i+1) {
			t.Errorf("%d struck in %d lives", n, i+1)
		}
		runs := got.of(origin.KindRun)
		if len(runs) != i+2 || runs[0].Step != "false" || runs[i+1].Step != "true" || runs[i+1].Name != "world" {
			t.Errorf("connections in %d lives: %+v", i+2, runs)
		}
	}
	if l := p.Losses(); l.Deaths != 2 {
		t.Errorf("losses %+v, want two deaths", l)
	}
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
}

// Somebody else's connection may have a part's port for a moment when it comes back.
func TestRestartPortTaken(t *testing.T) {
	t.Parallel()
	p, _ := start(t, spec("patient", role{}))
	p.Kill()
	ln, err := net.Listen("tcp", p.Addresses()["web"])
	if err != nil {
		t.Skip("somebody else has the port: ", err)
	}
	time.AfterFunc(time.Second, func() { ln.Close() })
	if err := p.Restart(within(t)); err != nil {
		t.Error(err)
	}
}

// A Sink that takes its time still gets everything.
func TestSlowSink(t *testing.T) {
	t.Parallel()
	const many = 3000 // more than the pipe has room for
	got := new(taken)
	hasty := spec("hasty", role{Records: many})
	hasty.Grace = 20 * time.Second
	p, err := Start(within(t), hasty, Sink{Record: func(r origin.Record) {
		if r.Number%20 == 0 {
			time.Sleep(time.Millisecond)
		}
		got.Record(r)
	}})
	if err != nil {
		t.Fatal(err)
	}
	connect(t, p)
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
	if n := len(got.of(origin.KindDecision)); n != many || p.Losses() != (Losses{}) {
		t.Errorf("%d of %d, losses %+v", n, many, p.Losses())
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "part.log")
	dead := spec("dead", role{Do: "die"})
	dead.Log = log
	mute := spec("mute", role{Do: "mute"})
	mute.Log = log + ".mute"
	none := spec("none", role{})
	none.Exe = "/nonexistent/liveorigin"
	odd := spec("odd", role{})
	odd.Config = map[string]int{"Dont": 1}
	for _, c := range []struct {
		spec Spec
		want []string
	}{
		{dead, []string{"part dead", "exit status 3", "no such database", "cannot go on"}},
		{mute, []string{"part mute", "canceled", "waiting for what never comes"}},
		{none, []string{"part none", "no such file"}},
		{odd, []string{"part odd", `unknown field \"Dont\"`}},
	} {
		ctx := within(t)
		if c.spec.Name == "mute" { // nobody waits for it any longer once it has said why
			until, cancel := context.WithCancel(ctx)
			go func() {
				defer cancel()
				servertest.Eventually(t, "it says why", func() bool { b, _ := os.ReadFile(mute.Log); return len(b) > 0 })
			}()
			ctx = until
		}
		p, err := Start(ctx, c.spec, Sink{Record: func(origin.Record) {}})
		if err == nil {
			p.Kill()
			t.Errorf("%s was started", c.spec.Name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", c.spec.Name, err, want)
			}
		}
	}
	if b, err := os.ReadFile(log); err != nil || !strings.Contains(string(b), "first line\nno such database") {
		t.Errorf("the log: %q, %v", b, err)
	}
}

// A child that does not end when it is asked to is ended.
func TestStubborn(t *testing.T) {
	t.Parallel()
	s := spec("stubborn", role{Do: "stubborn"})
	s.Grace = 300 * time.Millisecond
	p, _ := start(t, s)
	connect(t, p)
	if err := p.Stop(within(t)); err == nil || !strings.Contains(err.Error(), "was killed") || !strings.Contains(err.Error(), "not yet") {
		t.Errorf("stop: %v", err)
	}
	if p.Alive() {
		t.Error("it is still there")
	}
}

// What a child says is kept to a limit, and its strays on stdout do not confuse anyone.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	s := spec("chatty", role{Do: "chatty"})
	s.Log = filepath.Join(t.TempDir(), "part.log")
	p, _ := start(t, s)
	if err := p.Restart(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(within(t)); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(s.Log)
	if err != nil || len(b) < maxLog || len(b) > maxLog+200 || bytes.Count(b, []byte("the rest is not kept")) != 1 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if !bytes.Contains(b, []byte("a stray line\" xxx")) {
		t.Error("the stray line is lost")
	}
	if a := p.Addresses(); len(a) != 1 {
		t.Errorf("addresses %v", a)
	}
}

// When a parent is killed, its child ends, be it one that hears nothing where the kernel can do it.
func TestParentKilled(t *testing.T) {
	t.Parallel()
	for _, do := range []string{"", "deaf"} {
		if do == "deaf" && runtime.GOOS != "linux" {
			continue
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), asChild+"=parent", asRole+"="+do)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		address := strings.TrimSpace(line)
		if ask(t, address) == 0 {
			t.Errorf("nobody answers at %q", address)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
		servertest.Eventually(t, "the grandchild ends", func() bool { return refused(address) })
	}
}

func TestByHand(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"=part")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "not by hand") {
		t.Errorf("%q, %v", out, err)
	}
}
