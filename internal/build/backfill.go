package build

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// Windows are the windows of a backfill, as it would be done.
type Windows struct {
	All   Range // from the first to the last, in whole grains
	Each  []Stretch
	Bytes int64 // of the inputs' files, which each window may read
}

// Stretch is one window and the rows the table has there now.
type Stretch struct {
	Range
	Rows int64
}

// maxWindows bounds how many windows a backfill has: fewer than the runs that a ledger remembers, by which an interrupted one
// knows those that are done.
const maxWindows = 900

// Windows cuts a range of time into windows of a length, widened to whole grains of the table's window. from and to are texts as a
// person writes dates and times; to may be "", for now. Errors are class usage.
func (b *Builder) Windows(ctx context.Context, t Task, from, to string, chunk define.Span) (out Windows, err error) {
	inc := t.Table.Incremental
	if inc == nil || inc.Window == nil {
		return out, noWindow(t)
	}
	st, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return out, err
	}
	if st.empty() {
		return out, fault.New(fault.Usage, "%s was not built yet", t.Table.Name).WithHint("weir run %s builds all of it", t.Table.Name)
	}
	win := window{def: inc.Window}
	if win.typ, err = WindowType(t.Table, st.table.Columns()); err != nil {
		return out, err
	}
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if out.All, err = win.whole(ctx, s, t, from, to); err != nil {
		return out, err
	}
	if out.Each, err = win.chunks(ctx, s, out.All, chunk); err != nil {
		return out, err
	}
	tables, _, _, err := b.inputs(ctx, t)
	if err != nil {
		return out, err
	}
	for _, in := range tables {
		files, err := in.Files(ctx)
		if err != nil {
			return out, err
		}
		_, bytes := lake.Size(files)
		out.Bytes += bytes
	}
	return out, win.count(ctx, s, st.table, out.Each)
}

func noWindow(t Task) error {
	name := t.Table.Name
	err := fault.New(fault.Usage, "%s has no window: there is no range of time that a build of it computes", name)
	switch inc := t.Table.Incremental; {
	case t.Table.Kind != define.FromSQL:
		return err.WithHint("weir run %s --full reads everything again", name)
	case inc != nil && len(inc.By) > 0:
		return err.WithHint("weir run %s computes the groups that changed; weir run %s --full computes all", name, name)
	case inc != nil:
		return err.WithHint("incremental: { input: %s, window: { column: … } } gives it one; weir run %s --full --destroy-history builds it anew", inc.Input, name)
	}
	return err.WithHint("weir run %s --full computes all; incremental: { input: …, window: { column: … } } gives it a window", name)
}

// whole widens a range to whole grains.
func (win window) whole(ctx context.Context, s texts, t Task, from, to string) (r Range, err error) {
	lo, err := win.read(ctx, s, "--from", from)
	if err != nil {
		return r, err
	}
	if r.From, err = win.edge(ctx, s, win.cut(lo), -1); err != nil {
		return r, err
	}
	end := win.after(win.at(t.Time))
	if to != "" {
		hi, err := win.read(ctx, s, "--to", to)
		if err != nil {
			return r, err
		}
		end = "CASE WHEN " + win.cut(hi) + " = " + hi + " THEN " + hi + " ELSE " + win.after(hi) + " END"
	}
	if r.To, err = win.edge(ctx, s, end, 1); err != nil {
		return r, err
	}
	empty, err := win.before(ctx, s, r.To, r.From)
	if err == nil && (empty || r.From == r.To) {
		err = fault.New(fault.Usage, "--from %s does not lie before --to %s", from, to)
	}
	return r, err
}

// read gives SQL of a time as a person writes it.
func (win window) read(ctx context.Context, s texts, flag, text string) (string, error) {
	sql := "CAST(" + job.Literal(text) + " AS " + win.typ + ")"
	rows, err := s.Strings(ctx, "SELECT TRY_CAST("+job.Literal(text)+" AS "+win.typ+"), isfinite(TRY_CAST("+job.Literal(text)+" AS "+win.typ+"))")
	if err != nil || !rows[0][0].Valid || rows[0][1].Value != "true" {
		return "", fault.New(fault.Usage, "%s: %q is no date or time", flag, text).WithHint("write it like 2026-03-01 or '2026-03-01 06:00'; column %s is a %s", win.def.Column, win.typ)
	}
	return sql, nil
}

// before says whether a lies before b.
func (win window) before(ctx context.Context, s texts, a, b string) (bool, error) {
	rows, err := s.Strings(ctx, "SELECT CAST("+job.Literal(a)+" AS "+win.typ+") < CAST("+job.Literal(b)+" AS "+win.typ+")")
	if err != nil {
		return false, fmt.Errorf("compare times: %w", err)
	}
	return rows[0][0].Value == "true", nil
}

// chunks cuts a range into windows that meet without a gap.
func (win window) chunks(ctx context.Context, s texts, all Range, chunk define.Span) (out []Stretch, err error) {
	if chunk.N == 0 {
		chunk = define.Span{N: 1, Unit: win.def.Grain}
	}
	unit, n := chunk.Unit, chunk.N
	if unit == "quarter" {
		unit, n = "month", 3*n
	}
	for at := all.From; ; {
		end, err := win.next(ctx, s, at, n, unit)
		if err != nil {
			return nil, err
		}
		if end == "" {
			return nil, fault.New(fault.Usage, "--chunk %s is shorter than the grain of the window, %s", chunk, win.def.Grain)
		}
		more, err := win.before(ctx, s, end, all.To)
		if err != nil {
			return nil, err
		}
		if !more {
			return append(out, Stretch{Range: Range{From: at, To: all.To}}), nil
		}
		if len(out) == maxWindows-1 {
			return nil, fault.New(fault.Usage, "these are more than %d windows", maxWindows).WithHint("choose a longer --chunk")
		}
		out = append(out, Stretch{Range: Range{From: at, To: end}})
		at = end
	}
}

// next is the end of a window that begins at a boundary; "" where the length does not reach the next one. Where clocks go back by part of
// an hour, an hour later may be cut to the boundary itself, and the window is longer.
func (win window) next(ctx context.Context, s texts, at string, n int, unit string) (string, error) {
	for times := 1; times <= 3; times++ {
		value := win.cut(fmt.Sprintf("(CAST(%s AS %s) + INTERVAL '%d' %s)", job.Literal(at), win.typ, n*times, unit))
		end, err := win.edge(ctx, s, value, 1)
		if err != nil {
			return "", err
		}
		if on, err := win.before(ctx, s, at, end); err != nil || on {
			return end, err
		}
	}
	return "", nil
}

// count notes how many rows the table has in each window.
func (win window) count(ctx context.Context, s interface {
	texts
	Int(ctx context.Context, sql string) (int64, error)
}, t *lake.Table, each []Stretch) error {
	rel, err := t.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return err
	}
	for i, w := range each {
		each[i].Rows, err = s.Int(ctx, "SELECT count(*) FROM ("+rel.SQL+") WHERE "+win.holds(w.Range))
		if err != nil {
			return fmt.Errorf("count rows of a window: %w", err)
		}
	}
	return nil
}

// holds is the condition of a range on the window's column.
func (win window) holds(r Range) string {
	name := job.Quote(win.def.Column)
	return name + " >= CAST(" + job.Literal(r.From) + " AS " + win.typ + ") AND " + name + " < CAST(" + job.Literal(r.To) + " AS " + win.typ + ")"
}
