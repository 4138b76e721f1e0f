package maintain_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"pgregory.net/rapid"

	"weir/internal/job"
	"weir/internal/lake"
)

// history is a table's life as the test remembers it.
type history struct {
	r     *rig
	rows  map[int64]string // id|p|v by id
	next  int64
	at    string // position of split s
	runs  int
	past  map[int64][]string // rows by snapshot
	reads int64              // what a reader has read last, 0 for nothing
}

func (h *history) sorted() []string {
	out := slices.Collect(maps.Values(h.rows))
	return h.r.query("SELECT * FROM (VALUES " + values(out) + ") AS t(id, p, v) ORDER BY ALL")
}

// values writes rows as SQL.
func values(rows []string) string {
	out := make([]string, len(rows))
	for i, row := range rows {
		f := strings.Split(row, "|")
		v := "NULL"
		if f[2] != "-" {
			v = job.Literal(f[2])
		}
		out[i] = fmt.Sprintf("(%s::bigint, %s::integer, %s)", f[0], f[1], v)
	}
	return strings.Join(out, ", ")
}

func (h *history) fresh(t *rapid.T) (out []string) {
	for range rapid.IntRange(1, 4).Draw(t, "rows") {
		h.next++
		v := rapid.SampledFrom([]string{"a", "bb", "-"}).Draw(t, "v")
		row := fmt.Sprintf("%d|%d|%s", h.next, h.next%3, v)
		h.rows[h.next] = row
		out = append(out, row)
	}
	return out
}

func (h *history) append(t *rapid.T) {
	h.at = fmt.Sprint(h.next)
	h.r.append("SELECT * FROM (VALUES "+values(h.fresh(t))+") AS t(id, p, v)", job.Position{"s": h.at})
	h.runs++
}

// update is Weir's copy on write: the file that holds a row is written again with the row changed.
func (h *history) update(t *rapid.T) {
	if len(h.rows) == 0 {
		h.append(t)
		return
	}
	tb := h.r.table()
	rel, err := tb.Scan(h.r.ctx, lake.ScanOptions{Filename: true})
	ok(t, err)
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(h.rows))).Draw(t, "id")
	file := h.r.query(fmt.Sprintf("SELECT __weir_file FROM (%s) WHERE id = %d", rel.SQL, id))[0]
	one, err := tb.Scan(h.r.ctx, lake.ScanOptions{Files: []string{file}})
	ok(t, err)
	f := strings.Split(h.rows[id], "|")
	h.rows[id] = f[0] + "|" + f[1] + "|up"
	sql := fmt.Sprintf("SELECT id, p, CASE WHEN id = %d THEN 'up' ELSE v END AS v FROM (%s)", id, one.SQL)
	ok(t, h.r.commit(h.r.ctx, sql, []string{file}, job.Counts{Updated: 1}, nil))
	h.runs++
}

func (h *history) pick(t *rapid.T) int64 {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(h.rows))).Draw(t, "gone")
}

// deletePositions and deleteEqual are other tools', merge on read.
func (h *history) deletePositions(t *rapid.T) {
	if len(h.rows) < 2 {
		return
	}
	id := h.pick(t)
	h.r.deleteByPosition(iceberg.EqualTo(iceberg.Reference("id"), id))
	delete(h.rows, id)
}

func (h *history) deleteEqual(t *rapid.T) {
	if len(h.rows) < 2 {
		return
	}
	id := h.pick(t)
	h.r.deleteByEquality(id)
	delete(h.rows, id)
}

// deleteByEquality deletes the rows of one id and its partition.
func (r *rig) deleteByEquality(id int64) {
	tb := r.foreign()
	fields, ids := tb.Schema().Fields()[:1], []int{1}
	if len(r.part) > 0 {
		fields, ids = tb.Schema().Fields()[:2], []int{1, 2}
	}
	schema, err := table.SchemaToArrowSchema(iceberg.NewSchema(0, fields...), nil, true, false)
	ok(r.t, err)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int64Builder).Append(id)
	if len(r.part) > 0 {
		b.Field(1).(*array.Int32Builder).Append(int32(id % 3))
	}
	rdr, err := array.NewRecordReader(schema, []arrow.RecordBatch{b.NewRecordBatch()})
	ok(r.t, err)
	tx := tb.NewTransaction()
	files, err := tx.WriteEqualityDeletes(r.ctx, ids, array.IterFromReader(rdr))
	ok(r.t, err)
	ok(r.t, tx.NewRowDelta(nil).AddDeletes(files...).Commit(r.ctx))
	_, err = tx.Commit(r.ctx)
	ok(r.t, err)
}

// rollback goes back to an ancestor that is still known.
func (h *history) rollback(t *rapid.T) {
	all := h.r.table().Snapshots()
	to := rapid.SampledFrom(all).Draw(t, "to")
	tx := h.r.foreign().NewTransaction()
	if tx.RollbackToSnapshot(to.ID) != nil {
		return // no ancestor of the current one
	}
	_, err := tx.Commit(h.r.ctx)
	ok(t, err)
	h.reads = 0 // it has read what is no part of the table any more, and will read all again
	led, err := h.r.table().Ledger(h.r.ctx)
	ok(t, err)
	h.at, h.runs, h.rows = led.Position["s"], len(led.Runs), map[int64]string{}
	for _, row := range h.past[to.ID] {
		var id int64
		_, err := fmt.Sscanf(row, "%d|", &id)
		ok(t, err)
		h.rows[id] = row
	}
}

func (h *history) maintain(t *rapid.T) {
	r := h.r
	r.keep.Age = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "age")
	r.keep.AtLeast = rapid.IntRange(1, 3).Draw(t, "at least")
	r.keep.Readers = nil
	if h.reads != 0 {
		r.keep.Readers = []lake.Reader{{Table: "marts.m", Snapshot: h.reads}}
	}
	r.u.OrphanAge = -time.Hour // all that nothing names, however young
	before := r.table()
	done := r.maintain()
	if done.Compacted.After != 0 {
		h.runs++
	}
	if p := r.plan(); len(p.Compact) > 0 {
		t.Fatalf("after maintenance there is %+v left to compact", p.Compact)
	}
	h.check(t)
	h.checkPast(t)
	after := r.table()
	if got := after.RowsSince(); got != before.RowsSince() {
		t.Fatalf("rows since %d, was %d", got, before.RowsSince())
	}
	h.readable(t, after)
}

// readable says that a reader can still tell what was changed since it read last: the rows it has seen, with what was added and
// without what was removed, are those of now.
func (h *history) readable(t *rapid.T, now *lake.Table) {
	if h.reads == 0 {
		return
	}
	c, err := now.Changes(h.r.ctx, h.reads)
	if err != nil {
		t.Fatalf("what was changed since snapshot %d, which the reader has read: %v", h.reads, err)
	}
	sql := "SELECT * FROM (VALUES " + values(h.past[h.reads]) + ") AS t(id, p, v)"
	if c.After.SQL != "" {
		sql += " UNION ALL (" + c.After.SQL + ")"
	}
	if c.Before.SQL != "" {
		sql = "(" + sql + ") EXCEPT ALL (" + c.Before.SQL + ")"
	}
	h.r.same(h.r.query("SELECT * FROM ("+sql+") ORDER BY ALL"), h.sorted())
}

func (h *history) check(t *rapid.T) {
	now := h.r.table()
	snap, _ := now.Snapshot()
	want := h.sorted()
	h.r.same(h.r.rows(now), want)
	h.past[snap.ID] = want
	if n, err := now.RowCount(h.r.ctx); err != nil || int(n) != len(want) {
		t.Fatalf("%d rows by the manifests, want %d (%v)", n, len(want), err)
	}
	led, err := now.Ledger(h.r.ctx)
	ok(t, err)
	if led.Position["s"] != h.at || len(led.Runs) != h.runs {
		t.Fatalf("position %q after %d runs, want %q after %d", led.Position["s"], len(led.Runs), h.at, h.runs)
	}
}

// checkPast reads every snapshot that is left.
func (h *history) checkPast(t *rapid.T) {
	now := h.r.table()
	for _, s := range now.Snapshots() {
		past, err := now.At(h.r.ctx, s.ID)
		ok(t, err)
		h.r.same(h.r.rows(past), h.past[s.ID])
	}
}

// TestHistories: whatever happens to a table, maintenance changes no row of any snapshot that stays, no position and no run, and
// takes nothing away that a reader still needs.
func TestHistories(t *testing.T) {
	shared, n := localRig(t), 0
	rapid.Check(t, func(t *rapid.T) {
		// Each takes a third of a second. The long version of the tests runs as many as it is told to.
		if n++; n > 15 && os.Getenv("WEIR_SOAK") != "1" {
			return
		}
		r := shared.fresh(t)
		r.size = 1 << 20
		if rapid.Bool().Draw(t, "partitioned") {
			r.part = []job.PartitionField{{Name: "p", Column: "p", Transform: "identity"}}
		}
		if rapid.Bool().Draw(t, "sorted") {
			r.sort = []string{`"v" DESC NULLS LAST`, `"id"`}
		}
		h := &history{r: r, rows: map[int64]string{}, past: map[int64][]string{}}
		h.append(t)
		h.check(t)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if len(h.rows) == 0 {
				h.append(t)
				h.check(t)
			}
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2:
				h.append(t)
			case 3:
				h.update(t)
			case 4:
				h.deletePositions(t)
			case 5:
				h.deleteEqual(t)
			case 6:
				h.rollback(t)
			case 7:
				h.reads = r.table().RowsSince()
			default:
				h.maintain(t)
			}
			h.check(t)
		}
	})
}
