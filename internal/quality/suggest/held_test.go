package suggest

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"weir/internal/job"
)

// duck asks a DuckDB in this process.
type duck struct{ db *sql.DB }

func (d duck) Query(ctx context.Context, sql string, scan func(row []any) error) error {
	rows, err := d.db.QueryContext(ctx, sql)
	if err != nil {
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

func table(t *testing.T, query string) (duck, []job.Column) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("CREATE TABLE t AS " + query); err != nil {
		t.Fatal(err)
	}
	var cols []job.Column
	err = duck{db}.Query(t.Context(), "SELECT column_name, column_type FROM (DESCRIBE t)", func(row []any) error {
		cols = append(cols, job.Column{Name: row[0].(string), Type: row[1].(string)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return duck{db}, cols
}

// What is suggested holds of the rows it comes from, and of those held back as it says.
func TestSuggestionsHold(t *testing.T) {
	d, cols := table(t, `SELECT i AS id, CASE WHEN i % 10 > 0 THEN i % 4 END AS "few ""ones""", (i % 97 + 10) / 4.0 AS price, ['a', 'b"', 'c\', ''][(i % 4)::INTEGER + 1] AS "group",
		'k' || i AS code, (i % 3)::VARCHAR AS digits, DATE '2026-01-01' + (i % 30)::INTEGER AS on_day, [i] AS nested, NULL::INTEGER AS nothing,
		CASE WHEN i % 40 = 7 THEN 'odd' || (i // 40 % 50) ELSE ['red', 'green', 'blue'][(i % 3)::INTEGER + 1] END AS colour,
		CASE WHEN i % 2 = 0 THEN 'NaN'::DOUBLE ELSE i END AS measured FROM range(4000) r(i)`)
	found, err := Make(t.Context(), d, "t", "t", cols, Options{Statistics: true})
	if err != nil {
		t.Fatal(err)
	}
	if found.Rows+found.HeldOut != 4000 || found.HeldOut < 600 || found.HeldOut > 1000 || len(found.Rules) < 25 {
		t.Errorf("%d rules from %d rows, tried on %d", len(found.Rules), found.Rows, found.HeldOut)
	}
	by := map[string]bool{}
	for _, s := range append(found.Rules, found.Failed...) {
		by[s.By] = true
		if s.Held == nil || s.Held.Rows != found.HeldOut {
			t.Errorf("%s was not tried: %+v", s.Rule, s.Held)
		}
	}
	for _, name := range []string{"CompleteIfComplete", "RetainCompleteness", "RetainType", "CategoricalRangeRule", "FractionalCategoricalRangeRule", "NonNegativeNumbers",
		"UniqueIfApproximatelyUnique", "HasMin", "HasMax", "HasMean", "HasStandardDeviation", "HasMinLength", "HasMaxLength"} {
		if !by[name] {
			t.Errorf("%s suggests nothing", name)
		}
	}
	for _, s := range found.Failed {
		if s.Held.Passed || s.Held.Reason == "" {
			t.Errorf("%s: %+v", s.Rule, s.Held)
		}
	}
	from, _ := parted("t", cols)
	good, bad, err := tried(t.Context(), d, append(found.Rules, found.Failed...), from, cols, found.Rows)
	if err != nil || len(bad) > 0 {
		t.Errorf("of the rows they come from %d rules hold, these do not: %+v %v", len(good), bad, err)
	}
}

func TestFewRowsAreNotHeldBack(t *testing.T) {
	d, cols := table(t, "SELECT i AS id, 'x' AS a FROM range(30) r(i)")
	found, err := Make(t.Context(), d, "t", "t", cols, Options{})
	if err != nil || found.HeldOut != 0 || found.Rows != 30 || len(found.Rules) == 0 || found.Rules[0].Held != nil {
		t.Errorf("%+v, %v", found, err)
	}
	d, cols = table(t, "SELECT [i] AS l FROM range(300) r(i)")
	if found, err = Make(t.Context(), d, "t", "t", cols, Options{}); err != nil || found.HeldOut != 0 || found.Rows != 300 {
		t.Errorf("%+v, %v", found, err)
	}
}
