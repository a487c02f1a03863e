package storage

import (
	"errors"
	"time"

	"github.com/liveorigin/liveorigin/origin"
)

// Calls counts the calls of one kind since the beginning. At any time Begun = Answered + Failed + InFlight.
type Calls struct {
	Begun    int64
	Answered int64 // also with "there is none" and "others are there"
	Failed   int64
	TimedOut int64 // of those failed
	// GivenUp are those of the failed whose callers did not wait until the time was over: mostly tries beside another that
	// was faster.
	GivenUp  int64
	InFlight int64
}

func (c *Calls) begin() {
	c.Begun++
	c.InFlight++
}

// end counts a call's outcome; refusal is the error that is an answer.
func (c *Calls) end(err, refusal error) {
	c.InFlight--
	if err == nil || errors.Is(err, refusal) {
		c.Answered++
		return
	}
	c.Failed++
	if errors.Is(err, origin.ErrTimeout) {
		c.TimedOut++
	}
}

// Stats are a Table's counters since the beginning, and what it holds now.
type Stats struct {
	Reads, Writes           Calls
	Hits                    int64 // reads that found their object
	BytesRead, BytesWritten int64 // of objects that callers got, and had acknowledged
	Repairs                 int64 // copies made because a read met a zone without one
	Zones                   []ZoneStats
}

// ZoneStats are one zone's part.
type ZoneStats struct {
	Name string
	// Reads and Writes are operations that the zone was given, with those of hints and repairs. What is sent to it while
	// it is known to be away counts if it answers.
	Reads, Writes int64
	// BytesRead and BytesWritten are of objects that it sent, and took: a write that three zones take is written three
	// times, and a read is of the one zone whose answer was first.
	BytesRead, BytesWritten int64

	Busy        time.Duration // that its machines worked; against the time that passed, their utilisation
	Failures    int64         // writes that it did not take
	Rows, Bytes int           // held now
	Expired     int64         // rows dropped because their time was over
	Evicted     int64         // rows dropped because there were too many bytes
	Wiped       int64         // rows lost in crashes
	// Hints are what the zone missed: Stored = Delivered + Expired + Waiting.
	HintsStored, HintsDelivered, HintsExpired int64
	HintsWaiting                              int
	HintsRefused                              int64 // not even kept: away for too long, or too many
}

// Stats returns the counters.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Zones = make([]ZoneStats, len(t.zones))
	for i, z := range t.zones {
		s.Zones[i] = ZoneStats{Name: z.Name, Reads: z.reads, Writes: z.writes, BytesRead: z.sent,
			BytesWritten: z.taken, Busy: z.busy, Failures: z.failures, Rows: z.rows,
			Bytes: z.bytes, Expired: z.contents.expired, Evicted: z.evicted, Wiped: z.wiped, HintsStored: z.stored,
			HintsDelivered: z.delivered, HintsExpired: z.hints.expired, HintsWaiting: len(z.waiting), HintsRefused: z.refused}
	}
	return s
}

// notesPerSecond is how many failures of one zone are recorded in one second; ZoneStats.Failures counts all.
const notesPerSecond = 100

// notes samples records: the first so many of each second.
type notes struct {
	second time.Duration
	taken  int
}

func (n *notes) sample(now time.Duration) bool {
	if second := now.Truncate(time.Second); second != n.second {
		n.second, n.taken = second, 0
	}
	n.taken++
	return n.taken <= notesPerSecond
}
