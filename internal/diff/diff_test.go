package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
)

func open(t *testing.T) *duckdb.Session {
	t.Helper()
	e, err := duckdb.Open(context.Background(), duckdb.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), e.Close()); err != nil {
			t.Fatal(err)
		}
	})
	return s
}

// line is a row of the columns k, l, v and w; "-" is null.
type line [4]string

var lineColumns = []job.Column{{Name: "k", Type: "INTEGER", ID: 1}, {Name: "l", Type: "VARCHAR", ID: 2}, {Name: "v", Type: "DOUBLE", ID: 3}, {Name: "w", Type: "VARCHAR[]", ID: 4}}

func (l line) sql() string {
	parts := make([]string, len(l))
	for i, v := range l {
		if parts[i] = "NULL"; v != "-" {
			parts[i] = job.Literal(v)
		}
		parts[i] = "CAST(" + parts[i] + " AS " + lineColumns[i].Type + ") AS " + lineColumns[i].Name
	}
	return "SELECT " + strings.Join(parts, ", ")
}

func sqlOf(lines []line) string {
	parts := make([]string, len(lines))
	for i, l := range lines {
		parts[i] = l.sql()
	}
	if len(parts) == 0 {
		return line{"-", "-", "-", "-"}.sql() + " WHERE false"
	}
	return strings.Join(parts, " UNION ALL ")
}

// expected is the difference as one finds it by going through all rows one by one.
type expected struct {
	added, removed, changed int64
	values                  map[string]int64
}

func brute(was, is []line, keys []int, compared []int) expected {
	e := expected{values: map[string]int64{}}
	keyOf := func(l line) (string, bool) {
		var parts []string
		for _, k := range keys {
			if l[k] == "-" {
				return "", false
			}
			parts = append(parts, l[k])
		}
		return strings.Join(parts, "|"), len(keys) > 0
	}
	count := func(lines []line) map[string]int {
		n := map[string]int{}
		for _, l := range lines {
			if key, ok := keyOf(l); ok {
				n[key]++
			}
		}
		return n
	}
	nw, ni := count(was), count(is)
	bag, before, after := map[string]int{}, map[string]line{}, map[string]line{}
	sort := func(lines []line, w int, to map[string]line) {
		for _, l := range lines {
			key, ok := keyOf(l)
			if ok && nw[key] <= 1 && ni[key] <= 1 {
				to[key] = l
				continue
			}
			var parts []string
			for _, c := range compared {
				parts = append(parts, l[c])
			}
			bag[strings.Join(parts, "|")] += w
		}
	}
	sort(was, -1, before)
	sort(is, 1, after)
	for _, n := range bag {
		e.added, e.removed = e.added+int64(max(0, n)), e.removed+int64(max(0, -n))
	}
	for key, a := range before {
		b, ok := after[key]
		if !ok {
			e.removed++
			continue
		}
		changed := false
		for _, c := range compared {
			if a[c] != b[c] {
				changed = true
				e.values[lineColumns[c].Name]++
			}
		}
		if changed {
			e.changed++
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			e.added++
		}
	}
	return e
}

// TestCompareEqualsBruteForce: whatever the rows, the key, the columns and the rows left out because they stand in both
// sides, the engine counts as a person with paper and time would.
func TestCompareEqualsBruteForce(t *testing.T) {
	s := open(t)
	lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
		return line{rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "-"}).Draw(t, "k"), rapid.SampledFrom([]string{"a", "b", "-"}).Draw(t, "l"),
			rapid.SampledFrom([]string{"1.5", "NaN", "-"}).Draw(t, "v"), rapid.SampledFrom([]string{"[]", "[x]", "[NULL]", "-"}).Draw(t, "w")}
	}), 0, 7)
	rapid.Check(t, func(t *rapid.T) {
		was, is, rest := lines.Draw(t, "was"), lines.Draw(t, "is"), lines.Draw(t, "rest")
		keys := rapid.SampledFrom([][]int{nil, {0}, {0, 1}, {3}}).Draw(t, "keys")
		only := rapid.SampledFrom([][]int{nil, {2}, {0, 3}}).Draw(t, "only")
		q := Query{Was: sqlOf(was), Is: sqlOf(is), Columns: Match(lineColumns, lineColumns, true), Samples: 3}
		if len(rest) > 0 {
			q.Rest = sqlOf(rest)
		}
		compared := slices.Clone(keys)
		for _, k := range keys {
			q.Key = append(q.Key, lineColumns[k].Name)
		}
		others := only
		if only == nil {
			others = []int{0, 1, 2, 3}
		}
		for _, c := range others {
			if only != nil {
				q.Only = append(q.Only, lineColumns[c].Name)
			}
			if !slices.Contains(keys, c) {
				compared = append(compared, c)
			}
		}
		want := brute(slices.Concat(was, rest), slices.Concat(is, rest), keys, compared)
		got, err := Compare(context.Background(), s, q)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]int64{}
		for _, v := range got.Values {
			values[v.Column] = v.Changed
		}
		if got.Added != want.added || got.Removed != want.removed || got.Changed != want.changed || !maps.Equal(values, want.values) {
			t.Fatalf("got +%d -%d ~%d %v, want %+v", got.Added, got.Removed, got.Changed, values, want)
		}
		for _, n := range [][2]int64{{int64(len(got.Samples.Changed)), got.Changed}} {
			if n[0] != min(n[1], 3) {
				t.Fatalf("%d samples of %d", n[0], n[1])
			}
		}
		if got.Added > 0 != (len(got.Samples.Added) > 0) || got.Removed > 0 != (len(got.Samples.Removed) > 0) || len(got.Samples.Added) > 3 {
			t.Fatalf("samples %d of %d added, %d of %d removed", len(got.Samples.Added), got.Added, len(got.Samples.Removed), got.Removed)
		}
		for _, c := range got.Samples.Changed {
			if len(c.Values) == 0 || len(c.Key) != len(keys) {
				t.Fatalf("sample %+v", c)
			}
		}
	})
}

func TestCompareSamples(t *testing.T) {
	s := open(t)
	was := []line{{"1", "a", "1.5", "[]"}, {"2", "a", "1.5", "[x]"}, {"3", "gone", "-", "-"}}
	is := []line{{"1", "a", "1.5", "[]"}, {"2", "b", "-", "[x]"}, {"4", "new", "2", "[y, z]"}}
	got, err := Compare(t.Context(), s, Query{Was: sqlOf(was), Is: sqlOf(is), Columns: Match(lineColumns, lineColumns, true), Key: []string{"K"}, Samples: 5})
	if err != nil {
		t.Fatal(err)
	}
	show := func(r []*string) string {
		parts := make([]string, len(r))
		for i, v := range r {
			if parts[i] = "null"; v != nil {
				parts[i] = *v
			}
		}
		return strings.Join(parts, "|")
	}
	if len(got.Samples.Added) != 1 || show(got.Samples.Added[0]) != "4|new|2.0|[y, z]" || show(got.Samples.Removed[0]) != "3|gone|null|null" {
		t.Errorf("added %v, removed %v", got.Samples.Added, got.Samples.Removed)
	}
	c := got.Samples.Changed[0]
	if show(c.Key) != "2" || len(c.Values) != 2 || c.Values[0].Column != "l" || *c.Values[0].Was != "a" || *c.Values[0].Is != "b" || c.Values[1].Is != nil {
		t.Errorf("changed %+v", c)
	}
}

func TestCompareOtherColumns(t *testing.T) {
	s := open(t)
	was := []job.Column{{Name: "id", Type: "INTEGER", ID: 1}, {Name: "total", Type: "DECIMAL(10,2)", ID: 2}, {Name: "old", Type: "VARCHAR", ID: 3}, {Name: "when", Type: "DATE", ID: 4}}
	is := []job.Column{{Name: "id", Type: "BIGINT", ID: 1}, {Name: "total", Type: "DECIMAL(12,3)", ID: 2}, {Name: "new", Type: "VARCHAR", ID: 3}, {Name: "WHEN", Type: "VARCHAR", ID: 5}, {Name: "more", Type: "INTEGER", ID: 6}}
	c := Match(was, is, true)
	if len(c.Pairs) != 4 || len(c.Added) != 1 || len(c.Removed) != 0 || c.Changes() != 5 || c.Stable() {
		t.Fatalf("%+v", c)
	}
	if by := Match(was, is, false); len(by.Pairs) != 3 || len(by.Added) != 2 || len(by.Removed) != 1 {
		t.Errorf("by name: %+v", by)
	}
	q := Query{Columns: c, Key: []string{"id"}, Samples: 1,
		Was: "SELECT 1::INTEGER AS id, 2.50::DECIMAL(10,2) AS total, 'x' AS old, DATE '2026-03-01' AS \"when\"",
		Is:  "SELECT 1::BIGINT AS id, 2.500::DECIMAL(12,3) AS total, 'x' AS new, '2026-03-01' AS \"WHEN\", 7 AS more"}
	got, err := Compare(t.Context(), s, q)
	if err != nil || !got.Same() {
		t.Errorf("%+v, %v", got, err)
	}
	q.Key = []string{"more"}
	if _, err = Compare(t.Context(), s, q); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "one side only") {
		t.Errorf("%v", err)
	}
	q.Key, q.Only = nil, []string{"totl"}
	if _, err = Compare(t.Context(), s, q); fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "total") {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
}

func TestComparable(t *testing.T) {
	for _, c := range [][3]string{
		{"INTEGER", "BIGINT", "BIGINT"}, {"FLOAT", "DOUBLE", "DOUBLE"}, {"BIGINT", "DOUBLE", "VARCHAR"}, {"INTEGER", "DOUBLE", "DOUBLE"},
		{"DECIMAL(10,2)", "DECIMAL(12,4)", "DECIMAL(12,4)"}, {"DECIMAL(38,2)", "DECIMAL(38,10)", "VARCHAR"}, {"INTEGER", "DECIMAL(5,2)", "DECIMAL(12,2)"},
		{"BIGINT", "DECIMAL(38,30)", "VARCHAR"}, {"DATE", "TIMESTAMP", "TIMESTAMP"}, {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR"},
		{"VARCHAR", "INTEGER", "VARCHAR"}, {"INTEGER[]", "BIGINT[]", "VARCHAR"},
	} {
		if got := comparable(c[0], c[1]); got != c[2] {
			t.Errorf("%s and %s are compared as %s, want %s", c[0], c[1], got, c[2])
		}
		if got := comparable(c[1], c[0]); got != c[2] {
			t.Errorf("%s and %s are compared as %s, want %s", c[1], c[0], got, c[2])
		}
	}
}

// TestCompareManyColumns: a table may have thousands of them.
func TestCompareManyColumns(t *testing.T) {
	s := open(t)
	columns := make([]job.Column, 1000)
	items := make([]string, len(columns))
	for i := range columns {
		columns[i] = job.Column{Name: fmt.Sprint("col", i), Type: "INTEGER", ID: i + 1}
		items[i] = fmt.Sprintf("%d + i::INTEGER AS col%d", i, i)
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM range(3) AS r(i)"
	got, err := Compare(t.Context(), s, Query{Was: sql, Is: strings.Replace(sql, "7 + i::INTEGER AS col7,", "0 AS col7,", 1),
		Columns: Match(columns, columns, true), Key: []string{"col0"}, Samples: 2})
	if err != nil || got.Changed != 3 || len(got.Values) != 1 || cmp.Or(got.Values[0].Column) != "col7" || len(got.Samples.Changed) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
