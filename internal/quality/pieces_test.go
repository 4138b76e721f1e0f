package quality

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/job"
)

// Rules judged by what is known of pieces, which come and go, give the outcomes and metrics that all rows give; and what is known is
// not asked again.
func TestJudgePieces(t *testing.T) {
	d := newDuck(t)
	columns := []job.Column{{Name: "g", Type: "VARCHAR"}, {Name: "x", Type: "DOUBLE"}, {Name: "n", Type: "BIGINT"}}
	var rules []Rule
	for _, text := range []string{
		`RowCount > 10`, `RowCount between 2 and 20 where "x > 0"`, `Completeness "x" > 0.5`, `Completeness "g" > 0.9 where "n > 2"`, `Mean "x" between -5 and 5`,
		`Sum "n" > 3`, `StandardDeviation "x" < 50`, `Uniqueness "n" > 0.5`, `DistinctValuesCount "g" = 2`, `Entropy "g" > 0.1`, `(RowCount > 3) AND (Mean "n" > 0)`,
		`StandardDeviation "x" < 50 where "g = 'b'"`,
	} {
		rules = append(rules, Rule{Text: text})
	}
	checks, err := Compile(rules, columns)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		d.exec(t, `CREATE OR REPLACE TABLE p (`+PieceColumn+` VARCHAR, "g" VARCHAR, "x" DOUBLE, "n" BIGINT)`)
		again := false
		pieces := &Pieces{Known: States{}, Used: map[string]bool{}, Read: func(_ context.Context, names []string) (string, error) {
			if again {
				r.Fatalf("pieces %v are read again", names)
			}
			return "FROM p WHERE " + PieceColumn + " IN ('" + strings.Join(names, "', '") + "')", nil
		}}
		for step := range rapid.IntRange(1, 5).Draw(r, "builds") {
			name := fmt.Sprint(step)
			for range rapid.IntRange(0, 12).Draw(r, "rows") {
				d.exec(t, fmt.Sprintf("INSERT INTO p VALUES ('%s', %s, %s, %s)", name, rapid.SampledFrom([]string{"NULL", "'a'", "'b'"}).Draw(r, "g"),
					rapid.SampledFrom([]string{"NULL", "1.5", "-3", "1e6", "0"}).Draw(r, "x"), rapid.SampledFrom([]string{"NULL", "1", "2", "3", "4"}).Draw(r, "n")))
			}
			pieces.Names = append(pieces.Names, name)
			if gone := rapid.IntRange(0, 2*len(pieces.Names)).Draw(r, "gone"); gone < len(pieces.Names)-1 { // replaced
				d.exec(t, "DELETE FROM p WHERE "+PieceColumn+" = '"+pieces.Names[gone]+"'")
				pieces.Names = append(pieces.Names[:gone:gone], pieces.Names[gone+1:]...)
			}
			rows := "(SELECT * EXCLUDE (" + PieceColumn + ") FROM p)"
			got, err := checks.JudgePieces(context.Background(), d, rows, pieces, nil)
			if err != nil {
				r.Fatal(err)
			}
			again = true
			if _, err := checks.JudgePieces(context.Background(), d, rows, pieces, nil); err != nil {
				r.Fatal(err)
			}
			again = false
			want, err := checks.JudgeTable(context.Background(), d, rows, nil)
			if err != nil {
				r.Fatal(err)
			}
			for i := range want {
				if got[i].Passed != want[i].Passed || len(got[i].Metrics) != len(want[i].Metrics) {
					r.Fatalf("%s: by pieces %+v, at once %+v", rules[i].Text, got[i], want[i])
				}
				for name, v := range want[i].Metrics {
					if g := got[i].Metrics[name]; g != v && math.Abs(g-v) > 1e-9*math.Max(1, math.Abs(v)) {
						r.Fatalf("%s: %s is %v by pieces, %v at once", rules[i].Text, name, g, v)
					}
				}
			}
		}
	})
}
