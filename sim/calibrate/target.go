package calibrate

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/liveorigin/liveorigin/origin"
)

// Target is what is measured: the tables of a stack.
type Target interface {
	// Table is a region's table of rows; nil when there is no such region.
	Table(region string) origin.Store
	// About says what it runs on.
	About() About
}

// Zoned is a Target whose zones can be stopped.
type Zoned interface {
	StopZone(ctx context.Context, region, zone string) error
	StartZone(ctx context.Context, region, zone string) error
}

// About says what was measured.
type About struct {
	Stack   string
	Machine string
	Images  []string
	// OneMachine says that all zones stand on it.
	OneMachine bool
	// Nodes are the machines of a zone.
	Nodes int
}

// Machine describes this machine in a line: what its figures depend on most.
func Machine() string {
	s := fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return s // other systems do not tell so easily
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return s + " of " + strings.TrimSpace(value)
		}
	}
	return s
}
