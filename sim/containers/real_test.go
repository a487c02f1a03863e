package containers_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cassandratest"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
	"github.com/liveorigin/liveorigin/origin/memcached"
	"github.com/liveorigin/liveorigin/origin/origintest"
	"github.com/liveorigin/liveorigin/sim/containers"
	"github.com/liveorigin/liveorigin/sim/containers/containertest"
)

const here, there = "us-east", "us-west"

// shared is one stack for all tests and benchmarks: three zones here, and one there. Whoever asks for it finds it mended.
var shared struct {
	once  sync.Once
	stack *containers.Stack
	err   error
}

func sharedStack(t testing.TB) *containers.Stack {
	t.Helper()
	containertest.Need(t, func() error { _, err := containers.Check(context.Background(), containers.Images{}); return err })
	shared.once.Do(func() {
		regions := append(containers.Regions([]string{here}, 3), containers.Regions([]string{there}, 1)...)
		shared.stack, shared.err = containers.Up(context.Background(), containers.Plan{Regions: regions, Heap: 300 << 20})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	if err := shared.stack.Heal(context.Background()); err != nil {
		t.Fatal(err)
	}
	return shared.stack
}

// closeShared ends the stack, if there is one; who asks for it after that gets a new one.
func closeShared() (err error) {
	if shared.stack != nil {
		err = shared.stack.Close(context.Background())
	}
	shared.once, shared.stack, shared.err = sync.Once{}, nil, nil
	return err
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := closeShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	// What may stay for a minute are idle connections to the engine, which testcontainers keeps.
	if err := goleak.Find(goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// cluster is a region's data centre.
func cluster(s *containers.Stack, region string) cassandra.Cluster {
	c := cassandra.Cluster{LocalDC: region, Published: map[string]string{}}
	for _, p := range s.Of(containers.Cassandra, region) {
		c.Hosts = append(c.Hosts, net.JoinHostPort(p.Inside.String(), "9042"))
		c.Published[p.Inside.String()] = p.Address.String()
	}
	return c
}

func replicas(s *containers.Stack) map[string]int {
	n := map[string]int{}
	for _, p := range s.Of(containers.Cassandra, "") {
		n[p.Region]++
	}
	return n
}

// keyspace makes one, which goes with the stack.
func keyspace(t testing.TB, s *containers.Stack, replication map[string]int) cassandra.Config {
	t.Helper()
	c := cassandra.Config{Cluster: cluster(s, here), Keyspace: fmt.Sprintf("t%x", time.Now().UnixNano()), Retention: time.Hour}
	schema := cassandra.Schema{Replication: replication, Retention: c.Retention, Owner: t.Name()}
	if err := schema.CreateKeyspace(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func openTable(t testing.TB, c cassandra.Config) *cassandra.Table {
	t.Helper()
	table, err := cassandra.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(table.Close)
	return table
}

// openCaches opens all nodes of the cache here, for stores of one process.
func openCaches(t testing.TB, s *containers.Stack) (nodes []origin.Store) {
	t.Helper()
	for _, p := range s.Of(containers.Memcached, here) {
		nodes = append(nodes, openCache(t, p, 0))
	}
	return nodes
}

func openCache(t testing.TB, p containers.Part, timeout time.Duration) *memcached.Node {
	t.Helper()
	return openCacheAt(t, p.Address.String(), timeout)
}

func openCacheAt(t testing.TB, address string, timeout time.Duration) *memcached.Node {
	t.Helper()
	node, err := memcached.Open(memcached.Config{Address: address, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Close)
	return node
}

// patient is how long a call may take on a machine that has other things to do.
const patient = 20 * time.Second

// openStore makes a store of whole objects, as one process has it. What it does after its callers have their answers is
// over when the test is.
func openStore(t testing.TB, table origin.Store, caches []origin.Store, change ...func(*keyvalue.Config)) *keyvalue.Store {
	t.Helper()
	rt := new(origin.Wall)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); rt.Join() })
	c := keyvalue.Config{Table: table, Caches: caches, Runtime: rt, Context: ctx, Timeout: patient}
	for _, change := range change {
		change(&c)
	}
	return keyvalue.New(c)
}

// All of it over the real thing, on one stack because that takes half a minute to start: the suites side by side, since
// they wait more than they work, and what breaks the stack at the end.
func TestReal(t *testing.T) {
	s := sharedStack(t)
	t.Run("suites", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *containers.Stack){
			"cassandra": testCassandra, "memcached": testMemcached, "keyvalue": testKeyvalue, "reads": testReads,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, s)
			})
		}
	})
	t.Run("what was acknowledged stays", func(t *testing.T) { testAcknowledged(t, s) })
}

func testCassandra(t *testing.T, s *containers.Stack) {
	cassandratest.Run(t, cassandratest.Subject{Here: cluster(s, here), There: cluster(s, there), Replicas: replicas(s)})
}

func testMemcached(t *testing.T, s *containers.Stack) {
	node := s.Of(containers.Memcached, there)[0]
	open := func(t *testing.T) origin.Store { return openCache(t, node, patient) }
	origintest.Run(t, origintest.Subject{Rows: true, Cache: true, Expires: true, MaxBody: 1<<20 - 1000,
		New:   func(t *testing.T, _ origin.Runtime) origin.Store { return open(t) },
		Again: func(t *testing.T, _ origin.Store) origin.Store { return open(t) },
	})
}

// Whole objects over both, as two processes use them.
func testKeyvalue(t *testing.T, s *containers.Stack) {
	c := keyspace(t, s, replicas(s))
	first := openStore(t, openTable(t, c), openCaches(t, s))
	second := openStore(t, openTable(t, c), openCaches(t, s))
	origintest.Run(t, origintest.Subject{MaxBody: 3 << 20,
		New:   func(*testing.T, origin.Runtime) origin.Store { return first },
		Again: func(*testing.T, origin.Store) origin.Store { return second },
	})
	if first.Stats().CacheHits == 0 || second.Stats().CacheHits == 0 {
		t.Errorf("the cache has answered nothing: %+v, %+v", first.Stats(), second.Stats())
	}
}

// Whatever becomes of the cache, and of one zone's node, what was acknowledged is read back byte for byte by a process
// that has never heard of any of it.
func testAcknowledged(t *testing.T, s *containers.Stack) {
	c := keyspace(t, s, replicas(s))
	caches := openCaches(t, s)
	store := openStore(t, openTable(t, c), caches)
	put := 0
	for _, happens := range []struct {
		what string
		do   func() error
	}{
		{"nothing", func() error { return nil }},
		{"a node of the cache is killed", func() error { return s.Break(t.Context(), "memcached-us-east-2", containers.Kill) }},
		{"another is emptied", func() error { return caches[0].(*memcached.Node).Flush(t.Context()) }},
		{"a node of the table is killed", func() error { return s.Break(t.Context(), "cassandra-us-east-3", containers.Kill) }},
	} {
		if err := happens.do(); err != nil {
			t.Fatalf("%s: %v", happens.what, err)
		}
		for range 12 {
			k, o := segment(put)
			if err := store.Put(t.Context(), k, o); err != nil {
				t.Fatalf("%s, and segment %d is not stored: %v", happens.what, put, err)
			}
			put++
		}
		readBack(t, happens.what, store, put)
	}
	readBack(t, "to somebody else", openStore(t, openTable(t, c), nil), put)
	if stats := store.Stats(); stats.CacheAway == 0 || stats.CacheHits == 0 || stats.TableReads == 0 {
		t.Errorf("not everything has been in use: %+v", stats)
	}
}

// readBack expects the first n segments.
func readBack(t *testing.T, when string, store origin.Store, n int) {
	t.Helper()
	for i := range n {
		k, want := segment(i)
		got, err := store.Get(t.Context(), k, want.Digest)
		if err != nil || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("%s: segment %d of %d bytes is read as %d bytes: %v", when, i, want.Size, got.Size, err)
		}
	}
}

// segment is the nth of a pipeline: some are a row, most are several.
func segment(n int) (origin.Key, origin.Object) {
	k := origin.Key{Event: "final", Rendition: "v1080", Number: origin.SegmentNumber(n), Pipeline: "us-east-a"}
	return k, object(uint64(n), 100_000+n%7*400_000)
}

func object(seed uint64, size int) origin.Object {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	o := origin.Object{Size: size, Body: make([]byte, size), ExpiresAt: time.Now().Add(time.Hour)}
	_, _ = rand.NewChaCha8(key).Read(o.Body) // never fails
	o.Digest = origin.Checksum(o.Body)
	return o
}
