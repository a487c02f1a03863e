package cassandra

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/cassandra-gocql-driver/v2"

	"github.com/liveorigin/liveorigin/origin"
)

// MaxRow bounds a row's value, in bytes. Cassandra takes mutations of up to half a segment of its commit log, 16 MiB.
const MaxRow = 8 << 20

// maxTTL is Cassandra's own limit: twenty years.
const maxTTL = 20 * 365 * 24 * time.Hour

// Put implements origin.Store.
func (t *Table) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	if len(o.Body) != o.Size || o.Size > MaxRow {
		return fmt.Errorf("put %s: a row of %d bytes that says %d: want them the same, and at most %d", name(key),
			len(o.Body), o.Size, MaxRow)
	}
	ttl := t.ttl(o.ExpiresAt)
	if key.Part == 0 {
		if err := t.claim(ctx, key, o.Digest, ttl); err != nil {
			return fmt.Errorf("claim %s: %w", name(key), err)
		}
	}
	written := o.Token.Time
	if written.IsZero() {
		written = time.Now()
	}
	if err := t.write(ctx, key, o, ttl, written); err != nil {
		return fmt.Errorf("put %s: %w", name(key), err)
	}
	return nil
}

// copy gives a row to the cluster that is read from, if that is for this table to do. Claims are not copied: they are
// looked at where they are made.
func (t *Table) copy(key origin.Key, o origin.Object, ttl int, written time.Time) {
	if t.copier != nil {
		t.copier.copy(t.insert(t.reads, key, o, ttl, written))
	}
}

// claim returns nil if the key is for these bytes, and ErrExists if it may be for others. See the package's comment for
// why at most one digest gets its nil.
func (t *Table) claim(ctx context.Context, key origin.Key, digest uint32, ttl int) error {
	place := []any{key.Event, key.Rendition, key.Pipeline, int64(key.Number)}
	err := ask(t.writes, t.statements.claim, append(place, int64(digest), ttl)...).ExecContext(ctx)
	if err != nil {
		return explain(err)
	}
	claimants := ask(t.writes, t.statements.claimants, place...).IterContext(ctx)
	var other, claimant int64
	contested := false
	for claimants.Scan(&claimant) {
		if claimant != int64(digest) {
			other, contested = claimant, true
		}
	}
	if err := claimants.Close(); err != nil || !contested {
		return explain(err)
	}
	if err := has(ctx, t.writes, t.statements.look, key, digest); !errors.Is(err, origin.ErrNotFound) {
		return err // nil says that these bytes have had the key since before the others came
	}
	return fmt.Errorf("those with digest %08x: %w", other, origin.ErrExists)
}

// beside is when a statement goes to a second node as well, since the first has not answered: nobody tells the driver of
// a node that stands still, and a put that is three statements would meet it more often than not. Package keyvalue tries
// a whole put again, and may meet it again.
//
// Where only one node is up there is no second one, and the driver would take that for the statement's answer.
type beside struct{ session *gocql.Session }

// Attempts implements gocql.SpeculativeExecutionPolicy.
func (b beside) Attempts() int {
	up := 0
	for _, node := range b.session.GetHosts() {
		if node.IsUp() {
			up++
		}
	}
	return min(max(up-1, 0), 1)
}

// Delay implements gocql.SpeculativeExecutionPolicy.
func (beside) Delay() time.Duration { return 100 * time.Millisecond }

// ask is a statement at a quorum of the data centre. Each of ours can be done twice.
func ask(s *gocql.Session, statement string, args ...any) *gocql.Query {
	return s.Query(statement, args...).Consistency(gocql.LocalQuorum).Idempotent(true).SetSpeculativeExecutionPolicy(beside{s})
}

// write writes a row. Once it is at its quorum it may be copied.
func (t *Table) write(ctx context.Context, key origin.Key, o origin.Object, ttl int, written time.Time) error {
	if err := t.insert(t.writes, key, o, ttl, written).ExecContext(ctx); err != nil {
		return explain(err)
	}
	t.copy(key, o, ttl, written)
	return nil
}

// insert is the statement that writes a row. To write it again, with the same bytes and time, changes nothing. The row that
// commits an object has its candidate besides, for List.
func (t *Table) insert(to *gocql.Session, key origin.Key, o origin.Object, ttl int, written time.Time) *gocql.Query {
	var expires int64
	if !o.ExpiresAt.IsZero() {
		expires = o.ExpiresAt.UnixMicro()
	}
	values := append(keyOf(key, o.Digest), o.Body, expires)
	statement := t.statements.write
	if c := o.Candidate; c != nil && key.Part == 0 {
		statement = t.statements.commit
		values = append(values, c.Region, strings.Join(c.Defects.Names(), ","), int64(c.Size))
	}
	return ask(to, statement, append(values, ttl, written.UnixMicro())...)
}

// ttl is how long a row is kept, in whole seconds, rounded up so that nothing goes early; zero is for ever.
func (t *Table) ttl(expires time.Time) int {
	limit := min(t.config.Retention, maxTTL)
	if expires.IsZero() {
		return int(limit.Seconds())
	}
	left := min(time.Until(expires), maxTTL)
	if limit > 0 {
		left = min(left, limit)
	}
	return max(1, int(math.Ceil(left.Seconds())))
}

// Get implements origin.Store.
func (t *Table) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	o, err := t.get(ctx, key, digest)
	if err != nil {
		return o, fmt.Errorf("get %s: %w", name(key), err)
	}
	return o, nil
}

// patience is for how long another cluster is waited for until a row is read where it was written. A node that stands still
// has been passed over by then (beside), and of the time that package keyvalue has for an object, index and chunks take
// little more than half if that cluster says nothing at all.
const patience = 200 * time.Millisecond

// get reads a row where rows are read, and where it was written if it has not been copied yet. What another cluster does not
// give at all, or not soon, is read there too.
func (t *Table) get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	first := ctx
	if t.copier != nil {
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	o, err := t.read(first, t.reads, key, digest, atQuorum)
	missing := errors.Is(err, origin.ErrNotFound)
	if err == nil || t.config.Reads == nil || !missing && t.copier == nil {
		return o, err
	}
	asked := time.Now()
	o, err = t.read(ctx, t.writes, key, digest, atQuorum)
	if err == nil && missing {
		t.copy(key, o, t.ttl(o.ExpiresAt), asked) // when it was written is not known, and a repair that comes now is newer
	}
	return o, err
}

func atQuorum(q *gocql.Query) *gocql.Query { return q.Consistency(gocql.LocalQuorum) }

// GetFrom implements keyvalue.Replicated. It asks the i-th node of the data centre, in the order of racks, for what it
// has by itself: exactly a replica's copy where a data centre has as many nodes as replicas, and otherwise the copy of
// the replica that this node prefers. Where rows are copied to another cluster, that has the last nodes: a row that is
// damaged there, or never came, is whole where it was written.
func (t *Table) GetFrom(ctx context.Context, replica int, key origin.Key, digest uint32) (origin.Object, error) {
	if replica < 0 || replica >= len(t.replicas) {
		return origin.Object{}, fmt.Errorf("get %s from replica %d of %d: %w", name(key), replica, len(t.replicas),
			origin.ErrNotFound)
	}
	from := t.replicas[replica]
	o, err := t.read(ctx, from.session, key, digest, func(q *gocql.Query) *gocql.Query {
		return q.Consistency(gocql.LocalOne).SetHostID(from.host)
	})
	if err != nil {
		return o, fmt.Errorf("get %s from replica %d: %w", name(key), replica, err)
	}
	return o, nil
}

func (t *Table) read(ctx context.Context, from *gocql.Session, key origin.Key, digest uint32, how func(*gocql.Query) *gocql.Query) (
	origin.Object, error) {
	o := origin.Object{Digest: digest}
	var expires int64
	err := how(ask(from, t.statements.read, keyOf(key, digest)...)).ScanContext(ctx, &o.Body, &expires)
	if err != nil {
		return origin.Object{}, explain(err)
	}
	if o.Size = len(o.Body); expires != 0 {
		o.ExpiresAt = time.UnixMicro(expires)
	}
	return o, nil
}

// Repair implements keyvalue.Replicated: a newer time makes all replicas take the row again, and those of copies too.
func (t *Table) Repair(ctx context.Context, key origin.Key, o origin.Object) error {
	if err := t.write(ctx, key, o, t.ttl(o.ExpiresAt), time.Now()); err != nil {
		return fmt.Errorf("repair %s: %w", name(key), err)
	}
	return nil
}

// has says whether a row can be read at a quorum, without reading it.
func has(ctx context.Context, s *gocql.Session, look string, key origin.Key, digest uint32) error {
	var expires int64
	return explain(ask(s, look, keyOf(key, digest)...).ScanContext(ctx, &expires))
}

func keyOf(k origin.Key, digest uint32) []any {
	return []any{k.Event, k.Rendition, k.Pipeline, int64(k.Number), k.Part, int64(digest)}
}

// name is a row's for people to read.
func name(k origin.Key) string {
	return fmt.Sprintf("%s/%s/%d of %s, part %d", k.Event, k.Rendition, k.Number, k.Pipeline, k.Part)
}
