package build

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// historyRig has a history of id, v, note and ts, which tracks v.
func historyRig(t *testing.T) *rig {
	r := newRig(t, "id INTEGER", "v VARCHAR", "note VARCHAR", "ts DATE")
	r.table.Mode, r.table.Key, r.table.OrderBy, r.table.Track, r.table.Versions = define.History, []string{"id"}, "ts", []string{"v"}, versionNames
	return r
}

const versionColumns = "id, v, note, valid_from, valid_to, is_current"

// TestHistory goes through what can happen to one key.
func TestHistory(t *testing.T) {
	r := historyRig(t)
	r.src.put("1", "(1, 'a', 'x', '2026-01-01')", "(1, 'b', 'y', '2026-01-05')", "(1, 'b', 'z', '2026-01-09')")
	r.run()
	r.want(versionColumns, "1 a x 2026-01-01 2026-01-05 false", "1 b z 2026-01-05 - true")
	// A late row parts a version, and each part says again what it said then.
	r.src.put("2", "(1, 'c', 'w', '2026-01-07')")
	r.run()
	r.want(versionColumns, "1 a x 2026-01-01 2026-01-05 false", "1 b y 2026-01-05 2026-01-07 false", "1 b z 2026-01-09 - true", "1 c w 2026-01-07 2026-01-09 false")
	// A row of the same time and another value corrects it, and the version is whole again.
	r.src.put("3", "(1, 'b', 'v', '2026-01-07')")
	if c := r.run().Counts; c.Deleted != 2 || c.Updated != 1 || c.Accepted != 1 {
		t.Errorf("counts %+v", c)
	}
	r.want(versionColumns, "1 a x 2026-01-01 2026-01-05 false", "1 b z 2026-01-05 - true")
	// Rows that are known change nothing, and count.
	before := r.rows("*")
	r.src.put("4", "(1, 'b', 'z', '2026-01-09')", "(1, 'a', 'x', '2026-01-01')")
	if c := r.run().Counts; c.Accepted != 2 || c.Inserted+c.Updated+c.Deleted != 0 {
		t.Errorf("counts %+v", c)
	}
	if after := r.rows("*"); !slices.Equal(before, after) {
		t.Errorf("rows %q became %q", before, after)
	}
	r.tidy()
}

// TestHistoryIsBegun has a table made before there is anything to read, whose columns come later: they are there from the beginning.
func TestHistoryIsBegun(t *testing.T) {
	r := historyRig(t)
	r.table.Track = nil
	columns := r.src.columns
	r.src.columns = []job.Column{columns[0], columns[3]}
	r.src.put("1")
	r.run()
	r.src.columns = columns
	r.src.put("2", "(1, 'a', 'x', '2026-01-01')", "(1, 'a', 'y', '2026-01-02')")
	r.run()
	r.want(versionColumns, "1 a x 2026-01-01 2026-01-02 false", "1 a y 2026-01-02 - true")
	// A column that comes later opens no version, unless it is tracked.
	r.src.columns = append(slices.Clone(columns), job.Column{Name: "more", Type: "INTEGER"})
	r.src.put("3", "(1, 'a', 'y', '2026-01-03', 7)")
	r.run()
	r.want(versionColumns+", more", "1 a x 2026-01-01 2026-01-02 false -", "1 a y 2026-01-02 - true 7")
	r.table.Track = []string{"v", "note", "More"}
	r.src.put("4", "(1, 'a', 'y', '2026-01-04', 8)")
	r.run()
	r.want(versionColumns+", more", "1 a x 2026-01-01 2026-01-02 false -", "1 a y 2026-01-02 2026-01-03 false -", "1 a y 2026-01-03 2026-01-04 false 7", "1 a y 2026-01-04 - true 8")
	// Built anew, all columns are there from the beginning.
	r.table.Track, r.src.splits = nil, map[string]split{}
	r.src.put("5", "(1, 'a', 'y', '2026-01-04', 8)", "(1, 'a', 'y', '2026-01-05', 9)")
	task := r.task()
	task.Full, task.Destroy = true, true
	_, err := r.build.Build(t.Context(), task)
	ok(t, err)
	r.src.put("6", "(1, 'a', 'y', '2026-01-06', 10)")
	r.run()
	r.want("more, valid_from", "8 2026-01-04", "9 2026-01-05", "10 2026-01-06")
	r.tidy()
}

// TestHistoryRemembersExactly parts versions whose rows have values of every type.
func TestHistoryRemembersExactly(t *testing.T) {
	types := map[string][2]string{
		"BIGINT": {"9007199254740993", "NULL"}, "DOUBLE": {"0.1", "1e300"}, "FLOAT": {"0.1", "NULL"}, "DECIMAL(38,10)": {"1234567890123456789012345678.0123456789", "0"},
		"BOOLEAN": {"true", "false"}, "TIME": {"TIME '10:00:00.000001'", "NULL"}, "TIMESTAMP": {"TIMESTAMP '2026-03-29 01:30:00.123456'", "NULL"},
		"TIMESTAMP WITH TIME ZONE": {"TIMESTAMPTZ '2026-03-29 01:30:00.123456+02'", "NULL"}, "UUID": {"'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "NULL"},
		"BLOB": {`'\xAA\x00b'::BLOB`, "NULL"}, "VARCHAR": {`'a"b\c''d,}]' || chr(0) || 'é'`, "''"}, "VARCHAR[]": {`['a,b', NULL, 'NULL', '', '}]"']`, "[]"},
		"MAP(INTEGER, DECIMAL(30,20))":                                {"MAP([1, 2], [0.12345678901234567890, NULL])", "NULL"},
		`STRUCT("a b" DECIMAL(38,10)[], n STRUCT(x BLOB, y VARCHAR))`: {`{'a b': [1234567890123456789012345678.0123456789, NULL], 'n': {'x': '\xAA'::BLOB, 'y': '{}'}}`, "NULL"},
	}
	r := newRig(t, "id INTEGER", "v VARCHAR", "ts TIMESTAMP")
	r.table.Mode, r.table.Key, r.table.OrderBy, r.table.Track, r.table.Versions = define.History, []string{"id"}, "ts", []string{"v"}, versionNames
	var first, second string
	for typ, values := range types {
		r.src.columns = append(r.src.columns, job.Column{Name: fmt.Sprintf("c%d", len(r.src.columns)), Type: typ})
		first += ", " + values[0]
		second += ", " + values[1]
	}
	r.src.put("1", "(1, 'a', '2026-01-01 00:00:00.000001'"+first+")", "(1, 'a', '2026-01-02'"+second+")", "(1, 'a', '2026-01-03'"+first+")",
		"(2, 'a', '2026-01-01 00:00:00.000001'"+first+")", "(2, 'b', '2026-01-01 12:00:00'"+first+")", "(2, 'a', '2026-01-02'"+second+")", "(2, 'b', '2026-01-02 12:00:00'"+first+")", "(2, 'a', '2026-01-03'"+first+")")
	r.run()
	r.src.put("2", "(1, 'b', '2026-01-01 12:00:00'"+first+")", "(1, 'b', '2026-01-02 12:00:00'"+first+")")
	r.run()
	rows := r.rows("* EXCLUDE (id, _file, _seen)")
	if slices.Sort(rows); len(rows) != 10 {
		t.Fatalf("%d versions", len(rows))
	}
	for i := 0; i < len(rows); i += 2 {
		if rows[i] != rows[i+1] {
			t.Errorf("parted late\n%s\nin order\n%s", rows[i], rows[i+1])
		}
	}
}

// TestHistoryCloses has full reads that do not find keys, find them again as they were, and find them changed; and rows that a rule
// turns away, whose keys are not gone.
func TestHistoryCloses(t *testing.T) {
	r := historyRig(t)
	r.src.columns[3].Type = "TIMESTAMP"
	r.table.Deletes = define.Close
	r.table.Rules, r.table.MaxQuarantined = append(r.table.Rules, rule(`ColumnValues "v" in ["a", "b"]`, "quarantine")), define.Limit{Any: true}
	day := func(d int) Task {
		task := r.task()
		task.Time = time.Date(2026, 2, d, 0, 0, 0, 0, time.UTC)
		return task
	}
	build := func(d int) job.Counts {
		t.Helper()
		out, err := r.build.Build(t.Context(), day(d))
		ok(t, err)
		return out.Counts
	}
	columns := "id, v, valid_from::DATE, valid_to::DATE, is_current"
	r.src.put("all", "(1, 'a', 'x', '2026-01-01')", "(2, 'a', 'x', '2026-01-01')", "(3, 'a', 'x', '2026-01-01')")
	build(1)
	r.src.put("all", "(1, 'a', 'x', '2026-01-01')", "(3, 'q', 'x', '2026-01-02')")
	if c := build(2); c.Updated != 1 || c.Inserted+c.Deleted != 0 || c.Quarantined != 1 {
		t.Errorf("counts %+v", c)
	}
	r.want(columns, "1 a 2026-01-01 - true", "2 a 2026-01-01 2026-02-02 false", "3 a 2026-01-01 - true")
	// The row is back as it was, and valid again from when it was found.
	r.src.put("all", "(1, 'a', 'x', '2026-01-01')", "(2, 'a', 'x', '2026-01-01')", "(3, 'a', 'x', '2026-01-01')")
	build(3)
	r.want(columns, "1 a 2026-01-01 - true", "2 a 2026-01-01 2026-02-02 false", "2 a 2026-02-03 - true", "3 a 2026-01-01 - true")
	// A row that changed before its key was found to be gone goes before that.
	r.src.put("all", "(2, 'a', 'x', '2026-01-01')")
	build(4)
	r.src.put("all", "(1, 'b', 'x', '2026-01-05')", "(2, 'a', 'x', '2026-01-01')")
	build(5)
	r.want(columns, "1 a 2026-01-01 2026-01-05 false", "1 b 2026-01-05 2026-02-04 false", "1 b 2026-02-05 - true", "2 a 2026-01-01 2026-02-02 false", "2 a 2026-02-03 - true",
		"3 a 2026-01-01 2026-02-04 false")
	// Where records were rejected it is not known which keys are gone.
	r.table.MaxRejects = define.Limit{Any: true}
	r.src.splits["all"] = split{version: 9, rows: []string{"(1, 'b', 'x', '2026-01-05')"}, bad: []string{"(2, 'a', 'x', '2026-01-01')"}}
	if _, err := r.build.Build(t.Context(), day(6)); fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "deletes: close cannot tell which keys are gone") {
		t.Errorf("%v", err)
	}
	// Nothing goes back in time.
	r.src.put("all", "(1, 'b', 'x', '2026-01-05')")
	if _, err := r.build.Build(t.Context(), day(4)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "is before that of run 5") {
		t.Errorf("%v", err)
	}
	r.tidy()
}

// TestHistoryByTheDay has a day as the finest time: of what happened to a key on one day the last counts.
func TestHistoryByTheDay(t *testing.T) {
	r := historyRig(t)
	r.table.Deletes = define.Close
	on := func(hour int, rows ...string) {
		t.Helper()
		r.src.put("all", rows...)
		task := r.task()
		task.Time = time.Date(2026, 2, 1, hour, 0, 0, 0, time.UTC)
		_, err := r.build.Build(t.Context(), task)
		ok(t, err)
	}
	one := "(1, 'a', 'x', '2026-01-01')"
	on(1, one, "(2, 'a', 'x', '2026-01-01')")
	on(2, one)
	r.want(versionColumns, "1 a x 2026-01-01 - true", "2 a x 2026-01-01 2026-02-01 false")
	on(3, one, "(2, 'a', 'x', '2026-01-01')")
	r.want(versionColumns, "1 a x 2026-01-01 - true", "2 a x 2026-01-01 - true")
	on(4, one)
	r.want(versionColumns, "1 a x 2026-01-01 - true", "2 a x 2026-01-01 2026-02-01 false")
}

// TestHistoryOfRejects replays a rejected record and a quarantined row: they take their places by their own time.
func TestHistoryOfRejects(t *testing.T) {
	r := historyRig(t)
	r.table.Rules = append(r.table.Rules, rule(`ColumnValues "v" in ["a", "b"]`, "quarantine"))
	r.table.MaxQuarantined, r.table.MaxRejects = define.Limit{Any: true}, define.Limit{Any: true}
	r.src.splits["1"] = split{version: 1, rows: []string{"(1, 'a', 'x', '2026-01-01')", "(1, 'q', 'x', '2026-01-03')", "(1, 'a', 'y', '2026-01-05')"}, bad: []string{"(1, 'b', 'x', '2026-01-04')"}}
	r.run()
	r.want(versionColumns, "1 a y 2026-01-01 - true")
	open := r.rejects()
	if len(open) != 2 {
		t.Fatalf("rejects %+v", open)
	}
	for _, x := range open {
		if strings.Contains(x.Raw, "valid_from") {
			t.Errorf("a row of data has columns of its version: %s", x.Raw)
		}
		x.Raw = strings.Replace(x.Raw, `"v":"q"`, `"v":"b"`, 1)
		_, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: append(open[:0:0], x)})
		ok(t, err)
	}
	r.want(versionColumns, "1 a x 2026-01-01 2026-01-03 false", "1 a y 2026-01-05 - true", "1 b x 2026-01-03 2026-01-05 false")
	r.tidy()
}

// TestHistoryRefuses says what cannot be a history, and leaves the table as it was.
func TestHistoryRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   func(r *rig)
		rows  []string
		class fault.Class
		want  string
	}{
		{"null key", nil, []string{"(NULL, 'a', 'x', '2026-02-01')"}, fault.Data, `key (id) is null in 1 rows, such as {"id":null,"v":"a","note":"x","ts":"2026-02-01","_file":"2"}`},
		{"null order_by", nil, []string{"(1, 'a', 'x', NULL)"}, fault.Data, "order_by (ts) is null in 1 rows"},
		{"two rows of one time", nil, []string{"(1, 'a', 'x', '2026-02-01')", "(1, 'a', 'y', '2026-02-01')"}, fault.Data, "two different rows of one key and order_by (id, ts) in one build"},
		{"two rows without a time", func(r *rig) { r.table.OrderBy = "" }, []string{"(1, 'a', 'x', '2026-02-01')", "(1, 'a', 'y', '2026-02-01')"}, fault.Data, "not a widening"},
		{"a column that is not there", func(r *rig) { r.table.Track = []string{"w"} }, nil, fault.Usage, `column "w" is not in raw.t`},
		{"an added column's name", func(r *rig) { r.src.columns[2].Name = "Is_Current" }, nil, fault.Usage, `column "Is_Current" has the name of one that mode history adds`},
		{"other names", func(r *rig) { r.table.Versions.To = "until" }, nil, fault.Usage, `has rows and no column "until"`},
		{"an end that order_by has no type for", func(r *rig) { r.src.columns[3].Type, r.table.Deletes = "INTEGER", define.Close }, []string{"(1, 'a', 'x', 5)"}, fault.Usage, "deletes: close ends a version at the run's logical time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := historyRig(t)
			r.src.put("1", "(1, 'a', 'x', '2026-01-01')")
			r.run()
			before := r.rows("*")
			if c.set != nil {
				c.set(r)
			}
			r.src.put("2", append(c.rows, "(9, 'a', 'x', "+map[bool]string{true: "5", false: "'2026-01-01'"}[r.src.columns[3].Type == "INTEGER"]+")")...)
			_, err := r.build.Build(t.Context(), r.task())
			if fault.ClassOf(err) != c.class || err == nil || !strings.Contains(err.Error(), c.want) || fault.HintOf(err) == "" && c.name != "a column that is not there" {
				t.Errorf("%v (%s, %s)", err, fault.ClassOf(err), fault.HintOf(err))
			}
			if after := r.rows("*"); !slices.Equal(before, after) {
				t.Errorf("rows %q became %q", before, after)
			}
			r.tidy()
		})
	}
}

// TestHistoryOfWhatWasNone refuses a table that another mode filled, or another tool.
func TestHistoryOfWhatWasNone(t *testing.T) {
	r := historyRig(t)
	r.table.Mode = define.Append
	r.src.put("1", "(1, 'a', 'x', '2026-01-01')")
	r.run()
	r.table.Mode = define.History
	r.src.put("2", "(1, 'b', 'x', '2026-01-02')")
	if _, err := r.build.Build(t.Context(), r.task()); fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--destroy-history") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
	task := r.task()
	task.Full, task.Destroy = true, true
	_, err := r.build.Build(t.Context(), task)
	ok(t, err)
	r.want(versionColumns, "1 a x 2026-01-01 2026-01-02 false", "1 b x 2026-01-02 - true")
}

// TestHistoryTouchesFewFiles rewrites only the files whose versions change, and readers of open versions skip the rest.
func TestHistoryTouchesFewFiles(t *testing.T) {
	r := historyRig(t)
	r.table.Partition = []job.PartitionField{{Name: "valid_from_day", Column: "valid_from", Transform: "day"}}
	for i := range 3 {
		r.src.put(fmt.Sprint(i), fmt.Sprintf("(%d, 'a', 'x', '2026-01-0%d')", i, i+1))
		r.run()
	}
	files := func() (out []string) {
		table, err := r.lake.Table(t.Context(), r.table.Name)
		ok(t, err)
		fs, err := table.Files(t.Context())
		ok(t, err)
		for _, f := range fs {
			out = append(out, f.Path)
		}
		return out
	}
	before := files()
	r.src.put("late", "(1, 'b', 'x', '2026-01-07')")
	r.run()
	stayed := slices.DeleteFunc(files(), func(f string) bool { return !slices.Contains(before, f) })
	if len(before) != 3 || len(stayed) != 2 {
		t.Errorf("%d files, of which %d stayed", len(before), len(stayed))
	}
	table, err := r.lake.Table(t.Context(), r.table.Name)
	ok(t, err)
	rel, err := table.Scan(t.Context(), lake.ScanOptions{})
	ok(t, err)
	s, err := r.eng.Engine.Open(t.Context())
	ok(t, err)
	defer s.Close()
	plan := ""
	ok(t, s.Query(t.Context(), "EXPLAIN SELECT id FROM ("+rel.SQL+") WHERE is_current", func(row []any) error {
		plan += fmt.Sprint(row...)
		return nil
	}))
	if !strings.Contains(plan, "Filters: is_current") {
		t.Errorf("the filter does not reach the files:\n%s", plan)
	}
}

// TestHistoryRenames gives columns of a history other names: what versions remember stays theirs.
func TestHistoryRenames(t *testing.T) {
	r := historyRig(t)
	r.src.put("1", "(1, 'a', 'x', '2026-01-01')", "(1, 'a', 'y', '2026-01-05')")
	r.run()
	r.table.Was = map[string]string{"remark": "note", "day": "ts", "w": "v"}
	r.table.OrderBy, r.table.Track = "day", []string{"w"}
	r.src.put("2", "(1, 'b', 'z', '2026-01-03')")
	r.run()
	r.want("id, w, remark, day, valid_from, valid_to, is_current", "1 a x 2026-01-01 2026-01-01 2026-01-03 false", "1 a y 2026-01-05 2026-01-05 - true", "1 b z 2026-01-03 2026-01-03 2026-01-05 false")
	r.tidy()
}
