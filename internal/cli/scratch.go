package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"weir/internal/fault"
)

// scratch is this process's folder for what lives no longer than itself: deltas, copies of remote files, what the engine
// spills to disk. A lock on the folder ends with the process, however that ends: so the next one tells the folders of the
// dead from those in use, and removes them.
type scratch struct {
	dir  string
	lock *os.File
}

// openScratch makes a folder below base and removes those there that no process holds any more.
func openScratch(base string) (*scratch, error) {
	s, err := makeScratch(base)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "make scratch folder: %w", err)
	}
	return s, nil
}

func makeScratch(base string) (*scratch, error) {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, err
	}
	// Held until our own folder is locked, so that nobody takes it for a dead process's meanwhile.
	all, err := os.Open(base)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if lock(all, syscall.LOCK_EX) == nil {
		sweep(base)
	}
	s := &scratch{}
	if s.dir, err = os.MkdirTemp(base, ""); err != nil {
		return nil, err
	}
	if s.lock, err = os.Open(s.dir); err != nil {
		return nil, err
	}
	// A file system without locks has nothing swept, see above, so that going on without one is safe.
	_ = lock(s.lock, syscall.LOCK_EX|syscall.LOCK_NB)
	return s, nil
}

// sweep removes the folders of processes that are gone. What cannot be removed now is left to the next process.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(base, e.Name())
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if lock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		_ = f.Close()
	}
}

func lock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// part is the path of one user's folder in it, made when needed.
func (s *scratch) part(name string) string { return filepath.Join(s.dir, name) }

func (s *scratch) close() error {
	if err := errors.Join(os.RemoveAll(s.dir), s.lock.Close()); err != nil {
		return fmt.Errorf("remove scratch folder: %w", err)
	}
	return nil
}
