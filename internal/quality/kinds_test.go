package quality

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"weir/internal/dqdl"
	"weir/internal/job"
)

// shelf is files by path, with their content.
type shelf map[string]string

var shelved = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (s shelf) List(_ context.Context, path string) (all []File, err error) {
	for p, content := range s {
		if strings.HasPrefix(p, path) {
			all = append(all, File{Path: p, Bytes: int64(len(content)), Modified: shelved.Add(-time.Duration(len(content)) * time.Hour)})
		}
	}
	return all, nil
}

func (s shelf) Hash(_ context.Context, f File, _ string) (string, error) {
	sum := sha256.Sum256([]byte(s[f.Path]))
	return hex.EncodeToString(sum[:]), nil
}

func judgeOne(t *testing.T, text string, table Table, d *duck) Outcome {
	t.Helper()
	set, err := dqdl.Parse("Rules = [ " + text + " ]")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	checks, err := CompileRuleset(set, table)
	if err != nil {
		t.Fatal(err)
	}
	outcomes, _, err := checks.Judge(t.Context(), d, "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0]
}

func TestRulesAboutFiles(t *testing.T) {
	d := newDuck(t)
	d.exec(t, "CREATE TABLE t AS SELECT 1 AS id")
	files := shelf{"in/a.csv": "a", "in/b.csv": "bb", "in/c.txt": "a", "out/a.csv": "a", "out/b.csv": "bb"}
	sum := sha256.Sum256([]byte("bb"))
	digest := hex.EncodeToString(sum[:])
	for text, want := range map[string]bool{
		`FileSize "in/" < 3 B`:                                                           true,
		`FileSize "in/" >= 2 B`:                                                          false,
		`FileSize "in/" >= 2 B with threshold > 0.3`:                                     true,
		`FileSize "in/" = 1 B with uriRegex = "[ac]\..*$"`:                               true,
		`FileSize "in/" between 0 B and 1 KB`:                                            true,
		`FileFreshness "in/" > (now() - 3 hours)`:                                        true,
		`FileFreshness "in/" > (now() - 90 minutes)`:                                     false,
		`FileFreshness "in/" > (now() - 90 minutes) with recentFiles = 2`:                true,
		`FileFreshness "in/" between "9:30 AM" and "13:00"`:                              true,
		`FileFreshness "in/" between "9:30 AM" and "13:00" with timeZone = "Asia/Tokyo"`: false,
		`FileUniqueness "in/" > 0.3`:                                                     true,
		`FileUniqueness "in/" > 0.4`:                                                     false,
		`FileUniqueness "out/" = 1.0`:                                                    true,
		`FileMatch "in/b.csv" in ["` + strings.ToUpper(digest) + `"]`:                    true,
		`FileMatch "in/" in ["` + digest + `"]`:                                          false,
		`FileMatch "in/b.csv" "out/b.csv"`:                                               true,
		`FileMatch "in/" "out/"`:                                                         false,
		`FileMatch "in/b.csv" in ["x"] with hashAlgorithm = "CRC"`:                       false,
		`FileSize "nowhere/" > 1 B`:                                                      false,
		`FileSize > 0 B`:                                                                 true,
	} {
		o := judgeOne(t, text, Table{Columns: d.columnsOf(t, "t"), Now: shelved, Files: files}, d)
		if o.Passed != want || o.Error || !o.Passed && o.Reason == "" {
			t.Errorf("%s: %+v", text, o)
		}
	}
}

func TestEarlierValues(t *testing.T) {
	d := newDuck(t)
	d.exec(t, "CREATE TABLE t AS SELECT i AS id, i * 1.0 AS x FROM range(10) r(i)")
	table := Table{Columns: d.columnsOf(t, "t"), Now: shelved, History: told{"Dataset.*.RowCount": {9, 10, 11, 10}, "Column.x.Mean": {100, 101, 100, 99}}}
	for text, want := range map[string]string{
		`RowCount >= last()`: `RowCount >= 9`,
		`RowCount between 0.9 * avg(last(4)) and max(last(4))`: `RowCount between 9 and 11`,
		`ColumnValues "id" > 5 with threshold >= last()`:       `ColumnValues "id" > 5 with threshold >= 0`, // of which there are no values
		`(RowCount > last()) AND (IsComplete "id")`:            `(RowCount > 9) AND (IsComplete "id")`,
	} {
		if o := judgeOne(t, text, table, d); !o.Passed || o.Evaluated != want {
			t.Errorf("%s: %+v", text, o)
		}
	}
	for text, reason := range map[string]string{
		`RowCount > last(3)`:           "gives 3 numbers where one is needed",
		`RowCount > index(last(3), 3)`: "3 is not a place in a list of 3",
		`RowCount > last(0)`:           "takes a number of runs, 1 or more",
		`RowCount > smallest(3)`:       "function smallest is not known",
	} {
		if o := judgeOne(t, text, table, d); o.Passed || !o.Error || !strings.Contains(o.Reason, reason) {
			t.Errorf("%s: %+v", text, o)
		}
	}
	for text, want := range map[string]string{
		`DetectAnomalies "RowCount"`:       "",
		`DetectAnomalies "Mean" "x"`:       "Column.x.Mean is 4.5, expected about 100",
		`DetectAnomalies "Uniqueness" "x"`: "Column.x.Uniqueness has 0 earlier values; 3 are needed",
		`DetectAnomalies "Mean" "nothing"`: `column "nothing" is not in the table`,
		`DetectAnomalies "Mean"`:           "Mean takes one parameter",
	} {
		o := judgeOne(t, text, table, d)
		if passes := want == "" || strings.Contains(want, "are needed"); o.Passed != passes || !strings.Contains(o.Reason, want) {
			t.Errorf("%s: %+v", text, o)
		}
	}
}

func TestAnalyzers(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t AS SELECT * FROM (VALUES (1, 0.0, 'a'), (2, 5.0, 'a'), (3, 10.0, NULL), (4, 'nan'::DOUBLE, 'bcd')) v(id, x, s)`)
	set, err := dqdl.Parse(`Analyzers = [ AllStatistics "s", AllStatistics "AllColumns", Distribution "x" with bins = 2, Distribution "s", ColumnValues "id",
		CustomSql "select max(id) from primary", Mean "nothing" ]`)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := CompileRuleset(set, Table{Columns: d.columnsOf(t, "t"), Now: shelved})
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := checks.Judge(t.Context(), d, "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"Dataset.*.RowCount": 4, "Column.s.Completeness": 0.75, "Column.s.Uniqueness": 1.0 / 3,
		"Column.s.MinimumLength": 0, "Column.s.MaximumLength": 3} {
		if v, ok := got[0].Metrics[name]; !ok || math.Abs(v-want) > 1e-12 {
			t.Errorf("%s is %v", name, v)
		}
	}
	if n := len(got[1].Metrics); n != 1+8+8+4 || got[1].Metrics["Column.id.Maximum"] != 4 || !math.IsNaN(got[1].Metrics["Column.x.StandardDeviation"]) {
		t.Errorf("%d: %v", n, got[1].Metrics)
	}
	if x := got[2].Distribution; x == nil || len(x.BinEdges) != 3 || x.BinEdges[2] != 10 || x.Count[0] != 1 || x.Count[1] != 2 {
		t.Errorf("%+v", x)
	}
	if s := got[3].Distribution; s == nil || len(s.Values) != 2 || s.Values[0] != "a" || s.Count[0] != 2 {
		t.Errorf("%+v", s)
	}
	if got[4].Metrics["Column.id.Minimum"] != 1 || got[5].Metrics["Dataset.*.CustomSQL"] != 4 || got[6].Passed {
		t.Errorf("%+v", got[4:])
	}
}

// Composites by row hold where each row satisfies the whole.
func TestCompositesByRow(t *testing.T) {
	d := newDuck(t)
	d.exec(t, `CREATE TABLE t AS SELECT * FROM (VALUES (1, 'x', NULL), (2, NULL, 'y')) v(id, a, b)`)
	for text, want := range map[string]string{
		`(IsComplete "a") OR (IsComplete "b")`:                           "Passed",
		`(IsComplete "a") AND (IsComplete "b")`:                          "Failed",
		`(IsUnique "id") AND ((IsComplete "a") OR (IsComplete "b"))`:     "Passed",
		`(RowCount = 9) OR (IsComplete "a")`:                             "Failed",
		`(RowCount = 2) OR (IsComplete "a")`:                             "Passed",
		`(RowCount = 2) AND (ColumnCount = 3)`:                           "Passed",
		`(Completeness "a" > 0.1) OR (IsComplete "b")`:                   "Error",
		`(ColumnValues "id" > 0 with threshold > 0) OR (IsComplete "b")`: "Error",
	} {
		o := judgeOne(t, text, Table{Columns: d.columnsOf(t, "t"), Now: shelved, ByRow: true}, d)
		if got := map[bool]string{true: "Passed", false: "Failed"}[o.Passed]; got != want && !(o.Error && want == "Error") {
			t.Errorf("%s: %+v", text, o)
		}
	}
}

// The plan is plain data: one query for what is an aggregate, one for each set of columns and for each further table.
func TestQueriesArePlainData(t *testing.T) {
	all := rules(t, `IsComplete "order_id"`, `Mean "total" > 1`, `Mean "total" > 1 where "paid"`, `IsUnique "order_id"`, `Entropy "order_id" > 0 where "paid"`,
		`RowCountMatch "ref" = 1`, `AggregateMatch "sum(total)" "sum(ref.total)" = 1`, `ReferentialIntegrity "status" "ref.status" = 1`)
	checks, err := CompileFor(all, Table{Columns: orderColumns, Others: map[string][]job.Column{"ref": orderColumns}, Now: shelved})
	if err != nil {
		t.Fatal(err)
	}
	queries := checks.Queries("orders", map[string]string{"ref": "stores"})
	if len(queries) != 4 {
		t.Errorf("%d queries: %+v", len(queries), queries)
	}
}

// Whatever a document says: its rules are judged, and what cannot be judged says so.
func FuzzJudge(f *testing.F) {
	for _, s := range []string{
		`Rules = [ IsComplete "id", (RowCount > 1) OR (IsUnique "s" where "id > 1"), ColumnDataType s = "DECIMAL(4,2)", Kurtosis x < 1 ]`,
		`Rules = [ RowCount > avg(last(3)), DetectAnomalies "Mean" x, ColumnValues s matches "(a+)+b", CustomSql "select id from primary" ]`,
		`Rules = [ ReferentialIntegrity "id,s" "ref.{id,s}" = 1, DatasetMatch ref "id->id" "s" > 0, AggregateMatch "sum(id)" "avg(ref.x)" != 1, SchemaMatch ref = 1 ]
		 Analyzers = [ AllStatistics AllColumns, Distribution s with bins = 3 ]`,
		`Rules = [ ColumnValues x in [1, NULL] with threshold between 0 and 1, DataFreshness s < 3 days, ColumnLength s not in [0,1], ColumnNamesMatchPattern "[a-z]" ]`,
	} {
		f.Add(s)
	}
	d := newDuck(f)
	for _, name := range []string{"t", "ref"} {
		d.exec(f, "CREATE TABLE "+name+" AS SELECT * FROM (VALUES (1, 0.5::DOUBLE, 'a'), (2, 'inf'::DOUBLE, NULL), (NULL, NULL, '2026-01-01')) v(id, x, s)")
	}
	cols := d.columnsOf(f, "t")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := dqdl.Parse(text)
		if err != nil {
			return
		}
		checks, err := CompileRuleset(set, Table{Columns: cols, Others: map[string][]job.Column{"ref": cols}, Now: shelved, History: told{}})
		if err != nil {
			t.Fatal(err)
		}
		outcomes, _, err := checks.Judge(t.Context(), d, "t", map[string]string{"ref": "ref"})
		if err != nil || len(outcomes) != len(set.Rules) {
			t.Fatalf("%q: %d outcomes, %v", text, len(outcomes), err)
		}
		for _, o := range outcomes {
			if !o.Passed && o.Reason == "" {
				t.Errorf("%s fails without a reason", o.Rule.Text)
			}
		}
		if err := checks.MarkRows(t.Context(), d, "t", map[string]string{"ref": "ref"}, func([]Mark) error { return nil }); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
