// Package fresh keeps what files say, certificates or secrets, as fresh as the files are, so that a new one needs no new
// process.
package fresh

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Value is what some files were read as. It is read again when they change; a change that cannot be used is reported, and
// what was there stays.
type Value[T any] struct {
	files  []string
	read   func() (T, error)
	report func(error)
	failed atomic.Uint64

	mu      sync.Mutex
	current T
	stamps  []stamp   // of what was tried last
	checked time.Time // when the files were last looked at
}

// stamp tells one version of a file from another. It is zero for a file that is not there, which is a change like any other.
type stamp struct {
	modified time.Time
	size     int64
}

// CheckEvery is how often files are looked at, at most, and only when somebody asks.
const CheckEvery = 100 * time.Millisecond

// Read reads what has to be good the first time. read is called again after one of the files has changed, by whoever asks
// then; report is told of changes that cannot be used, and may be nil.
func Read[T any](read func() (T, error), report func(error), files ...string) (*Value[T], error) {
	v := &Value[T]{files: files, read: read, report: report, checked: time.Now()}
	v.stamps = v.look()
	var err error
	v.current, err = read()
	return v, err
}

// Now is what the files say, as of CheckEvery ago at most.
func (v *Value[T]) Now() T {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if now.Sub(v.checked) < CheckEvery {
		return v.current
	}
	v.checked = now
	stamps := v.look()
	if same(stamps, v.stamps) {
		return v.current
	}
	v.stamps = stamps
	fresh, err := v.read()
	if err != nil { // perhaps only one of two files is there yet; the other's coming is a change as well
		v.failed.Add(1)
		if v.report != nil {
			v.report(err)
		}
		return v.current
	}
	v.current = fresh
	return v.current
}

// Failures counts the changes that could not be used.
func (v *Value[T]) Failures() uint64 { return v.failed.Load() }

func (v *Value[T]) look() []stamp {
	stamps := make([]stamp, len(v.files))
	for i, name := range v.files {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

func same(a, b []stamp) bool {
	for i := range a {
		if !a[i].modified.Equal(b[i].modified) || a[i].size != b[i].size {
			return false
		}
	}
	return true
}
