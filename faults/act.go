package faults

import "time"

// Act is what is done to real parts when a fault begins, and undone when it ends, on a stack that has such parts.
type Act struct {
	Verb Verb
	// At names the parts: with a Node the process of that origin or edge, or of all origins of a Region; else a region's database nodes, or with a Cache
	// the nodes of its cache, those of one Zone or of all.
	At Place
	// Offset is how far SetClock moves a process's clock.
	Offset time.Duration
}

// Verb is what an Act does.
type Verb string

// What can be done to a part. All but Flush last until they are undone.
const (
	Kill       Verb = "kill"       // SIGKILL; undone by a start, with nothing in memory
	Stop       Verb = "stop"       // SIGTERM; undone by a start
	Pause      Verb = "pause"      // every thread stands still; undone, it goes on as if no time had passed
	LimitCPU   Verb = "limit-cpu"  // to a twentieth of a core
	Disconnect Verb = "disconnect" // from the other database nodes; clients still reach it
	Partition  Verb = "partition"  // from the database nodes of other regions
	FillDisk   Verb = "fill-disk"  // until nothing more can be written
	Flush      Verb = "flush"      // a cache forgets everything
	SetClock   Verb = "set-clock"  // by Offset
)

// Actor is a fault that does something to real parts. Where there are some, it does not wrap the store: what it would
// have pretended there, it does.
type Actor interface {
	Acts() []Act
	// Acted takes down that an act was seen to be done.
	Acted()
}
