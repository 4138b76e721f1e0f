package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// files is one table's source: a pattern in a connection's folder.
type files struct {
	*opened
	reader *Reader
}

var _ source.Source = (*files)(nil)

// Server names the folder or bucket.
func (f *files) Server(context.Context) (string, error) { return f.server(), nil }

// Discover gives the files that match as one dataset.
func (f *files) Discover(ctx context.Context) ([]source.Dataset, error) {
	found, err := f.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("discover files: %w", err)
	}
	d := source.Dataset{Name: f.reader.Path, Rows: -1}
	for _, o := range found {
		d.Bytes += o.Size
	}
	return []source.Dataset{d}, nil
}

// Check lists the pattern's files and fails where there are none.
func (f *files) Check(ctx context.Context) error {
	found, err := f.list(ctx)
	if err == nil && len(found) == 0 {
		err = f.nothing(ctx)
	}
	if err != nil {
		return fmt.Errorf("check files: %w", err)
	}
	return nil
}

func (f *files) Close() error { return nil }

// list gives the files that match the pattern, sorted by name.
func (f *files) list(ctx context.Context) ([]blob.Object, error) {
	g, err := compileGlob(f.reader.Path)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	all, err := f.store.List(ctx, g.prefix)
	if err != nil {
		return nil, err
	}
	var found []blob.Object
	for _, o := range all {
		if g.match(o.Key) && !hidden(o.Key, f.reader.Path) {
			found = append(found, o)
		}
	}
	return found, nil
}

// nothing is the error of a pattern that never matched; it names what comes nearest.
func (f *files) nothing(ctx context.Context) error {
	e := fault.New(fault.Usage, "no file matches %s in %s", f.reader.Path, f.shown)
	g, err := compileGlob(f.reader.Path)
	if err != nil {
		return e
	}
	if !f.remote {
		// The folder the pattern starts in, or the last one on the way there that exists.
		dir := g.prefix
		for dir != "" && dir != "." && !isDir(filepath.Join(f.root, dir)) {
			dir = path.Dir(strings.TrimSuffix(dir, "/"))
		}
		if dir = strings.TrimSuffix(dir, "/"); dir != strings.TrimSuffix(g.prefix, "/") {
			return e.WithHint("folder %s does not exist; in %s there is: %s", strings.TrimSuffix(g.prefix, "/"),
				path.Join(f.shown, dir), some(f.names(dir)))
		}
	}
	all, err := f.store.List(ctx, g.prefix)
	if err != nil || len(all) == 0 {
		return e.WithHint("%s holds no files", strings.TrimRight(f.shown, "/")+"/"+g.prefix)
	}
	keys := make([]string, len(all))
	for i, o := range all {
		keys[i] = o.Key
	}
	return e.WithHint("there is: %s", some(keys))
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func (f *files) names(dir string) (names []string) {
	entries, err := os.ReadDir(filepath.Join(f.root, dir))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// some names the first few of a list.
func some(names []string) string {
	const few = 5
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > few:
		return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", len(names)-few)
	}
	return strings.Join(names, ", ")
}

// Begin fixes the files to be read and what they hold now.
func (f *files) Begin(ctx context.Context, r job.Read) (source.Scan, error) {
	if r.Replay {
		return &scan{files: f, read: r, end: r.From.Clone()}, nil
	}
	found, err := f.list(ctx)
	if err == nil && len(found) == 0 && len(r.From) == 0 && r.Known == nil {
		err = f.nothing(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("begin reading %s: %w", r.Table, err)
	}
	s := &scan{files: f, read: r, end: job.Position{}}
	if err := s.begin(ctx, found); err != nil {
		return nil, errors.Join(fmt.Errorf("begin reading %s: %w", r.Table, err), s.Close())
	}
	return s, nil
}
