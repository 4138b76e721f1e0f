package lake_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// partitioned commits one file for each partition value of a column, as an engine gives them.
func (r *rig) partitioned(name string, f job.PartitionField, query string, texts map[string]*string, where map[string]string) error {
	r.t.Helper()
	b := r.begin(name, "run-"+name, query)
	b.files = nil
	for key, text := range texts {
		file := r.write(b.stage.Dir(), "SELECT * FROM ("+query+") WHERE "+where[key], b.cols, b.t)
		file.Partition = map[string]*string{f.Name: text}
		b.files = append(b.files, file)
	}
	b.in.New.Partition = []job.PartitionField{f}
	_, err := b.commit()
	return err
}

func text(s string) *string { return &s }

func TestPartitions(t *testing.T) {
	r := localRig(t)
	foreign := openForeign(t, r)
	const ts = "SELECT i, TIMESTAMP '1969-12-30 22:30:00' + to_hours(i * 12) AS v FROM range(6) t(i)"
	for n, c := range []struct {
		transform string
		width     int
		query     string
		texts     map[string]*string
		where     map[string]string
		filter    iceberg.BooleanExpression // finds the file of key "a" alone
	}{
		{"day", 0, ts, map[string]*string{"a": text("-2"), "b": text("-1")}, map[string]string{"a": "i = 0", "b": "i IN (1, 2)"},
			iceberg.LessThan(iceberg.Reference("v"), iceberg.Timestamp(-2*86400e6+86399e6))},
		{"month", 0, ts, map[string]*string{"a": text("-1"), "b": text("0")}, map[string]string{"a": "i < 3", "b": "i >= 3"},
			iceberg.LessThan(iceberg.Reference("v"), iceberg.Timestamp(-1))},
		{"year", 0, ts, map[string]*string{"a": text("-1"), "b": text("0")}, map[string]string{"a": "i < 3", "b": "i >= 3"},
			iceberg.LessThan(iceberg.Reference("v"), iceberg.Timestamp(-1))},
		{"hour", 0, ts, map[string]*string{"a": text("-26"), "b": text("-14")}, map[string]string{"a": "i = 0", "b": "i = 1"},
			iceberg.LessThan(iceberg.Reference("v"), iceberg.Timestamp(-25*3600e6))},
		{"identity", 0, "SELECT DATE '2026-03-01' + i::INTEGER AS v FROM range(2) t(i) UNION ALL SELECT NULL", map[string]*string{"a": text("2026-03-01"), "b": text("2026-03-02"), "n": nil},
			map[string]string{"a": "v = DATE '2026-03-01'", "b": "v = DATE '2026-03-02'", "n": "v IS NULL"}, iceberg.EqualTo(iceberg.Reference("v"), iceberg.Date(20513))},
		{"identity", 0, "SELECT TIMESTAMPTZ '2026-03-01 10:00:00.5+00' AS v UNION ALL SELECT TIMESTAMPTZ '2026-03-01 11:00:00+00'", map[string]*string{"a": text("2026-03-01 10:00:00.5+00"), "b": text("2026-03-01 11:00:00+00")},
			map[string]string{"a": "v < TIMESTAMPTZ '2026-03-01 11:00:00+00'", "b": "v >= TIMESTAMPTZ '2026-03-01 11:00:00+00'"}, iceberg.LessThan(iceberg.Reference("v"), iceberg.Timestamp(1772359201000000))},
		{"identity", 0, "SELECT 'a b/ü=%' AS v UNION ALL SELECT 'zz' UNION ALL SELECT NULL", map[string]*string{"a": text("a b/ü=%"), "b": text("zz"), "n": nil},
			map[string]string{"a": "v < 'b'", "b": "v = 'zz'", "n": "v IS NULL"}, iceberg.EqualTo(iceberg.Reference("v"), "a b/ü=%")},
		// iceberg-go itself skips manifests whose lower bound is the empty text, so nothing is asked of its pruning here.
		{"identity", 0, "SELECT '' AS v UNION ALL SELECT NULL", map[string]*string{"a": text(""), "n": nil}, map[string]string{"a": "v = ''", "n": "v IS NULL"}, nil},
		{"identity", 0, "SELECT 12.30::DECIMAL(9,2) AS v UNION ALL SELECT -0.05", map[string]*string{"a": text("12.30"), "b": text("-0.05")},
			map[string]string{"a": "v > 0", "b": "v < 0"}, iceberg.GreaterThan(iceberg.Reference("v"), iceberg.Decimal{Scale: 2})},
		{"identity", 0, "SELECT true AS v UNION ALL SELECT false", map[string]*string{"a": text("true"), "b": text("false")}, map[string]string{"a": "v", "b": "NOT v"},
			iceberg.EqualTo(iceberg.Reference("v"), true)},
		{"identity", 0, "SELECT '3f2504e0-4f89-11d3-9a0c-0305e82c3301'::UUID AS v UNION ALL SELECT NULL", map[string]*string{"a": text("3f2504e0-4f89-11d3-9a0c-0305e82c3301"), "n": nil},
			map[string]string{"a": "v IS NOT NULL", "n": "v IS NULL"}, iceberg.NotNull(iceberg.Reference("v"))},
		{"truncate", 4, "SELECT 'abcdef' AS v UNION ALL SELECT 'abcxyz' UNION ALL SELECT 'zz'", map[string]*string{"a": text("abcd"), "b": text("abcx"), "c": text("zz")},
			map[string]string{"a": "v = 'abcdef'", "b": "v = 'abcxyz'", "c": "v = 'zz'"}, iceberg.StartsWith(iceberg.Reference("v"), "abcd")},
		{"truncate", 10, "SELECT i::BIGINT AS v FROM range(-5, 5) t(i)", map[string]*string{"a": text("-10"), "b": text("0")}, map[string]string{"a": "v < 0", "b": "v >= 0"},
			iceberg.LessThan(iceberg.Reference("v"), int64(0))},
		{"truncate", 50, "SELECT 10.65::DECIMAL(9,2) AS v UNION ALL SELECT 3.10", map[string]*string{"a": text("10.50"), "b": text("3.00")}, map[string]string{"a": "v > 5", "b": "v < 5"},
			iceberg.GreaterThan(iceberg.Reference("v"), iceberg.Decimal{Val: decimal(500), Scale: 2})},
		{"bucket", 16, "SELECT 34::BIGINT AS v UNION ALL SELECT 35 UNION ALL SELECT NULL", map[string]*string{"a": text(bucket(34, 16)), "b": text(bucket(35, 16)), "n": nil},
			map[string]string{"a": "v = 34", "b": "v = 35", "n": "v IS NULL"}, iceberg.EqualTo(iceberg.Reference("v"), int64(34))},
	} {
		name := fmt.Sprintf("p.%s_%d", c.transform, n)
		t.Run(name, func(t *testing.T) {
			r, foreign := &rig{t, r.l, r.db, r.config}, &foreignTool{t, foreign.cat}
			f := job.PartitionField{Name: "part", Column: "v", Transform: c.transform, Width: c.width}
			ok(t, r.partitioned(name, f, c.query, c.texts, c.where))
			tb := r.table(name)
			if got := tb.Partition(); len(got) != 1 || got[0] != f {
				t.Fatalf("partition %+v", got)
			}
			files, err := tb.Files(t.Context())
			ok(t, err)
			seen := map[string]bool{}
			for _, file := range files {
				v, has := file.Partition["part"]
				if !has {
					t.Fatalf("no value in %+v", file)
				}
				seen[show(v)] = true
			}
			for _, want := range c.texts {
				if !seen[show(want)] {
					t.Errorf("partition %s came back as one of %v", show(want), seen)
				}
			}
			r.same("SELECT * FROM ("+c.query+") WHERE "+anyOf(c.where), "FROM "+r.scan(name, lake.ScanOptions{}))
			if c.filter == nil {
				return
			}
			// Another tool prunes by these values, and finds the rows.
			tasks, err := foreign.load(name).Scan(table.WithRowFilter(c.filter)).PlanFiles(t.Context())
			ok(t, err)
			if len(tasks) != 1 {
				t.Errorf("%d files match %s", len(tasks), c.filter)
			}
		})
	}
}

func anyOf(where map[string]string) string {
	var parts []string
	for _, w := range where {
		parts = append(parts, "("+w+")")
	}
	return strings.Join(parts, " OR ")
}

func show(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}

func bucket(n int64, width int) string {
	v := iceberg.BucketTransform{NumBuckets: width}.Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: iceberg.Int64Literal(n)})
	return fmt.Sprint(v.Val)
}

func TestPartitionRefusals(t *testing.T) {
	r := localRig(t)
	for says, f := range map[string]job.PartitionField{
		"can not be taken":   {Name: "p", Column: "a", Transform: "day"},
		"no column":          {Name: "p", Column: "zz", Transform: "identity"},
		"unknown transform":  {Name: "p", Column: "a", Transform: "week"},
		"needs a width":      {Name: "p", Column: "a", Transform: "bucket"},
		"p: identity can no": {Name: "p", Column: "d", Transform: "identity"},
	} {
		err := r.partitioned("raw.x", f, "SELECT 1 AS a, 1.5::DOUBLE AS d", map[string]*string{"a": text("1")}, map[string]string{"a": "true"})
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v gave %v", f, err)
		}
	}
	f := job.PartitionField{Name: "p", Column: "a", Transform: "identity"}
	if err := r.partitioned("raw.x", f, "SELECT 1 AS a", map[string]*string{"a": text("one")}, map[string]string{"a": "true"}); fault.ClassOf(err) != fault.Internal {
		t.Errorf("a text for a number gave %v", err)
	}
	b := r.begin("raw.x", "r9", "SELECT 1 AS a")
	b.in.New.Partition = []job.PartitionField{f}
	if _, err := b.commit(); fault.ClassOf(err) != fault.Internal {
		t.Errorf("a missing value gave %v", err)
	}
	if r.table("raw.x") != nil {
		t.Error("there is a table")
	}
}
