package snapshot

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// files are the snapshot files of this process: one for each path, however many VUs write to it.
var files = struct {
	sync.Mutex
	byPath map[string]*file
}{byPath: map[string]*file{}}

// file takes whole lines.
type file struct {
	mu sync.Mutex
	f  *os.File
}

// open gives the process's file at a path. The first to open it begins it anew.
func open(path string) (*file, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	files.Lock()
	defer files.Unlock()
	if f := files.byPath[path]; f != nil {
		return f, nil
	}
	created, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("begin the snapshot: %w", err)
	}
	f := &file{f: created}
	files.byPath[path] = f
	return f, nil
}

// write appends lines, which end with a line feed.
func (f *file) write(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.f.Write(lines); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}
