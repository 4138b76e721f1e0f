package quality

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is merged from the states of pieces, in any parting, is what DuckDB gives for all rows.
func TestMergedStates(t *testing.T) {
	d := newDuck(t)
	aggregates := []string{
		"count(*)", `count("x")`, `count(*) FILTER (WHERE "x" > 0)`, `count(*) FILTER (WHERE ("g" = ')') AND ("x" > 0))`, "count(*) FILTER (WHERE (x > 0 -- )\n) AND (x < 9))",
		`CAST(sum("x") AS DOUBLE)`, `CAST(avg("x") FILTER (WHERE ("g" = 'a')) AS DOUBLE)`, `CAST(min("x") AS DOUBLE)`, `CAST(max("x") AS DOUBLE)`,
		`CAST(stddev_pop("x") AS DOUBLE)`, `CAST(var_pop("x") FILTER (WHERE ("g" = 'a')) AS DOUBLE)`,
	}
	rapid.Check(t, func(r *rapid.T) {
		d.exec(t, `CREATE OR REPLACE TABLE t ("piece" VARCHAR, "g" VARCHAR, "x" DOUBLE)`)
		value := rapid.OneOf(rapid.Just("NULL"), rapid.Just("'NaN'"), rapid.Just("1e12"), rapid.Map(rapid.IntRange(-1000, 1000), func(i int) string { return fmt.Sprint(float64(i) / 8) }))
		var rows []string
		for range rapid.IntRange(0, 30).Draw(r, "rows") {
			rows = append(rows, fmt.Sprintf(`('%d', '%s', %s)`, rapid.IntRange(0, 3).Draw(r, "piece"), rapid.SampledFrom([]string{"a", ")"}).Draw(r, "g"), value.Draw(r, "x")))
		}
		if len(rows) > 0 {
			d.exec(t, "INSERT INTO t VALUES "+strings.Join(rows, ", "))
		}
		for _, a := range aggregates {
			m, ok := mergeable(a)
			if !ok {
				t.Fatalf("%s has no states", a)
			}
			var of [][]State
			err := d.Query(context.Background(), "SELECT "+strings.Join(m.states, ", ")+" FROM t GROUP BY piece", func(row []any) error {
				states := make([]State, len(row))
				for i, v := range row {
					n, ok := float(v)
					states[i] = State{n, !ok}
				}
				of = append(of, states)
				return nil
			})
			var want any
			whole := d.Query(context.Background(), "SELECT "+a+" FROM t", func(row []any) error { want = row[0]; return nil })
			got, ok := m.merged(of)
			if err != nil || !ok {
				continue // asked of all rows instead
			}
			if whole != nil || !alikeValues(got, want) {
				r.Fatalf("%s: merged %v, all at once %v %v", a, got, want, whole)
			}
		}
	})
}

func alikeValues(a, b any) bool {
	x, okA := float(a)
	y, okB := float(b)
	if okA != okB || !okA {
		return okA == okB
	}
	return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-9*math.Max(math.Abs(x), math.Abs(y))+1e-9
}

func TestNotMergeable(t *testing.T) {
	for _, a := range []string{
		`count(DISTINCT "x")`, `min("x") >= 1 AND max("x") <= 2`, `min("day")`, `corr("x", "y")`, `CAST(max("x") AS DOUBLE) - CAST(min("x") AS DOUBLE)`,
		`CAST(sum("x") AS DECIMAL(9,2))`, `quantile_cont("x", 0.5)`, `count(*) + 1`, `(count(*))`, `count(*) FILTER (WHERE x) + 1`, `"a(b)`, "count(x -- )",
	} {
		if _, ok := mergeable(a); ok {
			t.Errorf("%s is taken", a)
		}
	}
}
