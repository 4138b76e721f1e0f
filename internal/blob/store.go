// Package blob keeps whole objects under slash-separated keys, in a folder or in an S3 bucket. What it promises is what a
// lake needs of it: an object is there entirely or not at all, and PutNew has exactly one winner.
package blob

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"weir/internal/fault"
)

// ErrNotExist is wrapped by errors about a key that holds nothing.
var ErrNotExist = errors.New("no such object")

// ErrExists is wrapped by PutNew's error where the key is taken.
var ErrExists = errors.New("object exists already")

// Object is one stored object.
type Object struct {
	Key      string
	Size     int64  // bytes
	ETag     string // content tag as the store gives it, without quotes; "" for files
	Modified time.Time
}

// Store holds objects by key: names joined by slashes, without a leading one, "." or "..". Errors are classed (fault):
// a missing bucket or folder and refused access are Usage, a full disk, the network and 5xx answers Unavailable.
type Store interface {
	// Put writes an object atomically and durably, over one that is there.
	Put(ctx context.Context, key string, data []byte) error
	// PutNew is Put for a key that holds nothing; of several at once one succeeds, the others get ErrExists.
	PutNew(ctx context.Context, key string, data []byte) error
	// PutFile is Put with a local file's content.
	PutFile(ctx context.Context, key, localPath string) error
	// Get reads a whole object; ErrNotExist where there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	// Fetch copies an object into a local file, whose folder is made where missing; the file appears when it is whole.
	Fetch(ctx context.Context, key, localPath string) error
	// List gives every object whose key starts with prefix, however deep, sorted by key.
	List(ctx context.Context, prefix string) ([]Object, error)
	// Stat looks at one object; ErrNotExist where there is none.
	Stat(ctx context.Context, key string) (Object, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error
	// Sync makes objects that others wrote below the store durable: files and the folders that name them. A remote
	// store has nothing to do.
	Sync(ctx context.Context, keys []string) error
	// URL is the full location of a key: file:///abs/key or s3://bucket/prefix/key, nothing escaped.
	URL(key string) string
	// LocalPath is the file that holds a key, false where objects are not files.
	LocalPath(key string) (string, bool)
}

// S3 is how an S3-compatible service is reached.
type S3 struct {
	Endpoint  string // URL; "" for AWS. With one, bucket names stand in the path
	Region    string // "" for the environment's, else us-east-1
	AccessKey string // "" for the default credential chain
	SecretKey string
}

// Open gives the store at a location: /abs/folder, file:///abs/folder or s3://bucket/prefix. It touches nothing: a
// folder that is missing is made by the first Put.
func Open(ctx context.Context, location string, s3 S3) (Store, error) {
	switch {
	case strings.HasPrefix(location, "s3://"):
		bucket, prefix, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
		if bucket == "" {
			return nil, fault.New(fault.Usage, "open %s: no bucket named", location).WithHint("write s3://bucket/prefix")
		}
		return openBucket(ctx, bucket, strings.Trim(prefix, "/"), s3)
	case strings.HasPrefix(location, "file://"):
		location = strings.TrimPrefix(location, "file://")
	}
	if !filepath.IsAbs(location) {
		return nil, fault.New(fault.Usage, "open %q: not a location", location).
			WithHint("write an absolute folder, file:///folder or s3://bucket/prefix")
	}
	return &folder{root: filepath.Clean(location)}, nil
}

// checkKey refuses keys that would lead out of the store or name nothing.
func checkKey(key string) error {
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return fault.New(fault.Usage, "key %q is not a clean path", key)
		}
	}
	return nil
}
