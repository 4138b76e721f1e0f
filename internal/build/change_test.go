package build

import (
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
)

// TestChange: which edit of which table leads which way, and what else is offered.
func TestChange(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER", `s STRUCT("a" INTEGER, "b" INTEGER)`)
	r.src.put("a", "(1, 1, {'a': 1, 'b': 2})")
	r.run()
	st, err := r.build.load(t.Context(), r.table.Name)
	ok(t, err)
	keeps, loses := []Input{{Name: "raw.a", Keeps: true}, {Name: "m.v", View: "select 1"}}, []Input{{Name: "raw.a"}, {Name: "raw.b", Keeps: true}}
	for _, c := range []struct {
		name    string
		sql     bool
		inputs  []Input
		was, is string // mode and further parts, apart by spaces
		columns []job.Column
		way     Way
		or      string // flags offered, apart by |
	}{
		{"the same", true, keeps, "upsert key=id sql=a", "upsert key=id sql=a", nil, Nothing, ""},
		{"replaced", true, keeps, "replace sql=a", "replace sql=b", nil, FullBuild, ""},
		{"replaced, of a source", false, nil, "replace delimiter=a", "replace delimiter=b", nil, FullBuild, ""},
		{"of a ledger without parts", true, keeps, "", "replace sql=a", nil, FullBuild, ""},
		{"upsert whose inputs keep all", true, keeps, "upsert key=id sql=a", "upsert key=id sql=b", nil, FullBuild, "--forward-only"},
		{"upsert whose inputs lose rows", true, loses, "upsert key=id sql=a", "upsert key=id sql=b", nil, FullBuild, "--full --destroy-history|--forward-only"},
		{"upsert that removed what was gone", true, loses, "upsert key=id deletes=remove sql=a", "upsert key=id sql=a", nil, FullBuild, "--forward-only"},
		{"a view or var of it", true, keeps, "upsert key=id var_x=a", "upsert key=id var_x=b", nil, FullBuild, "--forward-only"},
		{"partitions", true, keeps, "partitions partition=d sql=a", "partitions partition=d sql=b", nil, FullBuild, "--forward-only"},
		{"partitions parted anew", true, loses, "partitions partition=d", "partitions partition=e", nil, Undecided, "--full --destroy-history|--forward-only"},
		{"SQL that appends", true, keeps, "append sql=a", "append sql=b", nil, ForwardOnly, "--full --destroy-history"},
		{"history", true, keeps, "history key=id track=a", "history key=id track=b", nil, ForwardOnly, "--full --destroy-history"},
		{"history in other columns", true, keeps, "history key=id", "history key=id version_columns=a,b,c", nil, Undecided, "--full --destroy-history|--forward-only"},
		{"history of another key", true, keeps, "history key=id", "history key=v", nil, Undecided, "--full --destroy-history|--forward-only"},
		{"files that append", false, nil, "append columns=a", "append columns=b", nil, ForwardOnly, "--full --destroy-history"},
		{"files by key", false, nil, "upsert key=id columns=a", "upsert key=id columns=b", nil, ForwardOnly, "--full"},
		{"another key", false, nil, "upsert key=id", "upsert key=id,v", nil, Undecided, "--full --destroy-history|--forward-only"},
		{"another key, computed", true, keeps, "upsert key=id", "upsert key=id,v", nil, FullBuild, "--forward-only"},
		{"append to upsert", false, nil, "append", "upsert key=id", nil, Undecided, "--full --destroy-history|--forward-only"},
		{"append to replace", false, nil, "append", "replace", nil, Undecided, "--full --destroy-history"},
		{"append to replace, computed", true, keeps, "append", "replace", nil, Undecided, "--full --destroy-history"},
		{"upsert to replace, computed", true, keeps, "upsert key=id", "replace", nil, FullBuild, ""},
		{"replace to append", false, nil, "replace", "append", nil, FullBuild, "--forward-only"},
		{"replace to upsert", true, loses, "replace", "upsert key=id", nil, FullBuild, "--forward-only"},
		{"a wider column", false, nil, "append columns=a", "append columns=b", []job.Column{{Name: "ID", Type: "BIGINT"}}, ForwardOnly, "--full --destroy-history"},
		{"another type", false, nil, "append columns=a", "append columns=b", []job.Column{{Name: "id", Type: "DATE"}}, Undecided, "--full --destroy-history"},
		{"a member less", false, nil, "append columns=a", "append columns=b", []job.Column{{Name: "s", Type: `STRUCT("a" DATE)`}}, Undecided, "--full --destroy-history"},
		{"another type, computed", true, keeps, "upsert key=id columns=a", "upsert key=id columns=b", []job.Column{{Name: "id", Type: "DATE"}}, FullBuild, "--forward-only"},
		{"another type, with rows that go", true, loses, "upsert key=id columns=a", "upsert key=id columns=b", []job.Column{{Name: "id", Type: "DATE"}}, Undecided, "--full --destroy-history"},
		{"groups", true, loses, "replace incremental=raw.a incremental.by=d sql=a", "replace incremental=raw.a incremental.by=d sql=b", nil, FullBuild, "--forward-only"},
		{"groups by key", true, loses, "upsert key=d incremental=raw.a incremental.by=d sql=a", "upsert key=d incremental=raw.a incremental.by=d sql=b", nil, FullBuild, "--forward-only"},
		{"groups of another key", true, loses, "upsert key=d incremental=raw.a incremental.by=d", "upsert key=d,e incremental=raw.a incremental.by=d", nil, FullBuild, "--forward-only"},
		{"groups of what kept rows", true, loses, "upsert key=d", "upsert key=d incremental=raw.a incremental.by=d", nil, Undecided, "--full --destroy-history"},
		{"new rows that append", true, keeps, "append incremental=raw.a sql=a", "append incremental=raw.a sql=b", nil, ForwardOnly, "--full --destroy-history"},
		{"new rows by key", true, keeps, "upsert key=d incremental=raw.a sql=a", "upsert key=d incremental=raw.a sql=b", nil, FullBuild, "--forward-only"},
	} {
		table := r.table
		if table.Kind = define.FromSource; c.sql {
			table.Kind = define.FromSQL
		}
		task := Task{Table: &table, Inputs: c.inputs, Meaning: partsOf(c.is)}
		table.Mode, table.Columns, table.Deletes = define.Mode(task.Meaning["mode"]), c.columns, define.Deletes(task.Meaning["deletes"])
		if task.Meaning["incremental"] != "" {
			table.Incremental = &define.Incremental{Input: "raw.a", By: strings.Fields(task.Meaning["incremental.by"])}
		}
		task.Definition = task.Meaning.Hash()
		before := st
		before.ledger.Meaning = partsOf(c.was)
		before.ledger.Definition = before.ledger.Meaning.Hash()
		got := change(task, before)
		var or []string
		for _, o := range got.Or {
			or = append(or, o.Flags)
		}
		if got.Way != c.way || strings.Join(or, "|") != c.or || (got.Says == "") != (c.way == Nothing) || (got.What() == "") != (c.way == Nothing) {
			t.Errorf("%s: %q, %q, offers %q; %+v", c.name, got.Way, got.Says, or, got.Parts)
		}
		if first := change(task, state{}); first.Way != Nothing || len(first.Parts) > 0 {
			t.Errorf("%s: before the first build %+v", c.name, first)
		}
		taken(t, c.name, task, before, got)
	}
}

// taken checks what a build does with each way, and that every flag it offers is taken.
func taken(t *testing.T, name string, task Task, st state, c Change) {
	t.Helper()
	w := &work{t: task, state: st}
	err := w.decide()
	switch {
	case (err != nil) != (c.Way == Undecided), err != nil && (fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--destroy-history")):
		t.Errorf("%s: decided %v (%s)", name, err, fault.HintOf(err))
	case err == nil && w.t.Full != (c.Way == FullBuild && task.Table.Mode != define.Replace):
		t.Errorf("%s: full is %t", name, w.t.Full)
	}
	for _, o := range c.Or {
		w := &work{t: task, state: st}
		w.t.Full, w.t.Destroy, w.t.Forward = strings.Contains(o.Flags, "--full"), strings.Contains(o.Flags, "--destroy-history"), strings.Contains(o.Flags, "--forward-only")
		if err := w.decide(); err != nil {
			t.Errorf("%s: %s gives %v", name, o.Flags, err)
		}
	}
	w = &work{t: task, state: st}
	w.t.Full = true
	lossy := c.Way == Undecided || task.Table.Mode != define.Replace && accumulates(string(task.Table.Mode)) && !lossless(task, st)
	if err := w.decide(); (err != nil) != lossy && len(c.Parts) > 0 {
		t.Errorf("%s: --full gives %v", name, err)
	}
}

func partsOf(text string) job.Meaning {
	m := job.Meaning{}
	for i, word := range strings.Fields(text) {
		if part, value, ok := strings.Cut(word, "="); ok {
			m[part] = value
		} else if i == 0 {
			m["mode"] = word
		}
	}
	return m
}

// mart is a SQL table over raw.t beside the rig's own.
type mart struct {
	*rig
	table define.Table
	keeps bool
}

func newMart(r *rig, mode define.Mode, sql string, key ...string) *mart {
	return &mart{r, define.Table{Name: "m.t", File: "tables/m/t.sql", Kind: define.FromSQL, Mode: mode, SQL: sql, Key: key}, true}
}

func (m *mart) task() Task {
	task := m.rig.task()
	table := m.table
	task.Table, task.Inputs = &table, []Input{{Name: "raw.t", Keeps: m.keeps}}
	task.Meaning = job.Meaning{"mode": string(table.Mode), "key": strings.Join(table.Key, ", "), "sql": table.SQL}
	task.Definition = task.Meaning.Hash()
	return task
}

func (m *mart) run(change func(*Task)) (Outcome, error) {
	task := m.task()
	if change != nil {
		change(&task)
	}
	return m.build.Build(m.t.Context(), task)
}

func (m *mart) must(change func(*Task)) Outcome {
	m.t.Helper()
	out, err := m.run(change)
	ok(m.t, err)
	return out
}

func (m *mart) want(columns string, rows ...string) {
	m.t.Helper()
	name := m.rig.table.Name
	m.rig.table.Name = m.table.Name
	m.rig.want(columns, rows...)
	m.rig.table.Name = name
}

// TestChangedSQL: a changed filter leaves no row of the old one where the inputs hold all they ever held, and says so where
// they do not; going forward it touches nothing until an input changes.
func TestChangedSQL(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		r := newRig(t, "id INTEGER", "v INTEGER")
		r.src.put("a", "(1, 1)", "(2, 2)", "(3, 3)")
		r.run()
		m := newMart(r, define.Upsert, "SELECT id, v FROM raw.t", "id")
		m.keeps = keeps
		m.must(nil)
		m.table.SQL = "SELECT id, v * 10 AS v FROM raw.t WHERE id > 1"
		p, err := r.build.Peek(t.Context(), m.task(), nil)
		if ok(t, err); !p.Build || p.Change.Way != FullBuild || !strings.Contains(p.Why, "definition changed") {
			t.Errorf("plan %+v", p)
		}
		m.must(func(task *Task) { task.Forward = true })
		m.want("id, v", "1 1", "2 2", "3 3")
		if out := m.must(nil); !out.Skipped {
			t.Errorf("after the choice to go forward: %+v", out)
		}
		m.table.SQL += " AND true"
		m.must(nil)
		if keeps {
			m.want("id, v", "2 20", "3 30")
		} else {
			m.want("id, v", "1 1", "2 20", "3 30")
			m.must(func(task *Task) { task.Full, task.Destroy = true, true })
			m.want("id, v", "2 20", "3 30")
		}
		if out := m.must(nil); !out.Skipped {
			t.Errorf("built again: %+v", out)
		}
		m.table.SQL = "SELECT id, v::VARCHAR AS v FROM raw.t"
		if _, err := m.run(nil); keeps != (err == nil) || err != nil && !strings.Contains(fault.HintOf(err), "--full --destroy-history") {
			t.Errorf("keeps %t: another type gives %v (%s)", keeps, err, fault.HintOf(err))
		}
		r.tidy()
	}
}

// TestChangedAppend: rows that were appended stay, and are not appended again because the SQL changed.
func TestChangedAppend(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.src.put("a", "(1, 1)", "(2, 2)")
	r.run()
	m := newMart(r, define.Append, "SELECT id, v FROM raw.t")
	m.must(nil)
	m.table.SQL = "SELECT id, -v AS v, 'new' AS note FROM raw.t"
	if out := m.must(nil); out.Skipped || out.Counts.Inserted != 0 {
		t.Errorf("%+v", out)
	}
	m.want("id, v", "1 1", "2 2")
	if _, err := m.run(func(task *Task) { task.Full = true }); fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--destroy-history") {
		t.Errorf("--full gives %v (%s)", err, fault.HintOf(err))
	}
	m.must(func(task *Task) { task.Full, task.Destroy = true, true })
	m.want("id, v, note", "1 -1 new", "2 -2 new")
	m.table.Mode, m.table.SQL = define.Replace, "SELECT id FROM raw.t"
	if _, err := m.run(nil); fault.ClassOf(err) != fault.Usage {
		t.Errorf("replace after append gives %v", err)
	}
	m.must(func(task *Task) { task.Full, task.Destroy = true, true })
	m.want("id", "1", "2")
	r.tidy()
}
