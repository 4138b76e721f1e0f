package histories

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
)

// form is a table that is kept up: SQL over S.i, and S.o where it joins, for the history's schema S.
type form struct {
	name        string
	sql         string
	mode        define.Mode
	key         []string
	incremental define.Incremental
	deletes     define.Deletes
	inputs      []string // kinds of input it is told with; nil: all
	upper       string   // a second level over the first, grouped by k
}

// forms are every form of incremental table.
var forms = []form{
	{name: "sum", sql: "SELECT g AS k, sum(v) AS s, count(*) AS n FROM S.i GROUP BY 1", upper: "SELECT n AS k, sum(s) AS s, count(*) AS c FROM S.t GROUP BY 1"},
	{name: "two columns", sql: "SELECT ts::date AS k, g, sum(v) AS s FROM S.i WHERE v <> 3 GROUP BY ALL HAVING count(*) <> 2"},
	{name: "key", sql: "SELECT g AS k, sum(v) AS s FROM S.i WHERE g IS NOT NULL GROUP BY 1", mode: define.Upsert, key: []string{"k"}, upper: "SELECT s AS k, count(*) AS c FROM S.t GROUP BY 1"},
	{name: "nested", sql: "SELECT date_trunc('month', day) AS k, max(n) AS m FROM (SELECT ts::date AS day, g, count(*) AS n FROM S.i GROUP BY 1, 2) GROUP BY 1"},
	{name: "window function", sql: "SELECT g AS k, id, v, row_number() OVER (PARTITION BY g ORDER BY v, id) AS r FROM S.i QUALIFY r <= 2"},
	{name: "distinct", sql: "SELECT DISTINCT g AS k, v % 3 AS w FROM S.i"},
	{name: "join", sql: "SELECT i.g AS k, o.name, sum(i.v) AS s FROM S.i AS i LEFT JOIN S.o AS o ON i.g = o.g GROUP BY ALL"},
	{name: "two branches", sql: "SELECT k, count(*) AS n, sum(v) AS s FROM (SELECT g AS k, v FROM S.i UNION ALL SELECT v, id FROM S.i) GROUP BY 1"},
	{name: "self join", sql: "SELECT a.g AS k, count(*) AS n, sum(a.v * b.v) AS s FROM S.i AS a JOIN S.i AS b ON a.g = b.g AND a.id <= b.id GROUP BY 1"},
	{name: "outer side", sql: "SELECT o.g AS k, count(i.id) AS n FROM S.o AS o LEFT JOIN S.i AS i ON o.g = i.g GROUP BY 1"},
	{name: "semi join", sql: "SELECT o.g AS k, o.name FROM S.o AS o SEMI JOIN (FROM S.i WHERE v > 2) AS i ON i.g = o.g"},
	{name: "rows", sql: "SELECT g AS k, id, v + 1 AS w FROM S.i WHERE v > 1"},
	{name: "append", sql: "SELECT id, g, v * 2 AS w FROM S.i WHERE v > 1", mode: define.Append, inputs: []string{"append", "upsert"}},
	{name: "append from appends", sql: "SELECT id, g, v * 2 AS w FROM S.i WHERE v > 1", mode: define.Append, inputs: []string{"append"}},
	{name: "upsert rows", sql: "SELECT id, g, v FROM S.i WHERE v > 1", mode: define.Upsert, key: []string{"id"}, deletes: define.Remove, inputs: []string{"upsert", "replace"}},
	{name: "window", sql: "SELECT ts::date AS k, count(*) AS n, sum(v) AS s FROM S.i WHERE ts >= $from AND ts < $to GROUP BY 1",
		incremental: define.Incremental{Window: &define.Window{Column: "k", Grain: "day", Lookback: define.Span{N: 1000, Unit: "day"}}}},
}

// history is one under way.
type history struct {
	*world
	dice   *rand.Rand
	schema string
	form   form
	input  string // kind of the input
	rows   map[int]string
	ids    int
	extra  bool // the input has a further column
	past   []int64
	log    []string
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

// tell runs one history and compares after every build.
func (w *world) tell(seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 7))
	h := &history{world: w, dice: dice, schema: fmt.Sprintf("h%d", seed), form: forms[int(seed)%len(forms)], rows: map[int]string{}}
	h.input = pick(dice, "upsert", "upsert", "append", "replace", "partitions")
	if len(h.form.inputs) > 0 {
		h.input = pick(dice, h.form.inputs...)
	}
	h.note("%s over %s", h.form.name, h.input)
	h.other()
	h.commit()
	h.build(seed, false) // a first build computes all there is
	for range 1 + dice.IntN(3)/2 {
		for range 1 + dice.IntN(3) {
			h.change()
		}
		h.build(seed, true)
		if w.t.Failed() {
			return
		}
	}
	w.forget(h.schema)
}

// other fills the table that some forms join.
func (h *history) other() {
	if !strings.Contains(h.form.sql, "S.o") {
		return
	}
	h.note("other table")
	h.make(h.schema+".o", fmt.Sprintf("SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (2, 'c'), (%d, 'd'), (NULL, 'e')) AS x(g, name)", h.dice.IntN(4)), define.Replace)
}

// change does something to an input.
func (h *history) change() {
	switch n := h.dice.IntN(20); {
	case n < 11:
		h.commit()
	case n < 12:
		h.upkeep()
	case n < 13:
		h.note("compact")
		h.compact(h.schema + ".i")
	case n < 14:
		h.other()
	case n < 16 && h.input == "upsert":
		h.remove()
	case n < 17:
		h.foreignDelete()
	case n < 18:
		h.rollback()
	case n < 19:
		h.note("expire")
		err := h.foreign(h.schema+".i", func(tx *table.Transaction) error {
			return tx.ExpireSnapshots(table.WithOlderThan(0), table.WithRetainLast(1))
		})
		// The tool stumbles over files that it removed once before; by then it has expired the snapshots.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.t.Errorf("expire: %v", err)
		}
		h.past = nil
	default:
		h.extra = true
		h.commit()
	}
}

// row makes a row: few groups, so that they meet, some of them null; times around the end of a month, a year and of summer time.
func (h *history) row(id int) string {
	d := h.dice
	g := pick(d, "0", "1", "2", "3", "NULL")
	ts := pick(d, "'2026-10-25 00:30:00'", "'2026-10-25 01:30:00'", "'2026-10-24 23:59:59.999999'", "'2026-09-30 12:00:00'", "'2025-12-31 23:00:00'", "NULL")
	if h.form.incremental.Window != nil && ts == "NULL" {
		ts = "'2026-10-01 00:00:00'"
	}
	row := fmt.Sprintf("%d, %s::INTEGER, TIMESTAMP %s, %d", id, g, ts, d.IntN(6))
	row = strings.ReplaceAll(row, "TIMESTAMP NULL", "NULL::TIMESTAMP")
	if h.extra {
		row += ", 'x'"
	}
	return row
}

func (h *history) values(rows []string) string {
	names := "id, g, ts, v"
	if h.extra {
		names += ", x"
	}
	return "SELECT * FROM (VALUES (" + strings.Join(rows, "), (") + ")) AS x(" + names + ")"
}

// commit adds, changes or replaces rows of the input, as its kind does.
func (h *history) commit() {
	var rows []string
	for range 1 + h.dice.IntN(5) {
		id := h.ids
		if h.input == "upsert" && h.ids > 0 && h.dice.IntN(2) == 0 {
			id = h.dice.IntN(h.ids) // changes or comes back
		} else {
			h.ids++
		}
		row := h.row(id)
		if i := slices.IndexFunc(rows, func(r string) bool { return strings.HasPrefix(r, fmt.Sprintf("%d, ", id)) }); i >= 0 {
			rows[i] = row
		} else {
			rows = append(rows, row)
		}
	}
	h.note("%s %v", h.input, rows)
	name, sql := h.schema+".i", h.values(rows)
	switch h.input {
	case "append":
		h.make(name, sql, define.Append)
	case "replace":
		h.make(name, sql, define.Replace)
	case "partitions":
		h.make(name, sql, define.Partitions, func(t *define.Table, _ *build.Task) {
			t.Partition = []job.PartitionField{{Name: "g", Column: "g", Transform: "identity"}}
		})
	case "upsert":
		h.make(name, sql, define.Upsert, func(t *define.Table, _ *build.Task) { t.Key, t.Deletes = []string{"id"}, define.Ignore })
	}
	t, err := h.lake.Table(h.t.Context(), name)
	must(h.t, err)
	snap, _ := t.Snapshot()
	h.past = append(h.past, snap.ID)
}

// remove takes rows out of an input with a key.
func (h *history) remove() {
	at := h.dice.IntN(max(1, h.ids))
	h.note("keep ids from %d on", at)
	rel := "SELECT * FROM (VALUES (" + h.row(at) + ")) AS x(id, g, ts, v" + map[bool]string{true: ", x"}[h.extra] + ")"
	h.make(h.schema+".i", rel, define.Upsert, func(t *define.Table, task *build.Task) {
		t.Key, t.Deletes, task.Full = []string{"id"}, define.Remove, true
	})
}

// foreignDelete has another tool take rows out, by rewriting files or by naming the rows.
func (h *history) foreignDelete() {
	mode, v := pick(h.dice, "copy-on-write", "merge-on-read"), int32(h.dice.IntN(6))
	h.note("another tool deletes v = %d by %s", v, mode)
	err := h.foreign(h.schema+".i", func(tx *table.Transaction) error {
		return errors.Join(tx.SetProperties(iceberg.Properties{"write.delete.mode": mode}), tx.Delete(h.t.Context(), iceberg.EqualTo(iceberg.Reference("v"), v), nil))
	})
	if err != nil {
		h.note("which it does not: %v", err)
	}
}

// rollback goes back to an earlier commit of the input.
func (h *history) rollback() {
	if len(h.past) == 0 {
		return
	}
	to := pick(h.dice, h.past...)
	h.note("roll back to %d", to)
	if err := h.foreign(h.schema+".i", func(tx *table.Transaction) error { return tx.RollbackToSnapshot(to) }); err != nil {
		h.note("which it does not: %v", err)
	}
}

// build builds the table, now and then dying on the way first, and compares it with its SQL over what the inputs hold.
func (h *history) build(seed uint64, compare bool) {
	levels := []struct {
		name string
		form form
	}{{"t", h.form}, {"u", form{sql: h.form.upper}}}
	for _, l := range levels {
		if l.form.sql == "" || !h.keep(l.name, l.form.sql, l.form) {
			return
		}
		if compare {
			h.compare(seed, l.name, l.form.sql)
		}
	}
}

// keep builds one table; false where it stopped for a good reason.
func (h *history) keep(name, sql string, f form) bool {
	t := &define.Table{Name: h.schema + "." + name, File: "tables/" + name, Kind: define.FromSQL, SQL: strings.ReplaceAll(sql, "S.", h.schema+"."), Key: f.key, Mode: f.mode, Deletes: f.deletes}
	inc := f.incremental
	inc.Input, inc.Others, t.Incremental = h.schema+".i", define.Rebuild, &inc
	inputs := []string{inc.Input}
	if name == "u" {
		inc.Input, inputs = h.schema+".t", []string{h.schema + ".t"}
	}
	if strings.Contains(sql, "S.o") {
		inputs = append(inputs, h.schema+".o")
	}
	rowLocal := f.mode == define.Append || f.deletes == define.Remove
	if inc.Window == nil && !rowLocal {
		inc.By = []string{"k"}
		if f.name == "two columns" {
			inc.By = []string{"k", "g"}
		}
	}
	if t.Mode == "" {
		t.Mode = define.Replace
	}
	if t.Mode == define.Upsert && t.Deletes == "" {
		t.Deletes = define.Ignore
	}
	if h.dice.IntN(4) == 0 {
		h.engine.in = 1 + h.dice.IntN(25)
	}
	out, err := h.world.build.Build(h.t.Context(), h.task(t, inputs...))
	h.engine.in = 0
	if errors.Is(err, errBroken) {
		h.note("the build dies")
		out, err = h.world.build.Build(h.t.Context(), h.task(t, inputs...))
	}
	if err == nil {
		h.note("%s: %s", name, out.Why)
		h.count(out)
	}
	if err != nil && f.mode == define.Append && fault.ClassOf(err) == fault.Data {
		h.note("stopped: %v", err)
		task := h.task(t, inputs...)
		task.Full, task.Destroy = true, true
		_, err = h.world.build.Build(h.t.Context(), task)
	}
	if err != nil {
		h.t.Errorf("%s.%s: %v\n%s", h.schema, name, err, strings.Join(h.log, "\n"))
		return false
	}
	return true
}

// count notes in which way a build went.
func (h *history) count(out build.Outcome) {
	way := "part"
	switch {
	case out.Skipped:
		way = "skipped"
	case strings.HasPrefix(out.Why, "full build"):
		way = "full"
	}
	if h.ways[h.form.name] == nil {
		h.ways[h.form.name] = map[string]int{}
	}
	h.ways[h.form.name][way]++
}

func (h *history) compare(seed uint64, name, sql string) {
	inputs := []string{}
	for _, in := range []string{"i", "o", "t"} {
		if in != name && strings.Contains(sql, "S."+in) {
			inputs = append(inputs, h.schema+"."+in)
		}
	}
	should := strings.NewReplacer("S.", h.schema+".", "$from", "TIMESTAMP '-infinity'", "$to", "TIMESTAMP 'infinity'").Replace(sql)
	diff := h.differ(h.schema+"."+name, should, inputs...)
	if len(diff) > 0 {
		t, err := h.lake.Table(h.t.Context(), h.schema+"."+name)
		must(h.t, err)
		h.t.Errorf("history %d: %s is not what its SQL gives (%d snapshots):\n  %s\nafter\n  %s", seed, name, len(t.Snapshots()), strings.Join(diff, "\n  "), strings.Join(h.log, "\n  "))
	}
}
