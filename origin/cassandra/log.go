package cassandra

import (
	"context"
	"log/slog"

	"github.com/apache/cassandra-gocql-driver/v2"
)

// quiet is the driver's logger. Whatever the driver finds worth an error, our callers get as one; so all of it is for
// those who look for it.
type quiet struct{ to *slog.Logger }

func (q quiet) log(message string, fields []gocql.LogField) {
	to := q.to
	if to == nil {
		to = slog.Default()
	}
	if !to.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	var attributes []slog.Attr
	for _, f := range fields {
		attributes = append(attributes, slog.String(f.Name, f.Value.String()))
	}
	to.LogAttrs(context.Background(), slog.LevelDebug, "cassandra driver: "+message, attributes...)
}

// Error implements gocql.StructuredLogger, as do the others.
func (q quiet) Error(m string, f ...gocql.LogField)   { q.log(m, f) }
func (q quiet) Warning(m string, f ...gocql.LogField) { q.log(m, f) }
func (q quiet) Info(m string, f ...gocql.LogField)    { q.log(m, f) }
func (q quiet) Debug(m string, f ...gocql.LogField)   { q.log(m, f) }
