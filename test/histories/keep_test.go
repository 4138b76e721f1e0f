package histories

import (
	"errors"
	"slices"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
)

// build builds the tables and compares each with what a replay of its builds makes of it.
func (h *history) build() {
	h.level("t", h.form)
	if h.form.upper != "" && !h.t.Failed() && !h.over {
		h.level("u", form{name: h.form.name, sql: h.form.upper, by: byK})
	}
}

// level builds one table and compares it.
func (h *history) level(name string, f form) {
	out, renewed, ok := h.keep(name, f)
	if !ok {
		return
	}
	b := h.saw(name, f, out)
	if name == "u" {
		h.compare(name, f, state{rows: b.now})
		return
	}
	was := h.state
	if renewed {
		was = state{}
	}
	h.skips(f, out, b, was)
	switch {
	case f.keeps == nil:
		h.state = gives(was, b)
	case !out.Skipped:
		h.state = f.keeps(was, b)
	}
	if !out.Skipped {
		h.state.now, h.state.in = b.now, b.in
	}
	h.states[h.snapshot(h.schema+"."+name)], h.changed = h.state, false
	h.compare(name, f, h.state)
}

// skips checks that a build was skipped only where the SQL gives what it gave, and was where nothing happened. A table with a window
// goes with the time, too.
func (h *history) skips(f form, out build.Outcome, b built, was state) {
	first := len(h.states) == 0
	if out.Skipped && f.others != define.Pass && was.now != nil && !slices.Equal(texts(b.now), texts(was.now)) {
		h.fail("%s was skipped, though its SQL gives something else: %s", h.schema, out.Why)
	}
	if !out.Skipped && !h.changed && !first && f.window == nil {
		h.fail("%s was built, though nothing happened: %s", h.schema, out.Why)
	}
}

// saw is what the build of a table read, and what it left.
func (h *history) saw(name string, f form, out build.Outcome) built {
	b := built{form: f, full: f.incremental("") == nil || strings.HasPrefix(out.Why, "full build"), why: out.Why, clock: int(h.now().UnixMicro())}
	var inputs []string
	for _, in := range h.inputs(name, f) {
		if in.View == "" {
			inputs = append(inputs, in.Name)
		}
	}
	views := map[string]string{}
	if f.view != "" {
		views[h.schema+".w"] = h.named(f.view)
	}
	sql := strings.NewReplacer("$from", "TIMESTAMP '-infinity'", "$to", "TIMESTAMP 'infinity'").Replace(h.named(f.sql))
	if f.mode == define.History && f.order != "" {
		sql = "SELECT *, epoch_us(" + f.order + ") FROM (" + sql + ")"
	}
	b.now = h.query(sql, views, inputs...)
	if f.others != define.Pass && !f.twice {
		return b
	}
	b.in = map[string]row{}
	for _, r := range h.query("SELECT id, g, ts, v FROM "+h.schema+".i", nil, h.schema+".i") {
		b.in[r[0]] = r
	}
	b.is = h.stored(name, f)
	return b
}

// stored are a table's rows; of a history, its versions.
func (h *history) stored(name string, f form) []row {
	table := h.schema + "." + name
	if f.mode != define.History {
		return h.query("SELECT * FROM "+job.QuoteTable(table), nil, table)
	}
	rows := h.query("SELECT COLUMNS(lambda c: c NOT IN ('valid_from', 'valid_to', 'is_current', '_seen')), epoch_us(valid_from), epoch_us(valid_to), is_current FROM "+job.QuoteTable(table), nil, table)
	for i, r := range rows {
		rows[i] = f.version(r)
	}
	return rows
}

func (h *history) compare(name string, f form, want state) {
	if d := diff(texts(h.stored(name, f)), want.texts()); len(d) > 0 {
		h.fail("%s.%s is not what it should be:\n  %s", h.schema, name, strings.Join(d, "\n  "))
	}
}

// named puts the history's schema into SQL.
func (h *history) named(sql string) string { return strings.ReplaceAll(sql, "S.", h.schema+".") }

// inputs are the tables and views that a table reads.
func (h *history) inputs(name string, f form) []build.Input {
	if name == "u" {
		return []build.Input{{Name: h.schema + ".t"}}
	}
	in := []build.Input{{Name: h.schema + ".i"}}
	if strings.Contains(f.sql, "S.o") {
		in = append(in, build.Input{Name: h.schema + ".o"})
	}
	if f.view != "" {
		in = append(in, build.Input{Name: h.schema + ".w", View: h.named(f.view)})
	}
	return in
}

// next is the next build of a table.
func (h *history) next(name string, f form) build.Task {
	in := h.inputs(name, f)
	task := h.task(f.define(h.schema+"."+name, h.named(f.sql), in[0].Name))
	task.Inputs = in
	return task
}

// keep builds one table, now and then dying on the way first. renewed says that it had to be built anew; ok is false where it
// stopped, for a good reason or a bad one.
func (h *history) keep(name string, f form) (out build.Outcome, renewed, ok bool) {
	if h.dice.IntN(4) == 0 {
		h.engine.in = 1 + h.dice.IntN(40)
	}
	out, err := h.world.build.Build(h.t.Context(), h.next(name, f))
	h.engine.in = 0
	if errors.Is(err, errBroken) {
		h.note("the build dies")
		out, err = h.world.build.Build(h.t.Context(), h.next(name, f))
	}
	switch data := fault.ClassOf(err) == fault.Data; {
	case err == nil:
		h.note("%s: %s", name, out.Why)
		h.count(out, f)
	case data && f.full:
		h.note("stopped: %v", err)
		task := h.next(name, f)
		task.Full, task.Destroy, renewed = true, true, true
		out, err = h.world.build.Build(h.t.Context(), task)
	case data && f.twice && strings.Contains(err.Error(), "two different rows of one key"):
		h.note("stopped: %v", err)
		h.over = true
		h.compare(name, f, h.state)
		return out, false, false
	}
	if err != nil {
		h.fail("%s.%s: %v", h.schema, name, err)
	}
	return out, renewed, err == nil
}

// backfill computes a stretch of time again.
func (h *history) backfill() {
	span := pick(h.dice, build.Range{From: "2025-12-01", To: "2026-01-01"}, build.Range{From: "2026-09-30", To: "2026-10-01"}, build.Range{From: "2026-10-20", To: "2026-10-25"})
	task := h.next("t", h.form)
	task.Backfill = &span
	out, err := h.world.build.Build(h.t.Context(), task)
	must(h.t, err)
	h.note("%s", out.Why)
	now := h.state.now
	h.state = h.form.keeps(h.state, h.saw("t", h.form, out))
	h.state.now = now
	h.states[h.snapshot(h.schema+".t")] = h.state
	h.compare("t", h.form, h.state)
}

// count notes in which way a build went.
func (h *history) count(out build.Outcome, f form) {
	way := "part"
	switch {
	case out.Skipped:
		way = "skipped"
	case f.incremental("") == nil || strings.HasPrefix(out.Why, "full build"):
		way = "full"
	}
	if h.ways[f.name] == nil {
		h.ways[f.name] = map[string]int{}
	}
	h.ways[f.name][way]++
}
