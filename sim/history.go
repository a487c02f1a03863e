package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/reports"
)

// The files of a run's directory.
const (
	historyFile  = reports.HistoryFile
	audienceFile = reports.AudienceFile
	scriptFile   = "audience.js"
	k6LogFile    = "k6.log"
	settingsFile = "run.json"
	scenarioFile = "scenario.yaml"
)

// history writes run.jsonl, a record a line, and keeps the tally that progress shows.
type history struct {
	mu    sync.Mutex
	file  *os.File
	w     *bufio.Writer
	err   error
	tally tally
}

// tally counts what has happened so far.
type tally struct {
	published, defective, unpublished int
	held                              int
	active                            []string // faults
}

func newHistory(dir string) (*history, error) {
	f, err := os.Create(filepath.Join(dir, historyFile))
	if err != nil {
		return nil, err
	}
	return &history{file: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

// Record implements origin.Recorder. A history that cannot be written makes the run worthless, so the first error is
// kept for Close to tell.
func (h *history) Record(r origin.Record) {
	line, err := json.Marshal(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		_, err = h.w.Write(append(line, '\n'))
	}
	if err != nil && h.err == nil {
		h.err = err
	}
	h.tally.count(r)
}

func (t *tally) count(r origin.Record) {
	switch {
	case r.Kind == origin.KindPublish && !origin.Outcome(r.Reason).Accepted():
		t.unpublished++
	case r.Kind == origin.KindPublish && len(r.Defects) > 0:
		t.defective++
	case r.Kind == origin.KindPublish:
		t.published++
	case r.Kind == origin.KindDecision && r.HoldUs > 0:
		t.held++
	case r.Kind == origin.KindFault && r.Step == origin.Begin:
		t.active = append(t.active, r.Name)
	case r.Kind == origin.KindFault && r.Step == origin.End:
		for i, name := range t.active {
			if name == r.Name {
				t.active = append(t.active[:i:i], t.active[i+1:]...)
				break
			}
		}
	}
}

func (h *history) soFar() tally {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tally
}

// Flush writes out what is buffered, so that a crash loses little.
func (h *history) Flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.w.Flush(); err != nil && h.err == nil {
		h.err = err
	}
}

// Close ends the history and tells the first error that it met.
func (h *history) Close() error {
	h.Flush()
	err := h.file.Close()
	if h.err != nil {
		err = h.err
	}
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}
