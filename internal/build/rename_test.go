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

func (r *rig) columns() map[string]job.Column {
	r.t.Helper()
	table, err := r.lake.Table(r.t.Context(), r.table.Name)
	ok(r.t, err)
	out := map[string]job.Column{}
	for _, c := range table.Columns() {
		out[c.Name] = c
	}
	return out
}

// TestRename gives a column another name in every mode: with rows under the new name, under the old one, and with none.
func TestRename(t *testing.T) {
	for _, brings := range []string{"none", "new", "old"} {
		t.Run(brings, func(t *testing.T) { inEveryMode(t, func(t *testing.T, r *rig) { renames(t, r, brings) }) })
	}
}

func renames(t *testing.T, r *rig, brings string) {
	r.table.Partition = append(r.table.Partition, job.PartitionField{Name: "v", Column: "v", Transform: "identity"})
	r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)")
	r.run()
	id := r.columns()["v"].ID
	r.table.Was = map[string]string{"w": "v"}
	want := []string{"1 1", "2 2"}
	if brings != "none" {
		r.src.put("b", "(3, '2026-01-03', 3)")
		want = append(want, "3 3")
	}
	if brings == "new" {
		r.src.columns[2].Name = "W"
	}
	if r.table.Partition[len(r.table.Partition)-1].Column = "w"; r.table.Mode == define.Replace {
		r.table.Partition[len(r.table.Partition)-1].Name = "w"
	}
	p, err := r.build.Peek(t.Context(), r.task(), nil)
	if ok(t, err); !p.Build || !slices.Equal(p.Change.Renames, []string{"v → w"}) {
		t.Errorf("plan %+v", p)
	}
	if out := r.run(); out.Skipped || r.table.Mode != define.Replace && !slices.Equal(out.Renamed, []string{"v → w"}) || len(out.Added) > 0 {
		t.Errorf("%+v", out)
	}
	r.want("id, w::INT", want...)
	cols := r.columns()
	if cols["v"].Name != "" || cols["w"].ID != id && cols["W"].ID != id {
		t.Errorf("columns %+v, v was %d", cols, id)
	}
	if out := r.run(); !out.Skipped {
		t.Errorf("built again: %+v", out)
	}
	r.src.put("c", "(4, '2026-01-01', 4)")
	r.run()
	r.tidy()
	table, err := r.lake.Table(t.Context(), r.table.Name)
	ok(t, err)
	at, err := table.At(t.Context(), table.Snapshots()[0].ID)
	ok(t, err)
	rel, err := at.Scan(t.Context(), lake.ScanOptions{})
	ok(t, err)
	if got := r.query("SELECT id, v::INT FROM (" + rel.SQL + ") ORDER BY ALL"); !slices.Equal(got, []string{"1 1", "2 2"}) {
		t.Errorf("the snapshot before the rename holds %q", got)
	}
}

// TestOldNameTaken: after a rename, SQL may use the old name for another column.
func TestOldNameTaken(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.src.put("a", "(1, 1)")
	r.run()
	m := newMart(r, define.Append, "SELECT id, v FROM raw.t")
	m.must(nil)
	m.table.SQL, m.table.Was = "SELECT id, v AS w, 'x' AS v FROM raw.t", map[string]string{"w": "v"}
	r.src.put("b", "(2, 2)")
	r.run()
	m.must(nil)
	m.want("id, w, v", "1 1 x", "1 1 -", "2 2 x")
	r.tidy()
}

// TestRenamesThatCannotBe names what stands in the way.
func TestRenamesThatCannotBe(t *testing.T) {
	r := newRig(t, "id INTEGER", `home STRUCT("city" VARCHAR, "zip" VARCHAR)`, "v INTEGER")
	r.src.put("a", "(1, {'city': 'x', 'zip': 'y'}, 1)")
	r.run()
	r.src.columns[1].Type = `STRUCT("town" VARCHAR, "zip" VARCHAR)`
	r.src.put("b", "(2, {'town': 'x', 'zip': 'y'}, 2)")
	_, err := r.build.Build(t.Context(), r.task())
	if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "no member city any more") || !strings.Contains(fault.HintOf(err), "--destroy-history") {
		t.Errorf("a renamed member gives %v (%s)", err, fault.HintOf(err))
	}
	r.src.columns[1].Type = `STRUCT("city" VARCHAR, "zip" VARCHAR)`
	r.src.splits = map[string]split{"a": r.src.splits["a"]}
	r.src.put("c", "(3, {'city': 'x', 'zip': 'y'}, 3, 'not a number')")
	r.src.put("a", "(1, {'city': 'x', 'zip': 'y'}, 1, 'seven')")
	r.src.columns = append(r.src.columns, job.Column{Name: "w", Type: "VARCHAR"})
	r.table.Was = map[string]string{"w": "v"}
	_, err = r.build.Build(t.Context(), r.task())
	if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("old and new name of other types give %v", err)
	}
	r.want("id, v", "1 1")
	r.tidy()
}

// TestEvolution compares tables whose source gains, widens and renames columns between builds with one built at the end.
func TestEvolution(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { evolves(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

// evolving is a source's schema as it goes on, and its rows: values by column, in the order the columns came.
type evolving struct {
	cols []job.Column
	rows map[string][][]string // by split
}

// show writes the rows as the source gives them now, without a new version of their split.
func (e *evolving) show(m *memory, fresh string) {
	m.columns = slices.Clone(e.cols)
	for name, rows := range e.rows {
		var texts []string
		for _, row := range rows {
			values := slices.Clone(row)
			for len(values) < len(e.cols) {
				values = append(values, "NULL")
			}
			texts = append(texts, "("+strings.Join(values, ", ")+")")
		}
		s := m.splits[name]
		if s.rows = texts; name == fresh {
			s.version++
		}
		m.splits[name] = s
	}
}

func evolves(t *testing.T, dice *rand.Rand) {
	r := newRig(t)
	modes := []define.Mode{define.Append, define.Upsert, define.Replace}
	if r.table.Mode = modes[dice.IntN(len(modes))]; r.table.Mode == define.Upsert {
		r.table.Key = []string{"id"}
	}
	e := &evolving{cols: []job.Column{{Name: "id", Type: "INTEGER"}, {Name: "c1", Type: "INTEGER"}, {Name: "c2", Type: "DECIMAL(6,2)"}}, rows: map[string][][]string{}}
	r.table.Was = map[string]string{}
	names, next := 3, 1
	for step := range 6 {
		fresh := ""
		switch at := 1 + dice.IntN(len(e.cols)-1); dice.IntN(5) {
		case 0:
			e.cols = append(e.cols, job.Column{Name: fmt.Sprint("c", names), Type: "INTEGER"})
			names++
		case 1:
			wider := map[string]string{"INTEGER": "BIGINT", "DECIMAL(6,2)": "DECIMAL(12,2)", "FLOAT": "DOUBLE"}
			if to := wider[e.cols[at].Type]; to != "" {
				e.cols[at].Type = to
			}
		case 2:
			was := e.cols[at].Name
			e.cols[at].Name = fmt.Sprint("c", names)
			delete(r.table.Was, was) // what is renamed twice between builds would have lost its first name
			r.table.Was[e.cols[at].Name] = was
			names++
		}
		if dice.IntN(3) > 0 {
			fresh = fmt.Sprint("f", step)
			for range 1 + dice.IntN(3) {
				row := []string{fmt.Sprint(next)}
				next++
				for range e.cols[1:] {
					row = append(row, []string{"NULL", fmt.Sprint(dice.IntN(90))}[dice.IntN(2)])
				}
				e.rows[fresh] = append(e.rows[fresh], row)
			}
		}
		e.show(r.src, fresh)
		r.run()
	}
	if len(e.rows) == 0 {
		return
	}
	// Once more, so that the last change is in a table that had nothing new to read.
	e.rows["last"] = [][]string{{fmt.Sprint(next)}}
	e.show(r.src, "last")
	r.run()
	var wanted []string
	for _, c := range e.cols {
		wanted = append(wanted, c.Name)
	}
	list := strings.Join(wanted, ", ")
	anew := newRig(t)
	anew.src, anew.table = r.src, r.table
	anew.build.Source = r.build.Source
	anew.run()
	r.want(list, anew.rows(list)...)
	for _, c := range e.cols {
		if got := r.columns()[c.Name]; got.Type != c.Type {
			t.Errorf("column %s is %s, want %s", c.Name, got.Type, c.Type)
		}
	}
	if got := len(r.columns()); got != len(e.cols)+1 {
		t.Errorf("%d columns, want %d and _file: %+v", got, len(e.cols), r.columns())
	}
	r.tidy()
}

// TestReplayAfterRename takes a quarantined row back that was written under a column's earlier name.
func TestReplayAfterRename(t *testing.T) {
	r := newRig(t, "id INTEGER", "v INTEGER")
	r.table.Rules, r.table.MaxQuarantined = append(r.table.Rules, rule(`ColumnValues "v" < 100`, "quarantine")), define.Limit{Any: true}
	r.src.put("a", "(1, 500)", "(2, 2)")
	r.run()
	r.table.Rules, r.table.Was = nil, map[string]string{"w": "v"}
	r.run()
	r.want("id, w", "2 2")
	_, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: r.rejects()})
	ok(t, err)
	r.want("id, w", "1 500", "2 2")
	r.tidy()
}
