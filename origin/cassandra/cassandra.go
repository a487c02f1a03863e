package cassandra

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/apache/cassandra-gocql-driver/v2"

	"github.com/liveorigin/liveorigin/origin"
)

// Cluster says how to reach one data centre of a cluster.
type Cluster struct {
	// Hosts are some nodes of the data centre, host:port, by the addresses that the nodes themselves have; all others are
	// found through them.
	Hosts []string
	// Published says where a node is reached, host:port, by its own IP address; a node that is not listed is reached at its
	// own. Containers' ports, published on the loopback, are the reason.
	Published map[string]string
	// LocalDC is the data centre, and the only one that is talked to.
	LocalDC string
	// User and Password may be empty, where the cluster asks for none.
	User, Password string
	// TLS is nil for plain TCP.
	TLS *tls.Config
	// Connections is how many there are to each node, at most; zero means 2.
	Connections int
}

// Config says what a Table is made of. Hosts, LocalDC and Keyspace are required.
type Config struct {
	// Cluster is where rows are written to.
	Cluster
	// Reads is where they are read from; nil reads where it writes, over connections of its own. It is another data centre
	// of the same cluster, to which Cassandra copies, or another cluster (Copies). Nodes that no write waits for meet the
	// origin storms then. What has not come there yet is read where it was written, so that whatever was acknowledged can be
	// read at once. When the nodes of a data centre of the same cluster fail, reads fail too, and do not follow the writes.
	Reads *Cluster
	// Copies says that Reads is another cluster, to which this table copies its rows once they are written, without anybody
	// waiting for it. A copy that fails is not tried again: whoever misses it reads the row where it was written, and copies
	// it. What the other cluster refuses, or keeps a read waiting for, is read there too: its loss costs time, and no segment.
	// Only Open needs both.
	Copies bool
	// Shared reads over the connections that are written over, to show what connections of their own are worth.
	Shared bool

	Keyspace string
	// Timeout bounds a statement; zero means DefaultTimeout. Set it above the cluster's own timeouts, which say more.
	Timeout time.Duration
	// Retention is how long a row is kept at most, and one that does not say when it expires; zero keeps them for ever.
	Retention time.Duration

	// Watch is told when a node goes and comes, by the node's own address; nil is told nothing. It must not block.
	Watch func(node string, up bool)
	// Log gets what the driver has to say, at the level Debug; nil means slog.Default.
	Log *slog.Logger
}

// DefaultTimeout is that of a statement.
const DefaultTimeout = 5 * time.Second

// Table is an origin.Store of rows. It can be asked for one replica's copy too (keyvalue.Replicated).
type Table struct {
	config        Config
	writes, reads *gocql.Session
	replicas      []replica
	copier        *copier // nil without Config.Copies
	statements    statements
}

// statements are the CQL of a table, with its keyspace.
type statements struct{ claim, claimants, write, commit, read, look, list string }

var keyspaceName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)

// Open connects to a keyspace that Schema.CreateKeyspace has made. Errors say what to do.
func Open(ctx context.Context, c Config) (*Table, error) {
	if !keyspaceName.MatchString(c.Keyspace) {
		return nil, fmt.Errorf("keyspace %q: want a lower-case letter, then at most 47 of a-z, 0-9 and _", c.Keyspace)
	}
	if c.Copies && c.Reads == nil {
		return nil, errors.New("rows are to be copied to where they are read, and no other cluster is named for that (Reads)")
	}
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	from := &c.Cluster
	if c.Reads != nil {
		from = c.Reads
	}
	t := &Table{config: c, statements: statementsOf(c.Keyspace)}
	var err error
	if t.writes, err = connect(ctx, c, c.Cluster, c.Watch); err != nil {
		return nil, fmt.Errorf("open cassandra for writing: %w", err)
	}
	watch := c.Watch
	if c.Reads == nil {
		watch = nil // the same nodes, of which the other session tells
	}
	if c.Shared && c.Reads == nil {
		t.reads = t.writes
	} else if t.reads, err = connect(ctx, c, *from, watch); err != nil {
		t.Close()
		return nil, fmt.Errorf("open cassandra for reading: %w", err)
	}
	if err := t.prepare(ctx); err != nil {
		t.Close()
		return nil, fmt.Errorf("open cassandra: %w", err)
	}
	t.replicas = replicasOf(t.reads, from.LocalDC)
	if c.Copies {
		// Where rows are written they are whole, and can be asked for when the copies, or their cluster, are not.
		t.replicas = append(replicasOf(t.writes, c.LocalDC), t.replicas...)
		t.copier = newCopier(c.Timeout)
	}
	return t, nil
}

// prepare looks whether the tables are there.
func (t *Table) prepare(ctx context.Context) error {
	if err := hasTables(ctx, t.writes, t.config.Keyspace); err != nil {
		return err
	}
	if err := hasTables(ctx, t.reads, t.config.Keyspace); err != nil {
		return fmt.Errorf("where rows are read: %w", err)
	}
	return nil
}

// replica is a node that can be asked for its own copy of a row.
type replica struct {
	session *gocql.Session
	host    string // its id
}

// replicasOf are the nodes of a data centre, by rack.
func replicasOf(s *gocql.Session, dc string) (all []replica) {
	nodes := s.GetHosts()
	slices.SortFunc(nodes, func(a, b *gocql.HostInfo) int {
		return cmp.Or(strings.Compare(a.Rack(), b.Rack()), strings.Compare(a.HostID(), b.HostID()))
	})
	for _, n := range nodes {
		if n.DataCenter() == dc {
			all = append(all, replica{s, n.HostID()})
		}
	}
	return all
}

// Close ends all connections. Calls under way fail, and copies too.
func (t *Table) Close() {
	if t.copier != nil {
		t.copier.close()
	}
	for _, s := range []*gocql.Session{t.writes, t.reads} {
		if s != nil {
			s.Close() // a second time does nothing
		}
	}
}

func statementsOf(keyspace string) statements {
	const key = "event = ? AND rendition = ? AND pipeline = ? AND number = ? AND part = ? AND digest = ?"
	return statements{
		claim: "INSERT INTO " + keyspace + ".claims (event, rendition, pipeline, number, digest)" +
			" VALUES (?, ?, ?, ?, ?) USING TTL ?",
		claimants: "SELECT digest FROM " + keyspace + ".claims" +
			" WHERE event = ? AND rendition = ? AND pipeline = ? AND number = ? LIMIT 2",
		write: "INSERT INTO " + keyspace + ".rows (event, rendition, pipeline, number, part, digest, value, expires)" +
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TTL ? AND TIMESTAMP ?",
		commit: "INSERT INTO " + keyspace + ".rows (event, rendition, pipeline, number, part, digest, value, expires," +
			" region, defects, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ? AND TIMESTAMP ?",
		read: "SELECT value, expires FROM " + keyspace + ".rows WHERE " + key,
		look: "SELECT expires FROM " + keyspace + ".rows WHERE " + key,
		list: "SELECT digest, region, defects, size FROM " + keyspace + ".rows" +
			" WHERE event = ? AND rendition = ? AND pipeline = ? AND number = ? AND part = ?",
	}
}

// hasTables returns an error that says how to come by tables which are not there.
func hasTables(ctx context.Context, s *gocql.Session, keyspace string) error {
	made, err := tablesOf(ctx, s, keyspace)
	switch {
	case err != nil:
		return err
	case len(made) == 0:
		return fmt.Errorf("keyspace %q is not there, or has no tables; make it with Schema.CreateKeyspace: %w",
			keyspace, ErrNoKeyspace)
	case made["rows"] == nil || made["claims"] == nil:
		return fmt.Errorf("keyspace %q has tables, but not ours; name another one: %w", keyspace, ErrNoKeyspace)
	case made["rows"]["columns"] != columnsOfRows:
		return fmt.Errorf("keyspace %q is of another version, and its rows have other columns; make a new one: %w", keyspace, ErrNoKeyspace)
	}
	return nil
}

// ErrNoKeyspace is what Open finds in place of its tables.
var ErrNoKeyspace = errors.New("no such keyspace")

var _ origin.Store = (*Table)(nil)
