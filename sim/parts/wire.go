package parts

import (
	"encoding/json"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// opening is the first line on a child's stdin.
type opening struct {
	Config json.RawMessage `json:"config"`
	// Addresses are those that the child had before, by the names of its listeners; none when it is started first.
	Addresses map[string]string `json:"addresses,omitempty"`
}

// command is every other line on it. The child answers in order, with the command's number.
type command struct {
	ID   uint64          `json:"id"`
	Do   string          `json:"do"`
	With json.RawMessage `json:"with,omitempty"`
}

// The commands that every child knows; all others are the program's.
const (
	doConnect = "connect" // with everybody's addresses
	doPing    = "ping"
)

// message is a line from the child; one of its fields is set.
type message struct {
	Record *origin.Record   `json:"record,omitempty"`
	Counts map[string]int64 `json:"counts,omitempty"` // since the child was started
	Answer *answer          `json:"answer,omitempty"`
	End    *ending          `json:"end,omitempty"` // the last line of a child that was not killed
}

// answer says that a command is done.
type answer struct {
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`
}

// ending lets the parent see whether it has everything.
type ending struct {
	Records int64 `json:"records"` // that were sent
	Dropped int64 `json:"dropped"` // that were not, since the parent did not read
}

// The words on a child's stdout besides name=address.
const (
	saysReady     = "ready"
	saysConnected = "connected"
)

// The limits of what goes between the two.
const (
	maxLine     = 256 << 10 // bytes of a line, either way
	maxCommands = 64        // that wait for a child
	outboxBytes = 16 << 20
	flushEvery  = 50 * time.Millisecond
	flushBytes  = 64 << 10
)
