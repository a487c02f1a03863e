package cqldouble

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// statement is what a query says.
type statement struct {
	query           string // as it was given, without superfluous spaces
	verb            string // SELECT, INSERT, CREATE KEYSPACE, CREATE TABLE, DROP KEYSPACE
	keyspace, table string
	columns         []string // that are selected or inserted
	binds           []string // what each question mark stands for: a column, one with >= or <= behind it, [ttl] or [timestamp]
	definition      string   // of what is created
	limit           int      // zero is none
}

// isSystem says that the driver asks for itself, or somebody about the schema.
func (s *statement) isSystem() bool {
	return strings.HasPrefix(s.keyspace, "system") || s.verb != "SELECT" && s.verb != "INSERT"
}

var (
	spaces    = regexp.MustCompile(`\s+`)
	selecting = regexp.MustCompile(`^SELECT (.+) FROM (\w+)\.(\w+)(?: WHERE (.+?))?(?: LIMIT (\d+))?$`)
	inserting = regexp.MustCompile(`^INSERT INTO (\w+)\.(\w+) \((.+?)\) VALUES \([?, ]+\)(?: USING (.+))?$`)
	creating  = regexp.MustCompile(`^CREATE KEYSPACE (\w+) (.*)$`)
	tabling   = regexp.MustCompile(`^CREATE TABLE (\w+)\.(\w+) (.*)$`)
	dropping  = regexp.MustCompile(`^DROP KEYSPACE (\w+)$`)
)

func parse(query string) (*statement, error) {
	query = strings.TrimSpace(spaces.ReplaceAllString(query, " "))
	s, err := understand(query)
	if err == nil {
		s.query = query
	}
	return s, err
}

func understand(query string) (*statement, error) {
	if m := selecting.FindStringSubmatch(query); m != nil {
		s := &statement{verb: "SELECT", keyspace: m[2], table: m[3], columns: strings.Split(m[1], ", ")}
		s.limit, _ = strconv.Atoi(m[5]) // none is zero
		for term := range strings.SplitSeq(m[4], " AND ") {
			if column, bound := strings.CutSuffix(term, " = ?"); bound {
				s.binds = append(s.binds, column)
			} else if column, bound := strings.CutSuffix(term, " ?"); bound {
				s.binds = append(s.binds, strings.ReplaceAll(column, " ", ""))
			}
		}
		return s, nil
	}
	if m := inserting.FindStringSubmatch(query); m != nil {
		s := &statement{verb: "INSERT", keyspace: m[1], table: m[2], columns: strings.Split(m[3], ", ")}
		s.binds = append(s.binds, s.columns...)
		for option := range strings.SplitSeq(m[4], " AND ") {
			if name, bound := strings.CutSuffix(option, " ?"); bound {
				s.binds = append(s.binds, "["+strings.ToLower(name)+"]")
			}
		}
		return s, nil
	}
	if m := tabling.FindStringSubmatch(query); m != nil {
		return &statement{verb: "CREATE TABLE", keyspace: m[1], table: m[2], definition: m[3]}, nil
	}
	if m := creating.FindStringSubmatch(query); m != nil {
		return &statement{verb: "CREATE KEYSPACE", keyspace: m[1], definition: m[2]}, nil
	}
	if m := dropping.FindStringSubmatch(query); m != nil {
		return &statement{verb: "DROP KEYSPACE", keyspace: m[1]}, nil
	}
	return nil, fmt.Errorf("the double does not know: %s", query)
}

// table is one, with its rows in each data centre.
type table struct {
	keyspace, name string
	types          map[string]string // of columns
	order          []string          // of columns
	key            []string          // columns of the primary key, the partition's first
	partition      int               // of them
	options        map[string]string
	rows           map[string]map[string]row // by data centre and key
}

var (
	primary = regexp.MustCompile(`PRIMARY KEY \(\(([^)]+)\)(?:, ([^)]+))?\)`)
	column  = regexp.MustCompile(`(\w+) (text|bigint|int|blob)\b`)
	option  = regexp.MustCompile(`(\w+) = ('[^']*'|\{[^}]*\}|\d+)`)
	entry   = regexp.MustCompile(`'([\w-]+)': '?([\w.-]+)'?`)
)

// define makes a table as a CREATE TABLE describes it.
func define(s *statement) (*table, error) {
	t := &table{keyspace: s.keyspace, name: s.table, types: make(map[string]string), options: make(map[string]string),
		rows: make(map[string]map[string]row)}
	columns, options, _ := strings.Cut(s.definition, " WITH ")
	for _, m := range column.FindAllStringSubmatch(columns, -1) {
		t.types[m[1]] = m[2]
		t.order = append(t.order, m[1])
	}
	m := primary.FindStringSubmatch(columns)
	if m == nil {
		return nil, fmt.Errorf("no key of many columns: %s", columns)
	}
	t.key = strings.Split(m[1], ", ")
	if t.partition = len(t.key); m[2] != "" {
		t.key = append(t.key, strings.Split(m[2], ", ")...)
	}
	for _, m := range option.FindAllStringSubmatch(options, -1) {
		t.options[m[1]] = strings.Trim(m[2], "'")
	}
	return t, nil
}

// entries are those of a map as it is written in CQL: key, value, key, value ...
func entries(literal string) (list []string) {
	for _, m := range entry.FindAllStringSubmatch(literal, -1) {
		list = append(list, m[1], m[2])
	}
	return list
}
