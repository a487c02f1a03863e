package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/liveorigin/liveorigin/reports/tables"
)

// CostFile is what a replay leaves to say what it took. It differs from one time to the next, so it is no part of the
// history, and the report's section made of it is the only one that two replays of a seed do not share.
const CostFile = "cost.json"

// Cost is what a replay took of the machine, and what it did for it.
type Cost struct {
	WallMs  int64 `json:"wall_ms"`  // on the wall clock
	EventMs int64 `json:"event_ms"` // of the event's time
	Wakeups int64 `json:"wakeups"`  // of the loop
	// Requests were simulated one by one: viewers' fetches at edges, and the calls between the parts behind them. A fetch
	// may stand for many viewers who are alike.
	Requests int64 `json:"requests"`
	// ViewerRequests are the requests of viewers that those fetches stand for.
	ViewerRequests int64 `json:"viewer_requests"`
	MemoryBytes    int64 `json:"memory_bytes"` // the most that the process held
}

// costBytesMax is more than a cost.json can have.
const costBytesMax = 64 << 10

// readCost finds nothing in the directory of a run on the wall clock. What is there and cannot be understood is a note:
// it is no evidence of anything that is judged.
func readCost(dir string) (*Cost, string) {
	f, err := os.Open(filepath.Join(dir, CostFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	}
	if err != nil {
		return nil, fmt.Sprintf("%s was left out: %v", CostFile, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, costBytesMax))
	c := new(Cost)
	if err == nil {
		err = json.Unmarshal(bytes.TrimSpace(b), c)
	}
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, fmt.Sprintf("%s was left out: %v", CostFile, err)
	}
	return c, ""
}

func (c *Cost) check() error {
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"wall_ms", c.WallMs}, {"event_ms", c.EventMs}, {"wakeups", c.Wakeups}, {"requests", c.Requests},
		{"viewer_requests", c.ViewerRequests}, {"memory_bytes", c.MemoryBytes},
	} {
		if err := inRange(f.name, f.n, 0); err != nil {
			return err
		}
	}
	return nil
}

// Compression is how much faster than the event the replay was; zero when it took no time that could be measured.
func (c *Cost) Compression() float64 {
	if c.WallMs == 0 {
		return 0
	}
	return float64(c.EventMs) / float64(c.WallMs)
}

// RequestsPerSecond is how many requests were simulated, one by one, in a second of the wall clock.
func (c *Cost) RequestsPerSecond() float64 { return c.perSecond(c.Requests) }

// perSecond is a count in a second of the wall clock; zero as Compression is.
func (c *Cost) perSecond(n int64) float64 {
	if c.WallMs == 0 {
		return 0
	}
	return float64(n) * 1000 / float64(c.WallMs)
}

// String is the line of the report.
func (c *Cost) String() string {
	took := func(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }
	s := fmt.Sprintf("virtual time: %s of event in %s", took(c.EventMs), took(c.WallMs))
	if c.WallMs > 0 {
		s += fmt.Sprintf(" (%sx), %s requests/s simulated for %s/s of viewers", tables.Figure(c.Compression()),
			tables.Figure(c.RequestsPerSecond()), tables.Figure(c.perSecond(c.ViewerRequests)))
	}
	return s + fmt.Sprintf(", %s wakeups, %d MiB", tables.Short(c.Wakeups), c.MemoryBytes>>20)
}
