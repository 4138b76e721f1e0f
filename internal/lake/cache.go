package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"weir/internal/fault"
)

// fetchesAtOnce bounds how many remote files travel side by side.
const fetchesAtOnce = 4

// cacheDir holds whole copies of remote files, which never change under their name.
func (l *Lake) cacheDir() string { return filepath.Join(l.state, "cache") }

// copyAt is where the copy of a remote file lies, or would.
func (l *Lake) copyAt(key string) string {
	return filepath.Join(l.cacheDir(), filepath.FromSlash(strings.TrimPrefix(l.root+key, "s3://")))
}

// Local gives a local path that holds a file of the lake: the file itself, or a copy of a remote one.
func (l *Lake) Local(ctx context.Context, location string) (string, error) {
	key, ok := keyAt(l.root, location)
	if !ok {
		if p, ok := localAt(location); ok {
			return p, nil
		}
		return "", fault.New(fault.Usage, "%s lies outside the lake", location)
	}
	if p, ok := l.store.LocalPath(key); ok {
		return p, nil
	}
	p := l.copyAt(key)
	if _, err := os.Stat(p); err == nil {
		return p, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fault.New(fault.Unavailable, "copy of %s: %w", location, err)
	}
	if err := l.store.Fetch(ctx, key, p); err != nil {
		return "", damaged("file", location, err)
	}
	return p, nil
}

// locals is Local for many, in their order.
func (l *Lake) locals(ctx context.Context, locations []string) ([]string, error) {
	paths := make([]string, len(locations))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchesAtOnce)
	for i, loc := range locations {
		g.Go(func() (err error) {
			paths[i], err = l.Local(ctx, loc)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("read data files: %w", err)
	}
	return paths, nil
}
