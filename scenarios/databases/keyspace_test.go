package databases

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
)

// doubles are two clusters that call their data centres the same, and ask for passwords of their own.
func doubles(t *testing.T) (writes, reads *cqldouble.Cluster) {
	t.Helper()
	started := func(user string) *cqldouble.Cluster {
		d, err := cqldouble.Start(cqldouble.Config{Nodes: map[string]int{"dc1": 1}, User: user, Password: "of " + user})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return d
	}
	return started("writer"), started("reader")
}

// over is what a file says of both, and what a process makes of it that is told in JSON.
func over(t *testing.T, writes, reads *cqldouble.Cluster, replicas int) (d Config) {
	t.Helper()
	to, published := writes.Hosts("dc1")
	from, publishedThere := reads.Hosts("dc1")
	dir := t.TempDir()
	for name, content := range map[string]string{"writer": "of writer\n", "reader": "of reader\n", "databases.yaml": fmt.Sprintf(`
cassandra: {user: writer, password_file: writer}
regions:
  us-east:
    {datacenter: dc1, replicas: 1, hosts: [%q], published: {10.0.0.1: %q}, reads:
      {cluster: {user: reader, password_file: reader}, datacenter: dc1, replicas: %d, hosts: [%q], published: {10.0.0.1: %q}}}
`, to[0], published["10.0.0.1"], replicas, from[0], publishedThere["10.0.0.1"])} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := json.Marshal(databasesAt(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(said, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var east = []string{"us-east"}

// What is written to one cluster is copied to the other, which alone is asked for it.
func TestAnotherCluster(t *testing.T) {
	writes, reads := doubles(t)
	d := over(t, writes, reads, 1)
	if err := d.CreateKeyspace(t.Context(), east, "test"); err != nil {
		t.Fatal(err)
	}
	real := New(t.Context(), d, false)
	defer real.Close()
	table, err := real.Table("us-east")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := map[string]bool{}
	since := func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		defer clear(asked)
		return maps.Clone(asked)
	}
	for where, double := range map[string]*cqldouble.Cluster{"writes": writes, "reads": reads} {
		double.Break(func(r cqldouble.Request) cqldouble.Breakage {
			verb, _, _ := strings.Cut(r.Statement, " ")
			mu.Lock()
			defer mu.Unlock()
			asked[verb+" "+where] = true
			return cqldouble.Breakage{}
		})
	}
	k := origin.Key{Event: "e", Rendition: "v", Pipeline: "a", Number: 1, Part: 1}
	o := origin.Object{Body: []byte("live"), Size: 4, Digest: origin.Checksum([]byte("live"))}
	if err := table.Put(t.Context(), k, o); err != nil {
		t.Error(err)
	}
	for range 400 {
		if table.Copies().Made == 1 {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if got, want := since(), map[string]bool{"INSERT writes": true, "INSERT reads": true}; !maps.Equal(got, want) {
		t.Errorf("a put: %v", got)
	}
	var by map[string]bool
	for range 20 { // on a busy machine the copy may be too late once
		if got, err := table.Get(t.Context(), k, o.Digest); err != nil || string(got.Body) != "live" {
			t.Errorf("%q, %v", got.Body, err)
		}
		if by = since(); len(by) == 1 {
			break
		}
	}
	if !maps.Equal(by, map[string]bool{"SELECT reads": true}) {
		t.Errorf("a get: %v", by)
	}
}

// A keyspace is in both clusters, or in none.
func TestKeyspaceInBoth(t *testing.T) {
	writes, reads := doubles(t)
	good, bad := over(t, writes, reads, 1), over(t, writes, reads, 2)
	for range 2 { // what is left of the first would be in the second's way
		if err := bad.CreateKeyspace(t.Context(), east, "test"); err == nil ||
			err.Error() != `where rows are copied to: create keyspace live: data centre "dc1" has 1 nodes, and 2 replicas are wanted` {
			t.Errorf("where it does not fit: %v", err)
		}
		if err := good.CreateKeyspace(t.Context(), east, "test"); err != nil {
			t.Fatal(err)
		}
		if err := good.DropKeyspace(t.Context(), east); err != nil {
			t.Error(err)
		}
	}
	if err := good.DropKeyspace(t.Context(), east); !errors.Is(err, cassandra.ErrNoKeyspace) {
		t.Errorf("there is none to drop: %v", err)
	}
}

// While one cluster is away the keyspace is dropped in the other, and what is left is told, also by who minds no missing one.
func TestDropKeyspaceInOne(t *testing.T) {
	writes, reads := doubles(t)
	d := over(t, writes, reads, 1)
	if err := d.CreateKeyspace(t.Context(), east, "test"); err != nil {
		t.Fatal(err)
	}
	parts, err := d.parts(east)
	if err != nil {
		t.Fatal(err)
	}
	for i, gone := range []*cqldouble.Cluster{writes, reads} {
		node, other := gone.Nodes[0], parts[1-i].config
		gone.Down(node)
		for range 2 { // the second time it is only where nobody answers
			if err := d.DropKeyspace(t.Context(), east); !errors.Is(err, origin.ErrUnreachable) || errors.Is(err, cassandra.ErrNoKeyspace) {
				t.Errorf("with a cluster away: %v", err)
			}
		}
		if err := cassandra.DropKeyspace(t.Context(), other); !errors.Is(err, cassandra.ErrNoKeyspace) {
			t.Errorf("it is still in the cluster that answers: %v", err)
		}
		if err := gone.Up(node); err != nil {
			t.Fatal(err)
		}
		if err := d.DropKeyspace(t.Context(), east); err != nil {
			t.Errorf("the rest: %v", err)
		}
		if err := d.CreateKeyspace(t.Context(), east, "test"); err != nil {
			t.Errorf("something is left: %v", err)
		}
	}
}

// Regions that read in one cluster have one keyspace there, with replicas in the data centres of both.
func TestParts(t *testing.T) {
	d, err := databasesOf(t, `
regions:
  a: {datacenter: dc1, hosts: ["a:1"], reads: {cluster: {}, datacenter: r1, hosts: ["x:1"]}}
  b: {datacenter: dc2, hosts: ["b:1"], replicas: 2, reads: {cluster: {}, datacenter: r2, replicas: 1, hosts: ["y:1", "x:1"]}}
  c: {datacenter: dc3, hosts: ["c:1"], reads: {cluster: {}, datacenter: r1, hosts: ["z:1"]}}
  d: {datacenter: dc4, hosts: ["d:1"], reads: {datacenter: dc5, hosts: ["e:1"]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := d.parts([]string{"a", "b", "c", "d"})
	var got []map[string]int
	for _, p := range parts {
		got = append(got, p.replication)
	}
	want := []map[string]int{{"dc1": 3, "dc2": 2, "dc3": 3, "dc4": 3, "dc5": 3}, {"r1": 3, "r2": 1}, {"r1": 3}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
