package reports

import (
	"encoding/json"
	"fmt"
	"io"
)

// LoadFile is what a replay leaves beside its history: what each tier carried, second by second. Like the history, it
// is the same for the same seed, byte by byte.
const LoadFile = "load.jsonl"

// Tier is a part of the system that carries load, and can have too much of it.
type Tier string

// The tiers, from the viewers inwards.
const (
	TierViewers  Tier = "viewers"
	TierEdge     Tier = "edge"
	TierTop      Tier = "top-tier" // the caches between edges and origins
	TierBackbone Tier = "backbone" // the link between a cloud region and the caches
	TierOrigin   Tier = "origin"   // delivery
	TierPublish  Tier = "publish"  // the origin's other stack
	TierCache    Tier = "cache"
	TierStore    Tier = "store"
)

// Tiers lists all of them, in that order.
func Tiers() []Tier {
	return []Tier{TierViewers, TierEdge, TierTop, TierBackbone, TierOrigin, TierPublish, TierCache, TierStore}
}

// Load is one line of load.jsonl: what one tier in one region carried in one second. None has two, and one in which a
// tier neither carried nor held anything has none: stores and caches have a line for each second that they hold memory.
//
// Unless they say otherwise, figures are sums over the second and over the tier's nodes. They count what the nodes did:
// a write that three replicas take is three.
type Load struct {
	AtUs   int64  `json:"at_us"` // beginning of the second, in microseconds since the event's availability start
	Tier   Tier   `json:"tier"`
	Region string `json:"region,omitempty"`
	// Nodes are the simulated machines that the load is spread over.
	Nodes int64 `json:"nodes,omitempty"`
	// Viewers watch at the end of the second; of the tier of viewers only.
	Viewers int64 `json:"viewers,omitempty"`
	// Requests were asked, whether they were answered, refused or lost. To a cache or a store, each operation
	// on a row is one.
	Requests int64 `json:"requests,omitempty"`
	// Bytes were sent to the tier in front, or over the link; what viewers got is spread over a segment's duration.
	// Publish counts what it received, a store what all replicas read and wrote.
	Bytes int64 `json:"bytes,omitempty"`
	CPUUs int64 `json:"cpu_us,omitempty"` // processor time
	// Hits and Misses are look-ups in the tier's own cache: of a row, in the tier of caches.
	Hits   int64 `json:"hits,omitempty"`
	Misses int64 `json:"misses,omitempty"`
	// StoreReads and StoreWrites are what all replicas carried out; of the tier of stores only.
	StoreReads  int64 `json:"store_reads,omitempty"`
	StoreWrites int64 `json:"store_writes,omitempty"`
	// Holders are requests that were held open: of each node the most that were seen, whenever one of them was answered
	// and at the end of the second. What came and went between two looks is not in it.
	Holders int64 `json:"holders,omitempty"`
	// MemoryBytes are held at the end of the second.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	Shed        int64 `json:"shed,omitempty"`   // requests refused because there were too many
	Failed      int64 `json:"failed,omitempty"` // requests that got no answer, or an error
	// LimitBps is what a link can carry, in bits a second; of the backbone only.
	LimitBps int64 `json:"limit_bps,omitempty"`
}

// EachLoad reads load.jsonl and calls take with every line. A damaged last line is left out, and the note says so.
func EachLoad(r io.Reader, take func(*Load) error) (note string, err error) {
	return eachLine(LoadFile, r, func(line []byte) error {
		var l Load
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("read line: %w", err)
		}
		if err := l.check(); err != nil {
			return err
		}
		return take(&l)
	})
}

func (l *Load) check() error {
	if l.Tier == "" {
		return fmt.Errorf("line has no tier")
	}
	if err := inRange("at_us", l.AtUs, -numberMax); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"nodes", l.Nodes}, {"viewers", l.Viewers}, {"requests", l.Requests}, {"bytes", l.Bytes}, {"cpu_us", l.CPUUs},
		{"hits", l.Hits}, {"misses", l.Misses}, {"store_reads", l.StoreReads}, {"store_writes", l.StoreWrites},
		{"holders", l.Holders}, {"memory_bytes", l.MemoryBytes}, {"shed", l.Shed}, {"failed", l.Failed},
		{"limit_bps", l.LimitBps},
	} {
		if err := inRange(f.name, f.n, 0); err != nil {
			return err
		}
	}
	return nil
}
