package fresh

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What files say is read again when one of them changes, and not before it is time; what cannot be used is reported once,
// and changes nothing.
func TestValue(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	written := time.Now()
	write := func(name, text string) {
		written = written.Add(time.Second) // file systems' clocks are coarse
		if err := errors.Join(os.WriteFile(name, []byte(text), 0o600), os.Chtimes(name, written, written)); err != nil {
			t.Fatal(err)
		}
	}
	reads, reports := 0, 0
	read := func() (string, error) {
		reads++
		a, err := os.ReadFile(one)
		b, errB := os.ReadFile(two)
		if strings.Contains(string(a), "bad") {
			err = errors.New("bad")
		}
		return string(a) + " " + string(b), errors.Join(err, errB)
	}
	if _, err := Read(read, nil, one, two); err == nil {
		t.Error("files that are not there were read")
	}
	write(one, "a")
	write(two, "b")
	reads = 0
	v, err := Read(read, func(error) { reports++ }, one, two)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, text string // what is written; no text removes
		later      bool
		want       string
		reads      int
		failures   uint64
	}{
		{two, "b", true, "a b", 2, 0}, // it was written again, if to the same end
		{one, "aa", false, "a b", 2, 0},
		{"", "", true, "aa b", 3, 0},
		{"", "", true, "aa b", 3, 0},
		{one, "bad", true, "aa b", 4, 1},
		{"", "", true, "aa b", 4, 1},
		{one, "", true, "aa b", 5, 2},
		{"", "", true, "aa b", 5, 2},
		{one, "c", true, "c b", 6, 2},
		{two, "dd", true, "c dd", 7, 2},
	} {
		switch {
		case step.text != "":
			write(step.name, step.text)
		case step.name != "":
			_ = os.Remove(step.name)
		}
		if step.later {
			v.checked = v.checked.Add(-CheckEvery)
		} else {
			v.checked = v.checked.Add(CheckEvery * 1000) // however long this test is held up
		}
		if got := v.Now(); got != step.want || reads != step.reads || v.Failures() != step.failures || reports != int(step.failures) {
			t.Errorf("after %+v: %q, read %d times, %d failures, %d reported", step, got, reads, v.Failures(), reports)
		}
		if !step.later {
			v.checked = v.checked.Add(-CheckEvery * 1000)
		}
	}
}
