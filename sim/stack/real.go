package stack

import (
	"context"
	"slices"

	"github.com/liveorigin/liveorigin/faults"
	"github.com/liveorigin/liveorigin/scenarios/databases"
)

// Real is the Storage of real databases, for one process.
type Real struct{ *databases.Connections }

// NewReal makes a Storage that connects to a region when it is asked for its rows, and to its cache if the scenario has one.
// Close ends all connections.
func NewReal(ctx context.Context, c databases.Config, cached bool) *Real {
	return &Real{databases.New(ctx, c, cached)}
}

// Rows implements Storage.
func (r *Real) Rows(region string) (Rows, error) {
	rows, err := r.Connections.Rows(region)
	if err != nil {
		return Rows{}, err
	}
	return Rows{Table: rows.Table, Caches: rows.Caches}, nil
}

// Strike implements Storage: what faults do to databases is done by hands.
func (*Real) Strike(faults.Striker) {}

// Stored implements Storage: databases count for themselves.
func (*Real) Stored() []Stored { return nil }

// withoutActors leaves out the faults that do to real parts what they would otherwise pretend.
func withoutActors(fs []faults.Fault) []faults.Fault {
	return slices.DeleteFunc(slices.Clone(fs), func(f faults.Fault) bool {
		_, acts := f.(faults.Actor)
		return acts
	})
}
