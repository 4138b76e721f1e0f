package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/blob"
)

// Places are where the lake's tables lie, so that what belongs to one is not taken for another's.
type Places struct {
	lake *Lake
	of   map[string]string // keys of the tables' folders, by name
}

// Places reads where all tables lie. One that cannot be read counts for its usual place.
func (l *Lake) Places(ctx context.Context) (Places, error) {
	names, err := l.Tables(ctx)
	if err != nil {
		return Places{}, err
	}
	p := Places{lake: l, of: map[string]string{}}
	for _, name := range names {
		if t, err := l.Table(ctx, name); err == nil {
			p.of[name] = t.key()
		} else if ctx.Err() != nil {
			return p, ctx.Err()
		} else if id, err := identOf(name); err == nil {
			p.of[name] = keyOf(id)
		}
	}
	return p, nil
}

// key is that of the table's folder, "" where it lies outside the lake.
func (t *Table) key() string {
	key, ok := keyAt(t.lake.root, strings.TrimSuffix(t.Location(), "/"))
	if !ok {
		return ""
	}
	return strings.Trim(key, "/")
}

// own keeps the keys that lie in a table's own folder, and not in that of a table inside it. A folder that two tables share is
// neither's.
func (p Places) own(t *Table, keys []string) []string {
	home := t.key()
	if home == "" {
		return nil
	}
	var inside []string
	for name, key := range p.of {
		if name == t.name {
			continue
		}
		if key == home {
			return nil
		}
		if strings.HasPrefix(key, home+"/") {
			inside = append(inside, key+"/")
		}
	}
	real := p.lake.realPath(home)
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		if !strings.HasPrefix(key, home+"/") || slices.ContainsFunc(inside, func(other string) bool { return strings.HasPrefix(key, other) }) {
			return true
		}
		// A link may lead out of the folder.
		at := p.lake.realPath(key[:strings.LastIndexByte(key, '/')])
		return at != "" && at != real && !strings.HasPrefix(at, real+string(filepath.Separator))
	})
}

// realPath is the folder a key stands for without links, "" where keys are no paths or there is nothing.
func (l *Lake) realPath(key string) string {
	path, local := l.store.LocalPath(key)
	if !local {
		return ""
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return real
}

// Orphans are files in a table's folder that nothing names.
type Orphans struct {
	Files  []blob.Object
	Stages []StageInfo // left behind by builds that are gone
	at     string      // the metadata file they were judged by
}

// Bytes are those of the files.
func (o Orphans) Bytes() (n int64) {
	for _, f := range o.Files {
		n += f.Size
	}
	return n
}

// Orphans finds the files in a table's folder that no snapshot, ledger or metadata file of it names and that were last changed
// before a time. Files of stages are spared until their lease has ended before that time: a build may yet commit them.
func (l *Lake) Orphans(ctx context.Context, name string, before time.Time, places Places) (o Orphans, err error) {
	o, err = l.orphans(ctx, name, before, places)
	if err != nil {
		return o, fmt.Errorf("orphans of %s: %w", name, err)
	}
	return o, nil
}

func (l *Lake) orphans(ctx context.Context, name string, before time.Time, places Places) (o Orphans, err error) {
	t, err := l.Table(ctx, name)
	if err != nil || t.key() == "" || !t.Collects() {
		return o, err
	}
	// In this order: what is written after the listing is not on it, and what was committed before is named.
	objects, err := l.store.List(ctx, t.key()+"/")
	if err != nil {
		return o, err
	}
	stages, err := l.Stages(ctx, name)
	if err != nil {
		return o, err
	}
	if t, err = l.Table(ctx, name); err != nil {
		return o, err
	}
	r, err := t.reachOf(ctx, t.has)
	if err != nil {
		return o, err
	}
	r.metadata(t)
	alive := map[string]bool{}
	for _, s := range stages {
		if s.Expires.Before(before) {
			o.Stages = append(o.Stages, s)
		} else {
			alive[s.ID] = true
		}
	}
	o.at = t.ice.MetadataLocation()
	byKey := map[string]blob.Object{}
	var keys []string
	for _, f := range objects {
		if !r.keys[f.Key] && f.Modified.Before(before) && !alive[stageOf(t.key(), f.Key)] {
			byKey[f.Key] = f
			keys = append(keys, f.Key)
		}
	}
	for _, key := range places.own(t, keys) {
		o.Files = append(o.Files, byKey[key])
	}
	return o, nil
}

// has says whether the version knows a snapshot.
func (t *Table) has(id int64) bool { return t.ice.SnapshotByID(id) != nil }

// stageOf is the id of the stage whose folder a key lies in, "" for none.
func stageOf(home, key string) string {
	parts := strings.Split(strings.TrimPrefix(key, home+"/"), "/")
	if len(parts) > 2 && slices.Contains(dirs[:], parts[0]) && strings.HasPrefix(parts[1], stagePrefix) {
		return parts[1]
	}
	return ""
}

// RemoveOrphans deletes orphans, in a lake of folders also the empty folders they leave, and gives what went. Where the table has
// changed since they were found they are judged again.
func (l *Lake) RemoveOrphans(ctx context.Context, name string, o Orphans, before time.Time, places Places) (Removed, error) {
	if err := l.writable(); err != nil {
		return Removed{}, err
	}
	t, err := l.Table(ctx, name)
	if err != nil {
		return Removed{}, err
	}
	if t.ice.MetadataLocation() != o.at {
		if o, err = l.Orphans(ctx, name, before, places); err != nil {
			return Removed{}, err
		}
	}
	keys := make([]string, len(o.Files))
	for i, f := range o.Files {
		keys[i] = f.Key
	}
	done, err := l.remove(ctx, keys)
	if err != nil {
		return done, fmt.Errorf("remove orphans of %s: %w", name, err)
	}
	for _, s := range o.Stages {
		// Its files are orphans like others by now; those a snapshot names stay.
		if err := l.store.Delete(ctx, s.key()); err != nil {
			return done, fmt.Errorf("remove stage %s: %w", s.ID, err)
		}
	}
	for _, key := range []string{t.key(), "_stages"} {
		if err := l.sweep(key, before); err != nil {
			return done, fmt.Errorf("remove empty folders: %w", err)
		}
	}
	return done, nil
}

// Removed is what a removal deleted.
type Removed struct {
	Files int
	Bytes int64
}

// deletesAtOnce bounds how many files are deleted side by side.
const deletesAtOnce = 8

// remove deletes files and their local copies.
func (l *Lake) remove(ctx context.Context, keys []string) (Removed, error) {
	var files, bytes atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(deletesAtOnce)
	for _, key := range keys {
		g.Go(func() error {
			st, err := l.store.Stat(gctx, key)
			if errors.Is(err, blob.ErrNotExist) {
				return nil
			}
			if err == nil {
				err = l.store.Delete(gctx, key)
			}
			if err != nil {
				return err
			}
			l.uncache(key)
			files.Add(1)
			bytes.Add(st.Size)
			return nil
		})
	}
	err := g.Wait()
	l.removeLeft(keys)
	return Removed{Files: int(files.Load()), Bytes: bytes.Load()}, err
}

// uncache forgets the copy of a remote file.
func (l *Lake) uncache(key string) {
	if _, local := l.store.LocalPath(key); !local {
		_ = os.Remove(l.copyAt(key))
	}
}

// removeLeft removes folders of stages that deleted files leave empty.
func (l *Lake) removeLeft(keys []string) {
	seen := map[string]bool{}
	for _, key := range keys {
		path, local := l.store.LocalPath(key)
		if dir := filepath.Dir(path); local && !seen[dir] && strings.HasPrefix(filepath.Base(dir), stagePrefix) {
			seen[dir] = true
			_ = os.Remove(dir) // a folder that holds something refuses
		}
	}
}

// sweep removes, in a lake of folders, what writers that died left below a key before a time: folders that hold nothing, and
// files that were never whole.
func (l *Lake) sweep(key string, before time.Time) error {
	top, local := l.store.LocalPath(key)
	if !local || key == "" {
		return nil
	}
	var empty []string
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.ModTime().Before(before) {
			return nil
		}
		switch {
		case d.IsDir():
			empty = append(empty, p)
		case blob.Unfinished(d.Name()):
			_ = os.Remove(p)
		}
		return nil
	})
	for i := len(empty) - 1; i >= 0; i-- {
		_ = os.Remove(empty[i]) // deepest first; a folder that holds something refuses
	}
	return err
}
