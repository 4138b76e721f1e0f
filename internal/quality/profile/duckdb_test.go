package profile

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
	"weir/internal/job"
)

// duck asks a DuckDB in this process.
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
	if _, err := db.Exec("SET TimeZone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *duck) Query(ctx context.Context, sql string, scan func(row []any) error) error {
	d.asked = append(d.asked, sql)
	rows, err := d.db.QueryContext(ctx, sql)
	if err != nil {
		if strings.Contains(err.Error(), "Out of Range") {
			return fault.New(fault.Data, "%w", err)
		}
		return err
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
	return rows.Err()
}

// of profiles a query's rows.
func of(t testing.TB, query string) (*Profile, *duck) {
	t.Helper()
	d := newDuck(t)
	if _, err := d.db.Exec("CREATE TABLE t AS " + query); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	var cols []job.Column
	err := d.Query(t.Context(), "SELECT column_name, column_type FROM (DESCRIBE t)", func(row []any) error {
		cols = append(cols, job.Column{Name: row[0].(string), Type: row[1].(string)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d.asked = nil
	p, err := Of(t.Context(), d, "t", "t", cols)
	if err != nil {
		t.Fatal(err)
	}
	return p, d
}

// column is a column by its name.
func (p *Profile) column(t testing.TB, name string) *Column {
	t.Helper()
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	t.Fatalf("no column %s", name)
	return nil
}
