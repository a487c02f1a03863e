package containers

import (
	"context"
	"errors"
	"fmt"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// Probe asks a part for the very thing that a fault keeps it from, once: an answer at all; an answer that takes other
// nodes of its region, or of all regions; or to store something.
func (s *Stack) Probe(ctx context.Context, name string, f Fault) error {
	part, _, err := s.target(name, f)
	if err != nil {
		return err
	}
	if part.Kind == Memcached {
		_, err := pingMemcached(ctx, part.Address.String())
		return err
	}
	asked := make(chan error, 1)
	go func() { asked <- probeNode(ctx, part, f) }() // the driver does not leave a handshake when ctx ends
	select {
	case err := <-asked:
		return err
	case <-ctx.Done():
		return fmt.Errorf("probe %s: %w", name, ctx.Err())
	}
}

// probeNode speaks to one node alone.
func probeNode(ctx context.Context, part Part, f Fault) error {
	within := pingWithin
	if last, ok := ctx.Deadline(); ok {
		within = time.Until(last)
	}
	session, err := dialWithin(part, within)
	if err != nil {
		return err
	}
	defer session.Close()
	switch f {
	case Disconnect:
		return heard(ctx, session, gocql.LocalQuorum)
	case Partition:
		return heard(ctx, session, gocql.All)
	case FillDisk:
		return session.Query("INSERT INTO liveorigin_mesh.heard (node, at) VALUES (?, ?)", part.Name, time.Now()).
			Consistency(gocql.All).ExecContext(ctx)
	}
	var version string
	return session.Query("SELECT release_version FROM system.local").ScanContext(ctx, &version)
}

// heard reads at a consistency that takes others.
func heard(ctx context.Context, session *gocql.Session, c gocql.Consistency) error {
	var at time.Time
	err := session.Query("SELECT at FROM liveorigin_mesh.heard WHERE node = 'nobody'").Consistency(c).ScanContext(ctx, &at)
	if errors.Is(err, gocql.ErrNotFound) {
		return nil
	}
	return err
}
