package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
)

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
		out, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: open[:1]})
		ok(t, err)
		if out.Taken != 1 || out.Outcome.Counts.Before != 1 || out.Outcome.Counts.After != 2 {
			t.Errorf("replay: %+v", out)
		}
		r.want("id", "1", "7")
		again := r.task()
		ok(t, r.build.Discard(t.Context(), r.table.Name, Deed{RunID: again.RunID, Time: again.Time}, []string{open[1].ID}))
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
	_, err := r.build.Replay(t.Context(), task, Replay{Rejects: r.rejects()})
	ok(t, err)
	if is, err := r.build.DefinitionChanged(t.Context(), task); err != nil || !is {
		t.Errorf("a replay made the new definition the table's own: %t, %v", is, err)
	}
}

// TestQuarantinedRowsKeepTheirValues sends values of every type through a reject and back.
func TestQuarantinedRowsKeepTheirValues(t *testing.T) {
	values := map[string]string{
		"INTEGER": "-5", "BIGINT": "9223372036854775807", "DECIMAL(38,10)": "1234567890123456789012345678.0123456789", "DECIMAL(20,2)": "-0.10",
		"DOUBLE": "0.1::DOUBLE", "DOUBLE[]": "['nan'::DOUBLE, 'inf'::DOUBLE, '-inf'::DOUBLE, 1e300]", "FLOAT": "0.1::FLOAT", "BOOLEAN": "true", "VARCHAR": `'a"b\ '||chr(10)||'é 12.5 {"x":1}'`, "DATE": "'0001-01-01'", "TIME": "'10:00:00.5'",
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
	_, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: open})
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
		_, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: open})
		if fault.ClassOf(err) != fault.Data || !strings.Contains(fmt.Sprint(err, fault.HintOf(err)), want) {
			t.Errorf("%s gives %v of class %s", raw, err, fault.ClassOf(err))
		}
		r.want("id, v", "2 2")
		r.tidy()
	}
	open := r.rejects()
	open[0].Raw = "{\"v\":99,\n \"id\":1}"
	_, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: open})
	ok(t, err)
	r.want("id, v", "1 99", "2 2")
}
