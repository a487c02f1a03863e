package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/memcached"
)

// What one process uses of the databases. A segment's put has a second (keyvalue.DefaultTimeout), and the packager two
// for all its tries; statements are waited for a little longer than Cassandra waits itself, which says more.
const (
	statementTimeout   = 3 * time.Second
	cacheNodeTimeout   = 50 * time.Millisecond
	databaseConnection = 2  // to each node of Cassandra
	cacheConnections   = 16 // to each node of memcached
)

const defaultReplicas = 3

// Real is the Storage of real databases, for one process.
type Real struct {
	ctx       context.Context
	databases Databases
	cached    bool // the scenario has a cache
	// Watch is told when a node of Cassandra goes and comes, by its own address; nil is told nothing.
	Watch func(region, node string, up bool)

	tables []*cassandra.Table
	caches []*memcached.Node
}

// NewReal makes a Storage that connects to a region when it is asked for its rows. Close ends all connections.
func NewReal(ctx context.Context, d Databases, cached bool) *Real {
	return &Real{ctx: ctx, databases: d, cached: cached}
}

// Rows implements Storage.
func (s *Real) Rows(region string) (Rows, error) {
	table, err := s.Table(region)
	if err != nil {
		return Rows{}, err
	}
	rows := Rows{Table: table}
	if !s.cached {
		return rows, nil
	}
	for _, address := range s.databases.Regions[region].Memcached {
		node, err := memcached.Open(memcached.Config{Address: address, Connections: cacheConnections, Timeout: cacheNodeTimeout})
		if err != nil {
			return Rows{}, fmt.Errorf("region %s: memcached: %w", region, err)
		}
		s.caches = append(s.caches, node)
		rows.Caches = append(rows.Caches, node)
	}
	return rows, nil
}

// Table connects to a region's table.
func (s *Real) Table(region string) (*cassandra.Table, error) {
	c, err := s.databases.config(region)
	if err != nil {
		return nil, err
	}
	if s.Watch != nil {
		c.Watch = func(node string, up bool) { s.Watch(region, node, up) }
	}
	table, err := cassandra.Open(s.ctx, c)
	if err != nil {
		return nil, fmt.Errorf("region %s: %w", region, err)
	}
	s.tables = append(s.tables, table)
	return table, nil
}

// Strike implements Storage: what faults do to databases is done by hands.
func (*Real) Strike(faults.Striker) {}

// Stored implements Storage: databases count for themselves.
func (*Real) Stored() []Stored { return nil }

// Close ends all connections.
func (s *Real) Close() {
	for _, t := range s.tables {
		t.Close()
	}
	for _, c := range s.caches {
		c.Close()
	}
}

// config says how to reach a region's part of the keyspace.
func (d *Databases) config(region string) (c cassandra.Config, err error) {
	r, ok := d.Regions[region]
	if !ok {
		return c, d.For([]string{region})
	}
	password, err := d.Cassandra.Password()
	if err != nil {
		return c, err
	}
	tls, err := d.Cassandra.TLS.Config()
	if err != nil {
		return c, err
	}
	to := func(datacenter string, hosts []string) cassandra.Cluster {
		return cassandra.Cluster{Hosts: hosts, Published: r.Published, LocalDC: datacenter, User: d.Cassandra.User,
			Password: password, TLS: tls, Connections: databaseConnection}
	}
	c = cassandra.Config{Cluster: to(r.Datacenter, r.Hosts), Keyspace: d.Keyspace, Timeout: statementTimeout,
		Retention: d.Retention}
	if r.Reads != nil {
		reads := to(r.Reads.Datacenter, r.Reads.Hosts)
		c.Reads = &reads
	}
	return c, nil
}

// CreateKeyspace makes the run's own keyspace in the regions that a scenario has.
func (d *Databases) CreateKeyspace(ctx context.Context, regions []string, owner string) error {
	c, err := d.config(regions[0])
	if err != nil {
		return err
	}
	schema := cassandra.Schema{Replication: map[string]int{}, Retention: d.Retention, Owner: owner}
	for _, region := range regions {
		r := d.Regions[region]
		schema.Replication[r.Datacenter] = cmp.Or(r.Replicas, defaultReplicas)
		if r.Reads != nil {
			schema.Replication[r.Reads.Datacenter] = cmp.Or(r.Reads.Replicas, defaultReplicas)
		}
	}
	return schema.CreateKeyspace(ctx, c)
}

// DropKeyspace drops what CreateKeyspace made.
func (d *Databases) DropKeyspace(ctx context.Context, regions []string) error {
	c, err := d.config(regions[0])
	if err != nil {
		return err
	}
	return cassandra.DropKeyspace(ctx, c)
}

// announced is where Cassandra copies from: everything that is announced is there, and nobody has to read it.
type announced struct{ origin.Store }

// Get implements origin.Store.
func (announced) Get(_ context.Context, _ origin.Key, digest uint32) (origin.Object, error) {
	return origin.Object{Digest: digest}, nil
}

// withoutActors leaves out the faults that do to real parts what they would otherwise pretend.
func withoutActors(fs []faults.Fault) []faults.Fault {
	return slices.DeleteFunc(slices.Clone(fs), func(f faults.Fault) bool {
		_, acts := f.(faults.Actor)
		return acts
	})
}
