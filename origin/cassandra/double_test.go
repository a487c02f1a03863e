package cassandra_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datastax/go-cassandra-native-protocol/message"
	"github.com/datastax/go-cassandra-native-protocol/primitive"
	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cassandratest"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, cassandratest.UnseenHeartbeat) }

var _ keyvalue.Replicated = (*cassandra.Table)(nil)

var nodes = map[string]int{"us-east": 3, "us-west": 1}

func start(t *testing.T, c cqldouble.Config) *cqldouble.Cluster {
	t.Helper()
	c.Nodes = nodes
	d, err := cqldouble.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func cluster(d *cqldouble.Cluster, dc string) cassandra.Cluster {
	hosts, published := d.Hosts(dc)
	return cassandra.Cluster{Hosts: hosts, Published: published, LocalDC: dc}
}

// keyspace makes one and opens it.
func keyspace(t *testing.T, c cassandra.Config) *cassandra.Table {
	t.Helper()
	c.Keyspace = "live"
	if err := (cassandra.Schema{Replication: nodes}).CreateKeyspace(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return open(t, c)
}

func open(t *testing.T, c cassandra.Config) *cassandra.Table {
	t.Helper()
	table, err := cassandra.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(table.Close)
	return table
}

var (
	key = origin.Key{Event: "final", Rendition: "v1080", Pipeline: "a", Number: 42}
	row = origin.Object{Body: []byte("live"), Size: 4, Digest: 0xfedcba98}
)

func TestDouble(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	cassandratest.Run(t, cassandratest.Subject{Here: cluster(d, "us-east"), There: cluster(d, "us-west"), Replicas: nodes})
}

// Every way in which a cluster fails has its meaning for an origin, and is told with what was tried.
func TestErrors(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	config := cassandra.Config{Cluster: cluster(d, "us-east"), Keyspace: "live"}
	patient := keyspace(t, config)
	config.Timeout = 300 * time.Millisecond // only for what is slow: a busy machine is, too
	hurried := open(t, config)
	quorum := primitive.ConsistencyLevelLocalQuorum
	for _, c := range []struct {
		what     string
		breakage cqldouble.Breakage
		want     error
	}{
		{"unavailable", cqldouble.Breakage{Answer: &message.Unavailable{Consistency: quorum, Required: 2, Alive: 1}}, origin.ErrNoQuorum},
		{"write timeout", cqldouble.Breakage{Answer: &message.WriteTimeout{Consistency: quorum, BlockFor: 2, Received: 1,
			WriteType: primitive.WriteTypeSimple}}, origin.ErrTimeout},
		{"read timeout", cqldouble.Breakage{Answer: &message.ReadTimeout{Consistency: quorum, BlockFor: 2}}, origin.ErrTimeout},
		{"write failure", cqldouble.Breakage{Answer: &message.WriteFailure{Consistency: quorum, BlockFor: 2, NumFailures: 2,
			WriteType: primitive.WriteTypeSimple}}, origin.ErrNoQuorum},
		{"read failure", cqldouble.Breakage{Answer: &message.ReadFailure{Consistency: quorum, BlockFor: 2, NumFailures: 2}}, origin.ErrNoQuorum},
		{"overloaded", cqldouble.Breakage{Answer: &message.Overloaded{ErrorMessage: "too much"}}, cassandra.ErrOverloaded},
		{"bootstrapping", cqldouble.Breakage{Answer: &message.IsBootstrapping{}}, origin.ErrUnreachable},
		{"drop", cqldouble.Breakage{Drop: true}, origin.ErrUnreachable},
		{"slow", cqldouble.Breakage{Delay: time.Second}, origin.ErrTimeout},
	} {
		table := patient
		if c.breakage.Delay > 0 {
			table = hurried
		}
		d.Break(func(cqldouble.Request) cqldouble.Breakage { return c.breakage })
		calls := map[string]func(k origin.Key) error{
			"claim":   func(k origin.Key) error { return table.Put(t.Context(), k, row) },
			"put":     func(k origin.Key) error { k.Part = 1; return table.Put(t.Context(), k, row) },
			"get":     func(k origin.Key) error { _, err := table.Get(t.Context(), k, row.Digest); return err },
			"repair":  func(k origin.Key) error { return table.Repair(t.Context(), k, row) },
			"arrival": func(k origin.Key) error { return cassandra.NewArrivals(table).Put(t.Context(), k, row) },
		}
		for call, do := range calls {
			err := do(key)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "final/v1080/42 of a") {
				t.Errorf("%s, %s: %v, want %v", c.what, call, err, c.want)
			}
		}
		d.Break(nil)
		settle(t, func() error { _, err := table.Get(t.Context(), key, 1); return err }, origin.ErrNotFound)
	}
	if !errors.Is(cassandra.ErrOverloaded, origin.ErrNoQuorum) {
		t.Error("overloaded is not taken for a lack of quorum")
	}
}

// settle waits until the driver has connected again.
func settle(t *testing.T, call func() error, want error) {
	t.Helper()
	var err error
	for range 400 {
		if err = call(); errors.Is(err, want) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("never comes to %v: %v", want, err)
}

// A write that timed out may be there; to try again is how to find out. Other bytes do not get the key meanwhile, and
// where they came before the row was there, nobody does.
func TestIndeterminate(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	table := keyspace(t, cassandra.Config{Cluster: cluster(d, "us-east")})
	other := row
	other.Digest++
	for i, c := range []struct {
		at             string
		applied, other bool
		again          error
	}{
		{at: "INSERT INTO live.claims"},
		{at: "INSERT INTO live.claims", applied: true},
		{at: "INSERT INTO live.claims", applied: true, other: true, again: origin.ErrExists},
		{at: "SELECT digest", other: true, again: origin.ErrExists},
		{at: "INSERT INTO live.rows"},
		{at: "INSERT INTO live.rows", applied: true},
		{at: "INSERT INTO live.rows", other: true, again: origin.ErrExists},
		{at: "INSERT INTO live.rows", applied: true, other: true},
	} {
		k := key
		k.Number += origin.SegmentNumber(i)
		d.Break(func(r cqldouble.Request) cqldouble.Breakage {
			if !strings.HasPrefix(r.Statement, c.at) {
				return cqldouble.Breakage{}
			}
			return cqldouble.Breakage{Applied: c.applied, Answer: &message.WriteTimeout{WriteType: primitive.WriteTypeSimple}}
		})
		if err := table.Put(t.Context(), k, row); !errors.Is(err, origin.ErrTimeout) {
			t.Errorf("%+v: %v", c, err)
		}
		d.Break(nil)
		if c.other {
			if err := table.Put(t.Context(), k, other); !errors.Is(err, origin.ErrExists) {
				t.Errorf("%+v, other bytes: %v", c, err)
			}
		}
		if err := table.Put(t.Context(), k, row); !errors.Is(err, c.again) {
			t.Errorf("%+v, the same again: %v", c, err)
		}
		if o, err := table.Get(t.Context(), k, row.Digest); c.again == nil && (err != nil || string(o.Body) != "live") {
			t.Errorf("%+v, read: %q, %v", c, o.Body, err)
		}
	}
}

// Statements say the consistency that they need, and go only to the nodes of their own data centre.
func TestConsistency(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	here := cluster(d, "us-east")
	table := keyspace(t, cassandra.Config{Cluster: here})
	var mu sync.Mutex
	seen, asked := make(map[string]int), make(map[string]int)
	d.Break(func(r cqldouble.Request) cqldouble.Breakage {
		mu.Lock()
		defer mu.Unlock()
		verb, _, _ := strings.Cut(r.Statement, " ")
		asked[r.Node.IP]++
		seen[fmt.Sprint(verb, " ", r.Node.DC, " ", r.Consistency)]++
		return cqldouble.Breakage{}
	})
	k := key
	k.Part = 1
	for range 20 {
		if err := table.Put(t.Context(), k, row); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Get(t.Context(), k, row.Digest); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock() // statements to a second node, beside those that were slow, may be under way
	defer mu.Unlock()
	if len(asked) != 3 {
		t.Errorf("statements went to %v, want all three nodes", asked)
	}
	if len(seen) != 2 || !hasSuffixed(seen, "INSERT us-east", "LOCAL_QUORUM", 20) || !hasSuffixed(seen, "SELECT us-east", "LOCAL_QUORUM", 20) {
		t.Errorf("statements %v", seen)
	}
}

func hasSuffixed(seen map[string]int, prefix, part string, count int) bool {
	for k, n := range seen {
		if strings.HasPrefix(k, prefix) && strings.Contains(k, part) {
			return n >= count // more when the machine is slow: a second node is asked beside the first
		}
	}
	return false
}

// Another region has an object when it can serve it, and its silence is not "not found".
func TestArrivals(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	c := cassandra.Config{Cluster: cluster(d, "us-east"), Keyspace: "live"}
	here := keyspace(t, c)
	c.Cluster, c.Timeout = cluster(d, "us-west"), 300*time.Millisecond
	there := open(t, c)
	arrivals := cassandra.NewArrivals(there)
	d.Split(true)
	if err := here.Put(t.Context(), key, row); err != nil {
		t.Fatal(err)
	}
	if err := arrivals.Put(t.Context(), key, row); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("split off: %v", err)
	}
	d.Split(false)
	if err := arrivals.Put(t.Context(), key, row); err != nil {
		t.Errorf("after the split: %v", err)
	}
	if o, err := arrivals.Get(t.Context(), key, row.Digest); err != nil || string(o.Body) != "live" {
		t.Errorf("read there: %q, %v", o.Body, err)
	}
	for _, n := range d.Nodes {
		if n.DC == "us-west" {
			d.Down(n)
		}
	}
	if _, err := arrivals.Get(t.Context(), key, 0); !errors.Is(err, origin.ErrUnreachable) {
		t.Errorf("is the region there: %v", err)
	}
}

// Without one node of three all goes on, and whoever watches hears of it, and of its return.
func TestNodeDown(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	news := make(chan string, 100)
	c := cassandra.Config{Cluster: cluster(d, "us-east"), Watch: func(node string, up bool) { news <- fmt.Sprint(node, up) }}
	table := keyspace(t, c)
	var gone *cqldouble.Node
	for _, n := range d.Nodes {
		if n.DC == "us-east" {
			gone = n
		}
	}
	put := func() error { return table.Put(t.Context(), key, row) }
	if err := put(); err != nil {
		t.Fatal(err)
	}
	d.Down(gone)
	settle(t, put, nil)
	expect(t, news, gone.IP+"false")
	for range 20 {
		if err := put(); err != nil {
			t.Errorf("one of three is gone: %v", err)
		}
	}
	time.Sleep(2500 * time.Millisecond) // the driver finds out each second that it is still gone, which is no news
	if err := d.Up(gone); err != nil {
		t.Fatal(err)
	}
	expect(t, news, gone.IP+"true")
	for _, n := range d.Nodes {
		d.Down(n)
	}
	settle(t, put, origin.ErrUnreachable)
}

func expect(t *testing.T, news chan string, want string) {
	t.Helper()
	select {
	case got := <-news:
		if got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	case <-time.After(time.Minute):
		t.Errorf("never heard %s", want)
	}
}

// Passwords are asked for, and those that do not fit are an error that says whose.
func TestCredentials(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{User: "live", Password: "secret"})
	c := cassandra.Config{Cluster: cluster(d, "us-east"), Keyspace: "live"}
	for password, says := range map[string]string{"wrong": `does not let "live" in`, "": "asks for a user and a password"} {
		if c.User, c.Password = "live", password; password == "" {
			c.User = ""
		}
		table, err := cassandra.Open(t.Context(), c)
		if err == nil {
			table.Close()
		}
		if !errors.Is(err, cassandra.ErrRefused) || !strings.Contains(err.Error(), says) {
			t.Errorf("with password %q: %v", password, err)
		}
		if password != "" && strings.Contains(err.Error(), password+" ") {
			t.Errorf("the password is told: %v", err)
		}
	}
	c.User, c.Password = "live", "secret"
	if err := keyspace(t, c).Put(t.Context(), key, row); err != nil {
		t.Error(err)
	}
}

// A cluster that does not answer is left within the caller's patience.
func TestOpenPatience(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	for _, n := range d.Nodes {
		d.Down(n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cassandra.Open(ctx, cassandra.Config{Cluster: cluster(d, "us-east"), Keyspace: "live"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, c := range []cassandra.Config{{Keyspace: "Live"}, {Keyspace: "a;drop"}, {}, {Keyspace: "live"},
		{Keyspace: "live", Cluster: cassandra.Cluster{LocalDC: "us-east"}}} {
		if _, err := cassandra.Open(t.Context(), c); err == nil {
			t.Errorf("opened %+v", c)
		}
	}
}

// A row that cannot be kept is refused before anything is claimed for it.
func TestRowLimits(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	table := keyspace(t, cassandra.Config{Cluster: cluster(d, "us-east")})
	for _, o := range []origin.Object{{Size: 1}, {Body: []byte("xx"), Size: 1}, {Body: make([]byte, cassandra.MaxRow+1), Size: cassandra.MaxRow + 1}} {
		if err := table.Put(t.Context(), key, o); err == nil {
			t.Errorf("took a row of %d bytes that says %d", len(o.Body), o.Size)
		}
	}
	if err := table.Put(t.Context(), key, row); err != nil {
		t.Error(err)
	}
}

// A node that stands still says nothing, and the driver keeps sending it statements: each goes to another node as well,
// and no call waits for the one that does not answer.
func TestNodeThatStandsStill(t *testing.T) {
	d := start(t, cqldouble.Config{})
	c := cassandra.Config{Cluster: cluster(d, "us-east"), Timeout: 10 * time.Second}
	table := keyspace(t, c)
	still := d.Nodes[0].IP // of us-east
	d.Break(func(r cqldouble.Request) cqldouble.Breakage {
		if r.Node.IP == still {
			return cqldouble.Breakage{Delay: 5 * time.Second}
		}
		return cqldouble.Breakage{}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // for all, of which half would wait
	defer cancel()
	body := []byte("a segment")
	for n := range origin.SegmentNumber(8) {
		key := origin.Key{Event: "e", Rendition: "v", Number: n, Pipeline: "a"}
		o := origin.Object{Body: body, Size: len(body), Digest: origin.Checksum(body)}
		if err := table.Put(ctx, key, o); err != nil {
			t.Fatalf("put %d: %v", n, err)
		}
		if _, err := table.Get(ctx, key, o.Digest); err != nil {
			t.Fatalf("get %d: %v", n, err)
		}
	}
}

// Where there is no second node, whoever is slow is waited for.
func TestOnlyNodeIsSlow(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	table := keyspace(t, cassandra.Config{Cluster: cluster(d, "us-west")})
	d.Break(func(cqldouble.Request) cqldouble.Breakage { return cqldouble.Breakage{Delay: 250 * time.Millisecond} })
	if err := table.Put(t.Context(), key, row); err != nil {
		t.Error(err)
	}
	if o, err := table.Get(t.Context(), key, row.Digest); err != nil || string(o.Body) != "live" {
		t.Errorf("%q, %v", o.Body, err)
	}
}
