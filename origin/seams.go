package origin

import (
	"context"
	"errors"
	"hash/crc32"
	"time"
)

// The seams. Everything above them is ordinary blocking code that runs on either clock; everything below them is a real
// adapter or a model. Faults are wraps around them.

// Clock tells and passes time.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or early with ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Runtime is a Clock for code that does two things at once.
type Runtime interface {
	Clock
	// Go runs fn beside the caller.
	Go(fn func())
	// NewSignal makes a Signal that has not been fired.
	NewSignal() Signal
	// WithCancel derives a context whose cancellation this runtime's waits hear.
	WithCancel(parent context.Context) (context.Context, context.CancelFunc)
}

// Signal tells any number of waiters, once, that something has happened.
type Signal interface {
	// Fire wakes all waiters, present and future. Firing again does nothing.
	Fire()
	// Wait returns nil once fired, ErrTimeout at until, or ctx's error.
	Wait(ctx context.Context, until time.Time) error
}

// Store keeps the candidates' bytes in one region. Objects never change: of two writers with different bytes for one
// key, at most one is told that they are stored, whichever nodes they wrote to. What origins write to is a Store of
// whole objects; the table and the cache below it (package keyvalue) are Stores of rows.
type Store interface {
	// Put returns nil once a quorum has the object, and ErrExists when other bytes have the key. After any other error
	// the object may or may not be there; putting the same again is how to find out. Until it returns, the same is true.
	Put(ctx context.Context, key Key, o Object) error
	// Get reads the object with these bytes by their digest; ErrNotFound when there is none, be there others.
	Get(ctx context.Context, key Key, digest uint32) (Object, error)
}

// Publisher takes a candidate in. An error means that the outcome is not known: the candidate may be there, or come.
type Publisher interface {
	Publish(ctx context.Context, p Publication) (Receipt, error)
}

// Getter answers a viewer's or an edge's request. An error means that no answer came.
type Getter interface {
	Get(ctx context.Context, r Request) (Response, error)
}

// Source gives what an encoder has made of a segment: the seam between encoder and packager.
type Source interface {
	// Segment blocks until the encoder hands over segment n, and returns ErrNoSegment where it never will.
	Segment(ctx context.Context, r Rendition, n SegmentNumber) (Object, error)
}

// Peer is told of candidates that other nodes have acknowledged.
type Peer interface {
	Announce(a Announcement)
}

// Recorder takes the history down. It is called with no lock held, and must not block for long.
type Recorder interface {
	Record(r Record)
}

// What callers compare errors with.
var (
	ErrTimeout     = errors.New("timeout")
	ErrNotFound    = errors.New("not found")
	ErrUnreachable = errors.New("unreachable")
	ErrNoQuorum    = errors.New("no quorum")
	ErrExists      = errors.New("other bytes are stored there")
	ErrNoSegment   = errors.New("no such segment from this encoder")
)

// Key names one pipeline's version of one segment (or, at Number Header, of a rendition's CMAF header).
type Key struct {
	Event     string
	Rendition string
	Number    SegmentNumber
	Pipeline  string
	// Part is zero for the object itself. In a table of rows, the row with Part zero is the object's index, and its
	// chunks are 1, 2 and so on.
	Part int
}

// Token makes a write idempotent: however often a call is tried, what it writes has the same one.
type Token struct {
	Time  time.Time // of the first try; where a store resolves conflicts by time, this is the time
	Nonce uint64
}

// Object is a segment's bytes. Body is shared between everyone who holds the object and is never written to.
type Object struct {
	Body   []byte // nil in virtual time, where only the size counts
	Size   int    // bytes
	Digest uint32 // CRC32C of Body; of an index row, the digest of the object that it is the index of
	// Flaws is what an inspection of Body would find, where there is no Body to look at.
	Flaws Defects
	// ExpiresAt is when a store may forget the object; zero keeps it as long as the store lives.
	ExpiresAt time.Time
	// Token is that of the write; with none, the store makes one.
	Token Token
	// Candidate is what will be announced of the object, for a store that is a Ledger; nil where nothing will. It is never
	// written to.
	Candidate *Candidate
}

// Publication is one candidate on its way to the origin.
type Publication struct {
	Key    Key
	Object Object
	// Defects are the packager's findings; Inspected says that it sent some, be it an empty list.
	Defects   Defects
	Inspected bool
}

// Announcement tells a node of a candidate that can be read in its region.
type Announcement struct {
	Key       Key
	Candidate Candidate
}

// Request asks for one segment, or for a CMAF header (Number Header), or for a playlist (Number Playlist).
type Request struct {
	Event     string
	Rendition string
	Number    SegmentNumber
	// Background says that nobody waits for the answer (Sec-Purpose: prefetch).
	Background bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC32C by which objects, and parts of them, are known.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
