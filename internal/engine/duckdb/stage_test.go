package duckdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
)

func column(name, typ string) job.Column { return job.Column{Name: name, Type: typ} }

func reading(files []job.File) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = job.Literal(f.Path)
	}
	return "read_parquet([" + strings.Join(paths, ", ") + "], hive_partitioning = false)"
}

func total(files []job.File) (n int64) {
	for _, f := range files {
		n += f.Rows
	}
	return n
}

func TestStage(t *testing.T) {
	ctx, s, dir := context.Background(), session(t, open(t, Options{})), t.TempDir()
	w := job.Write{
		SQL:     "SELECT 'x' || i AS name, i AS id, {'a': i, 'b': [i]} AS s FROM range(1000) t(i)",
		Columns: []job.Column{column("id", "BIGINT"), column("name", "VARCHAR"), column("s", "STRUCT(a BIGINT, b BIGINT[])")},
		Dir:     filepath.Join(dir, "new", "it's here"), Prefix: "part",
	}
	files, err := s.Stage(ctx, w, "{id: 1, name: 2, s: {__duckdb_field_id: 3, a: 4, b: {__duckdb_field_id: 5, element: 6}}}", nil)
	must(t, err)
	if total(files) != 1000 {
		t.Errorf("%d rows", total(files))
	}
	for _, f := range files {
		info, err := os.Stat(f.Path)
		must(t, err)
		if info.Size() != f.Bytes || filepath.Dir(f.Path) != w.Dir || !strings.HasPrefix(filepath.Base(f.Path), "part-") || filepath.Ext(f.Path) != ".parquet" {
			t.Errorf("file %+v, %d bytes", f, info.Size())
		}
	}
	if got := one(t, s, "SELECT count(*), sum(id), min(name), max(s.b[1]) FROM "+reading(files)); got != "1000|499500|x0|999" {
		t.Error(got)
	}
	if got := strings.Join(rows(t, s, "SELECT name, field_id FROM parquet_schema("+job.Literal(files[0].Path)+") WHERE field_id IS NOT NULL ORDER BY 2"), " "); got != "id|1 name|2 s|3 a|4 b|5 element|6" {
		t.Error(got)
	}
	if got := one(t, s, "SELECT DISTINCT compression FROM parquet_metadata("+job.Literal(files[0].Path)+")"); got != "ZSTD" {
		t.Error(got)
	}
}

func TestStageNoRows(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	for name, w := range map[string]job.Write{
		"plain":       {},
		"sized":       {FileBytes: 1 << 20},
		"sorted":      {Sort: []string{"id"}},
		"both":        {Sort: []string{"id"}, FileBytes: 1 << 20},
		"partitioned": {Partition: []job.PartitionField{{Name: "id", Column: "id", Transform: "identity"}}},
	} {
		w.SQL, w.Columns, w.Dir, w.Prefix = "SELECT 1 AS id WHERE false", []job.Column{column("id", "INTEGER")}, t.TempDir(), "p"
		files, err := s.Stage(ctx, w, "{id: 1}", nil)
		must(t, err)
		left, err := os.ReadDir(w.Dir)
		must(t, err)
		if len(files) != 0 || len(left) != 0 {
			t.Errorf("%s: %d files, %d left", name, len(files), len(left))
		}
	}
}

func TestStageRefuses(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	id := []job.Column{column("id", "INTEGER")}
	for name, c := range map[string]struct {
		w     job.Write
		class fault.Class
		text  string
	}{
		"inexact":  {job.Write{SQL: "SELECT CASE WHEN i = 50000 THEN 1.5 ELSE i END AS id FROM range(100000) t(i)", Columns: id}, fault.Data, `column "id": "1.5" is not exactly INTEGER`},
		"overflow": {job.Write{SQL: "SELECT 3000000000 AS id", Columns: id}, fault.Data, "out of range"},
		"text":     {job.Write{SQL: "SELECT 'abc' AS id", Columns: id}, fault.Data, `column "id": "abc" is not exactly INTEGER`},
		"runtime":  {job.Write{SQL: "SELECT error('boom at ' || i) AS id FROM range(200000) t(i) WHERE i > 150000", Columns: id}, fault.Data, "boom"},
		"missing":  {job.Write{SQL: "SELECT 1 AS other", Columns: id}, fault.Usage, `column "id" is not in the query`},
		"extra":    {job.Write{SQL: "SELECT 1 AS id, 2 AS other", Columns: id}, fault.Usage, `column "other" of the query is not wanted`},
		"twice":    {job.Write{SQL: "SELECT 1 AS id, 2 AS ID", Columns: id}, fault.Usage, "is there twice"},
		"syntax":   {job.Write{SQL: "SELECT 1 AS id FROM", Columns: id}, fault.Usage, "syntax error"},
		"field":    {job.Write{SQL: "SELECT 1 AS id", Columns: id, Partition: []job.PartitionField{{Name: "d", Column: "id", Transform: "day"}}}, fault.Usage, "day needs a date or timestamp"},
		"no field": {job.Write{SQL: "SELECT 1 AS id", Columns: id, Partition: []job.PartitionField{{Name: "d", Column: "x", Transform: "day"}}}, fault.Usage, `column "x" is not in the table`},
	} {
		c.w.Dir, c.w.Prefix = t.TempDir(), "p"
		must(t, os.WriteFile(filepath.Join(c.w.Dir, "p-other.parquet"), nil, 0o600))
		_, err := s.Stage(ctx, c.w, "", nil)
		if fault.ClassOf(err) != c.class || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%s: %s %v", name, fault.ClassOf(err), err)
		}
		left, err := os.ReadDir(c.w.Dir)
		must(t, err)
		if len(left) != 1 {
			t.Errorf("%s: %d files are left", name, len(left))
		}
	}
	for _, prefix := range []string{"", "../x", "a{uuid}", "a b", "it's"} {
		if _, err := s.Stage(ctx, job.Write{SQL: "SELECT 1 AS id", Columns: id, Dir: t.TempDir(), Prefix: prefix}, "", nil); err == nil {
			t.Errorf("prefix %q is taken", prefix)
		}
	}
	if _, err := s.Stage(ctx, job.Write{SQL: "SELECT 1 AS id", Columns: id, Dir: "/dev/null/x", Prefix: "p"}, "", nil); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("no folder: %v", err)
	}
}

func TestStageWithParams(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	w := job.Write{SQL: "SELECT $currency AS c, i FROM range(5) t(i) WHERE i < $n", Columns: []job.Column{column("c", "VARCHAR"), column("i", "BIGINT")}, Dir: t.TempDir(), Prefix: "p"}
	files, err := s.Stage(ctx, w, "", job.Params{"currency": "it's", "n": int64(3)})
	must(t, err)
	if got := one(t, s, "SELECT count(*), any_value(c) FROM "+reading(files)); got != "3|it's" {
		t.Error(got)
	}
}

// Every value of a partition column lands in one file of its own partition, named exactly, however odd it is.
func TestStageIdentityPartitions(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{}))
	values := []string{"plain", "", "a/b", "x=y", "per%cent", "é ü", "__HIVE_DEFAULT_PARTITION__", "NULL", "null", "..", "line\nbreak", "quo'te\"s", strings.Repeat("long", 200), "🙂", "tab\t", `back\slash`, " lead"}
	must(t, s.Exec(ctx, "CREATE TABLE v(p VARCHAR)"))
	for _, v := range values {
		must(t, s.Exec(ctx, "INSERT INTO v VALUES ("+job.Literal(v)+"), ("+job.Literal(v)+")"))
	}
	must(t, s.Exec(ctx, "INSERT INTO v VALUES (NULL)"))
	w := job.Write{SQL: "SELECT * FROM v", Columns: []job.Column{column("p", "VARCHAR")}, Dir: t.TempDir(), Prefix: "p",
		Partition: []job.PartitionField{{Name: "p", Column: "p", Transform: "identity"}, {Name: "p2", Column: "p", Transform: "truncate", Width: 2}}}
	files, err := s.Stage(ctx, w, "{p: 1}", nil)
	must(t, err)
	var got []string
	for _, f := range files {
		stored := one(t, s, "SELECT DISTINCT coalesce('v' || p, 'n') FROM "+reading([]job.File{f}))
		if v := f.Partition["p"]; v == nil {
			got = append(got, "n")
			if stored != "n" || f.Partition["p2"] != nil {
				t.Errorf("null partition holds %q", stored)
			}
			continue
		}
		v := *f.Partition["p"]
		got = append(got, "v"+v)
		if stored != "v"+v || f.Rows != 2 {
			t.Errorf("partition %q holds %d of %q", v, f.Rows, stored)
		}
		if r := []rune(v); *f.Partition["p2"] != string(r[:min(2, len(r))]) {
			t.Errorf("truncated %q is %q", v, *f.Partition["p2"])
		}
	}
	want := []string{"n"}
	for _, v := range values {
		want = append(want, "v"+v)
	}
	sort.Strings(got)
	sort.Strings(want)
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("partitions %q, want %q", got, want)
	}
}

func TestStageManyPartitions(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{Threads: 4}))
	w := job.Write{SQL: "SELECT i, i % 700 AS p FROM range(1000000) t(i)", Columns: []job.Column{column("i", "BIGINT"), column("p", "BIGINT")}, Dir: t.TempDir(), Prefix: "p",
		Partition: []job.PartitionField{{Name: "p", Column: "p", Transform: "identity"}}}
	files, err := s.Stage(ctx, w, "{i: 1, p: 2}", nil)
	must(t, err)
	left, err := os.ReadDir(w.Dir)
	must(t, err)
	if len(files) != 700 || len(left) != 700 {
		t.Errorf("%d files, %d in the folder", len(files), len(left))
	}
	if got := one(t, s, "SELECT count(*), sum(i), count(DISTINCT p) FROM "+reading(files)); got != "1000000|499999500000|700" {
		t.Error(got)
	}
}

func TestStageSortAndSize(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{Threads: 4}))
	base := job.Write{SQL: "SELECT i, hash(i) % 3 AS p, md5(i::VARCHAR) AS m FROM range(600000) t(i)",
		Columns: []job.Column{column("i", "BIGINT"), column("p", "DECIMAL(20,0)"), column("m", "VARCHAR")}, Prefix: "p"}
	by := []job.PartitionField{{Name: "p", Column: "p", Transform: "identity"}}
	for name, c := range map[string]struct {
		sort  []string
		bytes int64
		part  []job.PartitionField
		files func(n int) bool
	}{
		"one":             {[]string{"m"}, 0, nil, func(n int) bool { return n == 1 }},
		"sized":           {nil, 2 << 20, nil, func(n int) bool { return n > 3 }},
		"sorted sized":    {[]string{"m DESC", "i"}, 2 << 20, nil, func(n int) bool { return n > 3 }},
		"sorted parts":    {[]string{"m"}, 0, by, func(n int) bool { return n == 3 }},
		"sized parts":     {nil, 2 << 20, by, func(n int) bool { return n > 4 }},
		"all":             {[]string{"m"}, 2 << 20, by, func(n int) bool { return n > 5 }},
		"small in target": {nil, 1 << 30, by, func(n int) bool { return n == 3 }},
	} {
		w := base
		w.Sort, w.FileBytes, w.Partition, w.Dir = c.sort, c.bytes, c.part, t.TempDir()
		files, err := s.Stage(ctx, w, "{i: 1, p: 2, m: 3}", nil)
		must(t, err)
		left, err := os.ReadDir(w.Dir)
		must(t, err)
		if !c.files(len(files)) || len(left) != len(files) || total(files) != 600000 {
			t.Errorf("%s: %d files, %d in the folder, %d rows", name, len(files), len(left), total(files))
		}
		if got := one(t, s, "SELECT count(*), sum(i), count(DISTINCT i) FROM "+reading(files)); got != "600000|179999700000|600000" {
			t.Errorf("%s: %s", name, got)
		}
		for _, f := range files {
			if len(c.part) > 0 && (f.Partition["p"] == nil || one(t, s, "SELECT DISTINCT p FROM "+reading([]job.File{f})) != *f.Partition["p"]) {
				t.Errorf("%s: partition %v", name, f.Partition)
			}
			if len(c.sort) > 0 {
				bad := "m < before"
				if strings.Contains(c.sort[0], "DESC") {
					bad = "m > before"
				}
				if got := one(t, s, "SELECT count(*) FROM (SELECT m, lag(m) OVER (ORDER BY file_row_number) AS before FROM read_parquet("+job.Literal(f.Path)+", file_row_number = true)) WHERE "+bad); got != "0" {
					t.Errorf("%s: %s rows out of order", name, got)
				}
			}
		}
		if got := rows(t, s, "SELECT name, field_id FROM parquet_schema("+job.Literal(files[0].Path)+") WHERE field_id IS NOT NULL ORDER BY 2"); strings.Join(got, " ") != "i|1 p|2 m|3" {
			t.Errorf("%s: fields %v", name, got)
		}
	}
}

// Memory is bounded by the budget, also where rows are wide (promise 5).
func TestStageWideRows(t *testing.T) {
	ctx, s := context.Background(), session(t, open(t, Options{Memory: 300 << 20, Threads: 2}))
	w := job.Write{SQL: "SELECT i, repeat(md5(i::VARCHAR), 300) AS wide FROM range(100000) t(i)", Columns: []job.Column{column("i", "BIGINT"), column("wide", "VARCHAR")}, Dir: t.TempDir(), Prefix: "p"}
	files, err := s.Stage(ctx, w, "", nil)
	must(t, err)
	if total(files) != 100000 {
		t.Errorf("%d rows", total(files))
	}
}
