package cassandra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/cassandra-gocql-driver/v2"
)

// Schema says how a keyspace's tables are made.
type Schema struct {
	// Replication is how many replicas each data centre has.
	Replication map[string]int
	// Retention is how long rows are kept when they are written without saying; see Config.
	Retention time.Duration
	// Owner is written into the tables, for people who find them: a run's name.
	Owner string
}

// mark begins the comment of tables that are ours to drop.
const mark = "liveorigin "

// CreateKeyspace makes a keyspace with its tables, and fails if it is there already. Of one that could not be made as a whole
// nothing is left.
func (s Schema) CreateKeyspace(ctx context.Context, c Config) error {
	if !keyspaceName.MatchString(c.Keyspace) || len(s.Replication) == 0 || strings.Contains(s.Owner, "'") {
		return fmt.Errorf("create keyspace %q, replicated %v, of %q: bad name, or nowhere", c.Keyspace, s.Replication, s.Owner)
	}
	made := false
	err := administer(ctx, c, func(session *gocql.Session) error {
		if err := s.fits(ctx, session); err != nil {
			return fmt.Errorf("create keyspace %s: %w", c.Keyspace, err)
		}
		for _, statement := range s.definitions(c.Keyspace) {
			if err := session.Query(statement).ExecContext(ctx); err != nil {
				return fmt.Errorf("create keyspace %s: %w", c.Keyspace, explain(err))
			}
			made = true
		}
		return nil
	})
	if err == nil || !made {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWithin)
	defer cancel()
	return errors.Join(err, administer(ctx, c, func(session *gocql.Session) error { return drop(ctx, session, c.Keyspace) }))
}

// dropWithin is what undoing may take: all nodes have to agree.
const dropWithin = 20 * time.Second

// fits says whether each data centre is there, and has a node for each of its replicas: Cassandra would make the keyspace
// without them, and answer all of its statements with Unavailable.
func (s Schema) fits(ctx context.Context, session *gocql.Session) error {
	nodes, err := nodesOf(ctx, session)
	if err != nil {
		return fmt.Errorf("read where nodes are: %w", explain(err))
	}
	for _, dc := range slices.Sorted(maps.Keys(s.Replication)) {
		switch {
		case nodes[dc] == 0:
			return fmt.Errorf("no data centre %q in the cluster; there are %s: %w", dc,
				strings.Join(slices.Sorted(maps.Keys(nodes)), ", "), ErrNoDataCentre)
		case s.Replication[dc] > nodes[dc]:
			return fmt.Errorf("data centre %q has %d nodes, and %d replicas are wanted", dc, nodes[dc], s.Replication[dc])
		}
	}
	return nil
}

// nodesOf counts the nodes of all data centres: one, whichever answers, and those that it knows besides itself.
func nodesOf(ctx context.Context, session *gocql.Session) (map[string]int, error) {
	nodes := make(map[string]int)
	var dc string
	own := session.Query("SELECT data_center FROM system.local").Consistency(gocql.LocalOne).IterContext(ctx)
	for own.Scan(&dc) {
		nodes[dc]++
	}
	if err := own.Close(); err != nil {
		return nil, err
	}
	others := session.Query("SELECT data_center FROM system.peers").Consistency(gocql.LocalOne).
		SetHostID(own.Host().HostID()).IterContext(ctx)
	for others.Scan(&dc) {
		nodes[dc]++
	}
	return nodes, others.Close()
}

// Check compares the tables that are there with those that CreateKeyspace would make, and says what differs.
func (s Schema) Check(ctx context.Context, c Config) (differences []string, err error) {
	err = administer(ctx, c, func(session *gocql.Session) error {
		made, err := tablesOf(ctx, session, c.Keyspace)
		if err != nil {
			return err
		}
		for _, table := range []string{"claims", "rows"} {
			if made[table] == nil {
				differences = append(differences, fmt.Sprintf("table %s.%s is missing", c.Keyspace, table))
				continue
			}
			want := s.wants(table)
			for _, property := range slices.Sorted(maps.Keys(want)) {
				if got := made[table][property]; got != want[property] {
					differences = append(differences, fmt.Sprintf("table %s.%s: %s is %s, want %s", c.Keyspace, table,
						property, got, want[property]))
				}
			}
		}
		return nil
	})
	return differences, err
}

// ErrNotOurs is why a keyspace is not dropped.
var ErrNotOurs = errors.New("keyspace was not made by us")

// DropKeyspace drops a keyspace that bears our mark in all of its tables.
func DropKeyspace(ctx context.Context, c Config) error {
	return administer(ctx, c, func(session *gocql.Session) error {
		made, err := tablesOf(ctx, session, c.Keyspace)
		if err != nil {
			return err
		}
		for table, properties := range made {
			if !strings.HasPrefix(properties["comment"], mark) {
				return fmt.Errorf("drop keyspace %s: table %s bears no mark of ours: %w", c.Keyspace, table, ErrNotOurs)
			}
		}
		if len(made) == 0 {
			return fmt.Errorf("drop keyspace %s: %w", c.Keyspace, ErrNoKeyspace)
		}
		return drop(ctx, session, c.Keyspace)
	})
}

func drop(ctx context.Context, session *gocql.Session, keyspace string) error {
	if err := session.Query("DROP KEYSPACE " + keyspace).ExecContext(ctx); err != nil {
		return fmt.Errorf("drop keyspace %s: %w", keyspace, explain(err))
	}
	return nil
}

// definitions are the statements that make the keyspace.
//
// Media does not compress, so nothing tries to. Windows of 1/25 of the retention make about 26 files of which the oldest
// expires as a whole, without a compaction having to look into it. That needs no
// unsafe_aggressive_sstable_expiration, which gives up the check for overlaps: rows are not written again but for rare
// repairs. gc_grace is what hints live for, so it is not set to nothing, though nothing is ever deleted: a node that was
// away for less gets its rows when it is back, and one that was away for longer has missed what is of no use by now.
//
// A read that waits for a slow replica asks another one after 50 ms at the latest, before package keyvalue's own second
// try, which may find the same replica. Read repair stays on, so that what was read at a quorum once is read again.
func (s Schema) definitions(keyspace string) []string {
	var replication []string
	for _, dc := range slices.Sorted(maps.Keys(s.Replication)) {
		replication = append(replication, fmt.Sprintf("'%s': %d", strings.ReplaceAll(dc, "'", "''"), s.Replication[dc]))
	}
	options := fmt.Sprintf(" WITH comment = '%s%s' AND compaction = {'class': 'TimeWindowCompactionStrategy',"+
		" 'compaction_window_unit': 'MINUTES', 'compaction_window_size': %d} AND compression = {'enabled': 'false'}"+
		" AND default_time_to_live = %d AND gc_grace_seconds = %d AND speculative_retry = '%s'",
		mark, s.Owner, s.window(), s.ttl(), s.grace(), speculation)
	return []string{
		"CREATE KEYSPACE " + keyspace + " WITH replication = {'class': 'NetworkTopologyStrategy', " +
			strings.Join(replication, ", ") + "}",
		"CREATE TABLE " + keyspace + ".claims (event text, rendition text, pipeline text, number bigint, digest bigint," +
			" PRIMARY KEY ((event, rendition, pipeline, number), digest))" + options,
		"CREATE TABLE " + keyspace + ".rows (event text, rendition text, pipeline text, number bigint, part int," +
			" digest bigint, value blob, expires bigint, region text, defects text, size bigint," +
			" PRIMARY KEY ((event, rendition, pipeline, number, part), digest))" + options,
	}
}

const speculation = "MIN(99p,50ms)"

// window is that of compaction, in minutes.
func (s Schema) window() int {
	retention := s.Retention
	if retention == 0 {
		retention = 24 * time.Hour
	}
	return int(max(time.Minute, (retention / 25).Round(time.Minute)).Minutes())
}

func (s Schema) ttl() int { return int(min(s.Retention, maxTTL).Seconds()) }

// grace is gc_grace in seconds. Cassandra keeps hints for three hours.
func (s Schema) grace() int {
	retention := s.Retention
	if retention == 0 {
		retention = 3 * time.Hour
	}
	return int(min(3*time.Hour, max(10*time.Minute, retention)).Seconds())
}

// columnsOfRows are those of the table of rows, by name.
const columnsOfRows = "defects text, digest bigint, event text, expires bigint, number bigint, part int, pipeline text, region text," +
	" rendition text, size bigint, value blob"

// wants are a table's properties, as tablesOf reads them.
func (s Schema) wants(table string) map[string]string {
	columns := map[string]string{
		"claims": "digest bigint, event text, number bigint, pipeline text, rendition text",
		"rows":   columnsOfRows,
	}
	return map[string]string{
		"columns":           columns[table],
		"compaction":        fmt.Sprintf("TimeWindowCompactionStrategy of %d MINUTES", s.window()),
		"compression":       "false",
		"default TTL":       fmt.Sprint(s.ttl()),
		"gc_grace":          fmt.Sprint(s.grace()),
		"speculative_retry": speculation,
	}
}

// tablesOf reads the properties of a keyspace's tables, by name; none are no keyspace, or an empty one.
func tablesOf(ctx context.Context, s *gocql.Session, keyspace string) (map[string]map[string]string, error) {
	made := make(map[string]map[string]string)
	rows := s.Query("SELECT table_name, comment, compaction, compression, default_time_to_live, gc_grace_seconds,"+
		" speculative_retry FROM system_schema.tables WHERE keyspace_name = ?", keyspace).
		Consistency(gocql.LocalOne).IterContext(ctx)
	var table, comment, speculative string
	var compaction, compression map[string]string
	var ttl, grace int
	for rows.Scan(&table, &comment, &compaction, &compression, &ttl, &grace, &speculative) {
		class := compaction["class"]
		made[table] = map[string]string{
			"comment": comment,
			"compaction": fmt.Sprintf("%s of %s %s", class[strings.LastIndex(class, ".")+1:],
				compaction["compaction_window_size"], compaction["compaction_window_unit"]),
			"compression":       compression["enabled"],
			"default TTL":       fmt.Sprint(ttl),
			"gc_grace":          fmt.Sprint(grace),
			"speculative_retry": speculative,
		}
	}
	if err := rows.Close(); err != nil {
		return nil, fmt.Errorf("read tables of keyspace %s: %w", keyspace, explain(err))
	}
	return made, columnsOf(ctx, s, keyspace, made)
}

// columnsOf adds the columns, by name, to the properties of tables.
func columnsOf(ctx context.Context, s *gocql.Session, keyspace string, made map[string]map[string]string) error {
	rows := s.Query("SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = ?", keyspace).
		Consistency(gocql.LocalOne).IterContext(ctx)
	var table, column, kind string
	for rows.Scan(&table, &column, &kind) {
		if made[table] == nil {
			continue
		}
		if made[table]["columns"] != "" {
			made[table]["columns"] += ", "
		}
		made[table]["columns"] += column + " " + kind
	}
	if err := rows.Close(); err != nil {
		return fmt.Errorf("read columns of keyspace %s: %w", keyspace, explain(err))
	}
	return nil
}

// administer lets do use a session for statements that take seconds.
func administer(ctx context.Context, c Config, do func(*gocql.Session) error) error {
	c.Timeout = max(c.Timeout, 30*time.Second)
	c.Connections = 1
	s, err := connect(ctx, c, c.Cluster, nil)
	if err != nil {
		return fmt.Errorf("administer cassandra: %w", err)
	}
	defer s.Close()
	return do(s)
}
