package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Done ends a stage after its commit: what the commit did not make part of the table goes, and the lease with it. A stage
// that was not committed is discarded.
func (s *Stage) Done(ctx context.Context) error {
	if err := s.end(ctx); err != nil {
		return fmt.Errorf("end stage of %s: %w", s.info.Table, err)
	}
	return nil
}

// Discard removes the stage and its files, but never one that a snapshot names: after a commit it is Done, and while it is not known
// whether a commit took place everything stays until the lease has ended and maintenance looks again.
func (s *Stage) Discard(ctx context.Context) error {
	if err := s.end(ctx); err != nil {
		return fmt.Errorf("discard stage of %s: %w", s.info.Table, err)
	}
	return nil
}

func (s *Stage) end(ctx context.Context) error {
	s.stop()
	s.mu.Lock()
	closed, doubt, kept := s.closed, s.doubt, s.kept
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.lake.mu.Lock()
	if at := s.info.Table + "\x00" + s.info.RunID; s.lake.stages[at] == s {
		delete(s.lake.stages, at)
	}
	s.lake.mu.Unlock()
	if doubt {
		return nil
	}
	return s.lake.removeStage(ctx, s.info, s.local, s.keys, kept)
}

// removeStage deletes a stage's files but those kept, then its manifest: a process that dies in between leaves something to
// find the rest by.
func (l *Lake) removeStage(ctx context.Context, info StageInfo, local, keys [len(dirs)]string, kept map[string]bool) error {
	var errs []error
	for i, key := range keys {
		objects, err := l.store.List(ctx, key+"/")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, o := range objects {
			if !kept[l.store.URL(o.Key)] {
				errs = append(errs, l.store.Delete(ctx, o.Key))
			}
		}
		if _, isLocal := l.store.LocalPath(key); isLocal {
			errs = append(errs, l.removeEmptyDirs(key))
		} else if local[i] != "" {
			errs = append(errs, os.RemoveAll(filepath.Dir(local[i])))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return l.store.Delete(ctx, info.key())
}

// removeEmptyDirs removes the folders under a key that hold nothing, and those above it up to the lake that then hold nothing.
func (l *Lake) removeEmptyDirs(key string) error {
	top, local := l.store.LocalPath(key)
	if !local {
		return nil
	}
	var found []string
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			found = append(found, p)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	// Deepest first; a folder that holds something refuses.
	for i := len(found) - 1; i >= 0; i-- {
		os.Remove(found[i])
	}
	root, _ := l.store.LocalPath("x")
	for p := filepath.Dir(top); p != filepath.Dir(root) && os.Remove(p) == nil; p = filepath.Dir(p) {
	}
	return err
}
