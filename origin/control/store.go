package control

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Document is what a Store keeps of an event.
type Document struct {
	State origin.State `json:"state"`
	// Last is of the operation that made the state. It is saved with it, so that no crash can keep it from the journal.
	Last Record `json:"last"`
}

// Record is one line of the audit: an operation that was done.
type Record struct {
	At      time.Time       `json:"at"`
	Who     string          `json:"who"`
	Event   string          `json:"event"`
	Version int64           `json:"version"` // that it made
	ID      string          `json:"id,omitempty"`
	Kind    string          `json:"kind"`
	What    json.RawMessage `json:"what"`
}

// Store keeps one document an event. All methods may be called at once.
type Store interface {
	// Documents lists all, by the names of their events.
	Documents(ctx context.Context) ([]Document, error)
	// Load gives an event's; origin.ErrNotFound when there is none.
	Load(ctx context.Context, event string) (Document, error)
	// Save keeps the document if the one that is there has the version before its own (for version 1: if there is none),
	// and is ErrLost otherwise. After any other error it may or may not be kept.
	Save(ctx context.Context, d Document) error
}

// ErrLost says that somebody else has saved the same version.
var ErrLost = errors.New("somebody else was faster")

// Journal keeps the audit: what is in it, stays. A record of an event's version that it has already is not added again.
type Journal interface {
	Append(ctx context.Context, r Record) error
}
