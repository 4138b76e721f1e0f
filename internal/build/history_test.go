package build

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/build/historytest"
	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/lake"
)

// history is a table under test, its model, and the source it reads.
type history struct {
	*rig
	t      *rapid.T
	model  historytest.Chains
	builds int
	kind   string
	extra  bool
}

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func minute(n int) string {
	return dawn.Add(time.Duration(n) * time.Minute).Format("'2006-01-02 15:04:05+00'")
}

// Kinds of history: rows with a time of their own, these with full reads that end what they do not find, and rows without a time.
const (
	timed, timedFull, timeless, timelessFull = "timed", "timed, deletes: close", "no order_by", "no order_by, deletes: close"
)

func newHistory(t *testing.T, r *rapid.T, kind string) *history {
	h := &history{rig: newRig(t, "id INTEGER", "v VARCHAR", "note VARCHAR", "ts TIMESTAMP WITH TIME ZONE"), t: r, model: historytest.Chains{}, kind: kind}
	h.table.Mode, h.table.Key, h.table.Deletes = define.History, []string{"id"}, define.Ignore
	h.table.Versions = versionNames
	h.table.Track = []string{"v"}
	if h.timed() {
		h.table.OrderBy = "ts"
	}
	if h.full() {
		h.table.Deletes = define.Close
	}
	switch rapid.IntRange(0, 3).Draw(r, "partition") {
	case 0:
		h.table.Partition = []job.PartitionField{{Name: "valid_from_day", Column: "valid_from", Transform: "day"}}
	case 1:
		h.table.Partition = []job.PartitionField{{Name: "is_current", Column: "is_current", Transform: "identity"}}
	case 2:
		h.table.Partition = []job.PartitionField{{Name: "id_bucket", Column: "id", Transform: "bucket", Width: 2}}
	}
	return h
}

func (h *history) timed() bool { return h.kind == timed || h.kind == timedFull }
func (h *history) full() bool  { return h.kind == timedFull || h.kind == timelessFull }

// clock is the logical time of the next build in minutes. Rows with a time of their own lie before and after it.
func (h *history) clock() int { return 7 + 10*h.builds }

// brought is a row that a build brings, as its values and as the model has it.
type brought struct {
	key, at        int
	v, note, extra string // a tracked column, one that is not, and one that is added later; "-" for null
}

func (b brought) row() historytest.Row {
	return historytest.Row{Key: b.key, At: b.at, Event: historytest.Event{Tracked: b.v, Rest: b.note + " " + b.extra}}
}

// draw makes rows for some of the keys: one or more of each, some of them twice.
func (h *history) draw(keys int) (rows []brought, twice int) {
	for key := range keys {
		n := rapid.SampledFrom([]int{0, 0, 1, 1, 1, 2, 3}).Draw(h.t, "rows")
		if !h.timed() {
			n = min(n, 1)
		}
		seen := map[int]bool{}
		for range n {
			at := rapid.IntRange(0, h.clock()+8).Draw(h.t, "minute")
			if seen[at] {
				continue
			}
			seen[at] = true
			row := brought{key: key, at: at, v: rapid.SampledFrom([]string{"a", "b", "-"}).Draw(h.t, "v"), note: rapid.SampledFrom([]string{"x", `y"'\`, "-"}).Draw(h.t, "note"), extra: "-"}
			if h.extra {
				row.extra = rapid.SampledFrom([]string{"1", "2", "-"}).Draw(h.t, "extra")
			}
			if rapid.IntRange(0, 9).Draw(h.t, "twice") == 0 {
				rows = append(rows, row)
				twice++
			}
			rows = append(rows, row)
		}
	}
	return rows, twice
}

func (h *history) values(b brought) string {
	quote := func(s string) string {
		if s == "-" {
			return "NULL"
		}
		return job.Literal(s)
	}
	text := fmt.Sprintf("(%d, %s, %s, %s", b.key, quote(b.v), quote(b.note), minute(b.at))
	if h.extra {
		text += ", " + quote(b.extra)
	}
	return text + ")"
}

// expect does to the model what the build should do to the table.
func (h *history) expect(rows []brought) {
	read := make([]historytest.Row, len(rows))
	for i, b := range rows {
		if read[i] = b.row(); !h.timed() {
			read[i].At = h.clock()
		}
	}
	h.model.Read(read, h.clock(), h.full())
}

func (h *history) next() Task {
	task := h.task()
	task.Time = dawn.Add(time.Duration(h.clock()) * time.Minute)
	return task
}

// step builds once, after some builds that are interrupted, and compares.
func (h *history) step(keys int) {
	if !h.extra && h.builds > 0 && rapid.IntRange(0, 4).Draw(h.t, "a column comes") == 0 {
		h.extra = true
		h.src.columns = append(h.src.columns, job.Column{Name: "extra", Type: "VARCHAR"})
	}
	rows, twice := h.draw(keys)
	var texts []string
	for _, b := range rows {
		texts = append(texts, h.values(b))
	}
	name := fmt.Sprintf("f%d", h.builds)
	if h.full() {
		name = "all"
	}
	h.src.put(name, texts...)
	before := h.model.Versions()
	h.expect(rows)
	since := h.snapshot()
	was := h.images("", since)
	for range rapid.IntRange(0, 1).Draw(h.t, "interruptions") {
		h.interrupted(rapid.IntRange(1, 25).Draw(h.t, "at"))
	}
	if h.snapshot() == since {
		out, err := h.build.Build(h.rig.t.Context(), h.next())
		if err != nil {
			h.t.Fatalf("%s, build %d: %v", h.kind, h.builds, err)
		}
		h.counts(out.Counts, len(rows), twice, before)
	}
	h.builds++
	want := h.model.Versions()
	if got := h.stored(); !slices.Equal(got, want) {
		h.t.Fatalf("%s, build %d: versions are\n%s\nwant\n%s", h.kind, h.builds, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	h.told(since, was)
}

// interrupted cancels a build before its nth statement: the table is as before or as after.
func (h *history) interrupted(n int) {
	ctx, cancel := context.WithCancel(h.rig.t.Context())
	defer cancel()
	h.eng.before = func(string) {
		if n--; n == 0 {
			cancel()
		}
	}
	_, _ = h.build.Build(ctx, h.next())
	h.eng.before = nil
}

func (h *history) counts(c job.Counts, rows, twice int, before []string) {
	after := h.model.Versions()
	start := func(versions []string) map[string]string {
		m := map[string]string{}
		for _, v := range versions {
			f := strings.Fields(v)
			m[f[0]+" "+f[4]] = v
		}
		return m
	}
	was, is := start(before), start(after)
	var inserted, deleted int
	for k := range is {
		if _, ok := was[k]; !ok {
			inserted++
		}
	}
	for k := range was {
		if _, ok := is[k]; !ok {
			deleted++
		}
	}
	if int(c.Read) != rows || int(c.Superseded) != twice || int(c.Accepted) != rows-twice || c.Stale != 0 || int(c.Inserted) != inserted || int(c.Deleted) != deleted || int(c.After) != len(after) {
		h.t.Fatalf("%s, build %d: counts %+v, want read %d, superseded %d, inserted %d, deleted %d, after %d", h.kind, h.builds, c, rows, twice, inserted, deleted, len(after))
	}
}

// stored are the table's versions as the model writes them.
func (h *history) stored() []string {
	extra := "'-'"
	if h.extra && indexOf(h.lakeTable().Columns(), "extra") >= 0 {
		extra = "extra"
	}
	since := func(col string) string { return "date_diff('minute', " + minuteZero + ", " + col + ")" }
	got := h.rows("id, v, note, " + extra + ", " + since("valid_from") + ", " + since("valid_to") + ", is_current")
	slices.Sort(got)
	return got
}

const minuteZero = "TIMESTAMPTZ '2026-01-01 00:00:00+00'"

func (h *history) lakeTable() *lake.Table {
	table, err := h.lake.Table(h.rig.t.Context(), h.table.Name)
	ok(h.rig.t, err)
	return table
}

func (h *history) snapshot() int64 {
	if h.builds == 0 {
		s, err := h.build.load(h.rig.t.Context(), h.table.Name)
		ok(h.rig.t, err)
		return s.snapshot()
	}
	at, _ := h.lakeTable().Snapshot()
	return at.ID
}

// images are all rows of a query or, with "", of the table at a snapshot, with its columns of today.
func (h *history) images(sql string, at int64) []string {
	if at == 0 {
		return nil
	}
	if sql == "" {
		past, err := h.lakeTable().At(h.rig.t.Context(), at)
		ok(h.rig.t, err)
		rel, err := past.Scan(h.rig.t.Context(), lake.ScanOptions{})
		ok(h.rig.t, err)
		sql = rel.SQL
	}
	return h.query("SELECT id, v, note, ts, valid_from, valid_to, is_current FROM (" + sql + ")")
}

// told checks that the changes told since a snapshot make of its rows those of today.
func (h *history) told(since int64, was []string) {
	table := h.lakeTable()
	now, _ := table.Snapshot()
	if since == 0 || now.ID == since {
		return
	}
	c, err := table.Changes(h.rig.t.Context(), since)
	ok(h.rig.t, err)
	count := map[string]int{}
	add := func(rows []string, n int) {
		for _, r := range rows {
			count[r] += n
		}
	}
	add(was, 1)
	for sql, n := range map[string]int{c.Before.SQL: -1, c.After.SQL: 1} {
		if sql != "" {
			add(h.images(sql, since), n)
		}
	}
	add(h.images("", now.ID), -1)
	for row, n := range count {
		if n != 0 {
			h.t.Fatalf("%s, build %d: the changes told give %d of %s too many", h.kind, h.builds, n, row)
		}
	}
}

// TestHistoryIsAReplay makes histories of 520 keys, in random builds with late rows, several rows of a key, keys that go and
// come again, a column that is added and builds that are interrupted. After every build each key's versions are those of a replay of
// all that happened to it, in the order of its time.
func TestHistoryIsAReplay(t *testing.T) {
	fewer(t, 2)
	for _, kind := range []string{timed, timedFull, timeless, timelessFull} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				h := newHistory(t, r, kind)
				for range rapid.IntRange(2, 5).Draw(r, "builds") {
					h.step(65)
				}
				h.tidy()
				h.again()
			})
		})
	}
}

// fewer has rapid make fewer checks than it would by itself, since each is many builds; -rapid.checks says otherwise.
func fewer(t *testing.T, checks int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if was := f.Value.String(); was == f.DefValue {
		ok(t, f.Value.Set(fmt.Sprint(checks)))
		t.Cleanup(func() { ok(t, f.Value.Set(was)) })
	}
}

// again builds what the model knows of rows with a time of their own at once, as a new table: it is the same, and remembers the same.
func (h *history) again() {
	if h.kind != timed {
		return
	}
	var rows []string
	for key, events := range h.model {
		for at, e := range events {
			note, extra, _ := strings.Cut(e.Rest, " ")
			rows = append(rows, h.values(brought{key, at, e.Tracked, note, extra}))
		}
	}
	extra := ""
	if h.extra {
		extra = ", extra"
	}
	columns := "id, v, note, ts, valid_from, valid_to, is_current" + extra + ", list_transform(from_json(_seen, '[\"JSON\"]'), lambda x: json_extract_string(x, 'at'))"
	want := h.rows(columns)
	h.table.Name, h.src.splits = "raw.again", map[string]split{}
	h.src.put("all", rows...)
	_, err := h.build.Build(h.rig.t.Context(), h.next())
	ok(h.rig.t, err)
	if got := h.rows(columns); !slices.Equal(got, want) {
		h.t.Fatalf("at once:\n%s\nstep by step:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
