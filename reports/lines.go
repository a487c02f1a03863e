package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// The files of a run directory that the judge reads.
const (
	HistoryFile  = "run.jsonl"
	AudienceFile = "audience.jsonl"
)

// lineBytesMax bounds a line, and with it what the judge holds of a file at once.
const lineBytesMax = 16 << 20

// numberMax bounds every count and time in a line: a larger one is not exact in other readers of JSON, and as
// microseconds it would not fit a time.Duration.
const numberMax = 1 << 53

// eachLine calls take with every line that is not blank. A line that take refuses is an error with its place, unless it
// is the last one: a process that dies leaves half a line behind, and what it had written before is still evidence.
// Then the returned note says so.
func eachLine(file string, r io.Reader, take func(line []byte) error) (note string, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), lineBytesMax)
	n := 0
	var refused error
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if refused != nil {
			return "", refused
		}
		if err := take(line); err != nil {
			refused = fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return "", fmt.Errorf("%s:%d: line is longer than %d MiB", file, n+1, lineBytesMax>>20)
	} else if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	if refused != nil {
		return fmt.Sprintf("%v; the last line is damaged and was left out", refused), nil
	}
	return "", nil
}

// inRange refuses numbers that no run can have produced.
func inRange(name string, n, low int64) error {
	if n < low || n > numberMax {
		return fmt.Errorf("%s is %d; %d to %d can be", name, n, low, int64(numberMax))
	}
	return nil
}

// sinceStart makes a time since the event's availability start of a line's microseconds.
func sinceStart(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// secondOf is the whole second that a time falls into; also before the start, where division would round up.
func secondOf(at time.Duration) int64 {
	s := int64(at / time.Second)
	if at%time.Second < 0 {
		s--
	}
	return s
}
