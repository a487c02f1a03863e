package containers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios/databases"
	"github.com/liveorigin/liveorigin/sim/containers"
	"github.com/liveorigin/liveorigin/sim/stack"
)

// Reads go to the data centre that is named for them and to no other: where it has no copies there is no quorum to read
// at, with all replicas of the writes at hand. Where it has some, as a file of databases says, what was put is read at once.
func testReads(t *testing.T, s *containers.Stack) {
	from := cluster(s, there)
	c := keyspace(t, s, map[string]int{here: replicas(s)[here]})
	c.Reads = &from
	pinned := openTable(t, c)
	k, o := segment(0)
	if err := pinned.Put(t.Context(), k, o); err != nil {
		t.Error(err)
	}
	if _, err := pinned.Get(t.Context(), k, o.Digest); !errors.Is(err, origin.ErrNoQuorum) {
		t.Errorf("without a copy where reads are made: %v", err)
	}
	d := fileOf(s)
	if err := d.CreateKeyspace(t.Context(), []string{here}, t.Name()); err != nil {
		t.Fatal(err)
	}
	real := stack.NewReal(t.Context(), d, false)
	defer func() {
		real.Close()
		if err := d.DropKeyspace(context.Background(), []string{here}); err != nil {
			t.Error(err)
		}
	}()
	rows, err := real.Rows(here)
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, rows.Table, nil)
	for n := range 10 {
		k, o := segment(n)
		if err := store.Put(t.Context(), k, o); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Get(t.Context(), k, o.Digest); err != nil || !bytes.Equal(got.Body, o.Body) {
			t.Errorf("segment %d of %d bytes is read as %d bytes: %v", n, o.Size, got.Size, err)
		}
	}
}

// fileOf is what a file would say of a stack whose one region writes here and reads there.
func fileOf(s *containers.Stack) databases.Config {
	to, from := cluster(s, here), cluster(s, there)
	for own, at := range from.Published { // any order: another map
		to.Published[own] = at
	}
	return databases.Config{Keyspace: fmt.Sprintf("t%x", time.Now().UnixNano()), Retention: time.Hour, Regions: map[string]databases.Region{
		here: {Datacenter: here, Hosts: to.Hosts, Published: to.Published, Replicas: replicas(s)[here],
			Reads: &databases.Reads{Datacenter: there, Hosts: from.Hosts, Replicas: replicas(s)[there]}}}}
}
