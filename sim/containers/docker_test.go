package containers

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/sim/containers/containertest"
)

// needContainers skips a test where no container can be started, and fails it where that is not allowed.
func needContainers(t *testing.T) {
	containertest.Need(t, func() error { _, err := Check(t.Context(), Images{}); return err })
}

// engine is a client of the test's own.
func engine(t *testing.T) *client.Client {
	t.Helper()
	e, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// remains lists what there is of a run, as the engine says.
func remains(t *testing.T, run string) (list []string) {
	t.Helper()
	e, which := engine(t), client.Filters{}.Add("label", labelRun+"="+run)
	containers, err := e.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: which})
	networks, err2 := e.NetworkList(t.Context(), client.NetworkListOptions{Filters: which})
	volumes, err3 := e.VolumeList(t.Context(), client.VolumeListOptions{Filters: which})
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Items {
		list = append(list, v.Name)
	}
	for _, c := range containers.Items {
		list = append(list, c.Names...)
	}
	for _, n := range networks.Items {
		list = append(list, n.Name)
	}
	return list
}

func regions(names ...string) (list []Region) {
	for _, n := range names {
		list = append(list, Region{n, []string{"1"}})
	}
	return list
}

// Two nodes in two regions, with everything that can be done to them: one stack for all of it, because it takes seconds.
func TestStack(t *testing.T) {
	needContainers(t)
	// What may stay for a minute are idle connections to the engine, which testcontainers keeps.
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
	var seen []string
	s, err := Up(t.Context(), Plan{Regions: regions("us-east", "us-west"), Heap: 300 * mebibyte,
		Progress: func(p Part, done, of int) { seen = append(seen, p.Name) }})
	if err != nil {
		t.Fatal(err)
	}
	volumes := volumesOf(t, s)
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if left := remains(t, s.Plan.Name); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		for _, v := range volumes {
			if _, err := engine(t).VolumeInspect(context.Background(), v, client.VolumeInspectOptions{}); !errdefs.IsNotFound(err) {
				t.Errorf("volume %s left behind: %v", v, err)
			}
		}
	}()
	if len(seen) != 4 || len(remains(t, s.Plan.Name)) != 4+4 {
		t.Errorf("progress of %v, and the engine has %v", seen, remains(t, s.Plan.Name))
	}
	t.Logf("up in %v", s.Took)
	t.Run("contract", func(t *testing.T) { testContract(t, s) })
	for _, row := range breakage {
		t.Run(string(row.fault)+" "+row.part, func(t *testing.T) { testFault(t, s, row) })
	}
	t.Run("two at once", func(t *testing.T) { testTwoFaults(t, s) })
}

// volumesOf lists the volumes that the nodes have their data in.
func volumesOf(t *testing.T, s *Stack) (names []string) {
	for _, p := range s.Of(Cassandra, "") {
		r, err := s.engine.ContainerInspect(t.Context(), p.ID, client.ContainerInspectOptions{})
		if err != nil || len(r.Container.Mounts) != 1 {
			t.Fatalf("%s has mounts %v, want one: %v", p.Name, r.Container.Mounts, err)
		}
		names = append(names, r.Container.Mounts[0].Name)
	}
	return names
}

// What the environment says is what Cassandra does: the stand-in and the usual image alike.
func testContract(t *testing.T, s *Stack) {
	for _, p := range s.Of(Cassandra, "") {
		session, err := dial(p)
		if err != nil {
			t.Fatal(err)
		}
		var dc, rack, cluster, rpc, broadcast string
		var tokens []string
		err = session.Query("SELECT data_center, rack, cluster_name, rpc_address, broadcast_address, tokens FROM system.local").
			Scan(&dc, &rack, &cluster, &rpc, &broadcast, &tokens)
		session.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := []string{dc, rack, cluster, rpc, broadcast}
		want := []string{p.Region, p.Zone, s.Plan.Name, p.Inside.String(), p.Between.String()}
		if !slices.Equal(got, want) || len(tokens) != 1 {
			t.Errorf("%s says %v and tokens %v, want %v and one", p.Name, got, tokens, want)
		}
		for _, line := range []string{
			"test -d " + dataDirectory + "/data/system -a -d " + dataDirectory + "/commitlog",
			`tr '\0' ' ' </proc/1/cmdline | grep -q -e '-Dcassandra.ring_delay_ms=1000'`, // JVM_OPTS
			`tr '\0' ' ' </proc/1/cmdline | grep -q -e '-Xmx300M'`,                       // MAX_HEAP_SIZE
		} {
			if err := s.sh(t.Context(), p.ID, line); err != nil {
				t.Errorf("%s: %s: %v", p.Name, line, err)
			}
		}
	}
	for _, p := range s.Parts {
		r, err := s.engine.ContainerInspect(t.Context(), p.ID, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Container.HostConfig.Memory != s.Plan.limit(p.Kind) || p.Version == "" || p.ImageID != r.Container.Image {
			t.Errorf("%s: limit %d, version %q, image %s", p.Name, r.Container.HostConfig.Memory, p.Version, p.ImageID)
		}
	}
}

// breakage says what each fault looks like to somebody who knows nothing of the engine: whether the part answers, and
// whether a write through the other region's node reaches all.
var breakage = []struct {
	fault            Fault
	part             string
	answers, reaches bool
}{
	{Pause, "memcached-us-east-1", false, true},
	{Kill, "memcached-us-east-1", false, true},
	{Stop, "memcached-us-west-1", false, true},
	{LimitCPU, "memcached-us-west-1", true, true},
	{Pause, "cassandra-us-west-1", false, false},
	{LimitCPU, "cassandra-us-west-1", true, true},
	{Partition, "cassandra-us-west-1", true, false},
	{Disconnect, "cassandra-us-east-1", true, false},
	{Kill, "cassandra-us-west-1", false, false},
}

func testFault(t *testing.T, s *Stack, row struct {
	fault            Fault
	part             string
	answers, reaches bool
}) {
	before, err := s.Part(row.part)
	if err != nil {
		t.Fatal(err)
	}
	other := s.Parts[0]
	if before.Name == other.Name {
		other = s.Parts[1]
	}
	if err := s.Break(t.Context(), row.part, row.fault); err != nil {
		t.Fatal(err)
	}
	if err := s.Break(t.Context(), row.part, row.fault); err == nil {
		t.Error("can be done twice")
	}
	if got := s.Broken(); !slices.Equal(got, []string{string(row.fault) + " " + row.part}) {
		t.Errorf("broken: %v", got)
	}
	if row.fault != LimitCPU { // which is slow, and how slow is the machine's affair
		short, cancel := context.WithTimeout(t.Context(), within(row.answers))
		defer cancel()
		if _, err := ping(short, before); (err == nil) != row.answers {
			t.Errorf("answers: %v, want %v", err, row.answers)
		}
		short, cancel = context.WithTimeout(t.Context(), within(row.reaches))
		defer cancel()
		if err := writeAll(short, other); (err == nil) != row.reaches {
			t.Errorf("a write reaches all: %v, want %v", err, row.reaches)
		}
	}
	if err := s.Mend(t.Context(), row.part, row.fault); err != nil {
		t.Fatal(err)
	}
	if len(s.Broken()) > 0 {
		t.Errorf("still broken: %v", s.Broken())
	}
	if err := writeAll(t.Context(), other); err != nil {
		t.Errorf("after it was mended: %v", err)
	}
}

// within is how long to wait for what should come, and for what should not.
func within(comes bool) time.Duration {
	if comes {
		return pingWithin
	}
	return 500 * time.Millisecond
}

// A fault that is undone leaves the other fault of the same part, and Heal undoes everything.
func testTwoFaults(t *testing.T, s *Stack) {
	const part = "memcached-us-east-1"
	ctx := t.Context()
	if err := errors.Join(s.Break(ctx, part, LimitCPU), s.Break(ctx, part, Pause), s.Mend(ctx, part, LimitCPU)); err != nil {
		t.Fatal(err)
	}
	p, _ := s.Part(part)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := ping(short, p); err == nil {
		t.Error("answers, and is paused")
	}
	if err := errors.Join(s.slow(ctx, p), s.Verify(ctx, part)); !errors.Is(err, ErrNotAsPlanned) {
		t.Errorf("paused by us, and slowed behind our back: %v", err)
	}
	if err := s.Heal(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx, part); err != nil || len(s.Broken()) > 0 {
		t.Error(err, s.Broken())
	}
	if _, err := s.engine.ContainerPause(ctx, p.ID, client.ContainerPauseOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx, part); !errors.Is(err, ErrNotAsPlanned) {
		t.Errorf("paused behind our back: %v", err)
	}
	if err := s.Heal(ctx); err != nil {
		t.Error(err)
	}
}

func writeAll(ctx context.Context, through Part) error {
	session, err := dial(through)
	if err != nil {
		return err
	}
	defer session.Close()
	return session.Query("INSERT INTO liveorigin_mesh.heard (node, at) VALUES ('test', 0)").
		Consistency(gocql.All).ExecContext(ctx)
}

// readAll is an error when what writeAll wrote is gone.
func readAll(ctx context.Context, through Part) error {
	session, err := dial(through)
	if err != nil {
		return err
	}
	defer session.Close()
	var at int64
	return session.Query("SELECT at FROM liveorigin_mesh.heard WHERE node = 'test'").Consistency(gocql.All).ScanContext(ctx, &at)
}

// A kept stack is found again, used by one run at a time, and mended when a run was killed; its disk can be full.
func TestKept(t *testing.T) {
	needContainers(t)
	const name = "liveorigin-test-kept"
	ctx := t.Context()
	if _, err := Down(ctx, name); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(ctx, name); !errors.Is(err, ErrNoStack) {
		t.Fatal(err)
	}
	up, err := Up(ctx, Plan{Name: name, Regions: regions("us-east"), Keep: true, Disk: 192 * mebibyte, Heap: 300 * mebibyte})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if n, err := Down(context.Background(), name); err != nil || n != 2+1 || len(remains(t, name)) > 0 {
			t.Errorf("removed %d, %v, left %v", n, err, remains(t, name))
		}
	}()
	if _, err := Attach(ctx, name); !errors.Is(err, ErrInUse) {
		t.Errorf("attached to what is in use: %v", err)
	}
	if _, err := Up(ctx, up.Plan); !errors.Is(err, ErrExists) || len(remains(t, name)) != 2+1+3+1 {
		t.Errorf("up twice: %v, left %v", err, remains(t, name))
	}
	const node, cache = "cassandra-us-east-1", "memcached-us-east-1"
	p, _ := up.Part(node)
	room := func() error {
		return up.sh(ctx, up.Plan.keeper(), "head -c 1000000 /dev/zero >> "+disks+p.Name+"/more")
	}
	if err := errors.Join(writeAll(ctx, p), room(), up.Break(ctx, node, FillDisk)); err != nil {
		t.Fatal(err)
	}
	if err := room(); err == nil {
		t.Error("there is room on a full disk")
	}
	if err := errors.Join(up.Mend(ctx, node, FillDisk), room(), readAll(ctx, p)); err != nil {
		t.Fatal(err)
	}
	// The process dies with things broken: all that is left of its knowledge is what the engine shows.
	if err := errors.Join(up.Break(ctx, node, Pause), up.Break(ctx, cache, Kill), up.release()); err != nil {
		t.Fatal(err)
	}
	status, err := Look(ctx, name)
	if err != nil || len(status.Amiss) != 2 || status.InUse {
		t.Errorf("%+v, %v", status, err)
	}
	again, err := Attach(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names(again.Parts), names(up.Parts)) || again.Parts[0].Address != up.Parts[0].Address {
		t.Errorf("attached to %+v, started %+v", again.Parts, up.Parts)
	}
	if err := again.Close(ctx); err != nil {
		t.Error(err)
	}
	if status, err := Look(ctx, name); err != nil || len(status.Amiss) != 0 {
		t.Errorf("%+v, %v", status, err)
	}
}

// A run that is killed leaves its containers; the next one removes them, and not before.
func TestSweep(t *testing.T) {
	needContainers(t)
	const run = "liveorigin-test-swept"
	if os.Getenv("LIVEORIGIN_TEST_VICTIM") == "1" {
		victim(t, run)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSweep$")
	cmd.Env = append(os.Environ(), "LIVEORIGIN_TEST_VICTIM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 6)
	if _, err := out.Read(ready); err != nil || string(ready) != "ready\n" {
		t.Errorf("%q, %v", ready, err)
	}
	if _, err := Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if got := remains(t, run); len(got) != 4 {
		t.Errorf("while its process lives there is %v, want a container and three networks", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if n, err := Sweep(t.Context()); err != nil || n < 1 {
		t.Errorf("%d runs swept, %v", n, err)
	}
	if got := remains(t, run); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

// victim starts a cache and waits to be killed.
func victim(t *testing.T, run string) {
	s := caches(t, Plan{Name: run, Regions: regions("us-east")})
	if err := s.start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("ready\n")
	time.Sleep(time.Minute)
}

// caches makes a stack that is about to start the memcached parts of a plan, and nothing else.
func caches(t *testing.T, p Plan) *Stack {
	t.Helper()
	s := &Stack{engine: engine(t), Plan: p.complete()}
	nets, err := createNetworks(t.Context(), s.engine, s.Plan)
	if err != nil {
		t.Fatal(err)
	}
	if s.Parts, err = s.Plan.placed(nets, nil); err != nil {
		t.Fatal(err)
	}
	s.Parts = s.Of(Memcached, "")
	return s
}

// A port that somebody took after it was chosen costs a try, not the run.
func TestPortTaken(t *testing.T) {
	needContainers(t)
	s := caches(t, Plan{Name: "liveorigin-test-port", Regions: regions("us-east")})
	defer func() {
		if err := s.discard(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	l, err := net.Listen("tcp", s.Parts[0].Address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := s.Parts[0].Address
	if err := s.start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if s.Parts[0].Address == taken {
		t.Errorf("started at %v, which was taken", taken)
	}
	var p Part // what a later process reads
	r, err := s.engine.ContainerInspect(t.Context(), s.Parts[0].ID, client.ContainerInspectOptions{})
	if err := errors.Join(err, json.Unmarshal([]byte(r.Container.Config.Labels[labelPart]), &p)); err != nil || p.Address != s.Parts[0].Address {
		t.Errorf("the label says %v, it is at %v; %v", p.Address, s.Parts[0].Address, err)
	}
}

// What dies at its start says why, and a start that is given up leaves nothing.
func TestUpFails(t *testing.T) {
	needContainers(t)
	const run = "liveorigin-test-fails"
	interrupted, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	plan := func(change func(*Plan)) Plan {
		p := Plan{Name: run, Regions: regions("us-east"), Heap: 256 * mebibyte}
		change(&p)
		return p
	}
	for name, row := range map[string]struct {
		ctx  context.Context
		plan Plan
		is   error
		says string
	}{
		"more memory than there is": {t.Context(), plan(func(p *Plan) { p.CassandraMemory = 1 << 50 }), ErrMemory, "small profile"},
		"no such image":             {t.Context(), plan(func(p *Plan) { p.Images.Cassandra = run }), ErrNoImage, "make images"},
		"dies at its start":         {t.Context(), plan(func(p *Plan) { p.Images.Memcached = CassandraImage }), errDied, "its last lines:\n"},
		"interrupted": {interrupted, plan(func(p *Plan) {
			p.Progress = func(Part, int, int) { interrupt() }
		}), context.Canceled, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Up(row.ctx, row.plan)
			if err == nil || row.is != nil && !errors.Is(err, row.is) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v, want %v with %q", err, row.is, row.says)
			}
			if left := remains(t, run); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
