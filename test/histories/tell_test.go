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
	"weir/internal/job"
)

// history is one under way.
type history struct {
	*world
	seed    uint64
	dice    *rand.Rand
	schema  string
	form    form
	input   string // kind of the input
	ids     int
	extra   bool // the input has a further column
	past    []int64
	state   state           // of the table
	states  map[int64]state // after each of its snapshots
	changed bool            // something happened that a build may have to follow
	over    bool            // nothing more can come
	log     []string
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

// fail says what is wrong and how it came about.
func (h *history) fail(format string, args ...any) {
	h.t.Helper()
	h.t.Errorf("history %d: %s\nafter\n  %s", h.seed, fmt.Sprintf(format, args...), strings.Join(h.log, "\n  "))
}

// tell runs one history and compares after every build.
func (w *world) tell(seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 7))
	h := &history{world: w, seed: seed, dice: dice, schema: fmt.Sprintf("h%d", seed), form: forms[int(seed)%len(forms)], states: map[int64]state{}}
	h.input = pick(dice, "upsert", "upsert", "append", "replace", "partitions")
	if len(h.form.inputs) > 0 {
		h.input = pick(dice, h.form.inputs...)
	}
	if dice.IntN(2) == 0 {
		h.form.upper = ""
	}
	h.note("%s over %s", h.form.name, h.input)
	h.other()
	h.commit()
	h.build()
	builds, changes := 1+dice.IntN(3)/2, 1+dice.IntN(3)
	if h.form.mode == define.History {
		builds, changes = 2+dice.IntN(2), 1+dice.IntN(2) // a key goes, is gone, and comes again
	}
	for ; builds > 0 && !h.over; builds-- {
		for range changes {
			h.change()
		}
		h.build()
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
	h.changed = true
	h.make(h.schema+".o", fmt.Sprintf("SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (2, 'c'), (%d, 'd'), (NULL, 'e')) AS x(g, name)", h.dice.IntN(4)), define.Replace)
}

// change does something to an input, or to the table.
func (h *history) change() {
	n := h.dice.IntN(22)
	if h.form.calm && n >= 14 {
		n = 0
	}
	switch {
	case n < 11:
		h.commit()
	case n < 12:
		h.tidied(h.upkeep)
	case n < 13:
		h.tidied(h.compact)
	case n < 14:
		h.other()
	case n < 16 && h.input == "upsert":
		h.remove()
	case n < 17:
		h.foreignDelete()
	case n < 18:
		h.rollback()
	case n < 19:
		h.expire()
	case n < 20:
		h.undo()
	case n < 21 && h.form.window == twoDays:
		h.backfill()
	case n < 21:
		h.commit()
	default:
		h.extra = true
		h.commit()
	}
}

// tidied does what changes no row, to the input or the table.
func (h *history) tidied(do func(name string)) {
	name := h.schema + pick(h.dice, ".i", ".i", ".t")
	h.note("tidy %s", name)
	do(name)
	if name == h.schema+".t" {
		h.states[h.snapshot(name)] = h.state
	}
}

func (h *history) snapshot(name string) int64 {
	t, err := h.lake.Table(h.t.Context(), name)
	must(h.t, err)
	at, _ := t.Snapshot()
	return at.ID
}

// expire has another tool forget all snapshots of the input but the last.
func (h *history) expire() {
	h.note("expire")
	err := h.foreign(h.schema+".i", func(tx *table.Transaction) error {
		return tx.ExpireSnapshots(table.WithOlderThan(0), table.WithRetainLast(1))
	})
	// The tool stumbles over files that it removed once before; by then it has expired the snapshots.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Errorf("expire: %v", err)
	}
	h.past = nil
}

// undo rolls the table back to an earlier build of it.
func (h *history) undo() {
	name := h.schema + ".t"
	t, err := h.lake.Table(h.t.Context(), name)
	must(h.t, err)
	at, _ := t.Snapshot()
	var ids []int64
	for _, s := range t.Snapshots() {
		if _, ok := h.states[s.ID]; ok && s.ID != at.ID {
			ids = append(ids, s.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	to := pick(h.dice, ids...)
	h.note("roll the table back to %d", to)
	must(h.t, h.lake.Rollback(h.t.Context(), name, at.ID, to))
	h.state, h.changed = h.states[to], true
}

// row makes a row: few groups, so that they meet, some of them null; times around the end of a month, a year and of summer time.
func (h *history) row(id int) string {
	d := h.dice
	g := pick(d, "0", "1", "2", "3", "NULL")
	ts := pick(d, "'2026-10-25 00:30:00'", "'2026-10-25 01:30:00'", "'2026-10-24 23:59:59.999999'", "'2026-09-30 12:00:00'", "'2025-12-31 23:00:00'", "NULL")
	if h.form.window != nil && ts == "NULL" {
		ts = "'2026-10-01 00:00:00'"
	}
	if h.form.mode == define.History && d.IntN(12) == 0 {
		ts = "'2027-06-01 00:00:00'" // later than any run
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
	h.changed = true
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
	h.past = append(h.past, h.snapshot(name))
}

// remove takes rows out of an input with a key.
func (h *history) remove() {
	at := h.dice.IntN(max(1, h.ids))
	h.note("keep ids from %d on", at)
	h.changed = true
	rel := "SELECT * FROM (VALUES (" + h.row(at) + ")) AS x(id, g, ts, v" + map[bool]string{true: ", x"}[h.extra] + ")"
	h.make(h.schema+".i", rel, define.Upsert, func(t *define.Table, task *build.Task) {
		t.Key, t.Deletes, task.Full = []string{"id"}, define.Remove, true
	})
}

// foreignDelete has another tool take rows out, by rewriting files or by naming the rows.
func (h *history) foreignDelete() {
	mode, v := pick(h.dice, "copy-on-write", "merge-on-read"), int32(h.dice.IntN(6))
	h.note("another tool deletes v = %d by %s", v, mode)
	h.changed = true
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
	h.changed = true
	if err := h.foreign(h.schema+".i", func(tx *table.Transaction) error { return tx.RollbackToSnapshot(to) }); err != nil {
		h.note("which it does not: %v", err)
	}
}
