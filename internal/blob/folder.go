package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tempPrefix marks files that are being written; a List never shows them.
const tempPrefix = ".weir-put-"

// Unfinished says whether a file of this name is one that was being written when its writer died, or is being written now.
func Unfinished(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// folder is a Store of files.
type folder struct{ root string }

func (f *folder) path(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return filepath.Join(f.root, filepath.FromSlash(key)), nil
}

func (f *folder) URL(key string) string { return "file://" + f.root + "/" + key }

func (f *folder) LocalPath(key string) (string, bool) {
	return filepath.Join(f.root, filepath.FromSlash(key)), true
}

func (f *folder) Put(ctx context.Context, key string, data []byte) error {
	return f.put(ctx, key, writeBytes(data), os.Rename)
}

// PutNew links the finished file to its name, which fails where the name is taken; a rename would replace silently.
func (f *folder) PutNew(ctx context.Context, key string, data []byte) error {
	return f.put(ctx, key, writeBytes(data), func(temp, path string) error {
		if err := os.Link(temp, path); err != nil {
			return err
		}
		return os.Remove(temp)
	})
}

func (f *folder) PutFile(ctx context.Context, key, localPath string) error {
	return f.put(ctx, key, copyFrom(ctx, localPath), os.Rename)
}

func writeBytes(data []byte) func(*os.File) error {
	return func(w *os.File) error {
		_, err := w.Write(data)
		return err
	}
}

func copyFrom(ctx context.Context, path string) func(*os.File) error {
	return func(w *os.File) error {
		r, err := os.Open(path)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(w, reading{ctx, r})
		return err
	}
}

// reading ends a copy when its context ends.
type reading struct {
	ctx context.Context
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// put writes a temporary file beside the target, syncs it, gives it its name and syncs the folder: after a crash the
// key holds the old object or the new one.
func (f *folder) put(ctx context.Context, key string, write func(*os.File) error, name func(temp, path string) error) error {
	path, err := f.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = putFile(path, write, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.URL(key), classify(err))
	}
	return nil
}

func putFile(path string, write func(*os.File) error, name func(temp, path string) error) error {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, tempPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	err = errors.Join(write(temp), temp.Chmod(0o644), temp.Sync())
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := name(temp.Name(), path); err != nil {
		return err
	}
	return syncPath(dir)
}

// makeDir makes a folder and those above it, and syncs the folders it adds names to.
func makeDir(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncPath(parent)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	// Some file systems cannot sync a folder; theirs are ordered without it.
	if st, serr := f.Stat(); serr == nil && st.IsDir() && (errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

func (f *folder) Get(ctx context.Context, key string) ([]byte, error) {
	path, err := f.path(key)
	if err == nil {
		err = ctx.Err()
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.URL(key), classify(err))
	}
	return data, nil
}

func (f *folder) Fetch(ctx context.Context, key, localPath string) error {
	path, err := f.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = putFile(localPath, copyFrom(ctx, path), os.Rename)
	}
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.URL(key), classify(err))
	}
	return nil
}

func (f *folder) Stat(ctx context.Context, key string) (Object, error) {
	path, err := f.path(key)
	if err == nil {
		err = ctx.Err()
	}
	var st fs.FileInfo
	if err == nil {
		st, err = os.Stat(path)
	}
	if err == nil && st.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Object{}, fmt.Errorf("look at %s: %w", f.URL(key), classify(err))
	}
	return Object{Key: key, Size: st.Size(), Modified: st.ModTime()}, nil
}

func (f *folder) Delete(ctx context.Context, key string) error {
	path, err := f.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", f.URL(key), classify(err))
	}
	return nil
}

// Sync syncs each file, then every folder from it up to the root once: a folder made on the way is only durable when
// the one above it is.
func (f *folder) Sync(ctx context.Context, keys []string) error {
	dirs := map[string]bool{}
	for _, key := range keys {
		path, err := f.path(key)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = syncPath(path)
		}
		if err != nil {
			return fmt.Errorf("sync %s: %w", f.URL(key), classify(err))
		}
		for dir := filepath.Dir(path); !dirs[dir]; dir = filepath.Dir(dir) {
			dirs[dir] = true
			if dir == f.root || !strings.HasPrefix(dir, f.root) {
				break
			}
		}
	}
	for dir := range dirs {
		if err := syncPath(dir); err != nil {
			return fmt.Errorf("sync %s: %w", dir, classify(err))
		}
	}
	return nil
}
