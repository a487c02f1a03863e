package cassandra

import (
	"context"
	"fmt"

	"github.com/apache/cassandra-gocql-driver/v2"

	"github.com/liveorigin/liveorigin/origin"
)

// Arrivals is where origin.Replication copies to when Cassandra itself does the copying: an origin.Store that stores
// nothing, and whose Put succeeds once the other region has the object. Replication tries until then, and tells the
// region's nodes after.
type Arrivals struct {
	table *Table
}

// NewArrivals watches a table that was opened in the region that is copied to.
func NewArrivals(there *Table) *Arrivals { return &Arrivals{table: there} }

// arrive is where Cassandra copies to: the data centre that the region reads from, unless that is of another cluster. The
// region reads where it writes what has not come there.
func (a *Arrivals) arrive() *gocql.Session {
	if a.table.config.Copies {
		return a.table.writes
	}
	return a.table.reads
}

// Put returns nil once a quorum there has the object's index, which was written last. Chunks travel on their own, so one
// of them may still be on its way: then reading it fails, and a moment later it does not.
func (a *Arrivals) Put(ctx context.Context, key origin.Key, o origin.Object) error {
	key.Part = 0
	if err := has(ctx, a.arrive(), a.table.statements.look, key, o.Digest); err != nil {
		return fmt.Errorf("arrival of %s: %w", name(key), err)
	}
	return nil
}

// Get says ErrNotFound if the region is there to answer, and otherwise why it does not.
func (a *Arrivals) Get(ctx context.Context, key origin.Key, digest uint32) (origin.Object, error) {
	if digest != 0 {
		return a.table.Get(ctx, key, digest)
	}
	if err := has(ctx, a.arrive(), a.table.statements.look, key, 0); err != nil {
		return origin.Object{}, fmt.Errorf("look for %s: %w", name(key), err)
	}
	return origin.Object{}, fmt.Errorf("look for %s: %w", name(key), origin.ErrNotFound)
}
