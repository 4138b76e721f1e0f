package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake/commit"
)

// ErrUntold is wrapped by errors that say why the changes of a table cannot be told any more.
var ErrUntold = errors.New("its changes cannot be told")

// Changes are the images of rows that commits between two snapshots of a table added, changed or removed: every commit's own,
// so that a row which changed twice stands in both. A row of a rewritten file may stand in both without any change.
type Changes struct {
	Before, After Images // rows that were removed or changed, as they were; rows that were added or changed, as they became
	Commits       int
}

// Images are rows with the columns the table has today.
type Images struct {
	SQL   string // a SELECT; "" for no rows
	Rows  int64  // an upper bound
	Bytes int64  // of the files they lie in
}

// Changes tells what changed since a snapshot, which must be an ancestor of the table's current one. Commits with a change-set
// are told by it, others by the files they added and removed. A commit that changes no row is no change. The error wraps
// ErrUntold where a snapshot in between or a file is gone, or where the table was rolled back.
func (t *Table) Changes(ctx context.Context, since int64) (Changes, error) {
	steps, from, err := t.steps(ctx, since)
	if err != nil {
		return Changes{}, err
	}
	if err := t.sameColumns(ctx, from); err != nil {
		return Changes{}, err
	}
	g := &gathering{t: t}
	for _, s := range steps {
		if err := g.step(ctx, s); err != nil {
			return Changes{}, err
		}
	}
	c := Changes{Commits: len(steps)}
	if c.Before, err = g.images(ctx, g.removed, UpdateBefore, Delete); err != nil {
		return Changes{}, err
	}
	c.After, err = g.images(ctx, g.added, UpdateAfter, Insert)
	return c, err
}

func (t *Table) untold(format string, args ...any) error {
	return fmt.Errorf("%s %s: %w", t.name, fmt.Sprintf(format, args...), ErrUntold)
}

// step is one commit that changed rows.
type step struct {
	parent, snapshot int64
	changes          []string // its change-set files, nil for none
}

// steps are the commits after a snapshot, newest first. from is that snapshot, or a younger one of the same rows and columns:
// compaction lets it expire.
func (t *Table) steps(ctx context.Context, since int64) (out []step, from int64, err error) {
	at, ok := t.Snapshot()
	if !ok {
		return nil, 0, t.untold("has no snapshot any more")
	}
	ledger, err := t.Ledger(ctx)
	if err != nil {
		return nil, 0, err
	}
	sets := map[int64]commit.ChangeSet{}
	for _, c := range ledger.Changes {
		sets[c.Snapshot] = c
	}
	byID := t.byID()
	for at.ID != since && at.RowsSince != since {
		parent, known := byID[at.Parent]
		if !known {
			return nil, 0, t.gone(since, byID)
		}
		if !at.SameRows() {
			s := step{parent: at.Parent, snapshot: at.ID}
			if set, ok := sets[at.ID]; ok && set.Parent == at.Parent {
				s.changes = set.Files
			}
			out = append(out, s)
		}
		at = parent
	}
	return out, at.ID, nil
}

// sameColumns checks that the columns since a snapshot are those of today but for new ones and new names. Where one was replaced
// or changed its type, or its name means another one now, every row changed, whatever the commits say.
func (t *Table) sameColumns(ctx context.Context, since int64) error {
	past, err := t.At(ctx, since)
	if err != nil {
		return t.untold("has lost snapshot %d", since)
	}
	named, now := map[string]int{}, map[int]job.Column{}
	for _, c := range t.columns {
		named[strings.ToLower(c.Name)], now[c.ID] = c.ID, c
	}
	for _, c := range past.columns {
		id, taken := named[strings.ToLower(c.Name)]
		if is, ok := now[c.ID]; !ok || is.Type != c.Type || taken && id != c.ID {
			return t.untold("has another column %s than at snapshot %d", c.Name, since)
		}
	}
	return nil
}

// gone says why a snapshot is no ancestor of the current one.
func (t *Table) gone(since int64, byID map[int64]Snapshot) error {
	if _, there := byID[since]; there {
		return t.untold("was rolled back behind snapshot %d, at which it was last read", since)
	}
	return t.untold("was last read at snapshot %d, which has expired", since)
}

// gathering collects the files that hold images.
type gathering struct {
	t              *Table
	sets           []string // change-set files
	added, removed []liveFile
}

func (g *gathering) step(ctx context.Context, s step) error {
	if s.changes != nil {
		g.sets = append(g.sets, s.changes...)
		return nil
	}
	before, err := g.files(ctx, s.parent)
	if err != nil {
		return err
	}
	after, err := g.files(ctx, s.snapshot)
	if err != nil {
		return err
	}
	g.removed = append(g.removed, without(before, after)...)
	g.added = append(g.added, without(after, before)...)
	return nil
}

func (g *gathering) files(ctx context.Context, snapshot int64) ([]liveFile, error) {
	if snapshot == 0 {
		return nil, nil
	}
	past, err := g.t.At(ctx, snapshot)
	if err != nil {
		return nil, g.t.untold("has lost snapshot %d", snapshot)
	}
	live, err := past.liveFiles(ctx)
	if err != nil && ctx.Err() == nil && fault.ClassOf(err) == fault.Data {
		return nil, g.t.untold("has lost files of snapshot %d", snapshot)
	}
	return live, err
}

// without are the files of one list that do not stand in the other with the same rows deleted.
func without(of, other []liveFile) []liveFile {
	has := map[string]bool{}
	for _, f := range other {
		has[f.data.FilePath()+"\x00"+deleteKey(f)] = true
	}
	return slices.DeleteFunc(slices.Clone(of), func(f liveFile) bool { return has[f.data.FilePath()+"\x00"+deleteKey(f)] })
}

// images is a SELECT over data files and the rows of some kinds in change-sets.
func (g *gathering) images(ctx context.Context, files []liveFile, kinds ...Kind) (Images, error) {
	s := &scan{t: g.t}
	var out Images
	if err := g.readable(ctx, files); err != nil {
		return out, err
	}
	// One scan for each file that stands there again: its rows count each time.
	for len(files) > 0 {
		once, again := []liveFile{}, []liveFile{}
		seen := map[string]bool{}
		for _, f := range files {
			if seen[f.data.FilePath()] {
				again = append(again, f)
				continue
			}
			seen[f.data.FilePath()] = true
			once = append(once, f)
		}
		if err := s.add(ctx, once); err != nil {
			return out, fmt.Errorf("read changes of %s: %w", g.t.name, err)
		}
		for _, f := range once {
			out.Rows, out.Bytes = out.Rows+f.data.Count(), out.Bytes+f.data.FileSizeBytes()
		}
		files = again
	}
	if len(g.sets) > 0 {
		branch, rows, bytes, err := g.changeSets(ctx, kinds)
		if err != nil {
			return out, err
		}
		s.branches = append(s.branches, branch)
		out.Rows, out.Bytes = out.Rows+rows, out.Bytes+bytes
	}
	if len(s.branches) > 0 {
		out.SQL = s.sql(g.t.columns)
	}
	return out, nil
}

// readable checks that files are still there.
func (g *gathering) readable(ctx context.Context, files []liveFile) error {
	var locations []string
	for _, f := range files {
		locations = append(locations, f.data.FilePath())
		for _, d := range append(slices.Clone(f.position), f.equality...) {
			locations = append(locations, d.FilePath())
		}
	}
	_, err := g.locals(ctx, locations)
	return err
}

// locals gives local paths; ErrUntold where a file is gone.
func (g *gathering) locals(ctx context.Context, locations []string) ([]string, error) {
	paths, err := g.t.lake.locals(ctx, locations)
	if err != nil {
		if ctx.Err() == nil && fault.ClassOf(err) == fault.Data {
			return nil, g.t.untold("has lost a file with its changes")
		}
		return nil, err
	}
	for _, p := range paths {
		if _, err := os.Stat(p); err != nil {
			return nil, g.t.untold("has lost the file %s with its changes", p)
		}
	}
	return paths, nil
}

// changeSets is a SELECT over the rows of some kinds in all change-set files, by field id, so that earlier schemas read right.
func (g *gathering) changeSets(ctx context.Context, kinds []Kind) (sql string, rows, bytes int64, err error) {
	paths, err := g.locals(ctx, g.sets)
	if err != nil {
		return "", 0, 0, err
	}
	for i, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return "", 0, 0, g.t.untold("has lost the file %s with its changes", p)
		}
		foot, err := readFooter(p, g.sets[i])
		if err != nil {
			return "", 0, 0, g.t.untold("has a damaged file with its changes, %s", p)
		}
		rows, bytes = rows+foot.rows, bytes+st.Size()
	}
	fields := append([]iceberg.NestedField{{ID: ChangeColumnID, Name: ChangeColumn, Type: iceberg.PrimitiveTypes.String}}, g.t.schema.Fields()...)
	from, err := byID(paths, fields, rows)
	if err != nil {
		return "", 0, 0, err
	}
	items := make([]string, len(g.t.columns))
	for i, c := range g.t.columns {
		items[i] = "d." + job.Quote(readAs(c.Name)) + " AS " + job.Quote(c.Name)
	}
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = k.SQL()
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + from + " AS d WHERE d." + job.Quote(ChangeColumn) + " IN (" + strings.Join(words, ", ") + ")", rows, bytes, nil
}
