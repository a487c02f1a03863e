// Package cassandratest is what a cluster has to be able to do for package cassandra: a suite for the real one, wherever
// it runs, and for the double in package cqldouble.
package cassandratest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/origintest"
)

// Subject is a cluster of two data centres. Its nodes answer, and keyspaces may be made and dropped.
type Subject struct {
	Here, There cassandra.Cluster
	// Replicas is how many nodes each of the data centres has, all of which have a copy of everything.
	Replicas map[string]int
}

// UnseenHeartbeat lets a test's end pass over a goroutine that the driver (v2.1.2) forgets: a session that is closed before its
// heartbeat was first scheduled never tells it to stop. One in some hundred sessions that live for milliseconds, on a busy
// machine; whoever forgets to close a session leaves more behind, which is still found.
var UnseenHeartbeat = goleak.IgnoreAnyFunction("github.com/apache/cassandra-gocql-driver/v2.(*controlConn).heartBeat")

// Run runs the suite in a keyspace of its own, which is dropped at the end.
func Run(t *testing.T, s Subject) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := cassandra.Config{Cluster: s.Here, Keyspace: fmt.Sprintf("t%x", time.Now().UnixNano()), Retention: 25 * time.Minute}
	schema := cassandra.Schema{Replication: s.Replicas, Retention: c.Retention, Owner: t.Name()}
	if err := schema.CreateKeyspace(ctx, c); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cassandra.DropKeyspace(context.Background(), c); err != nil {
			t.Error(err)
		}
	}()
	t.Run("schema", func(t *testing.T) { checkSchema(ctx, t, schema, c) })
	t.Run("store", func(t *testing.T) {
		origintest.Run(t, origintest.Subject{Rows: true, MaxBody: 1 << 20,
			New:   func(t *testing.T, _ origin.Runtime) origin.Store { return open(ctx, t, c) },
			Again: func(t *testing.T, _ origin.Store) origin.Store { return open(ctx, t, c) },
		})
	})
	t.Run("replicas", func(t *testing.T) { checkReplicas(ctx, t, c, s.Replicas[s.Here.LocalDC]) })
	t.Run("arrivals", func(t *testing.T) { checkArrivals(ctx, t, c, s.There) })
	t.Run("reads", func(t *testing.T) { checkReads(ctx, t, c, s.There, s.Replicas[s.There.LocalDC]) })
	t.Run("ledger", func(t *testing.T) { checkLedger(ctx, t, c, s.There) })
	t.Run("refusals", func(t *testing.T) { checkRefusals(ctx, t, c) })
}

func open(ctx context.Context, t *testing.T, c cassandra.Config) *cassandra.Table {
	t.Helper()
	table, err := cassandra.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(table.Close)
	return table
}

// checkSchema: what was made is what was wanted, is made only once, and what differs is told.
func checkSchema(ctx context.Context, t *testing.T, s cassandra.Schema, c cassandra.Config) {
	if differences, err := s.Check(ctx, c); err != nil || len(differences) > 0 {
		t.Errorf("as made: %v, differs in %q", err, differences)
	}
	if err := s.CreateKeyspace(ctx, c); err == nil {
		t.Error("the same keyspace was made twice")
	}
	checkMisfits(ctx, t, s, c)
	s.Retention *= 4
	differences, err := s.Check(ctx, c)
	if all := strings.Join(differences, "\n"); err != nil || !strings.Contains(all, c.Keyspace+".rows: compaction is "+
		"TimeWindowCompactionStrategy of 1 MINUTES, want TimeWindowCompactionStrategy of 4 MINUTES") || len(differences) != 6 {
		t.Errorf("of another retention: %v, differs in\n%s", err, all)
	}
	c.Keyspace = "system_auth"
	if err := cassandra.DropKeyspace(ctx, c); !errors.Is(err, cassandra.ErrNotOurs) {
		t.Errorf("dropping what others made: %v", err)
	}
	c.Keyspace = "nowhere"
	if differences, err := s.Check(ctx, c); err != nil || len(differences) != 2 {
		t.Errorf("of a keyspace that is not there: %v, %q", err, differences)
	}
	if err := cassandra.DropKeyspace(ctx, c); !errors.Is(err, cassandra.ErrNoKeyspace) {
		t.Errorf("dropping nothing: %v", err)
	}
}

// checkMisfits: replicas that cannot be anywhere are refused, and nothing is made.
func checkMisfits(ctx context.Context, t *testing.T, s cassandra.Schema, c cassandra.Config) {
	have := s.Replication[c.LocalDC]
	for says, replication := range map[string]map[string]int{
		`no data centre "atlantis" in the cluster; there are `:                {c.LocalDC: have, "atlantis": 1},
		fmt.Sprintf("has %d nodes, and %d replicas are wanted", have, have+1): {c.LocalDC: have + 1},
	} {
		s.Replication, c.Keyspace = replication, c.Keyspace+"x"
		if err := s.CreateKeyspace(ctx, c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("keyspace with replicas %v: %v, want %q", replication, err, says)
		}
		if differences, err := s.Check(ctx, c); err != nil || len(differences) != 2 {
			t.Errorf("keyspace with replicas %v was made: %v, %q", replication, err, differences)
		}
	}
}

// checkReplicas: every replica has what a quorum took, soon after, and a repair reaches all.
func checkReplicas(ctx context.Context, t *testing.T, c cassandra.Config, replicas int) {
	table := open(ctx, t, c)
	key, o := origin.Key{Event: "replicas", Rendition: "v", Pipeline: "a", Number: origin.Header}, object("first")
	for _, write := range []func(context.Context, origin.Key, origin.Object) error{table.Put, table.Repair} {
		if err := write(ctx, key, o); err != nil {
			t.Fatal(err)
		}
		for i := range replicas {
			soon(ctx, t, fmt.Sprintf("replica %d", i), func() error {
				got, err := table.GetFrom(ctx, i, key, o.Digest)
				if err == nil && string(got.Body) != string(o.Body) {
					t.Fatalf("replica %d has %q", i, got.Body)
				}
				return err
			})
		}
		o.Body = []byte("mended") // under the same digest, as a repaired one is
		o.Size = len(o.Body)
	}
	for _, i := range []int{-1, replicas} {
		if _, err := table.GetFrom(ctx, i, key, o.Digest); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("replica %d of %d: %v", i, replicas, err)
		}
	}
}

// checkArrivals: what was put here arrives there, and not before.
func checkArrivals(ctx context.Context, t *testing.T, c cassandra.Config, there cassandra.Cluster) {
	here := open(ctx, t, c)
	c.Cluster = there
	arrivals := cassandra.NewArrivals(open(ctx, t, c))
	key, o := origin.Key{Event: "arrivals", Rendition: "v", Pipeline: "a", Number: 1}, object("on its way")
	if err := arrivals.Put(ctx, key, o); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("arrived before it was sent: %v", err)
	}
	if _, err := arrivals.Get(ctx, key, 0); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("asked whether it is there: %v", err)
	}
	if err := here.Put(ctx, key, o); err != nil {
		t.Fatal(err)
	}
	soon(ctx, t, "arrival", func() error { return arrivals.Put(ctx, key, o) })
	if err := arrivals.Put(ctx, key, object("another")); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("arrival of other bytes: %v", err)
	}
}

// checkReads: what was put here is read at once, though reads are made there; and it is there soon.
func checkReads(ctx context.Context, t *testing.T, c cassandra.Config, there cassandra.Cluster, replicas int) {
	c.Reads = &there
	table := open(ctx, t, c)
	for n := range origin.SegmentNumber(20) {
		key, o := origin.Key{Event: "reads", Rendition: "v", Pipeline: "a", Number: n}, object(fmt.Sprint("segment ", n))
		if err := table.Put(ctx, key, o); err != nil {
			t.Fatal(err)
		}
		if got, err := table.Get(ctx, key, o.Digest); err != nil || string(got.Body) != string(o.Body) {
			t.Errorf("segment %d is read as %q, %v", n, got.Body, err)
		}
		soon(ctx, t, "the copy there", func() error { _, err := table.GetFrom(ctx, replicas-1, key, o.Digest); return err })
		if _, err := table.GetFrom(ctx, replicas, key, o.Digest); !errors.Is(err, origin.ErrNotFound) {
			t.Errorf("a copy that is not there: %v", err)
		}
	}
}

// checkLedger: whoever opens the tables later, here or there, finds the candidates of a range and nothing else, as they were
// put, and no longer than they are kept.
func checkLedger(ctx context.Context, t *testing.T, c cassandra.Config, elsewhere cassandra.Cluster) {
	table := open(ctx, t, c)
	put := func(number origin.SegmentNumber, pipeline string, defects origin.Defects, digest uint32, until time.Duration) origin.Announcement {
		a := origin.Announcement{Key: origin.Key{Event: "ledger", Rendition: "v", Number: number, Pipeline: pipeline},
			Candidate: origin.Candidate{Pipeline: pipeline, Region: "us-west", Defects: defects, Digest: digest, Size: int(digest % 1000)}}
		o := origin.Object{Body: []byte("index"), Size: 5, Digest: digest, ExpiresAt: time.Now().Add(until), Candidate: &a.Candidate}
		if err := table.Put(ctx, a.Key, o); err != nil {
			t.Fatal(err)
		}
		return a
	}
	header := put(origin.Header, "a", 0, 1, time.Hour)
	first := put(4095, "a", origin.ShortSegment|origin.EpochLock, 0xfedcba98, time.Hour)
	next := put(4096, "a", 0, 2, time.Hour)
	put(4097, "a", 0, 3, time.Hour)
	again := put(4097, "a", origin.ShortSegment, 3, time.Hour)
	put(4096, "b", 0, 4, time.Hour)
	put(4098, "a", 0, 5, time.Second)
	plain := header.Key
	plain.Number = 4099 // of somebody who announces nothing
	if err := table.Put(ctx, plain, object("plain")); err != nil {
		t.Fatal(err)
	}
	if o, err := table.Get(ctx, first.Key, first.Candidate.Digest); err != nil || string(o.Body) != "index" {
		t.Errorf("read with its candidate: %+v, %v", o, err)
	}
	list := func(table *cassandra.Table, from, to origin.SegmentNumber) string {
		all, err := table.List(ctx, "ledger", "v", "a", from, to)
		return fmt.Sprint(all, err)
	}
	says := func(all ...origin.Announcement) string { return fmt.Sprint(all, error(nil)) }
	c.Cluster = elsewhere
	there := open(ctx, t, c)
	for _, r := range []struct {
		from, to origin.SegmentNumber
		want     string
	}{
		{origin.Header, origin.Header, says(header)},
		{4090, 4094, says()},
		{4093, 4097, says(first, next, again)},
		{4096, 4096, says(next)},
		{4099, 4099, says()},
		{4096, 4095, says()},
	} {
		if got := list(table, r.from, r.to); got != r.want {
			t.Errorf("%d to %d: %s, want %s", r.from, r.to, got, r.want)
		}
		soon(ctx, t, "the list in the other region", func() error {
			if got := list(there, r.from, r.to); got != r.want {
				return fmt.Errorf("%s, want %s", got, r.want)
			}
			return nil
		})
	}
	soon(ctx, t, "what is not kept any more", func() error {
		if got := list(table, 4098, 4098); got != says() {
			return errors.New(got)
		}
		return nil
	})
	if got, err := table.List(ctx, "ledger", "v", "a", 1, 1025); err == nil {
		t.Errorf("a list without bounds: %v", got)
	}
}

// checkRefusals: what cannot work says why at once.
func checkRefusals(ctx context.Context, t *testing.T, c cassandra.Config) {
	wrong := c
	wrong.Keyspace = "nowhere"
	refused(ctx, t, wrong, cassandra.ErrNoKeyspace, "CreateKeyspace")
	wrong.Keyspace = "system_auth"
	refused(ctx, t, wrong, cassandra.ErrNoKeyspace, "not ours")
	wrong = c
	wrong.LocalDC = "atlantis"
	refused(ctx, t, wrong, cassandra.ErrNoDataCentre, `no data centre "atlantis" there; the hosts are in `+c.LocalDC)
	wrong = c
	wrong.Published, wrong.Hosts = nil, []string{"127.0.0.1:1"}
	refused(ctx, t, wrong, origin.ErrUnreachable, "127.0.0.1:1; is it up")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	refused(ended, t, c, context.Canceled, "open cassandra for writing")
}

func refused(ctx context.Context, t *testing.T, c cassandra.Config, want error, says string) {
	t.Helper()
	table, err := cassandra.Open(ctx, c)
	if err == nil {
		table.Close()
	}
	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
		t.Errorf("open: %v\nwant %v, and %q", err, want, says)
	}
}

// soon tries until it works.
func soon(ctx context.Context, t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for range 200 {
		if err = try(); err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func object(body string) origin.Object {
	return origin.Object{Body: []byte(body), Size: len(body),
		Digest: crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)), ExpiresAt: time.Now().Add(time.Minute)}
}
