package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"weir/internal/fault"
)

// List walks the folder the prefix lies in. Links to files and folders are followed, each real folder once on a way
// down, so that a link to a folder above does not turn in circles.
func (f *folder) List(ctx context.Context, prefix string) ([]Object, error) {
	if st, err := os.Stat(f.root); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.Usage, "list %s: the folder does not exist", f.root).WithHint("make the folder or correct the path")
		}
		return nil, fmt.Errorf("list %s: %w", f.root, classify(err))
	} else if !st.IsDir() {
		return nil, fault.New(fault.Usage, "list %s: not a folder", f.root).WithHint("name the folder the file lies in")
	}
	dir := ""
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		dir = prefix[:i]
		if err := checkKey(dir); err != nil {
			return nil, err
		}
	}
	w := walk{root: f.root, prefix: prefix}
	if err := w.folder(ctx, dir, nil); err != nil {
		return nil, fmt.Errorf("list %s: %w", f.URL(prefix), classify(err))
	}
	sort.Slice(w.found, func(i, j int) bool { return w.found[i].Key < w.found[j].Key })
	return w.found, nil
}

type walk struct {
	root, prefix string
	found        []Object
}

// folder adds what lies under dir, a key or "" for the root; above holds the real paths of the folders it lies in.
func (w *walk) folder(ctx context.Context, dir string, above []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := filepath.Join(w.root, filepath.FromSlash(dir))
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		for _, a := range above {
			if a == real {
				return nil
			}
		}
	}
	var entries []os.DirEntry
	if err == nil {
		entries, err = os.ReadDir(real)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no such prefix, or removed while we looked
	}
	if err != nil {
		return err
	}
	above = append(above[:len(above):len(above)], real)
	for _, e := range entries {
		if err := w.entry(ctx, dir, e, above); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(ctx context.Context, dir string, e os.DirEntry, above []string) error {
	key := e.Name()
	if dir != "" {
		key = dir + "/" + key
	}
	on, within := strings.HasPrefix(w.prefix, key), strings.HasPrefix(key, w.prefix)
	if Unfinished(e.Name()) || !on && !within {
		return nil
	}
	st, err := os.Stat(filepath.Join(w.root, filepath.FromSlash(key)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // removed while we looked, or a link to nothing
	case err != nil:
		return err
	case st.IsDir():
		return w.folder(ctx, key, above)
	case within && st.Mode().IsRegular():
		w.found = append(w.found, Object{Key: key, Size: st.Size(), Modified: st.ModTime()})
	}
	return nil
}
