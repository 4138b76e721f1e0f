package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"weir/internal/fault"
)

// fleeting is a Store that lives no longer than the process. What is put as bytes stays in memory, and only what others write
// or want as files is in the folder; nothing is made durable, because after a crash there is nobody to read it.
type fleeting struct {
	files *folder

	mu      sync.RWMutex
	objects map[string]held
}

// held is an object in memory. Its bytes never change.
type held struct {
	data []byte
	at   time.Time
}

// OpenFleeting gives a store that is gone with the process, for many small objects. The folder, an absolute one, is for those
// that are files: PutFile's, and what others write there; it is the caller's to remove.
func OpenFleeting(folderPath string) (Store, error) {
	if !filepath.IsAbs(folderPath) {
		return nil, fault.New(fault.Usage, "open %q: not an absolute folder", folderPath)
	}
	return &fleeting{files: &folder{root: filepath.Clean(folderPath)}, objects: map[string]held{}}, nil
}

func (f *fleeting) check(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return ctx.Err()
}

// find gives the object at a key in memory.
func (f *fleeting) find(key string) (held, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	o, ok := f.objects[key]
	return o, ok
}

func (f *fleeting) Put(ctx context.Context, key string, data []byte) error {
	if err := f.check(ctx, key); err != nil {
		return fmt.Errorf("write %s: %w", f.URL(key), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key] = held{bytes.Clone(data), time.Now()}
	return nil
}

func (f *fleeting) PutNew(ctx context.Context, key string, data []byte) error {
	if err := f.check(ctx, key); err != nil {
		return fmt.Errorf("write %s: %w", f.URL(key), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, there := f.objects[key]
	if _, err := f.files.Stat(ctx, key); there || err == nil {
		return fmt.Errorf("write %s: %w", f.URL(key), fault.New(fault.Conflict, "%w", ErrExists))
	}
	f.objects[key] = held{bytes.Clone(data), time.Now()}
	return nil
}

func (f *fleeting) PutFile(ctx context.Context, key, localPath string) error {
	if err := f.files.PutFile(ctx, key, localPath); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, key)
	return nil
}

func (f *fleeting) Get(ctx context.Context, key string) ([]byte, error) {
	if o, ok := f.find(key); ok && ctx.Err() == nil {
		return bytes.Clone(o.data), nil
	}
	return f.files.Get(ctx, key)
}

func (f *fleeting) Fetch(ctx context.Context, key, localPath string) error {
	o, ok := f.find(key)
	if !ok {
		return f.files.Fetch(ctx, key, localPath)
	}
	err := putFile(localPath, func(w *os.File) error {
		_, err := io.Copy(w, reading{ctx, bytes.NewReader(o.data)})
		return err
	}, os.Rename)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.URL(key), classify(err))
	}
	return nil
}

func (f *fleeting) List(ctx context.Context, prefix string) ([]Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found []Object
	if _, err := os.Stat(f.files.root); err == nil {
		if found, err = f.files.List(ctx, prefix); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list %s: %w", f.files.root, classify(err))
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	found = slices.DeleteFunc(found, func(o Object) bool { _, hidden := f.objects[o.Key]; return hidden })
	for key, o := range f.objects {
		if strings.HasPrefix(key, prefix) {
			found = append(found, o.object(key))
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Key < found[j].Key })
	return found, nil
}

func (o held) object(key string) Object {
	return Object{Key: key, Size: int64(len(o.data)), Modified: o.at}
}

func (f *fleeting) Stat(ctx context.Context, key string) (Object, error) {
	if o, ok := f.find(key); ok && ctx.Err() == nil {
		return o.object(key), nil
	}
	return f.files.Stat(ctx, key)
}

func (f *fleeting) Delete(ctx context.Context, key string) error {
	f.mu.Lock()
	_, there := f.objects[key]
	delete(f.objects, key)
	f.mu.Unlock()
	if there {
		return nil
	}
	return f.files.Delete(ctx, key)
}

// Sync has nothing to do.
func (f *fleeting) Sync(context.Context, []string) error { return nil }

func (f *fleeting) URL(key string) string { return f.files.URL(key) }

// LocalPath is where a key's file is or will be; false for an object in memory.
func (f *fleeting) LocalPath(key string) (string, bool) {
	if _, ok := f.find(key); ok {
		return "", false
	}
	return f.files.LocalPath(key)
}

// Range reads a part of an object.
func (f *fleeting) Range(ctx context.Context, key string, offset, size int64) ([]byte, error) {
	o, ok := f.find(key)
	if !ok {
		return f.files.Range(ctx, key, offset, size)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	length := int64(len(o.data))
	from := min(max(offset, 0), length)
	return bytes.Clone(o.data[from:min(from+max(size, 0), length)]), nil
}
