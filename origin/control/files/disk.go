package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is the directory as the store needs it; tests pull its plug.
type disk interface {
	// names lists the files.
	names() ([]string, error)
	// read gives a whole file, and refuses one of more than limit bytes; fs.ErrNotExist when there is none.
	read(name string, limit int64) ([]byte, error)
	// write makes a file of these bytes that is on disk when write returns; its name may not be yet.
	write(name string, body []byte) error
	// rename gives a file another's name, which is on disk when rename returns.
	rename(from, to string) error
	remove(name string) error
	// extend adds bytes to a file of so many, cutting off what may be behind them; they are on disk when extend returns.
	extend(name string, at int64, body []byte) error
	close() error
}

// folder is a directory of the operating system's, with its lock.
type folder struct {
	path string
	lock *os.File
}

func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%s is open in another process: %w", path, err)
	}
	return &folder{path, lock}, nil
}

func (f *folder) names() ([]string, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			all = append(all, e.Name())
		}
	}
	return all, nil
}

func (f *folder) read(name string, limit int64) ([]byte, error) {
	file, err := os.Open(filepath.Join(f.path, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return body, err
}

func (f *folder) write(name string, body []byte) error {
	return f.writeAt(name, os.O_TRUNC, 0, body)
}

func (f *folder) extend(name string, at int64, body []byte) error {
	return f.writeAt(name, 0, at, body)
}

func (f *folder) writeAt(name string, flags int, at int64, body []byte) error {
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_CREATE|os.O_WRONLY|flags, 0o600)
	if err != nil {
		return err
	}
	err = file.Truncate(at)
	if err == nil {
		_, err = file.WriteAt(body, at)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil || at > 0 {
		return err
	}
	return f.sync() // the file may be new
}

func (f *folder) rename(from, to string) error {
	if err := os.Rename(filepath.Join(f.path, from), filepath.Join(f.path, to)); err != nil {
		return err
	}
	return f.sync()
}

func (f *folder) remove(name string) error {
	if err := os.Remove(filepath.Join(f.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync makes the directory's names last.
func (f *folder) sync() error {
	dir, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f *folder) close() error { return f.lock.Close() }
