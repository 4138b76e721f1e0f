package quality

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// duck asks a DuckDB in this process, keeps what it was asked, and classes errors as the engine does.
type duck struct {
	db    *sql.DB
	asked []string
}

func newDuck(t testing.TB) *duck {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	d := &duck{db: db}
	d.exec(t, "SET TimeZone = 'UTC'")
	return d
}

func (d *duck) exec(t testing.TB, sql string) {
	t.Helper()
	if _, err := d.db.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (d *duck) Query(ctx context.Context, sql string, scan func(row []any) error) error {
	d.asked = append(d.asked, sql)
	rows, err := d.db.QueryContext(ctx, sql)
	if err != nil {
		return classed(ctx, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		row, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		if err := scan(row); err != nil {
			return err
		}
	}
	return classed(ctx, rows.Err())
}

func classed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if strings.HasPrefix(err.Error(), "incorrect argument count") { // a parameter, which a rule has none of
		return fault.New(fault.Usage, "%w", err)
	}
	for _, kind := range []string{"Parser", "Binder", "Catalog", "Not implemented", "Permission", "Parameter", "Syntax", "Dependency", "Invalid type", "IO"} {
		if strings.HasPrefix(err.Error(), kind) {
			return fault.New(fault.Usage, "%w", err)
		}
	}
	for _, kind := range []string{"Conversion", "Invalid Input", "Out of Range"} {
		if strings.HasPrefix(err.Error(), kind) {
			return fault.New(fault.Data, "%w", err)
		}
	}
	return fault.New(fault.Unavailable, "%w", err)
}

// columnsOf describes a table of the database.
func (d *duck) columnsOf(t testing.TB, table string) []job.Column {
	t.Helper()
	var cols []job.Column
	err := d.Query(t.Context(), "SELECT column_name, column_type FROM (DESCRIBE "+table+")", func(row []any) error {
		cols = append(cols, job.Column{Name: row[0].(string), Type: row[1].(string)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cols
}

func rules(t testing.TB, texts ...string) []Rule {
	t.Helper()
	var all []Rule
	for _, text := range texts {
		r, err := dqdl.ParseRule(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, Rule{Text: r.String(), Rule: r, OnFail: Stop})
	}
	return all
}

// judged compiles rules for a table and judges them, row rules and table rules, in the order given.
func (d *duck) judged(t testing.TB, table string, all []Rule, others map[string]string) []Outcome {
	t.Helper()
	checks, err := CompileAt(all, d.columnsOf(t, table), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := checks.JudgeRows(t.Context(), d, table)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := checks.JudgeTable(t.Context(), d, table, others)
	if err != nil {
		t.Fatal(err)
	}
	byText := map[string]Outcome{}
	for _, o := range append(rows, whole...) {
		byText[o.Rule.Text] = o
	}
	ordered := make([]Outcome, len(all))
	for i, r := range all {
		ordered[i] = byText[r.Text]
	}
	return ordered
}
