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

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/cassandra/cqldouble"
	"github.com/liveorigin/liveorigin/origin/keyvalue"
)

// copying is a table that writes to one cluster, A, and reads from another, B, to which it copies. direct knows only B.
type copying struct {
	*testing.T
	one, other    *cqldouble.Cluster
	table, direct *cassandra.Table
	asked         *asked
}

func startCopying(t *testing.T) *copying {
	t.Helper()
	c := &copying{T: t, one: start(t, cqldouble.Config{}), other: start(t, cqldouble.Config{}), asked: &asked{where: map[string]bool{}}}
	reads := cluster(c.other, "us-west")
	c.direct = keyspace(t, cassandra.Config{Cluster: reads})
	c.table = keyspace(t, cassandra.Config{Cluster: cluster(c.one, "us-east"), Reads: &reads, Copies: true, Timeout: 10 * time.Second})
	c.asked.watch("A", c.one)
	c.asked.watch("B", c.other)
	return c
}

func (c *copying) put(k origin.Key, o origin.Object) {
	c.Helper()
	if err := c.table.Put(c.Context(), k, o); err != nil {
		c.Fatal(err)
	}
}

// await waits until so much has become of copies.
func (c *copying) await(want cassandra.Copies) {
	c.Helper()
	for range 400 {
		if c.table.Copies() == want {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	c.Fatalf("copies: %+v, want %+v", c.table.Copies(), want)
}

func (c *copying) expectAsked(what, want string) {
	c.Helper()
	if got := c.asked.since(); got != want {
		c.Errorf("%s: %s, want %s", what, got, want)
	}
}

// expectCopyRead wants the row to be read in the other cluster only. On a busy machine that may be too slow once.
func (c *copying) expectCopyRead() {
	c.Helper()
	got := ""
	for range 20 {
		if o, err := c.table.Get(c.Context(), chunk, row.Digest); err != nil || string(o.Body) != "live" {
			c.Fatalf("%q, %v", o.Body, err)
		}
		if got = c.asked.since(); got == "SELECT B us-west" {
			return
		}
	}
	c.Errorf("read by %s", got)
}

// breakOther breaks the statements of another cluster that begin with a verb.
func (c *copying) breakOther(verb string, b cqldouble.Breakage) {
	c.other.Break(func(r cqldouble.Request) cqldouble.Breakage {
		if strings.HasPrefix(r.Statement, verb) {
			return b
		}
		return cqldouble.Breakage{}
	})
}

// What is written is copied, and only the copies are read; claims stay where they are looked at, and the ledger is read there.
func TestCopies(t *testing.T) {
	t.Parallel()
	c := startCopying(t)
	c.put(chunk, row)
	c.await(cassandra.Copies{Made: 1})
	c.expectAsked("put", "INSERT A us-east, INSERT B us-west")
	c.expectCopyRead()
	candidate := row
	candidate.Candidate = &origin.Candidate{Pipeline: "a", Region: "us-east", Digest: row.Digest, Size: 4}
	c.put(key, candidate)
	c.await(cassandra.Copies{Made: 2})
	c.expectAsked("commit", "INSERT A us-east, INSERT B us-west, SELECT A us-east")
	if all, err := c.table.List(t.Context(), key.Event, key.Rendition, key.Pipeline, key.Number, key.Number); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	c.expectAsked("list", "SELECT A us-east")
	if err := cassandra.NewArrivals(c.table).Put(t.Context(), key, row); err != nil {
		t.Error(err)
	}
	c.expectAsked("arrival", "SELECT A us-east")
	if err := c.table.Repair(t.Context(), chunk, row); err != nil {
		t.Error(err)
	}
	c.await(cassandra.Copies{Made: 3})
	c.expectAsked("repair", "INSERT A us-east, INSERT B us-west")
	for replica, where := range []string{"A us-east", "A us-east", "A us-east", "B us-west"} {
		if o, err := c.table.GetFrom(t.Context(), replica, chunk, row.Digest); err != nil || string(o.Body) != "live" {
			t.Errorf("replica %d: %q, %v", replica, o.Body, err)
		}
		c.expectAsked(fmt.Sprint("replica ", replica), "SELECT "+where)
	}
	if err := c.table.Put(t.Context(), key, origin.Object{Body: []byte("dead"), Size: 4, Digest: 1}); !errors.Is(err, origin.ErrExists) {
		t.Errorf("other bytes: %v", err)
	}
	if got := c.table.Copies(); got.Made != 3 {
		t.Errorf("what was refused is copied: %+v", got)
	}
}

// A copy is of its row's age, and goes when its row does: what is newer there stays.
func TestCopyIsAsOld(t *testing.T) {
	t.Parallel()
	c := startCopying(t)
	mended, old := origin.Object{Body: []byte("mended"), Size: 6, Digest: row.Digest}, row
	if err := c.direct.Repair(t.Context(), chunk, mended); err != nil {
		t.Fatal(err)
	}
	old.Token.Time = time.Now().Add(-time.Hour)
	c.put(chunk, old)
	c.await(cassandra.Copies{Made: 1})
	if o, err := c.direct.Get(t.Context(), chunk, row.Digest); err != nil || string(o.Body) != "mended" {
		t.Errorf("%q, %v", o.Body, err)
	}
	brief, k := row, chunk
	k.Part, brief.ExpiresAt = 2, time.Now().Add(time.Second)
	c.put(k, brief)
	c.await(cassandra.Copies{Made: 2})
	settle(t, func() error { _, err := c.direct.Get(t.Context(), k, row.Digest); return err }, origin.ErrNotFound)
}

// A row whose copy was lost is read where it was written, once: then it is copied.
func TestCopyLost(t *testing.T) {
	t.Parallel()
	c := startCopying(t)
	c.breakOther("INSERT", cqldouble.Breakage{Answer: &message.Overloaded{ErrorMessage: "too much"}})
	c.put(chunk, row)
	c.await(cassandra.Copies{Failed: 1})
	c.asked.watch("B", c.other)
	c.asked.since()
	for range 100 {
		if o, err := c.table.Get(t.Context(), chunk, row.Digest); err != nil || string(o.Body) != "live" {
			t.Errorf("%q, %v", o.Body, err)
		}
		if c.table.Copies().Made > 0 {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	c.expectAsked("get", "INSERT B us-west, SELECT A us-east, SELECT B us-west")
	c.expectCopyRead()
	if _, err := c.table.Get(t.Context(), chunk, 1); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("what is nowhere: %v", err)
	}
}

// Without the cluster that is read from everything can be read, whether it refuses, says nothing, or is gone.
func TestCopiesAway(t *testing.T) {
	t.Parallel()
	c := startCopying(t)
	c.put(chunk, row)
	c.await(cassandra.Copies{Made: 1})
	get := func(what string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // a statement has twice as long
		defer cancel()
		if o, err := c.table.Get(ctx, chunk, row.Digest); err != nil || string(o.Body) != "live" {
			t.Errorf("%s: %q, %v", what, o.Body, err)
		}
	}
	c.breakOther("SELECT", cqldouble.Breakage{Answer: &message.Unavailable{}})
	get("refuses")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.table.Get(ended, chunk, row.Digest); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
	c.breakOther("SELECT", cqldouble.Breakage{Delay: time.Minute})
	get("says nothing")
	for _, n := range c.other.Nodes {
		c.other.Down(n)
	}
	settle(t, func() error { _, err := c.direct.Get(t.Context(), chunk, row.Digest); return err }, origin.ErrUnreachable)
	get("is gone")
	if err := c.table.Put(t.Context(), chunk, row); err != nil {
		t.Errorf("a put: %v", err)
	}
	if got := c.table.Copies(); got.Made != 1 || got.Unmade != 0 {
		t.Errorf("what that cluster did not say it lacks was copied: %+v", got)
	}
	if _, err := c.table.Get(t.Context(), chunk, 1); !errors.Is(err, origin.ErrNotFound) {
		t.Errorf("what is nowhere: %v", err)
	}
}

// A copy that is damaged in all of its replicas is whole where it was written, and made again from there.
func TestDamagedCopy(t *testing.T) {
	t.Parallel()
	c := startCopying(t)
	ctx, cancel := context.WithCancel(t.Context())
	runtime := new(origin.Wall)
	store := keyvalue.New(keyvalue.Config{Table: c.table, Runtime: runtime, Context: ctx, Timeout: 10 * time.Second})
	defer runtime.Join()
	defer cancel()
	whole := origin.Object{Body: []byte("live"), Size: 4, Digest: origin.Checksum([]byte("live"))}
	if err := store.Put(t.Context(), key, whole); err != nil {
		t.Fatal(err)
	}
	c.await(cassandra.Copies{Made: 1})
	damaged := whole
	damaged.Body = []byte("lives")
	if err := c.direct.Repair(t.Context(), key, damaged); err != nil {
		t.Fatal(err)
	}
	settle(t, func() error {
		if o, err := store.Get(t.Context(), key, whole.Digest); err != nil || string(o.Body) != "live" {
			t.Fatalf("%q, %v", o.Body, err)
		}
		if o, err := c.direct.Get(t.Context(), key, whole.Digest); err != nil || string(o.Body) != "live" {
			return fmt.Errorf("the copy is still %q, %w", o.Body, err)
		}
		return nil
	}, nil)
}

// So many copies are under way, and no more; puts do not wait for them. Close ends them.
func TestCopiesAreBounded(t *testing.T) {
	t.Parallel()
	c := startCopying(t)
	release := make(chan struct{})
	once := sync.OnceFunc(func() { close(release) })
	t.Cleanup(once)
	c.other.Break(func(r cqldouble.Request) cqldouble.Breakage {
		<-release
		return cqldouble.Breakage{}
	})
	const most, more = 64, 5
	k := chunk
	for range most + more {
		k.Number++
		c.put(k, row)
	}
	c.await(cassandra.Copies{Unmade: more})
	once()
	c.await(cassandra.Copies{Made: most, Unmade: more})
	c.breakOther("INSERT", cqldouble.Breakage{Delay: time.Minute})
	c.put(chunk, row)
	began := time.Now()
	c.table.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closed after %v, as if the copy were waited for", took)
	}
	if got, want := c.table.Copies(), (cassandra.Copies{Made: most, Failed: 1, Unmade: more}); got != want {
		t.Errorf("closed: %+v, want %+v", got, want)
	}
}

// The other cluster has a password and a keyspace of its own; errors say which of the two it is.
func TestOpenCopying(t *testing.T) {
	t.Parallel()
	one, other := start(t, cqldouble.Config{}), start(t, cqldouble.Config{User: "reader", Password: "secret"})
	reads := cluster(other, "us-west")
	c := cassandra.Config{Cluster: cluster(one, "us-east"), Copies: true, Keyspace: "live"}
	keyspace(t, cassandra.Config{Cluster: c.Cluster})
	if _, err := cassandra.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "no other cluster is named") {
		t.Errorf("copies to nowhere: %v", err)
	}
	c.Reads = &reads
	if _, err := cassandra.Open(t.Context(), c); !errors.Is(err, cassandra.ErrRefused) || !strings.Contains(err.Error(), "open cassandra for reading: ") {
		t.Errorf("without its password: %v", err)
	}
	reads.User, reads.Password = "reader", "secret"
	if _, err := cassandra.Open(t.Context(), c); !errors.Is(err, cassandra.ErrNoKeyspace) || !strings.Contains(err.Error(), "where rows are read: ") {
		t.Errorf("without its keyspace: %v", err)
	}
}
