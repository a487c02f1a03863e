package cqldouble

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/datastax/go-cassandra-native-protocol/datatype"
	"github.com/datastax/go-cassandra-native-protocol/message"
	"github.com/datastax/go-cassandra-native-protocol/primitive"
)

// row is one, with its columns as in the protocol.
type row struct {
	columns map[string][]byte
	written int64     // microseconds, by which the newest of two is known
	expires time.Time // zero is never
}

func (r row) gone() bool {
	return r.columns == nil || !r.expires.IsZero() && !time.Now().Before(r.expires)
}

// alreadyExists is the error that has a name of its own.
type alreadyExists struct{ keyspace string }

func (e *alreadyExists) Error() string { return "Cannot add existing keyspace " + e.keyspace }

// kinds are the types of columns; others than these are text.
var kinds = map[string]datatype.DataType{
	"text": datatype.Varchar, "bigint": datatype.Bigint, "int": datatype.Int, "blob": datatype.Blob, "uuid": datatype.Uuid,
	"inet": datatype.Inet, "boolean": datatype.Boolean, "map": datatype.NewMap(datatype.Varchar, datatype.Varchar),
	"set": datatype.NewSet(datatype.Varchar),
}

// prepare describes what a statement takes and gives.
func (d *Cluster) prepare(s *statement) message.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.find(s)
	if err != nil {
		return invalid(err)
	}
	p := &message.PreparedResult{PreparedQueryId: []byte(s.query), VariablesMetadata: &message.VariablesMetadata{},
		ResultMetadata: &message.RowsMetadata{}}
	for _, name := range s.binds {
		p.VariablesMetadata.Columns = append(p.VariablesMetadata.Columns, t.column(name))
	}
	for _, name := range t.key[:t.partition] {
		if i := slices.Index(s.binds, name); i >= 0 {
			p.VariablesMetadata.PkIndices = append(p.VariablesMetadata.PkIndices, uint16(i))
		}
	}
	if s.verb == "SELECT" {
		p.ResultMetadata = t.result(s.columns, nil).Metadata
	}
	return p
}

// run does what a statement says, on a node.
func (d *Cluster) run(n *Node, s *statement, values [][]byte) message.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch s.verb {
	case "CREATE KEYSPACE", "CREATE TABLE", "DROP KEYSPACE":
		return d.change(s)
	}
	if len(values) != len(s.binds) {
		return invalid(fmt.Errorf("%d values for %d marks", len(values), len(s.binds)))
	}
	t, err := d.find(s)
	if err != nil {
		return invalid(err)
	}
	bound := make(map[string][]byte)
	for i, name := range s.binds {
		bound[name] = values[i]
	}
	switch {
	case strings.HasPrefix(s.keyspace, "system"):
		return t.result(s.columns, d.system(n, t.name, string(bound["keyspace_name"])))
	case s.verb == "SELECT":
		return t.result(s.columns, t.matching(n.DC, bound, s.limit))
	}
	return d.insert(n, s, t, bound)
}

// matching gives the rows of a data centre that have the columns bound, in the order of their keys.
func (t *table) matching(dc string, bound map[string][]byte, limit int) (found []map[string][]byte) {
	rows := t.rows[dc]
	if !slices.ContainsFunc(t.key, func(name string) bool { return bound[name] == nil }) {
		rows = map[string]row{"": rows[t.id(bound)]}
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		r, match := rows[id], true
		for name, value := range bound {
			match = match && r.fits(name, value)
		}
		if match && !r.gone() && (limit == 0 || len(found) < limit) {
			found = append(found, r.columns)
		}
	}
	return found
}

// fits says whether a row is what a WHERE asks of one column, of which >= and <= are known for bigints.
func (r row) fits(name string, value []byte) bool {
	if column, ok := strings.CutSuffix(name, ">="); ok {
		return bigint(r.columns[column]) >= bigint(value)
	}
	if column, ok := strings.CutSuffix(name, "<="); ok {
		return bigint(r.columns[column]) <= bigint(value)
	}
	return bytes.Equal(r.columns[name], value)
}

func bigint(b []byte) int64 {
	if len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// insert writes a row.
func (d *Cluster) insert(n *Node, s *statement, t *table, bound map[string][]byte) message.Message {
	id, now := t.id(bound), time.Now()
	r := row{columns: make(map[string][]byte), written: now.UnixMicro()}
	for _, name := range s.columns {
		r.columns[name] = slices.Clone(bound[name])
	}
	if b := bound["[timestamp]"]; b != nil {
		r.written = int64(binary.BigEndian.Uint64(b))
	}
	if b := bound["[ttl]"]; b != nil && binary.BigEndian.Uint32(b) > 0 {
		r.expires = now.Add(time.Duration(binary.BigEndian.Uint32(b)) * time.Second)
	}
	for _, other := range d.Nodes {
		write := func() { t.write(other.DC, id, r) }
		if d.split && other.DC != n.DC {
			d.late = append(d.late, write)
		} else {
			write()
		}
	}
	return &message.VoidResult{}
}

// write keeps the newest row, and forgets it some time after it has expired.
func (t *table) write(dc, id string, r row) {
	if t.rows[dc] == nil {
		t.rows[dc] = make(map[string]row)
	}
	if old := t.rows[dc][id]; old.gone() || old.written <= r.written {
		t.rows[dc][id] = r
	}
}

// id strings a row's key together.
func (t *table) id(bound map[string][]byte) string {
	var id []byte
	for _, name := range t.key {
		id = binary.AppendUvarint(id, uint64(len(bound[name])))
		id = append(id, bound[name]...)
	}
	return string(id)
}

func (t *table) column(name string) *message.ColumnMetadata {
	name = strings.TrimRight(name, "<>=")
	kind := t.types[name]
	switch name {
	case "[ttl]":
		kind = "int"
	case "[timestamp]":
		kind = "bigint"
	}
	return &message.ColumnMetadata{Keyspace: t.keyspace, Table: t.name, Name: name, Type: kinds[kind]}
}

// result is rows with some columns, or with all by a star.
func (t *table) result(columns []string, rows []map[string][]byte) *message.RowsResult {
	if columns[0] == "*" {
		columns = t.order
	}
	r := &message.RowsResult{Metadata: &message.RowsMetadata{ColumnCount: int32(len(columns))}}
	for _, name := range columns {
		r.Metadata.Columns = append(r.Metadata.Columns, t.column(name))
	}
	for _, from := range rows {
		var to message.Row
		for _, name := range columns {
			to = append(to, from[name])
		}
		r.Data = append(r.Data, to)
	}
	return r
}

// change does what a statement says about the schema.
func (d *Cluster) change(s *statement) message.Message {
	done := &message.SchemaChangeResult{ChangeType: primitive.SchemaChangeTypeCreated,
		Target: primitive.SchemaChangeTargetKeyspace, Keyspace: s.keyspace}
	switch s.verb {
	case "CREATE KEYSPACE":
		if d.keyspaces[s.keyspace] != nil {
			return invalid(&alreadyExists{s.keyspace})
		}
		d.keyspaces[s.keyspace], d.layout[s.keyspace] = make(map[string]*table), entries(s.definition)
	case "DROP KEYSPACE":
		delete(d.keyspaces, s.keyspace)
		delete(d.layout, s.keyspace)
		done.ChangeType = primitive.SchemaChangeTypeDropped
	default:
		t, err := define(s)
		if err != nil || d.keyspaces[s.keyspace] == nil {
			return invalid(fmt.Errorf("create table %s: %w", s.table, err))
		}
		d.keyspaces[s.keyspace][s.table] = t
		done.Target, done.Object = primitive.SchemaChangeTargetTable, s.table
	}
	return done
}
