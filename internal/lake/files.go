package lake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"weir/internal/blob"
	"weir/internal/fault"
)

// files gives iceberg-go the lake's blobs by their full location. What it writes (manifests) is on disk when Close returns, which
// iceberg-go's own local files are not.
type files struct {
	ctx   context.Context
	store blob.Store
	root  string // location of the store with a slash at its end
}

var (
	_ iceio.WriteFileIO = files{}
	_ iceio.ReadFileIO  = files{}
)

// keyAt finds the key of a location in the lake. iceberg-go escapes locations it derives; blobs are never escaped.
func keyAt(root, location string) (string, bool) {
	if key, ok := strings.CutPrefix(location, root); ok {
		return key, true
	}
	if u, err := url.Parse(location); err == nil && u.Scheme != "" {
		return strings.CutPrefix(u.Scheme+"://"+u.Host+u.Path, root)
	}
	return strings.CutPrefix("file://"+location, root)
}

// localAt finds the local file of a location outside the lake.
func localAt(location string) (string, bool) {
	p, scheme := strings.CutPrefix(location, "file://")
	if !scheme {
		p, scheme = strings.CutPrefix(location, "file:")
	}
	if !filepath.IsAbs(p) {
		return "", false
	}
	if _, err := os.Stat(p); err != nil && scheme {
		if u, err := url.Parse(location); err == nil && u.Path != "" {
			return u.Path, true
		}
	}
	return p, true
}

// Open opens a blob: a local one as a file, a remote one as a copy in memory.
func (f files) Open(name string) (iceio.File, error) {
	key, ok := keyAt(f.root, name)
	if !ok {
		if p, ok := localAt(name); ok {
			return os.Open(p)
		}
		return nil, fault.New(fault.Usage, "open %s: it lies outside the lake", name)
	}
	if p, ok := f.store.LocalPath(key); ok {
		return os.Open(p)
	}
	data, err := f.store.Get(f.ctx, key)
	if err != nil {
		return nil, fileError(err)
	}
	return &remoteFile{Reader: bytes.NewReader(data), name: path.Base(key), size: int64(len(data))}, nil
}

func (f files) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

// Create starts a blob that is stored when it is closed.
func (f files) Create(name string) (iceio.FileWriter, error) {
	key, ok := keyAt(f.root, name)
	if !ok {
		return nil, fault.New(fault.Usage, "write %s: it lies outside the lake", name)
	}
	return &upload{files: f, key: key}, nil
}

func (f files) WriteFile(name string, content []byte) error {
	key, ok := keyAt(f.root, name)
	if !ok {
		return fault.New(fault.Usage, "write %s: it lies outside the lake", name)
	}
	return f.store.Put(f.ctx, key, content)
}

func (f files) Remove(name string) error {
	key, ok := keyAt(f.root, name)
	if !ok {
		return fault.New(fault.Usage, "remove %s: it lies outside the lake", name)
	}
	return f.store.Delete(f.ctx, key)
}

// fileError makes a missing blob what iceberg-go knows as a missing file.
func fileError(err error) error {
	if errors.Is(err, blob.ErrNotExist) {
		return errors.Join(fs.ErrNotExist, err)
	}
	return err
}

// upload collects a blob.
type upload struct {
	bytes.Buffer
	files files
	key   string
	done  bool
}

func (u *upload) ReadFrom(r io.Reader) (int64, error) { return u.Buffer.ReadFrom(r) }

func (u *upload) Close() error {
	if u.done {
		return nil
	}
	u.done = true
	return u.files.store.Put(u.files.ctx, u.key, u.Bytes())
}

// remoteFile is a remote blob in memory.
type remoteFile struct {
	*bytes.Reader
	name string
	size int64
}

func (r *remoteFile) Close() error               { return nil }
func (r *remoteFile) Stat() (fs.FileInfo, error) { return remoteInfo{r.name, r.size}, nil }

type remoteInfo struct {
	name string
	size int64
}

func (i remoteInfo) Name() string     { return i.name }
func (i remoteInfo) Size() int64      { return i.size }
func (remoteInfo) Mode() fs.FileMode  { return 0o444 }
func (remoteInfo) ModTime() time.Time { return time.Time{} }
func (remoteInfo) IsDir() bool        { return false }
func (remoteInfo) Sys() any           { return nil }
