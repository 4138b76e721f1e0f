package files

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"weir/internal/job"
	"weir/internal/source"
)

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

func TestPerf(t *testing.T) {
	dir := os.Getenv("PERF")
	if dir == "" {
		t.Skip()
	}
	e := newEngine(t)
	typed := cols("l_orderkey", "BIGINT", "l_partkey", "BIGINT", "l_suppkey", "BIGINT", "l_linenumber", "INTEGER", "l_quantity", "DECIMAL(15,2)", "l_extendedprice", "DECIMAL(15,2)", "l_discount", "DECIMAL(15,2)", "l_tax", "DECIMAL(15,2)", "l_returnflag", "VARCHAR", "l_linestatus", "VARCHAR", "l_shipdate", "DATE", "l_commitdate", "DATE", "l_receiptdate", "DATE", "l_shipinstruct", "VARCHAR", "l_shipmode", "VARCHAR", "l_comment", "VARCHAR")
	list := ""
	for i, c := range typed {
		if i > 0 {
			list += ","
		}
		list += "'" + c.Name + "':'" + c.Type + "'"
	}
	ours := func(path string, c []job.Column) {
		t0, c0 := time.Now(), cpu()
		r := Reader{Path: path}
		r.SetColumns(c)
		s, err := begin(t, dir, r, job.Read{})
		if err != nil {
			t.Fatal(err)
		}
		tb, cb := time.Since(t0), cpu()-c0
		rel, err := s.(source.Scannable).Relation(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		tr := time.Since(t0)
		if err := e.Exec(t.Context(), "COPY ("+rel.SQL+") TO '/tmp/duckprobe/o.parquet' (FORMAT parquet, COMPRESSION zstd)"); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("ours %s typed=%d: %.3fs cpu %.3f (begin %.3f cpu %.3f, relation %.3f)\n", path, len(c), time.Since(t0).Seconds(), cpu()-c0, tb.Seconds(), cb, (tr - tb).Seconds())
	}
	raw := func(q string) {
		t0, c0 := time.Now(), cpu()
		if err := e.Exec(t.Context(), "SET preserve_insertion_order=true"); err != nil {
			t.Fatal(err)
		}
		if err := e.Exec(t.Context(), "COPY ("+q+") TO '/tmp/duckprobe/o2.parquet' (FORMAT parquet, COMPRESSION zstd)"); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("raw %s: %.3fs cpu %.3f\n", q[:min(len(q), 60)], time.Since(t0).Seconds(), cpu()-c0)
		e.Exec(t.Context(), "SET preserve_insertion_order=false")
	}
	if os.Getenv("CAREFUL") != "" {
		for _, path := range []string{"l.csv", "l.ndjson"} {
			t0, c0 := time.Now(), cpu()
			r := Reader{Path: path}
			r.SetColumns(typed)
			s, err := begin(t, dir, r, job.Read{})
			if err != nil {
				t.Fatal(err)
			}
			m := &maker{s: s.(*scan), e: e}
			if err := m.prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.careful = map[string]bool{path: true}
			rel, err := m.assemble(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("careful %s: %.3fs cpu %.3f\n", path, time.Since(t0).Seconds(), cpu()-c0)
			if err := e.Exec(t.Context(), "COPY ("+rel.SQL+") TO '/tmp/duckprobe/o.parquet' (FORMAT parquet, COMPRESSION zstd)"); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("careful+copy %s: %.3fs cpu %.3f\n", path, time.Since(t0).Seconds(), cpu()-c0)
		}
		return
	}
	for range 4 {
		raw("SELECT * FROM read_csv('" + dir + "/l.csv', columns={" + list + "}, header=true)")
		ours("l.csv", typed)
		raw("SELECT * FROM read_csv('" + dir + "/l.csv')")
		ours("l.csv", nil)
		raw("SELECT * FROM read_json('" + dir + "/l.ndjson', columns={" + list + "}, format='newline_delimited')")
		ours("l.ndjson", typed)
		raw("SELECT * FROM read_json('" + dir + "/l.ndjson')")
		ours("l.ndjson", nil)
	}
}
