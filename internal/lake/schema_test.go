package lake_test

import (
	"context"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

func TestSchemaGrows(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1::INTEGER AS id, 1.5::FLOAT AS f, 1.25::DECIMAL(5,2) AS d, {'a': 1::INTEGER} AS s, [{'k': 1::INTEGER}] AS l, MAP {'x': 1::INTEGER} AS m")
	before := r.table("raw.x")
	r.append("raw.x", "r2", "SELECT 3000000000::BIGINT AS id, 2.5::DOUBLE AS f, 123456.25::DECIMAL(12,2) AS d, {'a': 5000000000::BIGINT, 'b': 'new'} AS s, [{'k': 2::BIGINT, 'z': true}] AS l, MAP {'y': 6000000000::BIGINT} AS m, 'added' AS extra, {'n': [1]} AS deep")
	after := r.table("raw.x")
	if after.SchemaID() != before.SchemaID()+1 || after.LastColumnID() <= before.LastColumnID() {
		t.Fatalf("schema %d with %d after %d with %d", after.SchemaID(), after.LastColumnID(), before.SchemaID(), before.LastColumnID())
	}
	for i, c := range before.Columns() {
		if now := after.Columns()[i]; now.ID != c.ID || now.Name != c.Name {
			t.Errorf("column %+v became %+v", c, now)
		}
	}
	got := r.rows("SELECT id, f, d, s::VARCHAR, l::VARCHAR, m::VARCHAR, extra, deep::VARCHAR FROM " + r.scan("raw.x", lake.ScanOptions{}) + " ORDER BY id")
	want := []string{
		"1|1.5|1.25|{'a': 1, 'b': NULL}|[{'k': 1, 'z': NULL}]|{x=1}|<nil>|<nil>",
		"3000000000|2.5|123456.25|{'a': 5000000000, 'b': new}|[{'k': 2, 'z': true}]|{y=6000000000}|added|{'n': [1]}",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	past, err := after.At(t.Context(), after.Snapshots()[0].ID)
	ok(t, err)
	if len(past.Columns()) != 6 || past.Columns()[0].Type != "INTEGER" {
		t.Fatalf("the first snapshot has %+v", past.Columns())
	}
	// Staged ids and committed ids are the same.
	for _, c := range after.Columns() {
		if c.ID > after.LastColumnID() {
			t.Errorf("column %+v is beyond %d", c, after.LastColumnID())
		}
	}
	ids, err := lake.FieldIDs(after.Columns(), nil)
	ok(t, err)
	kept, err := lake.FieldIDs(after.Columns(), after)
	ok(t, err)
	if ids == kept {
		t.Error("nested ids of the table were not kept apart from fresh ones")
	}
}

func TestSchemaRefusals(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1::BIGINT AS a, 'x' AS b")
	try := func(name string, cols func([]job.Column) []job.Column) error {
		b := r.begin("raw.x", name, "SELECT 2::BIGINT AS a, 'y' AS b")
		change := cols(b.t.Columns())
		b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
			return lake.Change{Columns: change}, job.Counts{}, nil
		}
		_, err := b.commit()
		return err
	}
	for name, cols := range map[string]func([]job.Column) []job.Column{
		"would be lost":       func(c []job.Column) []job.Column { return c[:1] },
		"can not become":      func(c []job.Column) []job.Column { c[0].Type = "INTEGER"; return c },
		"can not become DATE": func(c []job.Column) []job.Column { c[1].Type = "DATE"; return c },
	} {
		if err := try(name, cols); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := r.rows("FROM " + r.scan("raw.x", lake.ScanOptions{})); len(got) != 1 || len(r.table("raw.x").Snapshots()) != 1 {
		t.Fatalf("the table changed: %v", got)
	}
}

// A table whose rows are all replaced may have other columns; a column whose type changed is another column.
func TestReplaceColumns(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1::BIGINT AS a, 'x' AS b, 1 AS gone")
	query := "SELECT 'text' AS a, 'y' AS b, DATE '2026-01-01' AS fresh"
	b := r.begin("raw.x", "r2", query)
	b.cols = lake.ReplaceIDs(r.describe(query), b.t)
	b.files = []job.File{r.write(b.stage.Dir(), query, b.cols, b.t)}
	b.in.Replace = true
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		c, _, err := b.plan(ctx, tb)
		files, ferr := tb.Files(ctx)
		ok(t, ferr)
		for _, f := range files {
			c.Remove = append(c.Remove, f.Path)
		}
		return c, job.Counts{Before: 1, Inserted: 1, Deleted: 1, After: 1}, err
	}
	_, err := b.commit()
	ok(t, err)
	cols := r.table("raw.x").Columns()
	if len(cols) != 3 || cols[0].ID == 1 || cols[1].ID != 2 || cols[0].Type != "VARCHAR" {
		t.Fatalf("columns %+v", cols)
	}
	if got := r.rows("SELECT a, b, fresh::VARCHAR FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "text|y|2026-01-01" {
		t.Fatalf("got %v", got)
	}
	past, err := r.table("raw.x").At(t.Context(), r.table("raw.x").Snapshots()[0].ID)
	ok(t, err)
	rel, err := past.Scan(t.Context(), lake.ScanOptions{})
	ok(t, err)
	if got := r.rows(rel.SQL); got[0] != "1|x|1" {
		t.Fatalf("before: %v", got)
	}
}
