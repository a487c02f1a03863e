package cqldouble

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
)

// systems are the tables that the driver reads, and package cassandra to look at its schema: names and types of columns.
var systems = map[string][]string{
	"system.local": {"key", "text", "cluster_name", "text", "data_center", "text", "rack", "text", "host_id", "uuid",
		"release_version", "text", "partitioner", "text", "rpc_address", "inet", "broadcast_address", "inet",
		"schema_version", "uuid", "tokens", "set"},
	"system.peers": {"peer", "inet", "data_center", "text", "rack", "text", "host_id", "uuid", "release_version", "text",
		"rpc_address", "inet", "schema_version", "uuid", "tokens", "set"},
	"system_schema.keyspaces": {"keyspace_name", "text", "durable_writes", "boolean", "replication", "map"},
	"system_schema.tables": {"keyspace_name", "text", "table_name", "text", "comment", "text", "compaction", "map",
		"compression", "map", "default_time_to_live", "int", "gc_grace_seconds", "int", "speculative_retry", "text"},
	"system_schema.columns": {"keyspace_name", "text", "table_name", "text", "column_name", "text", "type", "text"},
}

// find finds a statement's table.
func (d *Cluster) find(s *statement) (*table, error) {
	if t := d.keyspaces[s.keyspace][s.table]; t != nil {
		return t, nil
	}
	columns := systems[s.keyspace+"."+s.table]
	if columns == nil {
		return nil, fmt.Errorf("table %s.%s does not exist", s.keyspace, s.table)
	}
	t := &table{keyspace: s.keyspace, name: s.table, types: make(map[string]string)}
	for i := 0; i < len(columns); i += 2 {
		t.order = append(t.order, columns[i])
		t.types[columns[i]] = columns[i+1]
	}
	return t, nil
}

// system gives the rows of a system table, as a node sees them.
func (d *Cluster) system(n *Node, table, keyspace string) (rows []map[string][]byte) {
	switch table {
	case "local":
		return append(rows, d.describe(n))
	case "peers":
		for _, peer := range d.Nodes {
			if peer != n {
				rows = append(rows, d.describe(peer))
			}
		}
		return rows
	case "keyspaces":
		for _, name := range slices.Sorted(maps.Keys(d.layout)) {
			if keyspace == "" || keyspace == name {
				rows = append(rows, map[string][]byte{"keyspace_name": []byte(name), "durable_writes": {1},
					"replication": list(len(d.layout[name])/2, d.layout[name]...)})
			}
		}
		return rows
	}
	for _, name := range slices.Sorted(maps.Keys(d.keyspaces[keyspace])) {
		t := d.keyspaces[keyspace][name]
		if table == "tables" {
			rows = append(rows, t.describe())
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(t.types)) {
			rows = append(rows, map[string][]byte{"table_name": []byte(name), "column_name": []byte(column),
				"type": []byte(t.types[column])})
		}
	}
	return rows
}

// describe is a node's row in system.local, or in its peers'.
func (d *Cluster) describe(n *Node) map[string][]byte {
	at := []byte(net.ParseIP(n.IP).To4())
	token := strconv.Itoa(int(n.id[15]) * (1 << 56))
	return map[string][]byte{"key": []byte("local"), "cluster_name": []byte("double"), "data_center": []byte(n.DC),
		"rack": []byte(n.rack), "host_id": n.id[:], "release_version": []byte("5.0.4"), "rpc_address": at, "peer": at,
		"partitioner": []byte("org.apache.cassandra.dht.Murmur3Partitioner"), "broadcast_address": at,
		"schema_version": slices.Concat(make([]byte, 15), []byte{1}), "tokens": list(1, token)}
}

// describe is a table's row in system_schema.tables.
func (t *table) describe() map[string][]byte {
	compaction, compression := entries(t.options["compaction"]), entries(t.options["compression"])
	return map[string][]byte{"table_name": []byte(t.name), "comment": []byte(t.options["comment"]),
		"compaction": list(len(compaction)/2, compaction...), "compression": list(len(compression)/2, compression...),
		"default_time_to_live": number(t.options["default_time_to_live"]),
		"gc_grace_seconds":     number(t.options["gc_grace_seconds"]),
		"speculative_retry":    []byte(t.options["speculative_retry"])}
}

func number(s string) []byte {
	n, _ := strconv.Atoi(s) // what is not there is zero
	return binary.BigEndian.AppendUint32(nil, uint32(n))
}

// list is a map or a set of so many texts in the protocol's form.
func list(count int, texts ...string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(count))
	for _, s := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}
