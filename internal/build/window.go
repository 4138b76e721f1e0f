package build

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/model"
	"weir/internal/source"
)

// Range is a stretch of time of a table with a window: From is part of it, To is not. Both are texts of the window column's
// type as DuckDB writes them in the project's time zone.
type Range struct {
	From, To string
}

// windowSplit is where a table's position keeps the logical time of the last build, up to which its windows are computed.
const windowSplit = "$window"

// beginning is before all time.
const beginning = "-infinity"

// window computes with a table's window in a session.
type window struct {
	def *define.Window
	typ string // of its column: DATE, TIMESTAMP or TIMESTAMP WITH TIME ZONE
}

// WindowParams are parameters with $from and $to of a type, null, to bind the SQL of a table with a window.
func WindowParams(p job.Params, typ string) job.Params {
	return rangeParams(p, typ, "NULL", "NULL")
}

func rangeParams(p job.Params, typ, from, to string) job.Params {
	out := job.Params{}
	for k, v := range p {
		out[k] = v
	}
	for name, v := range map[string]string{"from": from, "to": to} {
		if v != "NULL" {
			v = job.Literal(v)
		}
		out[name] = model.Spelled("CAST(" + v + " AS " + typ + ")")
	}
	return out
}

// WindowType gives the type of a table's window column, judged by the columns its SQL gives.
func WindowType(t *define.Table, cols []job.Column) (string, error) {
	name := t.Incremental.Window.Column
	i := indexOf(cols, name)
	if i < 0 {
		return "", fault.New(fault.Usage, "incremental window: column %q is not among the SQL's%s", name, nearest(name, cols))
	}
	switch typ := cols[i].Type; typ {
	case "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
		return typ, nil
	default:
		return "", fault.New(fault.Usage, "incremental window: column %q is %s", name, strings.ToLower(typ)).
			WithHint("a window runs over a date, a timestamp or a timestamptz; cast it in the SQL")
	}
}

// openWindow makes the inputs readable and finds the type of the window's column.
func (w *work) openWindow(ctx context.Context, tables map[string]*lake.Table) (window, []job.Column, error) {
	win := window{def: w.t.Table.Incremental.Window}
	cols, err := w.open(ctx, tables, model.Bind(w.t.Table.SQL, WindowParams(nil, "TIMESTAMP")))
	if err != nil {
		return win, nil, err
	}
	cols, err = Columns(w.t.Table, cols)
	if err == nil {
		win.typ, err = WindowType(w.t.Table, cols)
	}
	return win, cols, err
}

// sql is the table's SQL over a range.
func (w *work) windowSQL(win window, r Range) string {
	return model.Bind(w.t.Table.SQL, rangeParams(nil, win.typ, r.From, r.To))
}

// beginWindow reads the windows from the last end less the look-back until now.
func (w *work) beginWindow(ctx context.Context, tables map[string]*lake.Table, next job.Position) (*reading, error) {
	next = next.Clone()
	next[windowSplit] = w.t.Time.UTC().Format(time.RFC3339Nano)
	was := w.state.ledger.Position
	last, err := time.Parse(time.RFC3339Nano, was[windowSplit])
	known := err == nil
	win, cols, err := w.openWindow(ctx, tables)
	if err != nil {
		return nil, err
	}
	if !known {
		last = w.t.Time
	}
	r, lastEnd, err := win.since(ctx, w.s, last, w.t.Time)
	if err != nil {
		return nil, err
	}
	why := w.fullBuild(apart(next, was))
	if why == "" && !known {
		why = "its windows were not computed before"
	}
	if why == "" && w.sameInputs(next) && lastEnd == r.To {
		w.out.Why = "inputs unchanged since " + w.since()
		return nil, nil
	}
	if _, changed := w.sameColumns(cols); why == "" && changed != "" {
		why = changed
	}
	if why != "" {
		all := Range{From: beginning, To: r.To}
		rd, err := w.rebuild(ctx, tables, next, why, w.windowSQL(win, all))
		if rd != nil {
			rd.inside = job.Quote(win.def.Column) + " < CAST(" + job.Literal(r.To) + " AS " + win.typ + ")"
		}
		return rd, err
	}
	w.out.Why = fmt.Sprintf("recompute %s from %s to %s", win.def.Column, r.From, r.To)
	return w.readWindow(win, r, &reading{base: was, next: w.keepOthers(next), whole: true}, cols), nil
}

// apart leaves the window's own split out of what other inputs are compared by.
func apart(next, was job.Position) job.Position {
	n := next.Clone()
	n[windowSplit] = was[windowSplit]
	return n
}

// sameInputs says whether the inputs that count are as they were.
func (w *work) sameInputs(next job.Position) bool {
	inc := w.t.Table.Incremental
	for name, at := range next {
		ignored := name != inc.Input && inc.Others == define.Pass
		if name != windowSplit && !ignored && w.state.ledger.Position[name] != at {
			return false
		}
	}
	return true
}

// readWindow fills in a reading of one range.
func (w *work) readWindow(win window, r Range, rd *reading, cols []job.Column) *reading {
	rd.rel = source.Relation{Relation: job.Relation{SQL: w.windowSQL(win, r), Columns: cols, Rows: -1, Bytes: w.out.BytesRead}}
	rd.params = w.params()
	lo, hi := "CAST("+job.Literal(r.From)+" AS "+win.typ+")", "CAST("+job.Literal(r.To)+" AS "+win.typ+")"
	pointer := job.Literal("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(win.def.Column))
	raw := "TRY_CAST(json_extract_string(raw, " + pointer + ") AS " + win.typ + ")"
	rd.inside = win.holds(r)
	rd.part = &part{condition: rd.inside, rejects: raw + " >= " + lo + " AND " + raw + " < " + hi}
	return rd
}

// beginBackfill reads one range and moves no position.
func (w *work) beginBackfill(ctx context.Context, tables map[string]*lake.Table) (*reading, error) {
	if w.t.Table.Incremental.Window == nil {
		return nil, fault.New(fault.Usage, "backfill: the table has no window")
	}
	if w.state.empty() {
		return nil, fault.New(fault.Usage, "backfill: the table was not built yet").WithHint("weir run %s builds all of it", w.t.Table.Name)
	}
	if w.change.Way != Nothing {
		return nil, fault.New(fault.Usage, "backfill: the definition changed since the last build, which a part of the table cannot follow").
			WithHint("weir run %s builds all of it", w.t.Table.Name)
	}
	win, cols, err := w.openWindow(ctx, tables)
	if err != nil {
		return nil, err
	}
	if _, why := w.sameColumns(cols); why != "" {
		return nil, fault.New(fault.Usage, "backfill: %s, which a part of the table cannot follow", why).WithHint("weir run %s --full builds all of it", w.t.Table.Name)
	}
	w.out.Why = fmt.Sprintf("backfill %s from %s to %s", win.def.Column, w.t.Backfill.From, w.t.Backfill.To)
	return w.readWindow(win, *w.t.Backfill, &reading{}, cols), nil
}

// insideWindow refuses rows that the SQL gives outside the window it was asked for: the next build would give them again.
func (w *work) insideWindow(ctx context.Context) error {
	if w.read.inside == "" {
		return nil
	}
	out, err := w.s.Strings(ctx, "SELECT count(*)::VARCHAR, any_value(to_json("+rowAlias+"))::VARCHAR FROM ("+w.delta.sql+") AS "+rowAlias+" WHERE ("+w.read.inside+") IS NOT TRUE")
	if err != nil {
		return fmt.Errorf("check rows of the window: %w", err)
	}
	if out[0][0].Value == "0" {
		return nil
	}
	column := w.t.Table.Incremental.Window.Column
	return fault.New(fault.Data, "stopped, %s. The SQL gives %s rows outside its window (%s), such as %s", w.untouched(), out[0][0].Value, w.read.inside, clip(out[0][1].Value, 200)).
		WithHint("bound the rows in the SQL by $from and $to, so that %s >= $from and %s < $to", column, column)
}

// texts asks for texts.
type texts interface {
	Strings(ctx context.Context, sql string) ([][]source.Text, error)
}

// since gives the range from a time less the look-back until another, in whole grains, and the end that the first time had.
func (win window) since(ctx context.Context, s texts, last, now time.Time) (r Range, lastEnd string, err error) {
	then, current := win.at(last), win.at(now)
	from := "least(" + then + ", " + current + ")"
	if b := win.def.Lookback; b.N > 0 {
		from = fmt.Sprintf("(%s - INTERVAL '%d' %s)", from, b.N, b.Unit)
	}
	lo, err := win.edge(ctx, s, win.cut(from), -1)
	if err != nil {
		return r, "", err
	}
	hi, err := win.edge(ctx, s, win.after(current), 1)
	if err != nil {
		return r, "", err
	}
	lastEnd, err = win.edge(ctx, s, win.after(then), 1)
	return Range{From: lo, To: hi}, lastEnd, err
}

// at is SQL of a time as the column's type has it: a local date or time in the project's time zone, or the time itself.
func (win window) at(t time.Time) string {
	return "CAST(CAST(" + job.Literal(t.UTC().Format("2006-01-02 15:04:05.999999")+"+00") + " AS TIMESTAMP WITH TIME ZONE) AS " + win.typ + ")"
}

func (win window) cut(value string) string {
	return "date_trunc('" + win.def.Grain + "', CAST(" + value + " AS " + win.typ + "))"
}

// after is the end of the grain a value lies in.
func (win window) after(value string) string {
	unit, n := win.def.Grain, 1
	if unit == "quarter" {
		unit, n = "month", 3
	}
	return fmt.Sprintf("(%s + INTERVAL '%d' %s)", win.cut(value), n, unit)
}

// maxMoves is how often an edge is moved; clocks change by far fewer hours.
const maxMoves = 100

// edge gives the text of a boundary, moved by whole grains until it is a moment that the local clock shows just once: where
// clocks go back over it an hour would fall between two windows or into both, and one that clocks skip is not there at all.
func (win window) edge(ctx context.Context, s texts, value string, step int) (string, error) {
	for range maxMoves {
		z := "CAST(" + value + " AS TIMESTAMP WITH TIME ZONE)"
		local := func(v string) string { return "CAST(" + v + " AS TIMESTAMP)" }
		once := "true"
		for _, by := range []string{"- INTERVAL 1 HOUR", "+ INTERVAL 1 HOUR", "- INTERVAL 30 MINUTE", "+ INTERVAL 30 MINUTE"} {
			once += " AND " + local(z) + " <> " + local(z+" "+by)
		}
		if win.typ != "TIMESTAMP WITH TIME ZONE" {
			once += " AND " + local(z) + " = " + local(value)
		}
		rows, err := s.Strings(ctx, "SELECT CAST("+value+" AS "+win.typ+"), "+once)
		if err != nil {
			return "", fmt.Errorf("compute window: %w", err)
		}
		if rows[0][1].Value == "true" {
			return rows[0][0].Value, nil
		}
		value = "(CAST(" + job.Literal(rows[0][0].Value) + " AS " + win.typ + ")" + win.move(step) + ")"
	}
	return "", fault.New(fault.Internal, "compute window: no boundary near %s", value)
}

func (win window) move(step int) string {
	unit, n := win.def.Grain, 1
	if unit == "quarter" {
		unit, n = "month", 3
	}
	sign := "+"
	if step < 0 {
		sign = "-"
	}
	return fmt.Sprintf(" %s INTERVAL '%d' %s", sign, n, unit)
}
