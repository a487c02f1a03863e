package databases

import (
	"context"
	"fmt"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/cassandra"
	"github.com/liveorigin/liveorigin/origin/memcached"
)

// What one process uses of the databases. A put of a segment has less time (keyvalue.DefaultTimeout), and the packager two seconds
// for all its tries; statements are waited for a little longer than Cassandra waits itself, which says more.
const (
	statementTimeout   = 3 * time.Second
	cacheNodeTimeout   = 50 * time.Millisecond
	databaseConnection = 2  // to each node of Cassandra
	cacheConnections   = 16 // to each node of memcached
)

const defaultReplicas = 3

// Rows is where one region's origins keep rows.
type Rows struct {
	Table *cassandra.Table
	// Caches are the nodes of the cache beside the table; none without one.
	Caches []origin.Store
}

// Connections are what one process has to the databases.
type Connections struct {
	ctx       context.Context
	databases Config
	cached    bool // the cache is used
	// Watch is told when a node of Cassandra goes and comes, by its own address; nil is told nothing.
	Watch func(region, node string, up bool)

	tables []*cassandra.Table
	caches []*memcached.Node
}

// New makes Connections to a region when its rows are asked for, and to its cache if that is used. The context bounds the
// connecting; Close ends all connections.
func New(ctx context.Context, c Config, cached bool) *Connections {
	return &Connections{ctx: ctx, databases: c, cached: cached}
}

// Rows connects to a region.
func (s *Connections) Rows(region string) (Rows, error) {
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
func (s *Connections) Table(region string) (*cassandra.Table, error) {
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

// Close ends all connections.
func (s *Connections) Close() {
	for _, t := range s.tables {
		t.Close()
	}
	for _, c := range s.caches {
		c.Close()
	}
}

// config says how to reach a region's part of the keyspace.
func (d *Config) config(region string) (c cassandra.Config, err error) {
	r, ok := d.Regions[region]
	if !ok {
		return c, d.For([]string{region})
	}
	to, err := d.Cassandra.datacenter(r.Datacenter, r.Hosts, r.Published)
	if err != nil {
		return c, err
	}
	c = cassandra.Config{Cluster: to, Keyspace: d.Keyspace, Timeout: statementTimeout, Retention: d.Retention}
	if r.Reads != nil {
		from, published := d.Cassandra, r.Published
		if r.Reads.Cluster != nil {
			from, published, c.Copies = *r.Reads.Cluster, r.Reads.Published, true
		}
		reads, err := from.datacenter(r.Reads.Datacenter, r.Reads.Hosts, published)
		if err != nil {
			return c, fmt.Errorf("region %s: where it reads: %w", region, err)
		}
		c.Reads = &reads
	}
	return c, nil
}

// datacenter says how to reach one of the cluster's.
func (c Cluster) datacenter(name string, hosts []string, published map[string]string) (cassandra.Cluster, error) {
	password, err := c.Password()
	if err != nil {
		return cassandra.Cluster{}, err
	}
	tls, err := c.TLS.Config()
	if err != nil {
		return cassandra.Cluster{}, err
	}
	return cassandra.Cluster{Hosts: hosts, Published: published, LocalDC: name, User: c.User, Password: password, TLS: tls,
		Connections: databaseConnection}, nil
}

// Announced is where Cassandra copies from: everything that is announced is there, and nobody has to read it.
type Announced struct{ origin.Store }

// Get implements origin.Store.
func (Announced) Get(_ context.Context, _ origin.Key, digest uint32) (origin.Object, error) {
	return origin.Object{Digest: digest}, nil
}
