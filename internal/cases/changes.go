package cases

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
)

// begin puts the rows there are into the session.
func (v *version) begin(ctx context.Context) error {
	from := emptySelect(v.columns)
	if v.table != nil {
		rel, err := v.table.Scan(ctx, lake.ScanOptions{})
		if err != nil {
			return err
		}
		from = rel.SQL
	}
	names := list("", v.columns)
	return errors.Join(
		v.f.session.Exec(ctx, "CREATE OR REPLACE TEMP TABLE held AS SELECT "+names+" FROM ("+from+")"),
		v.f.session.Exec(ctx, "CREATE OR REPLACE TEMP TABLE changed AS SELECT CAST(NULL AS VARCHAR) AS "+lake.ChangeColumn+", "+names+" FROM held WHERE false"))
}

// step types rows by staging them, with the columns they name, and does one thing with them.
func (v *version) step(ctx context.Context, name string, rows *define.Rows, do func(ctx context.Context, rows *define.Rows, from string) error) error {
	columns := v.named(rows)
	sql, err := selectRows(rows, columns)
	if err != nil {
		return err
	}
	files, err := v.f.session.Stage(ctx, job.Write{SQL: sql, Columns: columns, Dir: filepath.Join(v.f.dir, "given"), Prefix: name}, "", nil)
	if err != nil {
		return err
	}
	from := emptySelect(columns)
	if len(files) > 0 {
		from = readFiles(files)
	}
	return do(ctx, rows, from)
}

// readFiles is a SELECT over staged files.
func readFiles(files []job.File) string {
	paths := make([]string, len(files))
	for i, file := range files {
		paths[i] = job.Literal(file.Path)
	}
	return "SELECT * FROM read_parquet([" + strings.Join(paths, ", ") + "], hive_partitioning = false)"
}

// named are the columns that rows name, with their types.
func (v *version) named(rows *define.Rows) (out []job.Column) {
	for _, c := range v.columns {
		for _, n := range rows.Columns {
			if strings.EqualFold(n.Name, c.Name) {
				out = append(out, job.Column{Name: c.Name, Type: c.Type})
			}
		}
	}
	if len(out) == 0 {
		out = append(out, job.Column{Name: v.columns[0].Name, Type: v.columns[0].Type}) // of no rows
	}
	return out
}

// replace makes the rows all there are.
func (v *version) replace(ctx context.Context, rows *define.Rows, from string) error {
	if err := v.take(ctx, lake.Delete, "true"); err != nil {
		return err
	}
	return v.insert(ctx, rows, from)
}

// remove takes away what matches the rows in the columns they name.
func (v *version) remove(ctx context.Context, rows *define.Rows, from string) error {
	columns := v.named(rows)
	if err := v.matched(ctx, rows, from, columns, "remove"); err != nil {
		return err
	}
	return v.take(ctx, lake.Delete, "EXISTS (SELECT 1 FROM ("+from+") AS r WHERE "+same("r", "held", columns)+")")
}

// change gives the rows of some keys other values in the columns named.
func (v *version) change(ctx context.Context, rows *define.Rows, from string) error {
	key := v.key()
	if err := v.matched(ctx, rows, from, key, "change"); err != nil {
		return err
	}
	items := make([]string, len(v.columns))
	for i, c := range v.columns {
		items[i] = "held." + job.Quote(c.Name)
		if find(v.named(rows), c.Name) >= 0 {
			items[i] = "r." + job.Quote(c.Name)
		}
	}
	become := "SELECT " + strings.Join(items, ", ") + " FROM held JOIN (" + from + ") AS r ON " + same("r", "held", key)
	if err := v.f.session.Exec(ctx, "CREATE OR REPLACE TEMP TABLE become AS "+become); err != nil {
		return err
	}
	return v.swap(ctx, "become")
}

// come takes rows in as their table does: with a key a row replaces the one of that key, without one it is new.
func (v *version) come(ctx context.Context, rows *define.Rows, from string) error {
	if len(v.key()) == 0 {
		return v.insert(ctx, rows, from)
	}
	full := v.complete(rows)
	if err := v.f.session.Exec(ctx, "CREATE OR REPLACE TEMP TABLE become AS SELECT "+full+" FROM ("+from+")"); err != nil {
		return err
	}
	if err := v.once(ctx, rows, "become"); err != nil {
		return err
	}
	return v.swap(ctx, "become")
}

// once checks that no two of the rows that come in have one key: which of them the input would keep is not for a test to guess.
func (v *version) once(ctx context.Context, rows *define.Rows, from string) error {
	twice, err := v.f.session.Strings(ctx, "SELECT "+list("", v.key())+" FROM "+from+" GROUP BY ALL HAVING count(*) > 1 LIMIT 1")
	if err != nil || len(twice) == 0 {
		return err
	}
	return fault.New(fault.Usage, "%s: two rows of %s have %s: %w", rows.Place, v.in.name, values(v.key(), twice[0]), errGiven)
}

// names says whether the rows name all of some columns.
func (v *version) names(rows *define.Rows, columns []job.Column) bool {
	for _, c := range columns {
		if find(v.named(rows), c.Name) < 0 {
			return false
		}
	}
	return len(columns) > 0
}

// swap puts rows into the place of those of the same key, and others beside them.
func (v *version) swap(ctx context.Context, table string) error {
	s, key := v.f.session, v.key()
	there := "EXISTS (SELECT 1 FROM " + table + " AS r WHERE " + same("r", "held", key) + ")"
	updated, err := s.Int(ctx, "SELECT count(*) FROM "+table+" AS r WHERE EXISTS (SELECT 1 FROM held WHERE "+same("r", "held", key)+")")
	if err != nil {
		return err
	}
	all, err := s.Int(ctx, "SELECT count(*) FROM "+table)
	if err != nil {
		return err
	}
	err = s.Exec(ctx, "INSERT INTO changed SELECT CASE WHEN EXISTS (SELECT 1 FROM held WHERE "+same("r", "held", key)+") THEN "+lake.UpdateAfter.SQL()+" ELSE "+lake.Insert.SQL()+" END, "+
		list("r.", v.columns)+" FROM "+table+" AS r")
	if err != nil {
		return err
	}
	if err := v.take(ctx, lake.UpdateBefore, there); err != nil {
		return err
	}
	v.counts.Updated, v.counts.Inserted = v.counts.Updated+updated, v.counts.Inserted+all-updated
	return s.Exec(ctx, "INSERT INTO held SELECT "+list("", v.columns)+" FROM "+table)
}

// insert adds rows.
func (v *version) insert(ctx context.Context, rows *define.Rows, from string) error {
	v.counts.Inserted += int64(len(rows.List))
	full := v.complete(rows)
	return errors.Join(
		v.f.session.Exec(ctx, "INSERT INTO changed SELECT "+lake.Insert.SQL()+", "+full+" FROM ("+from+")"),
		v.f.session.Exec(ctx, "INSERT INTO held SELECT "+full+" FROM ("+from+")"))
}

// take moves rows of a condition out and notes what became of them.
func (v *version) take(ctx context.Context, change lake.Kind, condition string) error {
	s := v.f.session
	n, err := s.Int(ctx, "SELECT count(*) FROM held WHERE "+condition)
	if err != nil {
		return err
	}
	if change == lake.Delete {
		v.counts.Deleted += n
	}
	if err := s.Exec(ctx, "INSERT INTO changed SELECT "+change.SQL()+", "+list("", v.columns)+" FROM held WHERE "+condition); err != nil {
		return err
	}
	return s.Exec(ctx, "DELETE FROM held WHERE "+condition)
}

// matched checks that each row stands for one that is there.
func (v *version) matched(ctx context.Context, rows *define.Rows, from string, by []job.Column, word string) error {
	none, err := v.f.session.Strings(ctx, "SELECT DISTINCT "+list("r.", by)+" FROM ("+from+") AS r WHERE NOT EXISTS (SELECT 1 FROM held WHERE "+same("r", "held", by)+")")
	if err != nil || len(none) == 0 {
		return err
	}
	return fault.New(fault.Usage, "%s: %s: %s has no row with %s: %w", rows.Place, word, v.in.name, values(by, none[0]), errGiven)
}

// values names some columns of a row and what they hold.
func values(columns []job.Column, row []source.Text) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c.Name + " " + show(row[i])
	}
	return strings.Join(parts, ", ")
}

func (v *version) key() (out []job.Column) {
	for _, k := range v.in.table.Key {
		if i := find(v.columns, k); i >= 0 {
			out = append(out, v.columns[i])
		}
	}
	return out
}

// complete are all columns of the input out of the rows: those they do not name are null.
func (v *version) complete(rows *define.Rows) string {
	items := make([]string, len(v.columns))
	for i, c := range v.columns {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, job.Quote(c.Name))
		if find(v.named(rows), c.Name) >= 0 {
			items[i] = job.Quote(c.Name)
		}
	}
	return strings.Join(items, ", ")
}

// finish stages all rows and what became of which.
func (v *version) finish(ctx context.Context) (err error) {
	names := list("", v.columns)
	v.whole = true
	v.add, err = v.f.session.Stage(ctx, job.Write{SQL: "SELECT " + names + " FROM held", Columns: v.columns, Dir: v.stage.Dir(), Prefix: "given"}, v.ids, nil)
	if err != nil {
		return err
	}
	columns := lake.ChangeColumns(v.columns)
	ids, err := lake.FieldIDs(columns, v.table)
	if err != nil {
		return err
	}
	files, err := v.f.session.Stage(ctx, job.Write{SQL: "SELECT " + lake.ChangeColumn + ", " + names + " FROM changed", Columns: columns, Dir: v.stage.ChangesDir(), Prefix: "changes"}, ids, nil)
	for _, file := range files {
		v.changes = append(v.changes, file.Path)
	}
	return err
}
