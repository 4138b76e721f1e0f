package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

// ErrTaken is wrapped by errors about a name that another table has.
var ErrTaken = errors.New("the name is another table's")

// Drop takes a table out of the catalog; purge also deletes everything that lies in its folder. A table that is being built
// is class unavailable.
func (l *Lake) Drop(ctx context.Context, name string, purge bool) error {
	if err := l.writable(); err != nil {
		return fmt.Errorf("drop %s: %w", name, err)
	}
	t, err := l.Table(ctx, name)
	if err != nil {
		return err
	}
	if err := l.leave(ctx, name); err != nil {
		return fmt.Errorf("drop %s: %w", name, err)
	}
	if purge {
		if err := l.alone(ctx, t); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	if err := l.catalog.drop(ctx, t.ident, t.ice.MetadataLocation()); err != nil {
		return fmt.Errorf("drop %s: %w", name, meanwhile(err))
	}
	if !purge {
		return nil
	}
	if err := l.removeUnder(ctx, t.Location()); err != nil {
		return fmt.Errorf("purge %s: %w", name, err)
	}
	return nil
}

// Rename gives a table another name. Snapshots, ledger and files stay, and lie where they lay.
func (l *Lake) Rename(ctx context.Context, name, to string) error {
	if err := l.writable(); err != nil {
		return fmt.Errorf("rename %s: %w", name, err)
	}
	t, err := l.Table(ctx, name)
	if err != nil {
		return err
	}
	id, err := identOf(to)
	if err != nil {
		return err
	}
	// What a stage staged is found by the table's name.
	if err := l.leave(ctx, name); err != nil {
		return fmt.Errorf("rename %s: %w", name, err)
	}
	err = l.catalog.rename(ctx, t.ident, id, t.ice.MetadataLocation())
	if errors.Is(err, ErrTaken) {
		err = fault.New(fault.Usage, "%s is in the lake already: %w", to, err)
	}
	if err != nil {
		return fmt.Errorf("rename %s: %w", name, meanwhile(err))
	}
	return nil
}

// alone refuses a table whose folder is not in the lake, or holds another table.
func (l *Lake) alone(ctx context.Context, t *Table) error {
	if key, ok := keyAt(l.root, t.Location()); !ok || key == "" {
		return fault.New(fault.Usage, "its files lie at %s, outside the lake", t.Location()).WithHint("--keep-files leaves them there")
	}
	ids, err := l.catalog.list(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if slices.Equal(id, t.ident) {
			continue
		}
		at, err := l.catalog.metadata(ctx, id)
		if err != nil && !errors.Is(err, ErrNoTable) {
			return err
		}
		if strings.HasPrefix(at, strings.TrimSuffix(t.Location(), "/")+"/") {
			return fault.New(fault.Usage, "table %s lies in its folder, %s", strings.Join(id, "."), t.Location()).WithHint("--keep-files leaves the files there")
		}
	}
	return nil
}

func meanwhile(err error) error {
	if errors.Is(err, commit.ErrLost) {
		return fault.New(fault.Conflict, "the table changed meanwhile: %w", err)
	}
	return err
}

// leave ends what dead builds of a table left staged, and refuses where one is under way.
func (l *Lake) leave(ctx context.Context, name string) error {
	stages, err := l.Stages(ctx, name)
	if err != nil {
		return err
	}
	for _, s := range stages {
		if s.Expires.After(time.Now()) {
			return fault.New(fault.Unavailable, "run %s is building it", s.RunID).
				WithHint("wait for the run; what a killed run left ends at %s", s.Expires.Format(time.TimeOnly))
		}
		if err := l.DiscardStage(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// removeUnder deletes every blob under a location, if that lies in the lake.
func (l *Lake) removeUnder(ctx context.Context, location string) error {
	key, ok := keyAt(l.root, location)
	if !ok || key == "" {
		return fault.New(fault.Usage, "%s lies outside the lake", location)
	}
	objects, err := l.store.List(ctx, strings.TrimSuffix(key, "/")+"/")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := l.store.Delete(ctx, o.Key); err != nil {
			return err
		}
	}
	return l.removeEmptyDirs(key)
}
