// Package maintain keeps the lake's tables in shape: it joins small files, takes deleted rows out of files for good, sorts,
// lets old snapshots expire and removes files that nothing names. A plan comes first. DuckDB rewrites, the lake plans and
// commits: what maintenance commits changes no row, moves no position, and loses to every other writer.
package maintain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/lake"
)

// Sizes in bytes where Upkeep names none.
const (
	fileBytes  = 256 << 20
	groupBytes = 2 << 30
	passBytes  = 16 << 30
)

// Upkeep maintains the tables of one lake.
type Upkeep struct {
	Lake   *lake.Lake
	Engine engine.Engine
	// OrphanAge is how old a file that nothing names must be to go: a writer's files are named by nothing until it commits.
	OrphanAge time.Duration
	// GroupBytes bounds what is rewritten at once, PassBytes what is committed at once; 0: 2 GB and 16 GB. A single file may
	// be larger.
	GroupBytes, PassBytes int64
}

// Table says how one table is kept.
type Table struct {
	Name      string
	FileBytes int64    // target size of a data file; 0: 256 MB, as builds write them
	Sort      []string // SQL order terms of rows in each file
	Keep      lake.Keep
}

// Plan is what there is to do for a table.
type Plan struct {
	Table   Table
	Compact []lake.Group
	Expire  lake.Expired // files and bytes are what would go now
	Orphans lake.Orphans
	Notes   []string // what is left as it is, and why
}

// Nothing says whether there is nothing to do.
func (p Plan) Nothing() bool {
	return len(p.Compact) == 0 && len(p.Expire.Snapshots) == 0 && len(p.Orphans.Files)+len(p.Orphans.Stages) == 0
}

// Done is what was done for a table.
type Done struct {
	Compacted Compacted
	Expired   lake.Expired
	Orphans   lake.Removed
	More      bool // there is more to compact than one pass takes
}

// Plan looks at a table and says what there is to do; it changes nothing.
func (u *Upkeep) Plan(ctx context.Context, t Table, places lake.Places) (p Plan, err error) {
	p.Table = t
	table, err := u.Lake.Table(ctx, t.Name)
	if err != nil {
		return p, err
	}
	if p.Compact, p.Notes, err = u.groups(ctx, table, t); err != nil {
		return p, err
	}
	if !table.Collects() {
		p.Notes = append(p.Notes, "snapshots and files stay: the table's property gc.enabled is false")
		return p, nil
	}
	if p.Expire, err = u.Lake.ExpiryPlan(ctx, t.Name, t.Keep, places); err != nil {
		return p, err
	}
	p.Orphans, err = u.Lake.Orphans(ctx, t.Name, t.Keep.Now.Add(-u.OrphanAge), places)
	return p, err
}

// Do carries a plan out, on the table as it is by then: it compacts, expires and removes, in this order. run is the id of the
// run that the commit is known by, at its logical time.
func (u *Upkeep) Do(ctx context.Context, p Plan, run string, at time.Time, places lake.Places) (d Done, err error) {
	if len(p.Compact) > 0 {
		if d.Compacted, d.More, err = u.compact(ctx, p.Table, run, at); err != nil {
			return d, fmt.Errorf("compact %s: %w", p.Table.Name, err)
		}
	}
	if len(p.Expire.Snapshots) > 0 {
		if d.Expired, err = u.Lake.Expire(ctx, p.Table.Name, p.Table.Keep, places); err != nil {
			return d, err
		}
	}
	if len(p.Orphans.Files)+len(p.Orphans.Stages) > 0 {
		d.Orphans, err = u.Lake.RemoveOrphans(ctx, p.Table.Name, p.Orphans, p.Table.Keep.Now.Add(-u.OrphanAge), places)
	}
	return d, err
}

// groups are the files to rewrite. A sort column that the table does not have yet is no reason to fail: its definition was
// changed since it was built.
func (u *Upkeep) groups(ctx context.Context, table *lake.Table, t Table) (groups []lake.Group, notes []string, err error) {
	o := u.options(table, t)
	if len(t.Sort) > 0 && len(o.Sort) == 0 {
		notes = append(notes, "not sorted: the table lacks a column of sort until it is built again")
	}
	groups, err = table.Compaction(ctx, o)
	if open := table.Unpublished(); err == nil && len(groups) > 0 && len(open) > 0 {
		notes = append(notes, fmt.Sprintf("not compacted: branch %s could not be published any more once main moves; publish or drop it first", strings.Join(open, ", ")))
		groups = nil
	}
	return groups, notes, err
}

func (u *Upkeep) options(table *lake.Table, t Table) lake.CompactOptions {
	o := lake.CompactOptions{FileBytes: t.FileBytes, GroupBytes: u.GroupBytes, Sort: sortable(table, t.Sort)}
	if o.FileBytes <= 0 {
		o.FileBytes = fileBytes
	}
	if o.GroupBytes <= 0 {
		o.GroupBytes = max(groupBytes, o.FileBytes)
	}
	return o
}

// sortable gives order terms back where the table has all their columns.
func sortable(table *lake.Table, terms []string) []string {
	for _, term := range terms {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.ReplaceAll(term, `""`, "\x00"), `"`), `"`)
		name = strings.ReplaceAll(name, "\x00", `"`)
		found := false
		for _, c := range table.Columns() {
			found = found || strings.EqualFold(c.Name, name)
		}
		if !found {
			return nil
		}
	}
	return terms
}

// Readers finds for each table who reads it and how far, from the positions of the tables that read others: their names with
// their inputs. What cannot be read keeps everything of its inputs.
func (u *Upkeep) Readers(ctx context.Context, inputs map[string][]string) (map[string][]lake.Reader, error) {
	out := map[string][]lake.Reader{}
	names := make([]string, 0, len(inputs))
	for name := range inputs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		position, err := u.position(ctx, name)
		switch {
		case errors.Is(err, lake.ErrNoTable):
			continue // it has read nothing and will read all
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && fault.ClassOf(err) != fault.Data:
			return nil, fmt.Errorf("find what %s has read: %w", name, err)
		}
		for _, input := range inputs[name] {
			if r, ok := reading(name, position[input], err); ok {
				out[input] = append(out[input], r)
			}
		}
	}
	return out, nil
}
