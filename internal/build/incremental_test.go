package build

import (
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
)

// buildSQL builds a SQL table over tables of the rig.
func (r *rig) buildSQL(t define.Table, inputs ...string) (Outcome, error) {
	task := r.task()
	t.Kind, t.File = define.FromSQL, "tables/"+t.Name
	task.Table = &t
	for _, in := range inputs {
		task.Inputs = append(task.Inputs, Input{Name: in})
	}
	return r.build.Build(r.t.Context(), task)
}

func (r *rig) made(t define.Table, inputs ...string) Outcome {
	r.t.Helper()
	out, err := r.buildSQL(t, inputs...)
	ok(r.t, err)
	return out
}

func (r *rig) stop(t define.Table, want string, inputs ...string) {
	r.t.Helper()
	_, err := r.buildSQL(t, inputs...)
	if err == nil || fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), want) {
		r.t.Errorf("gives %v, want %s", err, want)
	}
}

// of are the rows of another table than the rig's.
func (r *rig) of(name, columns string) string {
	r.t.Helper()
	was := r.table.Name
	defer func() { r.table.Name = was }()
	r.table.Name = name
	return strings.Join(r.rows(columns), ", ")
}

func (r *rig) wantOf(name, columns, want string) {
	r.t.Helper()
	if got := r.of(name, columns); got != want {
		r.t.Errorf("%s has %s, want %s", name, got, want)
	}
}

// TestQuarantineOfGroups: rows turned away of a group that is computed again are not open any more, whatever they were.
func TestQuarantineOfGroups(t *testing.T) {
	r := newRig(t, "g INTEGER", "v INTEGER")
	m := define.Table{Name: "m.t", Mode: define.Replace, SQL: "SELECT g, sum(v)::INTEGER AS s FROM raw.t GROUP BY 1", Incremental: &define.Incremental{Input: "raw.t", By: []string{"g"}, Others: define.Rebuild},
		MaxQuarantined: define.Limit{Any: true}}
	m.Rules = append(m.Rules, rule(`ColumnValues "s" < 10`, "quarantine"))
	open := func(want int) {
		t.Helper()
		r.table.Name = "m.t"
		defer func() { r.table.Name = "raw.t" }()
		if got := r.rejects(); len(got) != want {
			t.Errorf("%d rows are open, want %d: %+v", len(got), want, got)
		}
	}
	r.src.put("a", "(1, 5)", "(2, 50)", "(NULL, 70)")
	r.run()
	r.made(m, "raw.t")
	r.wantOf("m.t", "g, s", "1 5")
	open(2)
	r.src.put("b", "(1, 50)", "(NULL, -68)")
	r.run()
	r.made(m, "raw.t")
	r.wantOf("m.t", "coalesce(g, 0), s", "0 2")
	open(2) // group 1 came, that of null went, group 2 was not touched
	r.src.put("c", "(2, -45)")
	r.run()
	r.made(m, "raw.t")
	r.wantOf("m.t", "coalesce(g, 0), s", "0 2, 2 5")
	open(1)
}

// TestOthers: another input that changes means a full build, or nothing until it counts again.
func TestOthers(t *testing.T) {
	r := newRig(t, "g INTEGER", "v INTEGER")
	names := func(sql string) {
		t.Helper()
		r.runs++
		task := r.task()
		task.Table, task.Definition = &define.Table{Name: "raw.n", File: "n", Kind: define.FromSQL, Mode: define.Replace, SQL: sql}, sql
		_, err := r.build.Build(t.Context(), task)
		ok(t, err)
	}
	m := define.Table{Name: "m.t", Mode: define.Replace, SQL: "SELECT i.g, any_value(n.name) AS name, count(*) AS n FROM raw.t AS i LEFT JOIN raw.n AS n ON i.g = n.g GROUP BY 1",
		Incremental: &define.Incremental{Input: "raw.t", By: []string{"g"}, Others: define.Pass}}
	r.src.put("a", "(1, 1)", "(2, 2)")
	r.run()
	names("SELECT 1 AS g, 'a' AS name UNION ALL SELECT 2, 'b'")
	r.made(m, "raw.t", "raw.n")
	names("SELECT 1 AS g, 'x' AS name UNION ALL SELECT 2, 'y'")
	if out := r.made(m, "raw.t", "raw.n"); !out.Skipped {
		t.Errorf("an input that is ignored changed: %+v", out)
	}
	r.src.put("b", "(1, 3)")
	r.run()
	r.made(m, "raw.t", "raw.n")
	r.wantOf("m.t", "g, name, n", "1 x 2, 2 b 1")
	m.Incremental = &define.Incremental{Input: "raw.t", By: []string{"g"}, Others: define.Rebuild}
	if out := r.made(m, "raw.t", "raw.n"); out.Why != "full build: raw.n changed" {
		t.Errorf("built as %q", out.Why)
	}
	r.wantOf("m.t", "g, name, n", "1 x 2, 2 y 1")
}

// TestNamedStops are builds that cannot be right, and leave the table as it is.
func TestNamedStops(t *testing.T) {
	r := newRig(t, "id INTEGER", "day DATE", "v INTEGER")
	r.table.Mode, r.table.Key = define.Upsert, []string{"id"}
	r.src.put("a", "(1, '2026-03-01', 1)", "(2, '2026-03-02', 2)")
	r.run()
	rows := define.Table{Name: "m.a", Mode: define.Append, SQL: "SELECT id, v FROM raw.t WHERE v > 1", Incremental: &define.Incremental{Input: "raw.t", Others: define.Rebuild}}
	window := define.Table{Name: "m.w", Mode: define.Replace, SQL: "SELECT day, count(*) AS n FROM raw.t WHERE day >= $from GROUP BY 1",
		Incremental: &define.Incremental{Input: "raw.t", Others: define.Rebuild, Window: &define.Window{Column: "day", Grain: "day", Lookback: define.Span{N: 3, Unit: "day"}}}}
	r.made(rows, "raw.t")
	r.stop(window, "outside its window", "raw.t") // day 2 lies behind the end, which the SQL does not bound
	window.SQL = "SELECT day, count(*) AS n FROM raw.t WHERE day >= $from AND day < $to GROUP BY 1"
	r.made(window, "raw.t")
	r.wantOf("m.w", "day, n", "2026-03-01 1")
	r.src.put("b", "(1, '2026-03-01', 9)")
	r.run()
	r.made(rows, "raw.t") // its row of id 1 is new
	r.wantOf("m.a", "id, v", "1 9, 2 2")
	r.src.put("c", "(2, '2026-03-02', 8)")
	r.run()
	r.stop(rows, "a table that appends takes none back", "raw.t")
	r.wantOf("m.a", "id, v", "1 9, 2 2")
}
