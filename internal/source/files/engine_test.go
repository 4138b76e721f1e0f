package files

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// engine is the least a scan needs of DuckDB.
type engine struct{ c *sql.Conn }

func newEngine(t testing.TB) *engine {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); db.Close() })
	e := &engine{c}
	for _, q := range []string{"SET TimeZone='UTC'", "SET threads=2", "SET preserve_insertion_order=false"} {
		if err := e.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func class(err error) error {
	var d *duckdb.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &d) && (d.Type == duckdb.ErrorTypeBinder || d.Type == duckdb.ErrorTypeParser || d.Type == duckdb.ErrorTypeCatalog):
		return fault.New(fault.Usage, "%w", err)
	case errors.As(err, &d):
		return fault.New(fault.Data, "%w", err)
	}
	return err
}

func (e *engine) Exec(ctx context.Context, q string) error {
	_, err := e.c.ExecContext(ctx, q)
	return class(err)
}

func (e *engine) Describe(ctx context.Context, q string) ([]job.Column, error) {
	rows, err := e.Strings(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+q+")")
	if err != nil {
		return nil, err
	}
	cols := make([]job.Column, len(rows))
	for i, r := range rows {
		cols[i] = job.Column{Name: r[0].Value, Type: r[1].Value}
	}
	return cols, nil
}

func (e *engine) Strings(ctx context.Context, q string) ([][]source.Text, error) {
	rows, err := e.c.QueryContext(ctx, q)
	if err != nil {
		return nil, class(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]source.Text
	for rows.Next() {
		vals, ptrs := make([]any, len(names)), make([]any, len(names))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return nil, err
		}
		row := make([]source.Text, len(names))
		for i, v := range vals {
			if v != nil {
				row[i] = source.Text{Value: fmt.Sprint(v), Valid: true}
			}
		}
		out = append(out, row)
	}
	return out, class(rows.Err())
}

// lines runs a query and gives its rows as text, a value NULL as ∅, sorted by the query.
func (e *engine) lines(t testing.TB, q string) []string {
	t.Helper()
	rows, err := e.Strings(t.Context(), "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ("+q+")")
	if err != nil {
		t.Fatalf("%v\n%s", err, q)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		parts := make([]string, len(r))
		for j, v := range r {
			parts[j] = v.Value
			if !v.Valid {
				parts[j] = "∅"
			}
		}
		out[i] = strings.Join(parts, "|")
	}
	return out
}
