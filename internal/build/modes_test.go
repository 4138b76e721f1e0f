package build

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// inEveryMode runs a test of a table with the columns id, day and v, key id, partitioned by day where the mode asks for it.
func inEveryMode(t *testing.T, do func(t *testing.T, r *rig)) {
	for _, mode := range []define.Mode{define.Append, define.Replace, define.Upsert, define.Partitions, define.History} {
		t.Run(string(mode), func(t *testing.T) {
			r := newRig(t, "id INTEGER", "day DATE", "v DECIMAL(30,10)")
			r.table.Mode = mode
			if mode.Keyed() {
				r.table.Key = []string{"id"}
			}
			if mode == define.History {
				r.table.OrderBy, r.table.Versions = "day", versionNames
			}
			if mode == define.Partitions {
				r.table.Partition = []job.PartitionField{{Name: "day_day", Column: "day", Transform: "day"}}
			}
			do(t, r)
			r.tidy()
		})
	}
}

var versionNames = define.VersionNames{From: "valid_from", To: "valid_to", Current: "is_current"}

func TestModes(t *testing.T) {
	want := map[define.Mode][2][]string{ // after the second split came, and after it changed
		define.Append:     {{"1 1", "2 2", "2 20", "3 30"}, {"1 1", "2 2", "2 200", "4 400"}},
		define.Replace:    {{"1 1", "2 2", "2 20", "3 30"}, {"1 1", "2 2", "2 200", "4 400"}},
		define.Upsert:     {{"1 1", "2 20", "3 30"}, {"1 1", "2 200", "4 400"}},
		define.Partitions: {{"1 1", "2 20", "3 30"}, {"1 1", "2 200", "4 400"}},
		define.History:    {{"1 1", "2 20", "3 30"}, {"1 1", "2 200", "3 30", "4 400"}},
	}
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)")
		r.run()
		if r.table.Mode == define.Replace || r.table.Mode == define.Append {
			r.want("id, v::INT", "1 1", "2 2")
		}
		if out := r.run(); !out.Skipped {
			t.Errorf("nothing is new, but %+v", out)
		}
		r.src.put("b", "(2, '2026-01-02', 20)", "(3, '2026-01-03', 30)")
		if r.table.Mode == define.Replace {
			r.src.splits["a"] = split{version: 1, rows: r.src.splits["a"].rows}
		}
		r.run()
		r.want("id, v::INT", want[r.table.Mode][0]...)
		r.src.put("b", "(2, '2026-01-02', 200)", "(4, '2026-01-03', 400)")
		r.run()
		r.want("id, v::INT", want[r.table.Mode][1]...)
	})
}

// TestUpsertIsLastWriteWins compares sequences of loads with a map from key to row.
func TestUpsertIsLastWriteWins(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { upsertLikeMap(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func upsertLikeMap(t *testing.T, dice *rand.Rand) {
	type row struct{ order, v int }
	r := newRig(t, "id INTEGER", "k VARCHAR", "ord INTEGER", "v INTEGER")
	r.table.Mode, r.table.Key, r.table.OrderBy = define.Upsert, []string{"id", "k"}, "ord"
	if dice.IntN(2) == 0 {
		r.table.Partition = []job.PartitionField{{Name: "v_bucket", Column: "v", Transform: "bucket", Width: 3}}
	}
	model := map[string]row{}
	for load := range 2 + dice.IntN(3) {
		best := map[string]row{}
		var rows []string
		for range dice.IntN(9) {
			key := fmt.Sprintf("%d %s", 1+dice.IntN(4), []string{"é", "x'y"}[dice.IntN(2)])
			x := row{dice.IntN(4), dice.IntN(4)} // order 0 stands for null
			id, k, _ := strings.Cut(key, " ")
			rows = append(rows, fmt.Sprintf("(%s, %s, nullif(%d, 0), %d)", id, job.Literal(k), x.order, x.v))
			if b, ok := best[key]; !ok || x.order > b.order || x.order == b.order && x.v > b.v {
				best[key] = x
			}
		}
		stale := 0
		for key, x := range best {
			if was, ok := model[key]; ok && x.order < was.order {
				stale++
				continue
			}
			model[key] = x
		}
		r.src.put(fmt.Sprintf("f%d", load), rows...)
		c := r.run().Counts
		if int(c.Read) != len(rows) || int(c.Superseded) != len(rows)-len(best) || int(c.Stale) != stale || int(c.Accepted) != len(best)-stale || int(c.After) != len(model) {
			t.Errorf("counts %+v of %d rows, %d keys, %d stale, %d in all", c, len(rows), len(best), stale, len(model))
		}
	}
	var want []string
	for key, x := range model {
		want = append(want, fmt.Sprintf("%s %d %d", key, x.order, x.v))
	}
	slices.Sort(want)
	got := r.rows("id, k, coalesce(ord, 0), v")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	r.tidy()
}

// TestColumnNames has columns named as what a build's own SQL, DuckDB's readers and SQL itself have names for.
func TestColumnNames(t *testing.T) {
	odd := []string{"f", "r", "n", "d", "t", "k", "x", "stale", "same", "filename", "file_row_number", "file_index", "weir_dup", "select", "dataset", "raw", "id", "run", "reason",
		`a"b`, "a b", "ü.x"}
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.src.columns = r.src.columns[1:2]
		row := func(day string, v int) string {
			return fmt.Sprintf("(DATE '%s'%s)", day, strings.Repeat(fmt.Sprintf(", %d", v), len(odd)))
		}
		for _, name := range odd {
			r.src.columns = append(r.src.columns, job.Column{Name: name, Type: "INTEGER"})
		}
		if r.table.Mode.Keyed() {
			r.table.Key, r.table.OrderBy = []string{"f", "n", "filename"}, "stale"
		}
		r.table.Rules, r.table.MaxQuarantined = append(r.table.Rules, rule(`ColumnValues "d" < 100`, "quarantine")), define.Limit{Any: true}
		r.src.put("a", row("2026-01-01", 1), row("2026-01-02", 2), row("2026-01-03", 500))
		r.run()
		r.src.put("b", row("2026-01-02", 2), row("2026-01-03", 3))
		r.run()
		r.src.put("b", row("2026-01-03", 3), row("2026-01-03", 3))
		r.run()
		if got := r.rows("DISTINCT f, filename, file_row_number, \"select\""); !slices.Contains(got, "1 1 1 1") || !slices.Contains(got, "3 3 3 3") || slices.Contains(got, "500 500 500 500") {
			t.Errorf("rows %q", got)
		}
		open := r.rejects()
		if len(open) != 1 || !strings.Contains(open[0].Raw, `"day":"2026-01-03"`) {
			t.Fatalf("rejects %+v", open)
		}
		open[0].Raw = strings.ReplaceAll(open[0].Raw, "500", "50")
		if _, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: open}); err != nil {
			t.Fatal(err)
		}
		if got := r.rows("DISTINCT f, raw"); !slices.Contains(got, "50 50") {
			t.Errorf("rows after a replay %q", got)
		}
	})
	r := newRig(t, "__weir_x INTEGER")
	r.src.put("a", "(1)")
	if _, err := r.build.Build(t.Context(), r.task()); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a column with a name of Weir's own gives %v", err)
	}
}

// TestDeletes has a full read say which keys are gone; a row that a rule turns away is not gone.
func TestDeletes(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.table.Mode, r.table.Key, r.table.Deletes = define.Upsert, []string{"id"}, define.Remove
	r.table.Rules, r.table.MaxQuarantined = append(r.table.Rules, rule(`ColumnValues "v" < 100`, "quarantine")), define.Limit{Any: true}
	full := func() job.Counts {
		task := r.task()
		task.Full = true
		out, err := r.build.Build(t.Context(), task)
		ok(t, err)
		return out.Counts
	}
	r.src.put("a", "(1, 1)", "(2, 2)", "(3, 3)")
	r.run()
	r.src.put("a", "(1, 1)", "(2, 200)")
	if c := full(); c.Deleted != 1 || c.Quarantined != 1 || c.Updated != 0 {
		t.Errorf("counts %+v", c)
	}
	r.want("id, v", "1 1", "2 2")
	if open := r.rejects(); len(open) != 1 {
		t.Errorf("rejects %+v", open)
	}
	full()
	if open := r.rejects(); len(open) != 1 {
		t.Errorf("rejects of a row read twice: %+v", open)
	}
	r.src.put("a")
	if c := full(); c.Deleted != 2 || c.After != 0 {
		t.Errorf("counts of an empty read %+v", c)
	}
	r.want("id, v")
	if open := r.rejects(); len(open) != 0 {
		t.Errorf("rejects of rows that are gone: %+v", open)
	}
	r.tidy()
}

// TestDestroyHistory builds a table anew, whatever it holds.
func TestDestroyHistory(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)")
		r.run()
		delete(r.src.splits, "a")
		r.src.put("b", "(3, '2026-01-03', 3)")
		r.src.columns[2].Type = "VARCHAR"
		task := r.task()
		task.Full = true
		if _, err := r.build.Build(t.Context(), task); (r.table.Mode == define.Append || r.table.Mode == define.History) && fault.ClassOf(err) != fault.Usage {
			t.Errorf("--full of a table that appends gives %v", err)
		}
		if p, err := r.build.Peek(t.Context(), task, nil); (r.table.Mode == define.Append || r.table.Mode == define.History) && fault.ClassOf(err) != fault.Usage {
			t.Errorf("its plan is %+v, %v", p, err)
		}
		task = r.task()
		task.Full, task.Destroy = true, true
		_, err := r.build.Build(t.Context(), task)
		ok(t, err)
		r.want("id, v", "3 3")
	})
}

// TestKeyOfStoredRows: a table filled in another mode may hold a key twice, which no upsert can mend.
func TestKeyOfStoredRows(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.src.put("a", "(1, 1)", "(1, 2)", "(2, 2)")
	r.run()
	r.table.Mode, r.table.Key = define.Upsert, []string{"id"}
	r.src.put("b", "(2, 3)")
	r.run()
	r.want("id, v", "1 1", "1 2", "2 3")
	r.src.put("c", "(1, 3)")
	_, err := r.build.Build(t.Context(), r.task())
	if fault.ClassOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), "--destroy-history") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
	r.want("id, v", "1 1", "1 2", "2 3")
	r.tidy()
}

// TestOrderByThatIsNew takes a column to order by that the stored rows do not have.
func TestOrderByThatIsNew(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.table.Mode, r.table.Key = define.Upsert, []string{"id"}
	r.src.put("a", "(1, 1)", "(2, 2)")
	r.run()
	r.src.columns = append(r.src.columns, job.Column{Name: "ord", Type: "INTEGER"})
	r.table.OrderBy = "ord"
	r.src.put("b", "(1, 10, 5)", "(2, 20, NULL)")
	if out := r.run(); out.Counts.Stale != 0 || out.Counts.Updated != 2 || !slices.Equal(out.Added, []string{"ord"}) {
		t.Errorf("%+v", out)
	}
	r.want("id, v, ord", "1 10 5", "2 20 -")
}

// TestPartitioningChanges parts a table in another way when all of its rows are swapped; earlier snapshots stay readable.
func TestPartitioningChanges(t *testing.T) {
	r := newRig(t, "id INTEGER", "day DATE", "v INTEGER")
	r.table.Mode = define.Replace
	r.table.Partition = []job.PartitionField{{Name: "day_month", Column: "day", Transform: "month"}}
	r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-02-02', 2)")
	r.run()
	for i, next := range []struct {
		part  []job.PartitionField
		types string
		files int
	}{
		{[]job.PartitionField{{Name: "id", Column: "ID", Transform: "identity"}}, "INTEGER DATE INTEGER", 2},
		{nil, "INTEGER DATE INTEGER", 1},
		{[]job.PartitionField{{Name: "day_month", Column: "day", Transform: "month"}}, "BIGINT DATE INTEGER", 2},
		{[]job.PartitionField{{Name: "id", Column: "id", Transform: "identity"}}, "VARCHAR VARCHAR INTEGER", 2},
		{[]job.PartitionField{{Name: "id", Column: "id", Transform: "identity"}}, "BOOLEAN VARCHAR INTEGER", 1},
	} {
		r.table.Partition = next.part
		for c, typ := range strings.Fields(next.types) {
			r.src.columns[c].Type = typ
		}
		task := r.task()
		task.Full = true
		_, err := r.build.Build(t.Context(), task)
		ok(t, err)
		r.want("id::INT::BOOL, day, v", "true 2026-01-01 1", "true 2026-02-02 2")
		table, err := r.lake.Table(t.Context(), r.table.Name)
		ok(t, err)
		if got := table.Partition(); len(got) != len(next.part) || len(got) > 0 && got[0].Name != next.part[0].Name {
			t.Errorf("change %d: parted by %+v, want %+v", i, got, next.part)
		}
		files, err := table.Files(t.Context())
		ok(t, err)
		if len(next.part) > 0 && len(files) != next.files {
			t.Errorf("change %d: %d files", i, len(files))
		}
		for _, s := range table.Snapshots() {
			at, err := table.At(t.Context(), s.ID)
			ok(t, err)
			rel, err := at.Scan(t.Context(), lake.ScanOptions{})
			ok(t, err)
			if got := r.query("SELECT count(*), sum(v) FROM (" + rel.SQL + ")"); got[0] != "2 3" {
				t.Errorf("change %d: snapshot %d has %s", i, s.ID, got[0])
			}
		}
	}
	r.tidy()
}
