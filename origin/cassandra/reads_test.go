package cassandra_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
)

// asked is which statements there were, by verb and by where they went. How many says nothing: one that is slow goes to a
// second node as well.
type asked struct {
	mu    sync.Mutex
	where map[string]bool
}

func (a *asked) watch(name string, d *cqldouble.Cluster) {
	d.Break(func(r cqldouble.Request) cqldouble.Breakage {
		a.mu.Lock()
		defer a.mu.Unlock()
		verb, _, _ := strings.Cut(r.Statement, " ")
		a.where[verb+" "+name+" "+r.Node.DC] = true
		return cqldouble.Breakage{}
	})
}

// since says what was asked since the last time.
func (a *asked) since() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer clear(a.where)
	return strings.Join(slices.Sorted(maps.Keys(a.where)), ", ")
}

// chunk is a row that is written with one statement.
var chunk = origin.Key{Event: "final", Rendition: "v1080", Pipeline: "a", Number: 42, Part: 1}

func expectRow(t *testing.T, table *cassandra.Table, a *asked, want string) {
	t.Helper()
	o, err := table.Get(t.Context(), chunk, row.Digest)
	if got := a.since(); err != nil || string(o.Body) != "live" || got != want {
		t.Errorf("read %q, %v, by %s, want %s", o.Body, err, got, want)
	}
}

// Another data centre of the cluster serves the reads once it has been copied to, and none of them meets the writes. What
// has not been copied yet can be read all the same. While its nodes are away, reads do not turn to those that writes need.
func TestReadsInAnotherDataCentre(t *testing.T) {
	t.Parallel()
	d := start(t, cqldouble.Config{})
	there := cluster(d, "us-west")
	table := keyspace(t, cassandra.Config{Cluster: cluster(d, "us-east"), Reads: &there})
	a := &asked{where: map[string]bool{}}
	a.watch("A", d)
	d.Split(true)
	if err := table.Put(t.Context(), chunk, row); err != nil || a.since() != "INSERT A us-east" {
		t.Fatal(err)
	}
	expectRow(t, table, a, "SELECT A us-east, SELECT A us-west")
	d.Split(false)
	expectRow(t, table, a, "SELECT A us-west")
	if o, err := table.GetFrom(t.Context(), 0, chunk, row.Digest); err != nil || string(o.Body) != "live" || a.since() != "SELECT A us-west" {
		t.Errorf("the replica: %q, %v", o.Body, err)
	}
	if _, err := table.Get(t.Context(), chunk, 1); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("what is nowhere: %v", err)
	}
	a.since()
	for _, n := range d.Nodes {
		if n.DC == "us-west" {
			d.Down(n)
		}
	}
	settle(t, func() error { _, err := table.Get(t.Context(), chunk, row.Digest); return err }, origin.ErrUnreachable)
	if got := a.since(); strings.Contains(got, "us-east") {
		t.Errorf("reads went where rows are written: %s", got)
	}
}
