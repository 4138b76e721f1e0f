package build

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
)

// inEveryMode runs a test of a table with the columns id, day and v, key id, partitioned by day where the mode asks for it.
func inEveryMode(t *testing.T, do func(t *testing.T, r *rig)) {
	for _, mode := range []define.Mode{define.Append, define.Replace, define.Upsert, define.Partitions} {
		t.Run(string(mode), func(t *testing.T) {
			r := newRig(t, "id INTEGER", "day DATE", "v DECIMAL(30,10)")
			r.table.Mode = mode
			if mode == define.Upsert {
				r.table.Key = []string{"id"}
			}
			if mode == define.Partitions {
				r.table.Partition = []job.PartitionField{{Name: "day_day", Column: "day", Transform: "day"}}
			}
			do(t, r)
			r.tidy()
		})
	}
}

func TestModes(t *testing.T) {
	want := map[define.Mode][2][]string{ // after the second split came, and after it changed
		define.Append:     {{"1 1", "2 2", "2 20", "3 30"}, {"1 1", "2 2", "2 200", "4 400"}},
		define.Replace:    {{"1 1", "2 2", "2 20", "3 30"}, {"1 1", "2 2", "2 200", "4 400"}},
		define.Upsert:     {{"1 1", "2 20", "3 30"}, {"1 1", "2 200", "4 400"}},
		define.Partitions: {{"1 1", "2 20", "3 30"}, {"1 1", "2 200", "4 400"}},
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
		if r.table.Mode == define.Upsert {
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
		if _, err := r.build.Replay(t.Context(), r.task(), open); err != nil {
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

// TestInterruptedAnywhere cancels a build before any of its statements: the table is as before or as after, and nothing
// else is left.
func TestInterruptedAnywhere(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)", "(3, '2026-01-02', 2)")
		r.run()
		r.table.Rules = append(r.table.Rules, rule(`RowCount > 0`, "stop"), rule(`IsComplete "id"`, "stop"))
		before := r.rows("*")
		for at := 1; ; at++ {
			r.src.put("a", fmt.Sprintf("(1, '2026-01-01', %d)", at), "(2, '2026-01-02', 2)")
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			r.eng.before = func(string) {
				if n++; n == at {
					cancel()
				}
			}
			_, err := r.build.Build(ctx, r.task())
			r.eng.before = nil
			cancel()
			r.tidy()
			if n < at {
				ok(t, err)
				if at == 1 {
					t.Error("no statement was seen")
				}
				return
			}
			if after := r.rows("*"); err != nil && !slices.Equal(before, after) {
				t.Errorf("interrupted before statement %d with %v, but rows %q became %q", at, err, before, after)
			}
			if err != nil && fault.ClassOf(err) != fault.Canceled {
				t.Errorf("interrupted before statement %d: %v of class %s", at, err, fault.ClassOf(err))
			}
			before = r.rows("*")
		}
	})
}

// TestAnotherWriterIsFirst has another run commit in the middle of a merge: what it wrote stays, and the merge is planned
// again on top of it.
func TestAnotherWriterIsFirst(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.table.Rules = append(r.table.Rules, rule(`RowCount > 0`, "stop"))
		r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)")
		r.src.splits["a"] = split{version: 1, rows: r.src.splits["a"].rows, bad: []string{"(7, '2026-01-01', 7)"}}
		r.table.MaxRejects = define.Limit{Any: true}
		r.run()
		r.src.put("b", "(2, '2026-01-02', 20)", "(3, '2026-01-03', 30)")
		open := r.rejects()
		met := 0
		r.eng.before = func(sql string) {
			// The rule about the table is judged in every plan, after everything is staged.
			if !strings.Contains(sql, "STAGE") || met > 0 {
				return
			}
			met++
			r.eng.before = nil
			if _, err := r.build.Replay(t.Context(), r.task(), open); err != nil {
				t.Errorf("the other writer: %v", err)
			}
		}
		out, err := r.build.Build(t.Context(), r.task())
		if met == 0 {
			t.Fatal("the other writer never came")
		}
		if r.table.Mode == define.Replace {
			// A whole read swaps what the replay brought, and rejects the record again.
			ok(t, err)
			r.want("id, v::INT", "1 1", "2 2", "2 20", "3 30")
			if len(r.rejects()) != 1 {
				t.Errorf("rejects %+v", r.rejects())
			}
			return
		}
		ok(t, err)
		want := []string{"1 1", "2 20", "3 30", "7 7"}
		if r.table.Mode == define.Append {
			want = []string{"1 1", "2 2", "2 20", "3 30", "7 7"}
		}
		r.want("id, v::INT", want...)
		if out.Counts.Before != 3 || out.Counts.After != int64(len(want)) {
			t.Errorf("counts %+v", out.Counts)
		}
	})
}

// TestManyRunsAtOnce has several runs read the same splits: each split is taken once, whoever wins.
func TestManyRunsAtOnce(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		for i := range 4 {
			r.src.put(fmt.Sprint(i), fmt.Sprintf("(%d, '2026-01-%02d', 1)", i, i+1))
		}
		tasks := []Task{r.task(), r.task(), r.task()}
		errs := make(chan error)
		for _, task := range tasks {
			go func() {
				var err error
				for range 20 {
					if _, err = r.build.Build(t.Context(), task); !fault.Retryable(err) {
						break
					}
				}
				errs <- err
			}()
		}
		for range tasks {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		r.want("id", "0", "1", "2", "3")
	})
}

// TestChangedWhileRead has a split change under the read: the position would name another content than the rows have.
func TestChangedWhileRead(t *testing.T) {
	r := newRig(t, "id INTEGER")
	r.src.put("a", "(1)")
	r.src.changed = fault.New(fault.Unavailable, "a changed while it was read")
	if _, err := r.build.Build(t.Context(), r.task()); !errors.Is(err, r.src.changed) {
		t.Errorf("a split that changed is read as if it had not: %v", err)
	}
	r.src.changed = nil
	r.run()
	r.want("id", "1")
	r.tidy()
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

// TestRejectsAreOfTheLastRead follows a bad record through replay, discard and another read of its split.
func TestRejectsAreOfTheLastRead(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.table.MaxRejects = define.Limit{Any: true}
		bad := func(good ...string) {
			r.src.put("a", good...)
			s := r.src.splits["a"]
			s.bad = []string{"(7, '2026-01-07', 7)", "(8, '2026-01-08', 8)"}
			r.src.splits["a"] = s
		}
		bad("(1, '2026-01-01', 1)")
		r.run()
		open := r.rejects()
		if len(open) != 2 {
			t.Fatalf("rejects %+v", open)
		}
		out, err := r.build.Replay(t.Context(), r.task(), open[:1])
		ok(t, err)
		if out.Taken != 1 || out.Outcome.Counts.Before != 1 || out.Outcome.Counts.After != 2 {
			t.Errorf("replay: %+v", out)
		}
		r.want("id", "1", "7")
		again := r.task()
		ok(t, r.build.Discard(t.Context(), r.table.Name, again.RunID, again.Time, []string{open[1].ID}))
		if left := r.rejects(); len(left) != 0 {
			t.Errorf("rejects after replay and discard: %+v", left)
		}
		// The split is read again with both still bad: the row that was replayed goes, so its record is open again.
		bad("(1, '2026-01-01', 10)")
		r.run()
		if left := r.rejects(); len(left) != 2 {
			t.Errorf("rejects of the split read again: %+v", left)
		}
		r.src.put("a", "(1, '2026-01-01', 100)", "(7, '2026-01-07', 7)")
		r.run()
		if left := r.rejects(); len(left) != 0 {
			t.Errorf("rejects of a mended split: %+v", left)
		}
		r.want("id, v::INT", "1 100", "7 7")
	})
}

// TestReplayKeepsTheDefinition: the rows that were there are still those of the definition the ledger names.
func TestReplayKeepsTheDefinition(t *testing.T) {
	r := newRig(t, "id INTEGER")
	r.table.MaxRejects = define.Limit{Any: true}
	r.src.splits["a"] = split{version: 1, bad: []string{"(1)"}}
	r.run()
	task := r.task()
	task.Definition = "d2"
	_, err := r.build.Replay(t.Context(), task, r.rejects())
	ok(t, err)
	if is, err := r.build.DefinitionChanged(t.Context(), task); err != nil || !is {
		t.Errorf("a replay made the new definition the table's own: %t, %v", is, err)
	}
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
		if _, err := r.build.Build(t.Context(), task); r.table.Mode == define.Append && fault.ClassOf(err) != fault.Usage {
			t.Errorf("--full of a table that appends gives %v", err)
		}
		if p, err := r.build.Peek(t.Context(), task, nil); r.table.Mode == define.Append && fault.ClassOf(err) != fault.Usage {
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

// TestQuarantinedRowsKeepTheirValues sends values of every type through a reject and back.
func TestQuarantinedRowsKeepTheirValues(t *testing.T) {
	values := map[string]string{
		"INTEGER": "-5", "BIGINT": "9223372036854775807", "DECIMAL(38,10)": "1234567890123456789012345678.0123456789", "DECIMAL(20,2)": "-0.10",
		"DOUBLE": "0.1::DOUBLE", "FLOAT": "0.1::FLOAT", "BOOLEAN": "true", "VARCHAR": `'a"b\ '||chr(10)||'é 12.5 {"x":1}'`, "DATE": "'0001-01-01'", "TIME": "'10:00:00.5'",
		"TIMESTAMP": "'2026-01-01 00:00:00.123456'", "TIMESTAMP WITH TIME ZONE": "'2026-01-01 00:00:00.123456+02'", "BLOB": `'\xAA\x00b'`, "UUID": "'550e8400-e29b-41d4-a716-446655440000'",
		`STRUCT("a" INTEGER, "b" DECIMAL(25,5))`: "{'a': 1, 'b': 12345678901234567890.12345}", "DECIMAL(30,5)[]": "[1234567890123456789012345.12345, NULL]",
		"VARCHAR[]": "['[1]', '', NULL]", "MAP(VARCHAR, DECIMAL(30,5))": "MAP {'1': 1234567890123456789012345.12345}",
	}
	r := newRig(t, "id INTEGER")
	row := "(1"
	types := slices.Sorted(maps.Keys(values))
	for i, typ := range types {
		r.src.columns = append(r.src.columns, job.Column{Name: fmt.Sprintf("c%d", i), Type: typ})
		row += ", " + values[typ]
	}
	r.src.put("good", row+")")
	r.run()
	r.table.Rules, r.table.MaxQuarantined = append(r.table.Rules, rule(`ColumnValues "id" > 1`, "quarantine")), define.Limit{Any: true}
	r.src.put("bad", row+")", strings.Replace(row, "(1", "(0", 1)+")", "(-1"+strings.Repeat(", NULL", len(types))+")")
	r.run()
	open := r.rejects()
	if len(open) != 3 {
		t.Fatalf("rejects %+v", open)
	}
	r.table.Rules = nil
	_, err := r.build.Replay(t.Context(), r.task(), open)
	ok(t, err)
	rows := r.rows("* EXCLUDE (id, _file)")
	if len(rows) != 4 || rows[0] != rows[1] || rows[1] != rows[2] {
		t.Errorf("rows %q", rows)
	}
	r.tidy()
}

// TestMendedBadly replays rows that a person has spoilt.
func TestMendedBadly(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.table.Rules, r.table.MaxQuarantined = append(r.table.Rules, rule(`ColumnValues "v" < 100`, "quarantine")), define.Limit{Any: true}
	r.src.put("a", "(1, 500)", "(2, 2)")
	r.run()
	for raw, want := range map[string]string{
		`{"id":1,"v":5.5}`:                "not exactly INTEGER",
		`{"id":1,"v":"five"}`:             "not exactly INTEGER",
		`{"id":1,"w":5}`:                  `nearest: v`,
		`{"id":1,`:                        "not one JSON object",
		`[1]`:                             "not one JSON object",
		`null`:                            "not one JSON object",
		`{"id":1,"v":500}`:                "does not hold",
		`{"id":1,"v":2} {"id":2}`:         "not one JSON object",
		`{"id":1,"v":{"a":"b"}}`:          "not exactly INTEGER",
		"{\"id\":1,\n \"v\":99999999999}": "not exactly INTEGER",
	} {
		open := r.rejects()
		open[0].Raw = raw
		_, err := r.build.Replay(t.Context(), r.task(), open)
		if fault.ClassOf(err) != fault.Data || !strings.Contains(fmt.Sprint(err, fault.HintOf(err)), want) {
			t.Errorf("%s gives %v of class %s", raw, err, fault.ClassOf(err))
		}
		r.want("id, v", "2 2")
		r.tidy()
	}
	open := r.rejects()
	open[0].Raw = "{\"v\":99,\n \"id\":1}"
	_, err := r.build.Replay(t.Context(), r.task(), open)
	ok(t, err)
	r.want("id, v", "1 99", "2 2")
}
