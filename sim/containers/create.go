package containers

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"
)

// The configuration of a node, the same for the usual image and for the stand-in: it is copied into the container, where
// the entry point fills in what the environment says.
var (
	//go:embed images/cassandra/cassandra.yaml
	cassandraYAML []byte
	//go:embed images/cassandra/cassandra-rackdc.properties
	cassandraRack []byte
)

// fastStart is for a cluster that has no past and nobody else: it does not wait for rumours, asks for
// a schema that it missed at once, and compiles lightly.
const fastStart = "-Dcassandra.ring_delay_ms=1000 -Dcassandra.superuser_setup_delay_ms=0 " +
	"-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.gossip_settle_min_wait_ms=500 " +
	"-Dcassandra.consistent.rangemovement=false -Dcassandra.migration_delay_ms=1000 -XX:TieredStopAtLevel=1"

// quietly sets testcontainers up for this process: no reaper, whose image may not be there and whose work Sweep does; no
// guess at the host, which it gets wrong inside of a container; and the engine that we looked at.
var quietly = sync.OnceValue(func() error {
	log.SetDefault(log.NewNoopLogger()) // it greets with the engine's particulars
	return errors.Join(os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"),
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1"))
})

// container is the name of a part's container.
func (p Plan) container(part Part) string { return p.Name + "-" + part.Name }

// create makes the container of a part, starts it, and waits for the log line that says that it is there.
func (s *Stack) create(ctx context.Context, part *Part) error {
	if err := quietly(); err != nil {
		return err
	}
	request := s.request(*part)
	if part.Kind == Cassandra {
		s.nodeRequest(&request, *part)
	} else {
		request.Cmd = []string{"-m", strconv.FormatInt(s.Plan.MemcachedMemory*2/3/mebibyte, 10), "-I", "8m", "-c", "4096"}
	}
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: request, Started: true, Logger: log.NewNoopLogger(),
	})
	if c != nil {
		part.ID = c.GetContainerID()
	}
	return err
}

// request is what both kinds of containers have in common.
func (s *Stack) request(part Part) testcontainers.ContainerRequest {
	labels := s.Plan.labels()
	labels[labelPart] = mustJSON(part)
	inside := network.MustParsePort(fmt.Sprintf("%d/tcp", part.Kind.port()))
	return testcontainers.ContainerRequest{
		Image: part.Image, Name: s.Plan.container(part), Labels: labels, ExposedPorts: []string{inside.String()},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = container.NetworkMode(s.Plan.clients())
			h.Memory = s.Plan.limit(part.Kind)
			h.MemorySwap = h.Memory // no swap: a machine of a pipeline has none
			h.PortBindings = network.PortMap{inside: {{
				HostIP: part.Address.Addr(), HostPort: strconv.Itoa(int(part.Address.Port())),
			}}}
			if part.Kind == Cassandra && s.Plan.Disk > 0 {
				h.Mounts = append(h.Mounts, s.Plan.disk(part, dataDirectory))
			}
		},
		EndpointSettingsModifier: func(on map[string]*network.EndpointSettings) {
			clear(on)
			on[s.Plan.clients()] = endpoint(part.Inside)
		},
	}
}

// nodeRequest adds what a Cassandra node needs.
func (s *Stack) nodeRequest(r *testcontainers.ContainerRequest, part Part) {
	region, node, of := s.place(part)
	young := strconv.FormatInt(s.Plan.Heap/4/mebibyte, 10) + "M"
	r.Env = map[string]string{
		"CASSANDRA_CLUSTER_NAME": s.Plan.Name, "CASSANDRA_DC": part.Region, "CASSANDRA_RACK": part.Zone,
		"CASSANDRA_SEEDS":                 s.Parts[0].Between.String(),
		"CASSANDRA_LISTEN_ADDRESS":        part.InRegion.String(),
		"CASSANDRA_BROADCAST_ADDRESS":     part.Between.String(),
		"CASSANDRA_BROADCAST_RPC_ADDRESS": part.Inside.String(),
		"CASSANDRA_NUM_TOKENS":            "1",
		"MAX_HEAP_SIZE":                   strconv.FormatInt(s.Plan.Heap/mebibyte, 10) + "M", "HEAP_NEWSIZE": young,
		"JVM_OPTS": fmt.Sprintf("%s -Dcassandra.initial_token=%d %s", fastStart, token(region, node, of), s.Plan.settings()),
	}
	if s.Plan.Disk > 0 {
		r.Env["JVM_OPTS"] += " -Dcassandra.commitlog.ignorereplayerrors=true" // of what did not fit
	}
	r.Files = []testcontainers.ContainerFile{
		{Reader: bytes.NewReader(cassandraYAML), ContainerFilePath: "/etc/cassandra/cassandra.yaml", FileMode: 0o644},
		{Reader: bytes.NewReader(cassandraRack), ContainerFilePath: "/etc/cassandra/cassandra-rackdc.properties", FileMode: 0o644},
	}
	r.LifecycleHooks = []testcontainers.ContainerLifecycleHooks{{
		PostCreates: []testcontainers.ContainerHook{func(ctx context.Context, c testcontainers.Container) error {
			return errors.Join(attach(ctx, s.engine, s.Plan.within(part.Region), c.GetContainerID(), part.InRegion),
				attach(ctx, s.engine, s.Plan.between(), c.GetContainerID(), part.Between))
		}},
	}}
	r.WaitingFor = wait.ForLog("Startup complete").WithStartupTimeout(s.Plan.Timeout).WithPollInterval(200 * time.Millisecond)
}

// settings are those of a node's configuration that a plan decides. What is in memtables is in the commit log, too, and a
// full log has them written.
func (p Plan) settings() string {
	return fmt.Sprintf("-Dcassandra.config.allow_system_properties=true -Dcassandra.settings.memtable_offheap_space=%dMiB "+
		"-Dcassandra.settings.commitlog_total_space=%dMiB", p.Memtable/mebibyte, max(256, p.Memtable/mebibyte))
}

// lastWords is an error with the end of what a container wrote, or nil when there is none.
func (s *Stack) lastWords(ctx context.Context, part Part) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	logs, err := s.engine.ContainerLogs(ctx, s.Plan.container(part),
		client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "20"})
	if err != nil {
		return nil
	}
	defer logs.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, io.LimitReader(logs, 64<<10)); err != nil && text.Len() == 0 {
		return nil
	}
	if words := strings.TrimSpace(text.String()); words != "" {
		return fmt.Errorf("its last lines:\n%s", words)
	}
	return nil
}

// portTaken says whether a container could not be started because of its host port.
func portTaken(err error) bool {
	return strings.Contains(err.Error(), "port is already allocated") || strings.Contains(err.Error(), "address already in use")
}

// freePorts finds ports on 127.0.0.1 that nobody listens on. They lie below those that kernels give to outgoing
// connections, so that none of these has taken the port when a container is started again.
func freePorts(n int) ([]netip.AddrPort, error) {
	const low, high, tries = 20000, 32000, 1000
	var ports []netip.AddrPort
	for range tries {
		if len(ports) == n {
			return ports, nil
		}
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(low+rand.N(high-low)))
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			continue
		}
		defer l.Close() // held until all are chosen, so that they differ
		ports = append(ports, at)
	}
	return nil, fmt.Errorf("no %d free ports on 127.0.0.1 between %d and %d", n, low, high)
}
